//! A place in a text, and what JSON and EDN have in common.

use std::borrow::Cow;

use super::Fault;
use crate::{MAX_DEPTH, Value};

/// A place in a text.
pub(super) struct Cursor<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    /// The byte here.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Skips this byte, or says that `what` was expected.
    #[inline]
    pub(super) fn byte(&mut self, byte: u8, what: &str) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    /// The fault that something else was expected here; at the end of the text, that there should be more of it.
    #[cold]
    pub(super) fn expected(&self, what: &str) -> Fault {
        self.expected_at(self.at, what)
    }

    /// The same for an earlier place.
    #[cold]
    pub(super) fn expected_at(&self, at: usize, what: &str) -> Fault {
        let rest = &self.text[at..];
        if rest.is_empty() {
            return Fault::More;
        }
        let found = String::from_utf8_lossy(&rest[..rest.len().min(4)]).chars().next().unwrap_or(' ');
        let found = match found {
            '"' | '\'' | '\\' => found.to_string(),
            _ => found.escape_debug().to_string(),
        };
        Fault::Bad { at, what: Cow::Owned(format!("expected {what}, found `{found}`")) }
    }

    /// Refuses values nested too deeply.
    #[inline]
    pub(super) fn depth(&self, depth: usize) -> Result<(), Fault> {
        if depth <= MAX_DEPTH {
            return Ok(());
        }
        let what = format!("values nested more than {MAX_DEPTH} levels deep are not supported");
        Err(Fault::Bad { at: self.at, what: Cow::Owned(what) })
    }

    /// This stretch as text.
    #[inline]
    pub(super) fn utf8(&self, begins: usize, ends: usize) -> Result<&'a str, Fault> {
        std::str::from_utf8(&self.text[begins..ends]).map_err(|error| {
            let at = begins + error.valid_up_to();
            Fault::Bad { at, what: Cow::Borrowed("this is not UTF-8 text") }
        })
    }

    /// The character of `uXXXX` here (the `u` is not yet skipped), or of two of them with a backslash between where it
    /// takes two. Positions in messages are those of the backslash.
    pub(super) fn unicode(&mut self) -> Result<char, Fault> {
        const SECOND: &str = "the second half of a character (`\\uDC00` to `\\uDFFF`)";
        let begins = self.at - 1;
        self.at += 1;
        let first = self.hexadecimal()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) {
            self.byte(b'\\', SECOND)?;
            self.byte(b'u', SECOND)?;
            let second = self.hexadecimal()?;
            if (0xdc00..0xe000).contains(&second) {
                code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            }
        }
        char::from_u32(code).ok_or(Fault::Bad { at: begins, what: Cow::Borrowed("this is half of a character") })
    }

    fn hexadecimal(&mut self) -> Result<u32, Fault> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return Err(self.expected("four hexadecimal digits"));
            };
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// Whether two entries of a map have the same key.
pub(super) fn has_duplicate_keys(entries: &[(Value, Value)]) -> bool {
    if entries.len() <= 8 {
        return (1..entries.len()).any(|at| entries[..at].iter().any(|(key, _)| *key == entries[at].0));
    }
    let mut keys: Vec<&Value> = entries.iter().map(|(key, _)| key).collect();
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair[0] == pair[1])
}

/// The node a client talked to: its number, or a name that ends in it, as `n3`.
pub(super) fn node(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok().filter(|number| *number > 0),
        Value::Text(name) => name.strip_prefix('n')?.parse().ok().filter(|number| *number > 0),
        _ => None,
    }
}

/// An error of any shape as one text.
pub(super) fn error_text(value: &Value) -> String {
    match value {
        Value::Text(text) => (**text).to_owned(),
        other => other.to_string(),
    }
}

/// The fault that a key is given twice.
pub(super) fn twice(at: usize, key: &str) -> Fault {
    Fault::Bad { at, what: Cow::Owned(format!("`{key}` is given twice")) }
}
