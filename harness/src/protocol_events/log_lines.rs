//! Events that are lines of a node's log.

use regex::Regex;

use super::line::Reported;
use crate::target::{LogPattern, TargetError};

/// Which lines of a log are events.
#[derive(Clone, Debug)]
pub struct LogLines {
    patterns: Vec<(String, Regex)>,
}

impl LogLines {
    /// Reads the regular expressions.
    pub fn new(patterns: &[LogPattern]) -> Result<LogLines, TargetError> {
        let read = |pattern: &LogPattern| {
            let regex = Regex::new(&pattern.regex).map_err(|error| TargetError {
                what: format!("the pattern for `{}` events is no regular expression: {error}", pattern.kind),
                remedy: "see https://docs.rs/regex for what can be written".to_owned(),
            })?;
            Ok((pattern.kind.clone(), regex))
        };
        Ok(LogLines { patterns: patterns.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// The kind and the term of the event that a line reports; `None` for a line that is none. For tests of patterns.
    pub fn kind_and_term(&self, line: &str) -> Option<(String, Option<u64>)> {
        self.event(line).map(|event| (event.kind, event.term))
    }

    /// The event that a line reports.
    pub(super) fn event(&self, line: &str) -> Option<Reported> {
        self.patterns.iter().find_map(|(kind, regex)| {
            let groups = regex.captures(line)?;
            let term = groups.name("term").and_then(|term| term.as_str().parse().ok());
            let detail = groups.name("detail").map_or("", |detail| detail.as_str());
            Some(Reported::new(kind, term, detail))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_matches_is_an_event() {
        let patterns = [
            LogPattern::new("leader", r"became leader at term (?<term>\d+)"),
            LogPattern::new("left", r"member (?<detail>\S+) left"),
        ];
        let lines = LogLines::new(&patterns).unwrap();
        let event = lines.event("[    3.250000] raft2024 INFO: 8e9e05c5 became leader at term 12").unwrap();
        assert_eq!((event.kind.as_str(), event.term), ("leader", Some(12)));
        assert_eq!(lines.event("member n3 left").unwrap().detail, "n3");
        assert_eq!(lines.event("nothing"), None);
        assert!(LogLines::new(&[LogPattern::new("x", "(")]).is_err_and(|error| error.what.contains("`x`")));
    }
}
