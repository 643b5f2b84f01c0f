//! What is wrong with a description, and where: with line, column and the nearest name.

use std::ops::Range;

use rashomon_harness::target::TargetError;

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Where, in bytes of the text; unknown where the text as a whole is wrong.
    pub(crate) at: Option<Range<usize>>,
    /// The table that it is about, where there is no better place.
    table: Option<&'static str>,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) remedy: String,
}

impl Wrong {
    pub(crate) fn new(at: Option<Range<usize>>, what: impl Into<String>, remedy: impl Into<String>) -> Wrong {
        Wrong { at, table: None, what: what.into(), remedy: remedy.into() }
    }

    /// The same about a table of the file.
    pub(crate) fn in_table(table: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Wrong {
        Wrong { table: Some(table), ..Wrong::new(None, what, remedy) }
    }

    /// A name that does not exist, with the nearest that does.
    pub(crate) fn unknown<'a>(
        at: Option<Range<usize>>,
        kind: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Wrong {
        Wrong::new(at, format!("there is no {kind} `{name}`"), nearest(name, known))
    }

    /// As a person reads it: `my-store.toml, line 3, column 1: …`.
    pub(crate) fn in_file(self, name: &str, text: &str) -> TargetError {
        let start = self.at.map(|at| at.start).or_else(|| start_of(self.table?, text));
        let position = start.map_or_else(String::new, |start| {
            let before = text.get(..start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!(", line {line}, column {column}")
        });
        TargetError { what: format!("{name}{position}: {}", self.what), remedy: self.remedy }
    }
}

impl From<toml::de::Error> for Wrong {
    /// The reader's own message, with the nearest name where it lists those that exist.
    fn from(error: toml::de::Error) -> Wrong {
        let message = error.message().trim().replace('\n', " ");
        let mut quoted = message.split('`').skip(1).step_by(2);
        let remedy = match quoted.next() {
            Some(name) if message.starts_with("unknown ") => nearest(name, quoted),
            _ => "docs/described-targets.md has all keys; `check-target` tries a file step by step".to_owned(),
        };
        let what = message.split(", expected one of").next().unwrap_or_default().to_owned();
        Wrong::new(error.span(), what, remedy)
    }
}

/// Where a table begins, by its header or its key at the beginning of a line.
fn start_of(table: &str, text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let named = line.trim_start_matches(['[', ' ']).strip_prefix(table);
        if named.is_some_and(|rest| rest.trim_start().starts_with([']', '=', '.'])) {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// `did you mean …?`, or all names when none is near.
fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_by_key(|candidate| (!candidate.starts_with(name), strsim::damerau_levenshtein(name, candidate)));
    match known.first() {
        None => "none can be named here".to_owned(),
        Some(near) if near.starts_with(name) || strsim::damerau_levenshtein(name, near) <= 1 + name.len() / 3 => {
            format!("did you mean `{near}`?")
        }
        Some(_) => {
            known.sort_unstable();
            format!("there are: {}", known.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_counted_in_lines_and_characters() {
        let text = "name = \"é\"\nnodes = x\n";
        let at = text.find('x').map(|at| at..at + 1);
        let error = Wrong::new(at, "no number", "give one").in_file("a.toml", text);
        assert_eq!(error.what, "a.toml, line 2, column 9: no number");
        let text = "a = 1\nready = 2\n";
        assert!(Wrong::in_table("ready", "wrong", "").in_file("a.toml", text).what.contains("line 2, column 1"));
        assert_eq!(Wrong::new(None, "empty", "").in_file("a.toml", "").what, "a.toml: empty");
    }

    #[test]
    fn a_wrong_name_gets_the_nearest() {
        let remedy = |name: &str| Wrong::unknown(None, "setting", name, ["fsync", "peers"]).remedy;
        assert_eq!(remedy("fsnyc"), "did you mean `fsync`?");
        assert_eq!(remedy("pee"), "did you mean `peers`?");
        assert_eq!(remedy("timeout"), "there are: fsync, peers");
    }
}
