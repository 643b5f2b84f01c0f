//! EDN values.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::cursor::{self, Cursor};
use super::super::{Fault, number};
use crate::Value;

/// What a value holds that EDN has but a history cannot, or that is not EDN: kept until it is known whether it matters.
#[derive(Debug, Default)]
pub(in super::super) struct Doubts {
    first: Option<(usize, Cow<'static, str>)>,
}

impl Doubts {
    fn add(&mut self, at: usize, what: impl Into<Cow<'static, str>>) -> Value {
        self.first.get_or_insert((at, what.into()));
        Value::Nil
    }

    /// The first of them as a fault.
    pub(in super::super) fn first(self) -> Option<Fault> {
        self.first.map(|(at, what)| Fault::Bad { at, what })
    }
}

/// Whether a byte ends a symbol, keyword or number.
const fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t' | b'\n' | b'\r' | 0xb | 0xc | b',' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';'
    )
}

/// [`is_delimiter`] of every byte.
const DELIMITERS: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_delimiter(byte as u8);
        byte += 1;
    }
    table
};

impl<'a> Cursor<'a> {
    /// Skips white space, commas, comments and discarded forms. On a fault it stands at what does not end.
    #[inline]
    pub(super) fn edn_space(&mut self) -> Result<(), Fault> {
        loop {
            match self.peek() {
                Some(b' ' | b',' | b'\n' | b'\r' | b'\t' | 0xb | 0xc) => self.at += 1,
                Some(b';') => match self.text[self.at..].iter().position(|&byte| byte == b'\n') {
                    Some(length) => self.at += length + 1,
                    None => return Err(Fault::More),
                },
                Some(b'#') if self.text.get(self.at + 1).is_none() => return Err(Fault::More),
                Some(b'#') if self.text[self.at + 1] == b'_' => self.edn_discarded()?,
                _ => return Ok(()),
            }
        }
    }

    /// A form after `#_`: read and forgotten.
    fn edn_discarded(&mut self) -> Result<(), Fault> {
        let begins = self.at;
        self.at += 2;
        let mut depth = 1;
        // `#_ #_ a b` discards both; not recursive, for there may be many.
        loop {
            self.edn_plain_space()?;
            if self.text[self.at..].starts_with(b"#_") {
                self.at += 2;
                depth += 1;
                continue;
            }
            if let Err(fault) = self.edn_value(0, &mut Doubts::default()) {
                if matches!(fault, Fault::More) {
                    self.at = begins;
                }
                return Err(fault);
            }
            depth -= 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Skips white space, commas and comments.
    fn edn_plain_space(&mut self) -> Result<(), Fault> {
        loop {
            match self.peek() {
                Some(b' ' | b',' | b'\n' | b'\r' | b'\t' | 0xb | 0xc) => self.at += 1,
                Some(b';') => match self.text[self.at..].iter().position(|&byte| byte == b'\n') {
                    Some(length) => self.at += length + 1,
                    None => return Err(Fault::More),
                },
                Some(_) => return Ok(()),
                None => return Err(Fault::More),
            }
        }
    }

    /// The characters up to the next delimiter. There may be none.
    #[inline]
    pub(super) fn edn_token(&mut self) -> Result<&'a [u8], Fault> {
        let begins = self.at;
        let length = self.text[begins..].iter().position(|&byte| DELIMITERS[usize::from(byte)]);
        let Some(length) = length else {
            return Err(Fault::More);
        };
        self.at += length;
        Ok(&self.text[begins..self.at])
    }

    /// A keyword's name; stands at its colon.
    #[inline]
    pub(super) fn edn_keyword(&mut self) -> Result<&'a [u8], Fault> {
        let begins = self.at;
        self.at += 1;
        let name = self.edn_token()?;
        match name {
            [] | [b':' | b'/', ..] => Err(self.expected_at(begins, "a keyword (as `:name` or `:space/name`)")),
            _ => Ok(name),
        }
    }

    /// Any EDN value.
    pub(in super::super) fn edn_value(&mut self, depth: usize, doubts: &mut Doubts) -> Result<Value, Fault> {
        self.depth(depth)?;
        match self.peek() {
            Some(b'0'..=b'9') => self.edn_number(doubts),
            Some(b':') => {
                let name = self.edn_keyword()?;
                self.edn_text(self.at - name.len())
            }
            Some(b'[') => self.edn_sequence(b']', depth, doubts),
            Some(b'(') => self.edn_sequence(b')', depth, doubts),
            Some(b'{') => self.edn_map(depth, doubts),
            Some(b'"') => Ok(Value::Text(Arc::from(self.edn_string()?))),
            Some(b'\\') => self.edn_character(doubts),
            Some(b'#') => self.edn_dispatch(depth, doubts),
            Some(b'+' | b'-') => match self.text.get(self.at + 1) {
                None => Err(Fault::More),
                Some(b'0'..=b'9') => self.edn_number(doubts),
                Some(_) => self.edn_symbol(),
            },
            Some(b'^' | b'@' | b'`' | b'~' | b'\'') => {
                let what = "reader macros and metadata are Clojure, not EDN";
                Err(Fault::Bad { at: self.at, what: Cow::Borrowed(what) })
            }
            Some(byte) if !is_delimiter(byte) => self.edn_symbol(),
            _ => Err(self.expected("a value")),
        }
    }

