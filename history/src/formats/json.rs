//! JSON: one object per event, one per line or in one array.
//!
//! Strict about JSON itself (RFC 8259) and about what the keys that mean something hold; other keys are counted and
//! named. Keys of inner objects that are integers in canonical digits become integers, as in elle-cli's files, where a
//! JSON object is all there is to write `{0 100, 1 0}`. `{"$map": [[key, value], …]}` is a map with any keys.

use std::borrow::Cow;
use std::sync::Arc;

use super::record::{Process, Record};
use super::{Fault, Step, TextFormat, number};
use crate::{EventKind, MAX_DEPTH, Value};

/// Reads events from JSON text.
#[derive(Debug, Default)]
pub(super) struct Parser {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Begin,
    /// Objects one after another.
    Lines,
    /// In an array, before an object or the bracket that closes it; no comma may come first.
    ArrayBegin,
    /// In an array, after an object.
    ArrayMore,
    /// After the array.
    Closed,
}

impl TextFormat for Parser {
    fn next<'a>(&mut self, text: &'a [u8], at_end: bool, record: &mut Record<'a>) -> Result<Step, Fault> {
        let mut cursor = Cursor { text, at: 0 };
        if self.state == State::Begin && text.starts_with(b"\xef\xbb\xbf") {
            cursor.at = 3;
        }
        cursor.space();
        let Some(byte) = cursor.peek() else {
            return match self.state {
                _ if !at_end => Err(Fault::More),
                State::ArrayBegin | State::ArrayMore => Err(Fault::More),
                State::Begin | State::Lines | State::Closed => Ok(Step::End),
            };
        };
        match (self.state, byte) {
            (State::Begin, b'[') => {
                self.state = State::ArrayBegin;
                return Ok(Step::Skip { length: cursor.at + 1, other: false });
            }
            (State::ArrayBegin | State::ArrayMore, b']') => {
                self.state = State::Closed;
                return Ok(Step::Skip { length: cursor.at + 1, other: false });
            }
            (State::ArrayMore, b',') => {
                cursor.at += 1;
                cursor.space();
            }
            (State::ArrayMore, _) => return Err(cursor.expected("`,` or `]` after an event")),
            (State::Closed, _) => return Err(cursor.expected("nothing after the closing `]`")),
            _ => {}
        }
        let begins = cursor.at;
        cursor.record(record)?;
        self.state = match self.state {
            State::Begin | State::Lines => State::Lines,
            _ => State::ArrayMore,
        };
        Ok(Step::Record { begins, length: cursor.at })
    }
}

