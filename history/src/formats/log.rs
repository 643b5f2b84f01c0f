//! Jepsen's log lines, as in Porcupine's etcd histories and in Jepsen's `history.txt`.
//!
//! ```text
//! INFO  jepsen.util - 0   :invoke  :read  nil
//! INFO  jepsen.util - 0   :info    :cas   :timed-out
//! INFO [2023-10-08 18:08:40,001] jepsen worker 0 - jepsen.util 0  :invoke  :write  3
//! 2022-07-28 07:53:02,800{GMT}  INFO  [jepsen worker 2] jepsen.util: [ 1340999542 ] 2  :invoke  :write  4
//! 4  :fail  :write  3  :timeout
//! 4  :info  :write  3  indeterminate: no answer within 5 s
//! ```
//!
//! A line is a process, a type, a function, a value and perhaps an error, after the logger's name (`jepsen.util` or
//! `jepsen.core`, then ` - `, `: ` or a space) and perhaps a time in brackets, in nanoseconds; or at the line's
//! beginning. Other lines of a log are skipped and counted. A lone keyword as the value of a completion that is not ok
//! is its error, and its value is the invocation's. An error that is no EDN is the rest of the line as it is.

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

/// The loggers whose lines are operations.
const LOGGERS: [&[u8]; 2] = [b"jepsen.util", b"jepsen.core"];

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
                record.time = time_before(line, begins);
                self.open_end = !line.ends_with(b"\n");
                Ok(Step::Record { begins, length })
            }
            // The last line of a file that was cut.
            Err(Fault::More) if !line.ends_with(b"\n") => Err(Fault::More),
            Err(Fault::More) => Err(Fault::Bad { at: line.len() - 1, what: Cow::Borrowed("the line ends too early") }),
            Err(fault) => Err(fault),
        }
    }

    fn is_log(&self) -> bool {
        true
    }

    fn remark(&self) -> Option<&'static str> {
        self.open_end.then_some("the last line has no line break: if the file was cut, its value may be cut too")
    }
}

/// Whether one of the first lines is an operation's.
pub(super) fn begins_as_log(text: &[u8]) -> bool {
    text.split_inclusive(|&byte| byte == b'\n').any(|line| operation(line).is_some())
}

/// Where the operation begins in a line that has one: at its process.
fn operation(line: &[u8]) -> Option<usize> {
    let after_logger = after_logger(line);
    let begins = after_logger.unwrap_or(0);
    let rest = line[begins..].trim_ascii_start();
    let begins = line.len() - rest.len();
    let process = rest.iter().position(u8::is_ascii_whitespace).map_or(rest, |length| &rest[..length]);
    let is_process = process == b":nemesis" || !process.is_empty() && process.iter().all(u8::is_ascii_digit);
    let then = rest[process.len()..].trim_ascii_start();
    (is_process && (then.starts_with(b":") || after_logger.is_some())).then_some(begins)
}

/// Where a line goes on after the logger's name, what separates it from the message, and a time in brackets.
fn after_logger(line: &[u8]) -> Option<usize> {
    let begins = LOGGERS.iter().find_map(|logger| {
        let at = line.windows(logger.len()).position(|window| window == *logger)?;
        Some(at + logger.len())
    })?;
    let rest = &line[begins..];
    let message = rest.trim_ascii_start();
    let message = message.strip_prefix(b"- ").or_else(|| message.strip_prefix(b":")).unwrap_or(message);
    // A longer name, as `jepsen.utility`, is another logger.
    if message.len() == rest.len() {
        return None;
    }
    let message = message.trim_ascii_start();
    let message = bracketed_time(message).map_or(message, |(_, length)| &message[length..]);
    Some(line.len() - message.len())
}

/// A time in brackets at the beginning, as `[ 1340999542 ]`, and its length.
fn bracketed_time(text: &[u8]) -> Option<(i128, usize)> {
    let length = text.strip_prefix(b"[")?.iter().position(|&byte| byte == b']')?;
    let digits = std::str::from_utf8(text[1..=length].trim_ascii()).ok()?;
    Some((digits.parse().ok()?, length + 2))
}

/// The time in brackets before the operation that begins at a place of the line.
fn time_before(line: &[u8], begins: usize) -> Option<i128> {
    let before = line[..begins].trim_ascii_end();
    let opens = before.iter().rposition(|&byte| byte == b'[')?;
    bracketed_time(&before[opens..]).filter(|&(_, length)| opens + length == before.len()).map(|(time, _)| time)
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
            record.error = Some(self.log_error(ends, may_be_error)?);
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

    /// What follows the value up to where the line ends: EDN, or, where an error is expected, any text.
    fn log_error(&mut self, ends: usize, any_text: bool) -> Result<Cow<'a, str>, Fault> {
        let begins = self.at;
        let error = self.log_value(&mut Doubts::default());
        self.log_space();
        match error {
            Ok(error) if self.at >= ends => Ok(Cow::Owned(cursor::error_text(&error))),
            Err(fault) if !any_text => Err(fault),
            _ if any_text => {
                self.at = self.text.len();
                Ok(String::from_utf8_lossy(&self.text[begins..ends]))
            }
            _ => Err(self.expected("the end of the line")),
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
