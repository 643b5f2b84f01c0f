//! EDN, as Jepsen, Knossos and elle-cli write it: one operation map after another, or all in one vector or list.
//!
//! Strict: what EDN does not have (octal numbers, ratios, `::keywords`, metadata, reader macros) is an error with its
//! place, and so is a tagged literal that this reader does not know. Maps may carry the tag `#jepsen.history.Op`; a
//! value tagged as an independent tuple gives the key and the value. Forgiving in one respect: whatever stands under a
//! key that means nothing here (`:exception`, `:debug`), under `:error`, or in a nemesis's map only has to be balanced.

mod value;
mod write;

use std::borrow::Cow;

use super::cursor::{self, Cursor};
use super::record::{Process, Record};
use super::{Fault, Step, TextFormat};
use crate::{EventKind, Value};
pub(super) use value::Doubts;
pub use write::EdnWriter;

/// Reads events from EDN text.
#[derive(Debug, Default)]
pub(super) struct Parser {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Begin,
    /// Maps one after another.
    Maps,
    /// In a collection that this byte closes.
    Collection(u8),
    /// After the collection.
    Closed,
}

impl TextFormat for Parser {
    fn next<'a>(&mut self, text: &'a [u8], at_end: bool, record: &mut Record<'a>) -> Result<Step, Fault> {
        let mut cursor = Cursor { text, at: 0 };
        if self.state == State::Begin && text.starts_with(b"\xef\xbb\xbf") {
            cursor.at = 3;
        }
        match cursor.edn_space() {
            Ok(()) => {}
            // A comment may be the last line, and needs no line break.
            Err(Fault::More) if at_end && cursor.peek() == Some(b';') => cursor.at = text.len(),
            Err(fault) => return Err(fault),
        }
        let Some(byte) = cursor.peek() else {
            return match self.state {
                State::Collection(_) => Err(Fault::More),
                _ if at_end => Ok(Step::End),
                // What was skipped need not be looked at again.
                _ if cursor.at > 0 && self.state != State::Begin => Ok(Step::Skip { length: cursor.at, other: false }),
                _ => Err(Fault::More),
            };
        };
        let closing = match byte {
            b'[' => b']',
            _ => b')',
        };
        match (self.state, byte) {
            (State::Begin, b'[' | b'(') => {
                self.state = State::Collection(closing);
                return Ok(Step::Skip { length: cursor.at + 1, other: false });
            }
            (State::Collection(closing), byte) if byte == closing => {
                self.state = State::Closed;
                return Ok(Step::Skip { length: cursor.at + 1, other: false });
            }
            (State::Closed, _) => return Err(cursor.expected("nothing after the collection of operations")),
            _ => {}
        }
        let begins = cursor.at;
        cursor.edn_record(record)?;
        if self.state == State::Begin {
            self.state = State::Maps;
        }
        Ok(Step::Record { begins, length: cursor.at })
    }
}

impl<'a> Cursor<'a> {
    /// An operation's map, with or without its tag.
    fn edn_record(&mut self, record: &mut Record<'a>) -> Result<(), Fault> {
        const MAP: &str = "an operation as a map (`{`)";
        let mut doubts = Doubts::default();
        if self.peek() == Some(b'#') {
            let begins = self.at;
            self.at += 1;
            if self.edn_token()? != b"jepsen.history.Op" {
                return Err(self.expected_at(begins, "an operation as a map (`{` or `#jepsen.history.Op{`)"));
            }
            self.edn_space()?;
        }
        self.byte(b'{', MAP)?;
        loop {
            self.edn_space()?;
            let begins = self.at;
            let key = match self.peek() {
                Some(b':') => self.edn_keyword()?,
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                _ => return Err(self.expected("a keyword, or `}` at the end of an operation")),
            };
            self.edn_space()?;
            let twice = match key {
                b"process" => record.process.replace(self.edn_process()?).is_some(),
                b"type" => record.kind.replace(self.edn_kind()?).is_some(),
                b"f" => match self.edn_function()? {
                    Some(f) => record.f.replace(f).is_some(),
                    None => false,
                },
                b"key" => record.key.replace(self.edn_value(0, &mut doubts)?).is_some(),
                b"value" => match self.edn_tuple(&mut doubts)? {
                    Some((key, value)) => record.value.replace(value).is_some() || record.key.replace(key).is_some(),
                    None => record.value.replace(self.edn_value(0, &mut doubts)?).is_some(),
                },
                b"time" => match self.edn_time()? {
                    Some(time) => record.time.replace(time).is_some(),
                    None => false,
                },
                b"index" => {
                    let index = self.edn_value(0, &mut Doubts::default())?;
                    record.index.replace(index.as_int()).is_some()
                }
                b"error" => match self.edn_value(0, &mut Doubts::default())? {
                    Value::Nil => false,
                    value => record.error.replace(Cow::Owned(cursor::error_text(&value))).is_some(),
                },
                b"node" => match self.edn_value(0, &mut Doubts::default())? {
                    Value::Nil => false,
                    value => match cursor::node(&value) {
                        Some(node) => record.node.replace(node).is_some(),
                        None => {
                            record.ignored.push(Cow::Borrowed("node"));
                            false
                        }
                    },
                },
                _ => {
                    self.edn_value(0, &mut Doubts::default())?;
                    record.ignored.push(String::from_utf8_lossy(key));
                    false
                }
            };
            if twice {
                return Err(cursor::twice(begins, &format!(":{}", String::from_utf8_lossy(key))));
            }
        }
        match (record.process, doubts.first()) {
            (Some(Process::Nemesis), _) | (_, None) => Ok(()),
            (_, Some(fault)) => Err(fault),
        }
    }

