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
