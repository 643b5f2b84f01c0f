//! JSON: one object per event, one per line or in one array.
//!
//! Strict about JSON itself (RFC 8259) and about what the keys that mean something hold; other keys are counted and
//! named. Keys of inner objects that are integers in canonical digits become integers, as in elle-cli's files, where a
//! JSON object is all there is to write `{0 100, 1 0}`. `{"$map": [[key, value], …]}` is a map with any keys.

mod value;
mod write;

use std::borrow::Cow;

use super::cursor::{self, Cursor};
use super::record::{Process, Record};
use super::{Fault, Step, TextFormat};
use crate::{EventKind, Value};
pub use write::JsonWriter;

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
        cursor.json_space();
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
                cursor.json_space();
            }
            (State::ArrayMore, _) => return Err(cursor.expected("`,` or `]` after an event")),
            (State::Closed, _) => return Err(cursor.expected("nothing after the closing `]`")),
            _ => {}
        }
        let begins = cursor.at;
        cursor.json_record(record)?;
        self.state = match self.state {
            State::Begin | State::Lines => State::Lines,
            _ => State::ArrayMore,
        };
        Ok(Step::Record { begins, length: cursor.at })
    }
}

/// What a key of an event stands for.
#[derive(Clone, Debug)]
enum Field<'a> {
    Process,
    Type,
    F,
    Key,
    Value,
    Time,
    Index,
    Node,
    Error,
    Other(Cow<'a, str>),
}

impl<'a> Cursor<'a> {
    /// An event's object.
    fn json_record(&mut self, record: &mut Record<'a>) -> Result<(), Fault> {
        self.byte(b'{', "an event as a JSON object (`{`)")?;
        self.json_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.json_space();
            let begins = self.at;
            let key = self.json_key()?;
            self.json_space();
            self.byte(b':', "`:` after a key")?;
            self.json_space();
            let twice = match &key {
                Field::Process => record.process.replace(self.json_process()?).is_some(),
                Field::Type => record.kind.replace(self.json_kind()?).is_some(),
                Field::F => match self.json_function()? {
                    Some(f) => record.f.replace(f).is_some(),
                    None => false,
                },
                Field::Key => record.key.replace(self.json_value(0)?).is_some(),
                Field::Value => record.value.replace(self.json_value(0)?).is_some(),
                Field::Time => match self.json_time()? {
                    Some(time) => record.time.replace(time).is_some(),
                    None => false,
                },
                Field::Index => {
                    let index = self.json_value(0)?;
                    record.index.replace(index.as_int()).is_some()
                }
                Field::Node => match self.json_value(0)? {
                    Value::Nil => false,
                    value => match cursor::node(&value) {
                        Some(node) => record.node.replace(node).is_some(),
                        None => {
                            record.ignored.push(Cow::Borrowed("node"));
                            false
                        }
                    },
                },
                Field::Error => match self.json_value(0)? {
                    Value::Nil => false,
                    value => record.error.replace(Cow::Owned(cursor::error_text(&value))).is_some(),
                },
                Field::Other(name) => {
                    self.json_value(0)?;
                    record.ignored.push(name.clone());
                    false
                }
            };
            if twice {
                let key = Cursor { text: self.text, at: begins }.json_string("a key in quotes")?;
                return Err(cursor::twice(begins, &key));
            }
            self.json_space();
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

    /// The next key.
    #[inline]
    fn json_key(&mut self) -> Result<Field<'a>, Fault> {
        // As almost every line has them: a comparison or two instead of a scan.
        const PLAIN: [(&[u8], Field<'static>); 9] = [
            (b"\"process\"", Field::Process),
            (b"\"type\"", Field::Type),
            (b"\"f\"", Field::F),
            (b"\"key\"", Field::Key),
            (b"\"value\"", Field::Value),
            (b"\"time\"", Field::Time),
            (b"\"index\"", Field::Index),
            (b"\"node\"", Field::Node),
            (b"\"error\"", Field::Error),
        ];
        let rest = &self.text[self.at..];
        for (text, key) in PLAIN {
            if rest.starts_with(text) {
                self.at += text.len();
                return Ok(key);
            }
        }
        let name = self.json_string("a key in quotes")?;
        let plain = |text: &[u8]| text[1..text.len() - 1] == *name.as_bytes();
        Ok(match PLAIN.into_iter().find(|(text, _)| plain(text)) {
            Some((_, key)) => key,
            None => Field::Other(name),
        })
    }

    fn json_process(&mut self) -> Result<Process, Fault> {
        const WHAT: &str = "a process (a number from 0 to 4294967295, or \"nemesis\")";
        let begins = self.at;
        match self.peek() {
            Some(b'"') => match &*self.json_string(WHAT)? {
                "nemesis" => Ok(Process::Nemesis),
                _ => Err(self.expected_at(begins, WHAT)),
            },
            Some(b'-' | b'0'..=b'9') => match self.json_number()? {
                Value::Int(number) if u32::try_from(number).is_ok() => Ok(Process::Client(number as u32)),
                _ => Err(self.expected_at(begins, WHAT)),
            },
            _ => Err(self.expected(WHAT)),
        }
    }

    fn json_kind(&mut self) -> Result<EventKind, Fault> {
        const WHAT: &str = "a type (\"invoke\", \"ok\", \"fail\" or \"info\")";
        const PLAIN: [(&[u8], EventKind); 4] = [
            (b"\"invoke\"", EventKind::Invoke),
            (b"\"ok\"", EventKind::Ok),
            (b"\"fail\"", EventKind::Fail),
            (b"\"info\"", EventKind::Info),
        ];
        let rest = &self.text[self.at..];
        for (text, kind) in PLAIN {
            if rest.starts_with(text) {
                self.at += text.len();
                return Ok(kind);
            }
        }
        let begins = self.at;
        match &*self.json_string(WHAT)? {
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

    fn json_function(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        if self.peek() == Some(b'n') {
            self.json_literal(b"null", Value::Nil)?;
            return Ok(None);
        }
        self.json_string("a function's name in quotes").map(Some)
    }

    fn json_time(&mut self) -> Result<Option<i128>, Fault> {
        const WHAT: &str = "a time in whole nanoseconds";
        let begins = self.at;
        match self.peek() {
            Some(b'n') => self.json_literal(b"null", Value::Nil).map(|_| None),
            Some(b'-' | b'0'..=b'9') => match self.json_number()? {
                Value::Int(time) => Ok(Some(i128::from(time))),
                Value::Number(text) if text.parse::<i128>().is_ok() => Ok(text.parse().ok()),
                _ => Err(self.expected_at(begins, WHAT)),
            },
            _ => Err(self.expected(WHAT)),
        }
    }
}
