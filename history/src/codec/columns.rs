//! The body of an events frame: one column per field, so that compression finds what repeats and decoding is a loop.
//!
//! ```text
//! functions  count, then each as length + UTF-8
//! errors     count, then each as length + UTF-8
//! values     count, then each as a tree (below)
//! time       of the first event, in ns
//! kinds      one byte per event: bits 0-1 the kind, bit 2 "has a node", bit 3 "has an error"
//! columns    functions, processes, times, keys, values, nodes, errors
//! ```
//!
//! Counts, lengths, the time and the numbers of trees have variable length ([`super::varint`]). A column is a byte W,
//! then W planes: the lowest byte of each of its numbers, then the second byte of each, and so on ([`super::planes`]).
//! That decodes without a branch and compresses at least as well as numbers of variable length.
//!
//! Per event there is an index of a *function*, the *process*, the zigzag difference of its *time* from the previous
//! event's (0 for the frame's first), and for *key* and *value* a code: 0 is nil, odd is a small integer (zigzag of
//! `code >> 1`), even is entry `code / 2 - 1` of the frame's values. *nodes* and *errors* have numbers only for events
//! with the flag.
//!
//! A tree is a number: odd is a small integer as above, else `number / 2` says what follows: 0 nil, 1 false, 2 true,
//! 3 an integer (zigzag), 4 the text of a number, 5 text, 6 a list (count, trees), 7 a map (count, keys and values).

mod read;

use rustc_hash::FxHashMap;

use super::{VALUE_MAX_BYTES, planes, varint};
use crate::value::MAX_DEPTH;
use crate::{EventKind, EventRef, Value};
pub(super) use read::{ColumnReader, Malformed, SharedEvent};

const COLUMNS: usize = 7;
const FUNCTION: usize = 0;
const PROCESS: usize = 1;
const TIME: usize = 2;
const KEY: usize = 3;
const VALUE: usize = 4;
const NODE: usize = 5;
const ERROR: usize = 6;

const HAS_NODE: u8 = 4;
const HAS_ERROR: u8 = 8;

/// What an event takes in the columns, about.
const EVENT_BYTES: usize = 10;

/// Integers whose zigzag fits 63 bits are written in place.
const SMALL: u64 = 1 << 63;

/// Gathers events into columns.
#[derive(Debug, Default)]
pub(super) struct ColumnWriter {
    kinds: Vec<u8>,
    columns: [Vec<u64>; COLUMNS],
    functions: Names,
    errors: Names,
    values: Vec<u8>,
    value_ids: FxHashMap<Value, u32>,
    first_time: u64,
    last_time: u64,
}

/// Why an event was not added; the columns are as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A value is nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A value or text takes more than [`VALUE_MAX_BYTES`].
    TooLarge,
}

/// Texts with their numbers, in order of first use.
#[derive(Debug, Default)]
struct Names {
    ids: FxHashMap<Box<str>, u32>,
    encoded: Vec<u8>,
}

impl Names {
    fn id(&mut self, name: &str) -> u32 {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = self.ids.len() as u32;
        self.ids.insert(name.into(), id);
        write_text(&mut self.encoded, name);
        id
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        varint::write(out, self.ids.len() as u64);
        out.append(&mut self.encoded);
        self.ids.clear();
    }
}

impl ColumnWriter {
    /// How many events were gathered.
    pub(super) fn events(&self) -> u32 {
        self.kinds.len() as u32
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let tables = self.values.len() + self.functions.encoded.len() + self.errors.encoded.len();
        EVENT_BYTES * self.kinds.len() + tables
    }

    /// Adds an event.
    pub(super) fn push(&mut self, event: EventRef<'_>) -> Result<(), Refused> {
        if event.f.len().max(event.error.map_or(0, str::len)) > VALUE_MAX_BYTES {
            return Err(Refused::TooLarge);
        }
        let key = self.value_code(event.key)?;
        let value = self.value_code(event.value)?;
        let mut kind = match event.kind {
            EventKind::Invoke => 0,
            EventKind::Ok => 1,
            EventKind::Fail => 2,
            EventKind::Info => 3,
        };
        if let Some(node) = event.node {
            kind |= HAS_NODE;
            self.columns[NODE].push(u64::from(node));
        }
        if let Some(error) = event.error {
            kind |= HAS_ERROR;
            self.columns[ERROR].push(u64::from(self.errors.id(error)));
        }
        if self.kinds.is_empty() {
            self.first_time = event.time;
            self.last_time = event.time;
        }
        self.kinds.push(kind);
        self.columns[FUNCTION].push(u64::from(self.functions.id(event.f)));
        self.columns[PROCESS].push(u64::from(event.process));
        self.columns[TIME].push(varint::zigzag(event.time.wrapping_sub(self.last_time) as i64));
        self.last_time = event.time;
        self.columns[KEY].push(key);
        self.columns[VALUE].push(value);
        Ok(())
    }

    /// Appends the frame's body to `out` and begins the next one.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.functions.finish(out);
        self.errors.finish(out);
        varint::write(out, self.value_ids.len() as u64);
        out.append(&mut self.values);
        self.value_ids.clear();
        varint::write(out, self.first_time);
        out.append(&mut self.kinds);
        for column in &mut self.columns {
            planes::write(out, column);
            column.clear();
        }
    }

    fn value_code(&mut self, value: &Value) -> Result<u64, Refused> {
        match value {
            Value::Nil => return Ok(0),
            Value::Int(number) if varint::zigzag(*number) < SMALL => return Ok(varint::zigzag(*number) << 1 | 1),
            _ => {}
        }
        let id = match self.value_ids.get(value) {
            Some(&id) => id,
            None => {
                let before = self.values.len();
                let limit = before + VALUE_MAX_BYTES;
                if let Err(refused) = write_tree(&mut self.values, value, 0, limit) {
                    self.values.truncate(before);
                    return Err(refused);
                }
                let id = self.value_ids.len() as u32;
                self.value_ids.insert(value.clone(), id);
                id
            }
        };
        Ok((u64::from(id) + 1) << 1)
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    varint::write(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn write_tree(out: &mut Vec<u8>, value: &Value, depth: usize, limit: usize) -> Result<(), Refused> {
    if depth > MAX_DEPTH {
        return Err(Refused::TooDeep);
    }
    match value {
        Value::Nil => varint::write(out, 0),
        Value::Bool(truth) => varint::write(out, (1 + u64::from(*truth)) << 1),
        Value::Int(number) => {
            let number = varint::zigzag(*number);
            if number < SMALL {
                varint::write(out, number << 1 | 1);
            } else {
                varint::write(out, 3 << 1);
                varint::write(out, number);
            }
        }
        Value::Number(text) => {
            varint::write(out, 4 << 1);
            write_text(out, text);
        }
        Value::Text(text) => {
            varint::write(out, 5 << 1);
            write_text(out, text);
        }
        Value::List(items) => {
            varint::write(out, 6 << 1);
            varint::write(out, items.len() as u64);
            for item in items.iter() {
                write_tree(out, item, depth + 1, limit)?;
            }
        }
        Value::Map(entries) => {
            varint::write(out, 7 << 1);
            varint::write(out, entries.len() as u64);
            for (key, value) in entries.iter() {
                write_tree(out, key, depth + 1, limit)?;
                write_tree(out, value, depth + 1, limit)?;
            }
        }
    }
    if out.len() > limit {
        return Err(Refused::TooLarge);
    }
    Ok(())
}
