//! Jepsen's log lines, as in Porcupine's etcd histories and in Jepsen's `history.txt`.
//!
//! ```text
//! INFO  jepsen.util - 0   :invoke  :read  nil
//! INFO  jepsen.util - 0   :info    :cas   :timed-out
//! 4  :fail  :write  3  :timeout
//! ```
//!
//! A line is a process, a type, a function, a value and perhaps an error, after `jepsen.util - ` or `jepsen.util: `, or
//! at the line's beginning. Other lines of a log are skipped and counted. A lone keyword as the value of a completion
//! that is not ok is its error, and its value is the invocation's.

use std::borrow::Cow;

use super::cursor::{self, Cursor};
use super::edn::Doubts;
use super::record::{Process, Record};
use super::{Fault, Step, TextFormat};
use crate::EventKind;

/// Reads events from log lines.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The last line ends without a line break.
    open_end: bool,
}

/// The logger whose lines are operations.
const LOGGER: &[u8] = b"jepsen.util";

impl TextFormat for Parser {
    fn next<'a>(&mut self, text: &'a [u8], at_end: bool, record: &mut Record<'a>) -> Result<Step, Fault> {
        let (line, length) = match text.iter().position(|&byte| byte == b'\n') {
            Some(length) => (&text[..length + 1], length + 1),
            None if !at_end => return Err(Fault::More),
            None if text.is_empty() => return Ok(Step::End),
            None => (text, text.len()),
        };
        let Some(begins) = operation(line) else {
            let other = !line.trim_ascii().is_empty();
            return Ok(Step::Skip { length, other });
        };
        let mut cursor = Cursor { text: line, at: begins };
        match cursor.log_record(record) {
            Ok(()) => {
                self.open_end = !line.ends_with(b"\n");
                Ok(Step::Record { begins, length })
            }
            // The last line of a file that was cut.
            Err(Fault::More) if !line.ends_with(b"\n") => Err(Fault::More),
            Err(Fault::More) => Err(Fault::Bad { at: line.len() - 1, what: Cow::Borrowed("the line ends too early") }),
            Err(fault) => Err(fault),
        }
    }

    fn remark(&self) -> Option<&'static str> {
        self.open_end.then_some("the last line has no line break: if the file was cut, its value may be cut too")
    }
}

/// Whether one of the first lines is an operation's.
pub(super) fn begins_as_log(text: &[u8]) -> bool {
    text.split_inclusive(|&byte| byte == b'\n').any(|line| operation(line).is_some())
}

/// Where the operation begins in a line that has one.
fn operation(line: &[u8]) -> Option<usize> {
    let begins = match line.windows(LOGGER.len()).position(|window| window == LOGGER) {
        None => 0,
        Some(at) => {
            let rest = &line[at + LOGGER.len()..];
            let separator = [&b" - "[..], b": "].into_iter().find(|separator| rest.starts_with(separator))?;
            at + LOGGER.len() + separator.len()
        }
    };
    let rest = &line[begins..];
    let rest = &rest[rest.len() - rest.trim_ascii_start().len()..];
    let process = rest.iter().position(u8::is_ascii_whitespace).map_or(rest, |length| &rest[..length]);
    let is_process = process == b":nemesis" || !process.is_empty() && process.iter().all(u8::is_ascii_digit);
    let then = rest[process.len()..].trim_ascii_start();
    (is_process && (then.starts_with(b":") || begins > 0)).then_some(line.len() - rest.len())
}

impl<'a> Cursor<'a> {
    fn log_record(&mut self, record: &mut Record<'a>) -> Result<(), Fault> {
        record.process = Some(self.log_process()?);
        record.kind = Some(self.log_kind()?);
        let begins = self.at;
        record.f = Some(match self.log_word()? {
            [b':', name @ ..] if !name.is_empty() => Cow::Borrowed(self.utf8(self.at - name.len(), self.at)?),
            _ => return Err(self.expected_at(begins, "a function as a keyword")),
        });
        self.log_space();
        let may_be_error = !matches!(record.kind, Some(EventKind::Invoke | EventKind::Ok));
        let mut doubts = Doubts::default();
        let ends = self.text.trim_ascii_end().len();
        let value = if may_be_error && self.peek() == Some(b':') { None } else { Some(self.log_value(&mut doubts)?) };
        self.log_space();
        if self.at < ends {
            let error = self.log_value(&mut Doubts::default())?;
            record.error = Some(Cow::Owned(cursor::error_text(&error)));
            self.log_space();
        }
        record.value = value;
        if self.at < ends {
            return Err(self.expected("the end of the line"));
        }
        match (record.process, doubts.first()) {
            (Some(Process::Nemesis), _) | (_, None) => Ok(()),
            (_, Some(fault)) => Err(fault),
        }
    }

    fn log_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The next characters up to white space.
    fn log_word(&mut self) -> Result<&'a [u8], Fault> {
        self.log_space();
        let begins = self.at;
        while self.peek().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            self.at += 1;
        }
        if self.peek().is_none() {
            return Err(Fault::More);
        }
        Ok(&self.text[begins..self.at])
    }

    fn log_process(&mut self) -> Result<Process, Fault> {
        let begins = self.at;
        match self.log_word()? {
            b":nemesis" => Ok(Process::Nemesis),
            word => match std::str::from_utf8(word).ok().and_then(|word| word.parse().ok()) {
                Some(process) => Ok(Process::Client(process)),
                None => Err(self.expected_at(begins, "a process (a number from 0 to 4294967295, or :nemesis)")),
            },
        }
    }

    fn log_kind(&mut self) -> Result<EventKind, Fault> {
        self.log_space();
        let begins = self.at;
        match self.log_word()? {
            b":invoke" => Ok(EventKind::Invoke),
            b":ok" => Ok(EventKind::Ok),
            b":fail" => Ok(EventKind::Fail),
            b":info" => Ok(EventKind::Info),
            _ => Err(self.expected_at(begins, "a type (:invoke, :ok, :fail or :info)")),
        }
    }

    /// An EDN value that may end where the line ends.
    fn log_value(&mut self, doubts: &mut Doubts) -> Result<crate::Value, Fault> {
        if self.text.ends_with(b"\n") || self.at == self.text.len() {
            return self.edn_value(0, doubts);
        }
        // The last line without its line break: EDN wants to see what ends a word.
        let with_break = [self.text, b"\n"].concat();
        let mut cursor = Cursor { text: &with_break, at: self.at };
        let value = cursor.edn_value(0, doubts)?;
        self.at = cursor.at;
        Ok(value)
    }
}
