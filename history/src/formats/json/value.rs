//! JSON values.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::cursor::{self, Cursor};
use super::super::{Fault, number};
use crate::Value;

impl<'a> Cursor<'a> {
    #[inline]
    pub(super) fn json_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Any JSON value.
    pub(super) fn json_value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.depth(depth)?;
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.json_number(),
            Some(b'n') => self.json_literal(b"null", Value::Nil),
            Some(b't') => self.json_literal(b"true", Value::Bool(true)),
            Some(b'f') => self.json_literal(b"false", Value::Bool(false)),
            Some(b'"') => Ok(Value::Text(Arc::from(self.json_string("text")?))),
            Some(b'[') => self.json_array(depth),
            Some(b'{') => self.json_object(depth),
            _ => Err(self.expected("a value")),
        }
    }

    pub(super) fn json_literal(&mut self, word: &'static [u8], value: Value) -> Result<Value, Fault> {
        let rest = &self.text[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else if word.starts_with(rest) {
            Err(Fault::More)
        } else {
            Err(self.expected("a value"))
        }
    }

    pub(super) fn json_number(&mut self) -> Result<Value, Fault> {
        let begins = self.at;
        let negative = self.peek() == Some(b'-');
        self.at += usize::from(negative);
        let digits = self.at;
        let mut number = 0i64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            // Wraps where the number is too long; then the text decides.
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            self.at += 1;
        }
        let length = self.at - digits;
        if length == 0 {
            return Err(self.expected("a digit"));
        }
        if length > 1 && self.text[digits] == b'0' {
            return Err(Fault::Bad { at: digits, what: Cow::Borrowed("a number may not begin with 0") });
        }
        match self.peek() {
            None => return Err(Fault::More),
            Some(b'.' | b'e' | b'E') => return self.json_fraction(begins),
            Some(_) if length <= 18 => return Ok(Value::Int(if negative { -number } else { number })),
            Some(_) => {}
        }
        let text = std::str::from_utf8(&self.text[begins..self.at]).unwrap_or_default();
        number::integer(text).ok_or_else(|| self.expected_at(begins, "a number"))
    }

    /// The rest of a number that has a point or an exponent.
    fn json_fraction(&mut self, begins: usize) -> Result<Value, Fault> {
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.json_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.json_digits()?;
        }
        if self.peek().is_none() {
            return Err(Fault::More);
        }
        let text = std::str::from_utf8(&self.text[begins..self.at]).unwrap_or_default();
        let what = "this number's exponent is out of range";
        number::decimal(text).ok_or(Fault::Bad { at: begins, what: Cow::Borrowed(what) })
    }

    fn json_digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.expected("a digit"));
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn json_array(&mut self, depth: usize) -> Result<Value, Fault> {
        self.at += 1;
        self.json_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(Arc::from([])));
        }
        let first = self.json_value(depth + 1)?;
        self.json_space();
        // Pairs are the commonest lists: no vector for them.
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(Arc::from([first])));
        }
        self.byte(b',', "`,` or `]` after an element")?;
        self.json_space();
        let second = self.json_value(depth + 1)?;
        self.json_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::pair(first, second));
        }
        let mut items = vec![first, second];
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::List(Arc::from(items)));
                }
                _ => return Err(self.expected("`,` or `]` after an element")),
            }
            self.json_space();
            items.push(self.json_value(depth + 1)?);
            self.json_space();
        }
    }

    fn json_object(&mut self, depth: usize) -> Result<Value, Fault> {
        let begins = self.at;
        self.at += 1;
        self.json_space();
        let mut entries = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(Arc::from(entries)));
        }
        loop {
            self.json_space();
            let key = self.json_string("a key in quotes")?;
            self.json_space();
            self.byte(b':', "`:` after a key")?;
            self.json_space();
            let value = self.json_value(depth + 1)?;
            if key == "$map" {
                entries.push((Value::Text(Arc::from(key)), value));
            } else {
                entries.push((object_key(&key), value));
            }
            self.json_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                _ => return Err(self.expected("`,` or `}` after a value")),
            }
        }
        match &entries[..] {
            [(Value::Text(key), pairs)] if &**key == "$map" => {
                let pairs = pairs.as_list().and_then(|pairs| {
                    let pair = |pair: &Value| match pair.as_list() {
                        Some([key, value]) => Some((key.clone(), value.clone())),
                        _ => None,
                    };
                    pairs.iter().map(pair).collect::<Option<Vec<_>>>()
                });
                let what = Cow::Borrowed("`$map` holds a list of [key, value] pairs");
                Ok(Value::Map(Arc::from(pairs.ok_or(Fault::Bad { at: begins, what })?)))
            }
            _ if cursor::has_duplicate_keys(&entries) => {
                Err(Fault::Bad { at: begins, what: Cow::Borrowed("a key is given twice in this object") })
            }
            _ => Ok(Value::Map(Arc::from(entries))),
        }
    }

    /// A string with its quotes.
    pub(super) fn json_string(&mut self, what: &'static str) -> Result<Cow<'a, str>, Fault> {
        self.byte(b'"', what)?;
        let begins = self.at;
        loop {
            match self.peek() {
                None => return Err(Fault::More),
                Some(b'"') => {
                    let text = self.utf8(begins, self.at)?;
                    self.at += 1;
                    return Ok(Cow::Borrowed(text));
                }
                Some(b'\\') => return self.json_escaped(begins),
                Some(0..0x20) => {
                    return Err(self.expected("`\"` at the end of a text (control characters are escaped)"));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// The rest of a string from its first backslash on; it began at `begins`.
    fn json_escaped(&mut self, begins: usize) -> Result<Cow<'a, str>, Fault> {
        let mut text = self.utf8(begins, self.at)?.to_owned();
        loop {
            let plain = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..0x20)) {
                self.at += 1;
            }
            let Some(byte) = self.peek() else {
                return Err(Fault::More);
            };
            text.push_str(self.utf8(plain, self.at)?);
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(Cow::Owned(text));
                }
                b'\\' => {
                    self.at += 1;
                    text.push(self.json_escape()?);
                }
                _ => return Err(self.expected("`\"` at the end of a text (control characters are escaped)")),
            }
        }
    }

    /// What stands after a backslash.
    fn json_escape(&mut self) -> Result<char, Fault> {
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.expected("one of `\"\\/bfnrtu` after a backslash")),
        };
        self.at += 1;
        Ok(plain)
    }
}

/// A key of an inner object: an integer where it is one in canonical digits.
pub(super) fn object_key(key: &str) -> Value {
    match key.parse::<i64>() {
        Ok(number) if number.to_string() == key => Value::Int(number),
        _ => Value::text(key),
    }
}