    fn edn_function(&mut self) -> Result<Option<Cow<'a, str>>, Fault> {
        let begins = self.at;
        if self.peek() == Some(b':') {
            let name = self.edn_keyword()?;
            return Ok(Some(Cow::Borrowed(self.utf8(self.at - name.len(), self.at)?)));
        }
        match self.edn_value(0, &mut Doubts::default())? {
            Value::Nil => Ok(None),
            Value::Text(name) => Ok(Some(Cow::Owned((*name).to_owned()))),
            _ => Err(self.expected_at(begins, "a keyword or text as the function (:f)")),
        }
    }

    fn edn_process(&mut self) -> Result<Process, Fault> {
        const WHAT: &str = "a process (a number from 0 to 4294967295, or :nemesis)";
        let begins = self.at;
        match self.peek() {
            Some(b'0'..=b'9') => match self.edn_value(0, &mut Doubts::default())? {
                Value::Int(number) if u32::try_from(number).is_ok() => Ok(Process::Client(number as u32)),
                _ => Err(self.expected_at(begins, WHAT)),
            },
            Some(b':') if self.edn_keyword()? == b"nemesis" => Ok(Process::Nemesis),
            _ => Err(self.expected_at(begins, WHAT)),
        }
    }

    fn edn_kind(&mut self) -> Result<EventKind, Fault> {
        const WHAT: &str = "a type (:invoke, :ok, :fail or :info)";
        let begins = self.at;
        if self.peek() != Some(b':') {
            return Err(self.expected(WHAT));
        }
        match self.edn_keyword()? {
            b"invoke" => Ok(EventKind::Invoke),
            b"ok" => Ok(EventKind::Ok),
            b"fail" => Ok(EventKind::Fail),
            b"info" => Ok(EventKind::Info),
            other => {
                let what = format!("expected {WHAT}, found `:{}`", String::from_utf8_lossy(other).escape_debug());
                Err(Fault::Bad { at: begins, what: Cow::Owned(what) })
            }
        }
    }

    fn edn_time(&mut self) -> Result<Option<i128>, Fault> {
        let begins = self.at;
        match self.edn_value(0, &mut Doubts::default())? {
            Value::Nil => Ok(None),
            Value::Int(time) => Ok(Some(i128::from(time))),
            Value::Number(text) if text.parse::<i128>().is_ok() => Ok(text.parse().ok()),
            _ => Err(self.expected_at(begins, "a time in whole nanoseconds")),
        }
    }

    /// The key and value of a value that is tagged as an independent tuple; `None`, and nothing read, where it is not.
    fn edn_tuple(&mut self, doubts: &mut Doubts) -> Result<Option<(Value, Value)>, Fault> {
        const TAGS: [&[u8]; 4] = [
            b"jepsen.independent/tuple",
            b"jepsen.independent.Tuple",
            b"jepsen.independent.MapEntry",
            b"jepsen.independent/MapEntry",
        ];
        if self.peek() != Some(b'#') {
            return Ok(None);
        }
        let begins = self.at;
        self.at += 1;
        let tag = match self.peek() {
            Some(b'a'..=b'z') => self.edn_token()?,
            None => return Err(Fault::More),
            Some(_) => b"",
        };
        if !TAGS.contains(&tag) {
            self.at = begins;
            return Ok(None);
        }
        self.edn_space()?;
        let place = self.at;
        match self.edn_value(0, doubts)?.as_list() {
            Some([key, value]) => Ok(Some((key.clone(), value.clone()))),
            _ => Err(self.expected_at(place, "the key and the value of an independent tuple (`[key value]`)")),
        }
    }
}
