//! A wrong name gets the nearest right one.

use std::sync::Arc;

use super::error::CommandError;
use crate::registry::Registry;
use crate::target::{NoTarget, Target};

/// The target that a word of the command line stands for.
pub(crate) fn target(registry: &Registry, word: &str) -> Result<Arc<dyn Target>, CommandError> {
    registry.find_target(word).map_err(|error| match error {
        NoTarget::Wrong(error) => CommandError::usage(error.what, error.remedy),
        NoTarget::Unknown(_) => unknown("target", word, registry.target_names().iter().map(String::as_str)),
    })
}

/// The error for a name that does not exist: `there is no target `raft-vk`; did you mean `raft-kv`?`.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> CommandError {
    let mut known: Vec<&str> = known.into_iter().collect();
    // A name that was cut short is nearer than one that is spelled alike.
    known.sort_by_key(|candidate| (!candidate.starts_with(name), strsim::damerau_levenshtein(name, candidate)));
    let message = format!("there is no {what} `{name}`");
    let Some(&nearest) = known.first() else {
        return CommandError::usage(message, format!("none is known to this program: leave out the {what}"));
    };
    let close = strsim::damerau_levenshtein(name, nearest) <= 1 + name.len() / 3;
    if close || nearest.starts_with(name) {
        return CommandError::usage(message, format!("did you mean `{nearest}`?"));
    }
    known.sort_unstable();
    CommandError::usage(message, format!("there are: {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_all_of_them_when_none_is_near() {
        let known = ["raft-kv", "dynamo"];
        assert!(unknown("target", "raft-vk", known).to_string().ends_with("did you mean `raft-kv`?"));
        assert!(unknown("target", "raft", known).to_string().ends_with("did you mean `raft-kv`?"));
        assert!(unknown("mutant", "lease", ["release", "lease-by-clock"]).to_string().contains("`lease-by-clock`?"));
        assert!(unknown("target", "postgres", known).to_string().ends_with("there are: dynamo, raft-kv"));
        assert!(unknown("mutant", "x", []).to_string().contains("none is known"));
    }
}
