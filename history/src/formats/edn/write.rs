//! Events as EDN maps, one a line, as Jepsen's `history.edn` has them.

use std::io::{self, Write};

use crate::{EventKind, EventRef, Value};

/// Writes one map per event and line. Buffers a line, so give it a buffered output.
#[derive(Debug)]
pub struct EdnWriter<W> {
    output: W,
    line: Vec<u8>,
    index: u64,
    independent: bool,
}

impl<W: Write> EdnWriter<W> {
    /// A writer to `output`. With `independent`, the value of an operation that has a key is written as the tuple
    /// `[key value]`, as Jepsen's independent workloads have it; without, the key is a field of its own.
    pub fn new(output: W, independent: bool) -> EdnWriter<W> {
        EdnWriter { output, line: Vec::new(), index: 0, independent }
    }

    /// Writes an event's line.
    pub fn push(&mut self, event: EventRef<'_>) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        write!(line, "{{:index {}, :time {}, :type ", self.index, event.time)?;
        line.extend_from_slice(match event.kind {
            EventKind::Invoke => b":invoke",
            EventKind::Ok => b":ok",
            EventKind::Fail => b":fail",
            EventKind::Info => b":info",
        });
        write!(line, ", :process {}, :f ", event.process)?;
        keyword(line, event.f)?;
        if !event.key.is_nil() && !self.independent {
            line.extend_from_slice(b", :key ");
            value(line, event.key)?;
        }
        line.extend_from_slice(b", :value ");
        if !event.key.is_nil() && self.independent {
            line.push(b'[');
            value(line, event.key)?;
            line.push(b' ');
            operand(line, event)?;
            line.push(b']');
        } else {
            operand(line, event)?;
        }
        if let Some(node) = event.node {
            write!(line, ", :node \"n{node}\"")?;
        }
        if let Some(error) = event.error {
            line.extend_from_slice(b", :error ");
            text(line, error)?;
        }
        line.extend_from_slice(b"}\n");
        self.index += 1;
        self.output.write_all(line)
    }

    /// Flushes the output and hands it back.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

/// The event's value. The micro-operations of a transaction begin with keywords, for Elle asks for them.
fn operand(line: &mut Vec<u8>, event: EventRef<'_>) -> io::Result<()> {
    let Some(operations) = event.value.as_list().filter(|_| event.f == "txn") else {
        return value(line, event.value);
    };
    line.push(b'[');
    for (index, operation) in operations.iter().enumerate() {
        if index > 0 {
            line.push(b' ');
        }
        match operation.as_list() {
            Some([Value::Text(function), operands @ ..]) => {
                line.push(b'[');
                keyword(line, function)?;
                for operand in operands {
                    line.push(b' ');
                    value(line, operand)?;
                }
                line.push(b']');
            }
            _ => value(line, operation)?,
        }
    }
    line.push(b']');
    Ok(())
}

/// A name as a keyword, or as text where it cannot be one.
fn keyword(line: &mut Vec<u8>, name: &str) -> io::Result<()> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.?!*+<>=".contains(&byte);
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.bytes().all(fits) {
        line.push(b':');
        line.extend_from_slice(name.as_bytes());
        Ok(())
    } else {
        text(line, name)
    }
}

fn value(line: &mut Vec<u8>, what: &Value) -> io::Result<()> {
    match what {
        Value::Nil => line.extend_from_slice(b"nil"),
        Value::Bool(truth) => write!(line, "{truth}")?,
        Value::Int(number) => write!(line, "{number}")?,
        Value::Number(digits) => {
            line.extend_from_slice(digits.as_bytes());
            // Without the mark, Clojure would read a number that is rounded or too large.
            let whole = digits.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
            line.push(if whole { b'N' } else { b'M' });
        }
        Value::Text(characters) => text(line, characters)?,
        Value::List(items) => {
            line.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    line.push(b' ');
                }
                value(line, item)?;
            }
            line.push(b']');
        }
        Value::Map(entries) => {
            line.push(b'{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    line.extend_from_slice(b", ");
                }
                value(line, key)?;
                line.push(b' ');
                value(line, item)?;
            }
            line.push(b'}');
        }
    }
    Ok(())
}

fn text(line: &mut Vec<u8>, characters: &str) -> io::Result<()> {
    line.push(b'"');
    for &byte in characters.as_bytes() {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0..0x20 => write!(line, "\\u{byte:04x}")?,
            _ => line.push(byte),
        }
    }
    line.push(b'"');
    Ok(())
}
