//! Reading a workload's options.

use std::collections::BTreeMap;

/// The whole number of an option, within bounds.
pub(crate) fn number(options: &BTreeMap<String, String>, name: &str, low: u64, high: u64) -> Result<u64, String> {
    let text = options.get(name).map(String::as_str).unwrap_or_default();
    match text.parse() {
        Ok(number) if (low..=high).contains(&number) => Ok(number),
        _ => Err(format!("option `{name}` is a whole number from {low} to {high}, not `{text}`")),
    }
}

/// One of the words an option takes.
pub(crate) fn word<'a>(
    options: &'a BTreeMap<String, String>,
    name: &str,
    words: &[&'static str],
) -> Result<&'a str, String> {
    let text = options.get(name).map(String::as_str).unwrap_or_default();
    if words.contains(&text) {
        return Ok(text);
    }
    Err(format!("option `{name}` is one of {}, not `{text}`", words.join(", ")))
}

/// The defaults of a workload's options with some changes, for tests.
#[cfg(test)]
pub(crate) fn changed(
    options: &[rashomon_spec::workload::WorkloadOption],
    change: &[(&str, &str)],
) -> rashomon_spec::workload::GeneratorSpec {
    let defaults = options.iter().map(|option| (option.name.to_owned(), option.default.to_owned()));
    let mut options: BTreeMap<String, String> = defaults.collect();
    options.extend(change.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    rashomon_spec::workload::GeneratorSpec { seed: 1, clients: 6, options }
}
