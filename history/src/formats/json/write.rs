//! Events as JSON lines.

use std::io::{self, Write};

use super::value::object_key;
use crate::{EventKind, EventRef, Value};

/// Writes one JSON object per event and line. Buffers a line, so give it a buffered output.
#[derive(Debug)]
pub struct JsonWriter<W> {
    output: W,
    line: Vec<u8>,
}

impl<W: Write> JsonWriter<W> {
    /// A writer to `output`.
    pub fn new(output: W) -> JsonWriter<W> {
        JsonWriter { output, line: Vec::new() }
    }

    /// Writes an event's line.
    pub fn push(&mut self, event: EventRef<'_>) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        write!(line, "{{\"process\":{},\"type\":", event.process)?;
        line.extend_from_slice(match event.kind {
            EventKind::Invoke => b"\"invoke\",\"f\":",
            EventKind::Ok => b"\"ok\",\"f\":",
            EventKind::Fail => b"\"fail\",\"f\":",
            EventKind::Info => b"\"info\",\"f\":",
        });
        text(line, event.f);
        if !event.key.is_nil() {
            line.extend_from_slice(b",\"key\":");
            value(line, event.key)?;
        }
        line.extend_from_slice(b",\"value\":");
        value(line, event.value)?;
        write!(line, ",\"time\":{}", event.time)?;
        if let Some(node) = event.node {
            write!(line, ",\"node\":{node}")?;
        }
        if let Some(error) = event.error {
            line.extend_from_slice(b",\"error\":");
            text(line, error);
        }
        line.extend_from_slice(b"}\n");
        self.output.write_all(line)
    }

    /// Flushes the output and hands it back.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

fn value(line: &mut Vec<u8>, what: &Value) -> io::Result<()> {
    match what {
        Value::Nil => line.extend_from_slice(b"null"),
        Value::Bool(truth) => write!(line, "{truth}")?,
        Value::Int(number) => write!(line, "{number}")?,
        Value::Number(digits) => line.extend_from_slice(digits.as_bytes()),
        Value::Text(characters) => text(line, characters),
        Value::List(items) => {
            line.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    line.push(b',');
                }
                value(line, item)?;
            }
            line.push(b']');
        }
        Value::Map(entries) => map(line, entries)?,
    }
    Ok(())
}

/// An object where every key survives being one, else `{"$map":[[key,value],…]}`.
fn map(line: &mut Vec<u8>, entries: &[(Value, Value)]) -> io::Result<()> {
    let plain = |key: &Value| match key {
        Value::Int(_) => true,
        Value::Text(name) => &**name != "$map" && object_key(name).as_text().is_some(),
        _ => false,
    };
    if entries.iter().all(|(key, _)| plain(key)) {
        line.push(b'{');
        for (index, (key, item)) in entries.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            match key {
                Value::Text(name) => text(line, name),
                number => write!(line, "\"{number}\"")?,
            }
            line.push(b':');
            value(line, item)?;
        }
        line.push(b'}');
        return Ok(());
    }
    line.extend_from_slice(b"{\"$map\":[");
    for (index, (key, item)) in entries.iter().enumerate() {
        line.extend_from_slice(if index > 0 { b",[" } else { b"[" });
        value(line, key)?;
        line.push(b',');
        value(line, item)?;
        line.push(b']');
    }
    line.extend_from_slice(b"]}");
    Ok(())
}

fn text(line: &mut Vec<u8>, characters: &str) {
    line.push(b'"');
    for &byte in characters.as_bytes() {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            0..0x20 => line.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => line.push(byte),
        }
    }
    line.push(b'"');
}