    /// nil, true, false, or a symbol, which becomes text.
    fn edn_symbol(&mut self) -> Result<Value, Fault> {
        let begins = self.at;
        match self.edn_token()? {
            b"nil" => Ok(Value::Nil),
            b"true" => Ok(Value::Bool(true)),
            b"false" => Ok(Value::Bool(false)),
            _ => self.edn_text(begins),
        }
    }

    /// From `begins` to here as a text value.
    fn edn_text(&self, begins: usize) -> Result<Value, Fault> {
        Ok(Value::text(self.utf8(begins, self.at)?))
    }

    #[inline]
    fn edn_number(&mut self, doubts: &mut Doubts) -> Result<Value, Fault> {
        let begins = self.at;
        let signed = matches!(self.peek(), Some(b'-' | b'+'));
        let first = begins + usize::from(signed);
        let mut ends = first;
        let mut number = 0i64;
        while let Some(digit @ b'0'..=b'9') = self.text.get(ends) {
            // Wraps where the number is too long; then the text decides.
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            ends += 1;
        }
        let length = ends - first;
        let plain = length == 1 || length <= 18 && self.text[first] != b'0';
        if plain && self.text.get(ends).is_some_and(|&byte| DELIMITERS[usize::from(byte)]) {
            self.at = ends;
            return Ok(Value::Int(if self.text[begins] == b'-' { -number } else { number }));
        }
        self.edn_token()?;
        let text = self.utf8(begins, self.at)?;
        let digits = &self.text[first..self.at];
        let leading_zero = digits[0] == b'0' && digits.get(1).is_some_and(u8::is_ascii_digit);
        if leading_zero {
            return Ok(doubts.add(begins, "a number may not begin with 0 (EDN has no octal numbers)"));
        }
        let value = match text.as_bytes() {
            [.., b'N'] => number::integer(&text[..text.len() - 1]),
            [.., b'M'] => number::decimal(&text[..text.len() - 1]),
            _ => number::integer(text).or_else(|| number::decimal(text)),
        };
        if let Some(value) = value {
            return Ok(value);
        }
        if text.contains('/') {
            return Ok(doubts.add(begins, format!("the ratio `{text}`: a history holds integers and decimals only")));
        }
        Ok(doubts.add(begins, format!("expected a number, found `{}`", text.escape_debug())))
    }

    fn edn_sequence(&mut self, closing: u8, depth: usize, doubts: &mut Doubts) -> Result<Value, Fault> {
        self.at += 1;
        self.edn_space()?;
        if self.peek() == Some(closing) {
            self.at += 1;
            return Ok(Value::List(Arc::from([])));
        }
        // Pairs are the commonest sequences: no vector for them.
        let first = self.edn_value(depth + 1, doubts)?;
        self.edn_space()?;
        if self.peek() == Some(closing) {
            self.at += 1;
            return Ok(Value::List(Arc::from([first])));
        }
        let second = self.edn_value(depth + 1, doubts)?;
        self.edn_space()?;
        if self.peek() == Some(closing) {
            self.at += 1;
            return Ok(Value::pair(first, second));
        }
        let mut items = vec![first, second];
        while self.peek() != Some(closing) {
            items.push(self.edn_value(depth + 1, doubts)?);
            self.edn_space()?;
        }
        self.at += 1;
        Ok(Value::List(Arc::from(items)))
    }

    /// A set's elements, sorted: equal sets are equal values.
    fn edn_set(&mut self, depth: usize, doubts: &mut Doubts) -> Result<Value, Fault> {
        let begins = self.at - 1;
        self.at += 1;
        self.edn_space()?;
        let mut items = Vec::new();
        while self.peek() != Some(b'}') {
            items.push(self.edn_value(depth + 1, doubts)?);
            self.edn_space()?;
        }
        self.at += 1;
        items.sort();
        if items.windows(2).any(|pair| pair[0] == pair[1]) {
            return Ok(doubts.add(begins, "an element is given twice in this set"));
        }
        Ok(Value::List(Arc::from(items)))
    }

