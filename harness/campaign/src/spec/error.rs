//! What is wrong with a specification, and where.

use std::fmt;
use std::ops::Range;

/// A place in a file, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Position {
    /// The place of a byte.
    pub fn of(text: &str, byte: usize) -> Position {
        let mut byte = byte.min(text.len());
        while !text.is_char_boundary(byte) {
            byte -= 1;
        }
        let before = &text[..byte];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.line, self.column)
    }
}

/// What is wrong with a specification, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// Where.
    pub at: Position,
    /// What is wrong.
    pub what: String,
    /// What to do about it; empty where that is plain.
    pub hint: String,
}

impl fmt::Display for SpecError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.at, self.what)?;
        if self.hint.is_empty() { Ok(()) } else { write!(out, ": {}", self.hint) }
    }
}

impl std::error::Error for SpecError {}

/// An error at a place that was found after reading.
pub(super) fn at(text: &str, span: Range<usize>, what: String, hint: String) -> SpecError {
    SpecError { at: Position::of(text, span.start), what, hint }
}

/// The error of the TOML reader; where names to choose from are known, with the nearest.
pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> SpecError {
    let message = error.message().trim();
    let (what, hint) = match message.split_once(", expected ") {
        Some((what, expected)) if what.starts_with("unknown ") => (what.to_owned(), nearest(what, expected)),
        _ => (message.replace('\n', " "), String::new()),
    };
    at(text, error.span().unwrap_or(0..0), what, hint)
}

/// Of `unknown field `a`` and `one of `b`, `c``: the nearest of these.
fn nearest(what: &str, expected: &str) -> String {
    let quoted = |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let (Some(wrong), known) = (quoted(what).into_iter().next(), quoted(expected)) else { return String::new() };
    let near = known.iter().min_by_key(|name| strsim::damerau_levenshtein(&wrong, name));
    match near {
        Some(near) if strsim::damerau_levenshtein(&wrong, near) <= 1 + wrong.len() / 3 => {
            format!("did you mean `{near}`?")
        }
        _ => format!("there are: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a\näöü x";
        assert_eq!(Position::of(text, text.find('x').unwrap()), Position { line: 2, column: 5 });
        assert_eq!(Position::of(text, 3), Position { line: 2, column: 1 }, "within a character");
        assert_eq!(Position::of(text, 1000).line, 2);
    }
}
