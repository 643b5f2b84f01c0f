//! A wrong name gets the nearest right one.

/// What to say to one who wrote this name: `did you mean `register`?`, or the names that there are.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    // A name that was cut short is nearer than one that is spelled alike.
    let distance = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    known.sort_by_key(|candidate| (!candidate.starts_with(name), distance(candidate)));
    match known.first() {
        Some(nearest) if nearest.starts_with(name) || distance(nearest) <= 1 + name.len() / 3 => {
            format!("did you mean `{nearest}`?")
        }
        _ => {
            known.sort_unstable();
            format!("there are: {}", known.join(", "))
        }
    }
}