    fn edn_map(&mut self, depth: usize, doubts: &mut Doubts) -> Result<Value, Fault> {
        let begins = self.at;
        self.at += 1;
        self.edn_space()?;
        let mut entries = Vec::new();
        while self.peek() != Some(b'}') {
            let key = self.edn_value(depth + 1, doubts)?;
            self.edn_space()?;
            if self.peek() == Some(b'}') {
                return Err(self.expected("a value for the last key of this map"));
            }
            entries.push((key, self.edn_value(depth + 1, doubts)?));
            self.edn_space()?;
        }
        self.at += 1;
        if cursor::has_duplicate_keys(&entries) {
            return Ok(doubts.add(begins, "a key is given twice in this map"));
        }
        Ok(Value::Map(Arc::from(entries)))
    }

    fn edn_dispatch(&mut self, depth: usize, doubts: &mut Doubts) -> Result<Value, Fault> {
        let begins = self.at;
        self.at += 1;
        match self.peek() {
            None => Err(Fault::More),
            Some(b'{') => self.edn_set(depth, doubts),
            Some(b'#') => {
                self.at += 1;
                let name = self.edn_token()?;
                let name = String::from_utf8_lossy(name).escape_debug().to_string();
                Ok(doubts.add(begins, format!("`##{name}`: a history holds integers and decimals only")))
            }
            Some(b'a'..=b'z' | b'A'..=b'Z') => {
                let tag = self.edn_token()?;
                self.edn_space()?;
                let value = self.edn_value(depth + 1, doubts)?;
                match tag {
                    b"inst" | b"uuid" | b"jepsen.history.Op" => Ok(value),
                    _ => {
                        let tag = String::from_utf8_lossy(tag).escape_debug().to_string();
                        Ok(doubts.add(begins, format!("`#{tag}`: this reader does not know the tag")))
                    }
                }
            }
            Some(_) => Err(self.expected("a set or a tag after `#`")),
        }
    }

    fn edn_character(&mut self, doubts: &mut Doubts) -> Result<Value, Fault> {
        let begins = self.at;
        self.at += 1;
        // The first character stands for itself even where it is a delimiter; one character may be several bytes.
        let first = self.peek().ok_or(Fault::More)?;
        self.at += match first {
            0..0x80 => 1,
            0x80..0xe0 => 2,
            0xe0..0xf0 => 3,
            _ => 4,
        };
        if self.at > self.text.len() {
            return Err(Fault::More);
        }
        if first.is_ascii_alphanumeric() {
            self.edn_token()?;
        }
        let name = self.utf8(begins + 1, self.at)?;
        let mut characters = name.chars();
        let character = match (characters.next(), name) {
            (Some(only), _) if characters.next().is_none() => only,
            (_, "newline") => '\n',
            (_, "space") => ' ',
            (_, "tab") => '\t',
            (_, "return") => '\r',
            (_, "formfeed") => '\u{c}',
            (_, "backspace") => '\u{8}',
            (Some('u'), _) if name.len() == 5 => {
                match u32::from_str_radix(&name[1..], 16).ok().and_then(char::from_u32) {
                    Some(character) => character,
                    None => return Ok(doubts.add(begins, format!("`\\{name}` is no character"))),
                }
            }
            _ => return Ok(doubts.add(begins, format!("`\\{}` is no character", name.escape_debug()))),
        };
        Ok(Value::text(character.encode_utf8(&mut [0; 4])))
    }

    /// A string with its quotes.
    fn edn_string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.at += 1;
        let begins = self.at;
        let length = self.text[self.at..].iter().position(|byte| matches!(byte, b'"' | b'\\'));
        self.at += length.ok_or(Fault::More)?;
        if self.text[self.at] == b'\\' {
            return self.edn_escaped(begins);
        }
        let text = self.utf8(begins, self.at)?;
        self.at += 1;
        Ok(Cow::Borrowed(text))
    }

    /// The rest of a string from its first backslash on; it began at `begins`.
    fn edn_escaped(&mut self, begins: usize) -> Result<Cow<'a, str>, Fault> {
        let mut text = self.utf8(begins, self.at)?.to_owned();
        loop {
            let plain = self.at;
            let length = self.text[plain..].iter().position(|byte| matches!(byte, b'"' | b'\\'));
            self.at += length.ok_or(Fault::More)?;
            text.push_str(self.utf8(plain, self.at)?);
            self.at += 1;
            if self.text[self.at - 1] == b'"' {
                return Ok(Cow::Owned(text));
            }
            let plain = match self.peek() {
                Some(byte @ (b'"' | b'\\')) => char::from(byte),
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'u') => {
                    text.push(self.unicode()?);
                    continue;
                }
                _ => return Err(self.expected("one of `\"\\bfnrtu` after a backslash")),
            };
            self.at += 1;
            text.push(plain);
        }
    }
}