/// A place in a JSON text.
struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The fault that something else was expected here.
    #[cold]
    fn expected(&self, what: &str) -> Fault {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return Fault::More;
        }
        let found = String::from_utf8_lossy(&rest[..rest.len().min(4)]).chars().next().unwrap_or(' ');
        Fault::Bad { at: self.at, what: Cow::Owned(format!("expected {what}, found `{}`", found.escape_debug())) }
    }

    #[inline]
    fn byte(&mut self, byte: u8, what: &str) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.expected(what))
        }
    }

    /// An event's object.
    fn record(&mut self, record: &mut Record<'a>) -> Result<(), Fault> {
        self.byte(b'{', "an event as a JSON object (`{`)")?;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            let begins = self.at;
            let key = self.string("a key in quotes")?;
            self.space();
            self.byte(b':', "`:` after a key")?;
            self.space();
            let twice = match &*key {
                "process" => record.process.replace(self.process()?).is_some(),
                "type" => record.kind.replace(self.kind()?).is_some(),
                "f" => match self.function()? {
                    Some(f) => record.f.replace(f).is_some(),
                    None => false,
                },
                "key" => record.key.replace(self.value(0)?).is_some(),
                "value" => record.value.replace(self.value(0)?).is_some(),
                "time" => match self.time()? {
                    Some(time) => record.time.replace(time).is_some(),
                    None => false,
                },
                "index" => {
                    self.value(0)?;
                    std::mem::replace(&mut record.index, true)
                }
                "node" => match self.value(0)? {
                    Value::Nil => false,
                    value => match node(&value) {
                        Some(node) => record.node.replace(node).is_some(),
                        None => {
                            record.ignored.push(key.clone());
                            false
                        }
                    },
                },
                "error" => match self.value(0)? {
                    Value::Nil => false,
                    value => record.error.replace(Cow::Owned(error_text(&value))).is_some(),
                },
                _ => {
                    self.value(0)?;
                    record.ignored.push(key.clone());
                    false
                }
            };
            if twice {
                return Err(Fault::Bad { at: begins, what: Cow::Owned(format!("`{key}` is given twice")) });
            }
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.expected("`,` or `}` after a value")),
            }
        }
    }

    fn process(&mut self) -> Result<Process, Fault> {
        const WHAT: &str = "a process (a number from 0 to 4294967295, or \"nemesis\")";
        let begins = self.at;
        match self.peek() {
            Some(b'"') => match &*self.string(WHAT)? {
                "nemesis" => Ok(Process::Nemesis),
                _ => Err(Cursor { text: self.text, at: begins }.expected(WHAT)),
            },
            Some(b'-' | b'0'..=b'9') => match self.number()? {
                Value::Int(number) if u32::try_from(number).is_ok() => Ok(Process::Client(number as u32)),
                _ => Err(Cursor { text: self.text, at: begins }.expected(WHAT)),
            },
            _ => Err(self.expected(WHAT)),
        }
    }

    fn kind(&mut self) -> Result<EventKind, Fault> {
        const WHAT: &str = "a type (\"invoke\", \"ok\", \"fail\" or \"info\")";
        let begins = self.at;
        match &*self.string(WHAT)? {
            "invoke" => Ok(EventKind::Invoke),
            "ok" => Ok(EventKind::Ok),
            "fail" => Ok(EventKind::Fail),
            "info" => Ok(EventKind::Info),
            other => {
                let what = format!("expected {WHAT}, found \"{}\"", other.escape_debug());
                Err(Fault::Bad { at: begins, what: Cow::Owned(what) })
            }
        }
    }

    fn function(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        if self.peek() == Some(b'n') {
            self.literal(b"null", Value::Nil)?;
            return Ok(None);
        }
        self.string("a function's name in quotes").map(Some)
    }

    fn time(&mut self) -> Result<Option<i128>, Fault> {
        const WHAT: &str = "a time in whole nanoseconds";
        let begins = self.at;
        match self.peek() {
            Some(b'n') => self.literal(b"null", Value::Nil).map(|_| None),
            Some(b'-' | b'0'..=b'9') => match self.number()? {
                Value::Int(time) => Ok(Some(i128::from(time))),
                Value::Number(text) if text.parse::<i128>().is_ok() => Ok(text.parse().ok()),
                _ => Err(Cursor { text: self.text, at: begins }.expected(WHAT)),
            },
            _ => Err(self.expected(WHAT)),
        }
    }

    /// Any JSON value.
    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        if depth > MAX_DEPTH {
            let what = format!("values nested more than {MAX_DEPTH} levels deep are not supported");
            return Err(Fault::Bad { at: self.at, what: Cow::Owned(what) });
        }
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.literal(b"null", Value::Nil),
            Some(b't') => self.literal(b"true", Value::Bool(true)),
            Some(b'f') => self.literal(b"false", Value::Bool(false)),
            Some(b'"') => Ok(Value::Text(Arc::from(self.string("text")?))),
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            _ => Err(self.expected("a value")),
        }
    }

    fn literal(&mut self, word: &'static [u8], value: Value) -> Result<Value, Fault> {
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

    fn number(&mut self) -> Result<Value, Fault> {
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
            Some(b'.' | b'e' | b'E') => return self.fraction(begins),
            Some(_) if length <= 18 => return Ok(Value::Int(if negative { -number } else { number })),
            Some(_) => {}
        }
        let text = std::str::from_utf8(&self.text[begins..self.at]).unwrap_or_default();
        number::integer(text).ok_or_else(|| Cursor { text: self.text, at: begins }.expected("a number"))
    }

    /// The rest of a number that has a point or an exponent.
    fn fraction(&mut self, begins: usize) -> Result<Value, Fault> {
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.peek().is_none() {
            return Err(Fault::More);
        }
        let text = std::str::from_utf8(&self.text[begins..self.at]).unwrap_or_default();
        let what = "this number's exponent is out of range";
        number::decimal(text).ok_or(Fault::Bad { at: begins, what: Cow::Borrowed(what) })
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.expected("a digit"));
        }
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fault> {
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(Arc::from([])));
        }
        let first = self.value(depth + 1)?;
        self.space();
        // Pairs are the commonest lists: no vector for them.
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::List(Arc::from([first])));
        }
        self.byte(b',', "`,` or `]` after an element")?;
        self.space();
        let second = self.value(depth + 1)?;
        self.space();
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
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        let begins = self.at;
        self.at += 1;
        self.space();
        let mut entries = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Map(Arc::from(entries)));
        }
        loop {
            self.space();
            let key = self.string("a key in quotes")?;
            self.space();
            self.byte(b':', "`:` after a key")?;
            self.space();
            let value = self.value(depth + 1)?;
            if key == "$map" {
                entries.push((Value::Text(Arc::from(key)), value));
            } else {
                entries.push((object_key(&key), value));
            }
            self.space();
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
            _ => Ok(Value::Map(Arc::from(entries))),
        }
    }

    /// A string with its quotes.
    fn string(&mut self, what: &'static str) -> Result<Cow<'a, str>, Fault> {
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
                Some(b'\\') => return self.escaped(begins),
                Some(0..0x20) => {
                    return Err(self.expected("`\"` at the end of a text (control characters are escaped)"));
                }
                Some(_) => self.at += 1,
            }
        }
    }

    fn utf8(&self, begins: usize, ends: usize) -> Result<&'a str, Fault> {
        std::str::from_utf8(&self.text[begins..ends]).map_err(|error| {
            let at = begins + error.valid_up_to();
            Fault::Bad { at, what: Cow::Borrowed("this is not UTF-8 text") }
        })
    }

    /// The rest of a string from its first backslash on; it began at `begins`.
    fn escaped(&mut self, begins: usize) -> Result<Cow<'a, str>, Fault> {
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
                    text.push(self.escape()?);
                }
                _ => return Err(self.expected("`\"` at the end of a text (control characters are escaped)")),
            }
        }
    }

    /// What stands after a backslash.
    fn escape(&mut self) -> Result<char, Fault> {
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

    /// `uXXXX`, or two of them for a character beyond the first 65536.
    fn unicode(&mut self) -> Result<char, Fault> {
        let begins = self.at - 1;
        self.at += 1;
        let first = self.hex()?;
        let mut code = first;
        if (0xd800..0xdc00).contains(&first) {
            self.byte(b'\\', "the second half of a character (`\\uDC00` to `\\uDFFF`)")?;
            self.byte(b'u', "the second half of a character (`\\uDC00` to `\\uDFFF`)")?;
            let second = self.hex()?;
            code = 0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00);
            if !(0xdc00..0xe000).contains(&second) {
                code = first;
            }
        }
        char::from_u32(code).ok_or(Fault::Bad { at: begins, what: Cow::Borrowed("this is half of a character") })
    }

    fn hex(&mut self) -> Result<u32, Fault> {
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

/// A key of an inner object: an integer where it is one in canonical digits.
pub(super) fn object_key(key: &str) -> Value {
    match key.parse::<i64>() {
        Ok(number) if number.to_string() == key => Value::Int(number),
        _ => Value::text(key),
    }
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
