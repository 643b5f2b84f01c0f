//! The body of an events frame: one column per field, so that compression finds what repeats and decoding is a loop.
//!
//! ```text
//! functions  count, then each as length + UTF-8
//! errors     count, then each as length + UTF-8
//! values     count, then each as a tree (below)
//! lengths    of the eight columns, in bytes
//! columns    kinds · functions · processes · times · keys · values · nodes · errors
//! ```
//!
//! All numbers are variable-length integers ([`super::varint`]). Per event: *kinds* one byte (bits 0–1 the kind, bit 2
//! "has a node", bit 3 "has an error"); *functions* an index; *processes* the number; *times* the zigzag difference to
//! the previous event (to zero for the frame's first); *keys* and *values* a code: 0 is nil, odd is a small integer
//! (zigzag of `code >> 1`), even is entry `code / 2 - 1` of the frame's values. *nodes* and *errors* only where
//! flagged.
//!
//! A tree is a number: odd is a small integer as above, else `number / 2` says what follows: 0 nil, 1 false, 2 true,
//! 3 an integer (zigzag), 4 the text of a number, 5 text, 6 a list (count, trees), 7 a map (count, key and value
//! trees).

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::VALUE_MAX_BYTES;
use super::varint::{self, Bytes};
use crate::value::MAX_DEPTH;
use crate::{EventKind, EventRef, Value};

const COLUMNS: usize = 8;
const KIND: usize = 0;
const FUNCTION: usize = 1;
const PROCESS: usize = 2;
const TIME: usize = 3;
const KEY: usize = 4;
const VALUE: usize = 5;
const NODE: usize = 6;
const ERROR: usize = 7;

const HAS_NODE: u8 = 4;
const HAS_ERROR: u8 = 8;

/// Integers whose zigzag fits 63 bits are written in place.
const SMALL: u64 = 1 << 63;

/// Gathers events into columns.
#[derive(Debug, Default)]
pub(super) struct ColumnWriter {
    columns: [Vec<u8>; COLUMNS],
    functions: Names,
    errors: Names,
    values: Vec<u8>,
    value_ids: FxHashMap<Value, u32>,
    last_time: u64,
    events: u32,
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
        self.events
    }

    /// About how many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(Vec::len).sum();
        columns + self.values.len() + self.functions.encoded.len() + self.errors.encoded.len()
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
            varint::write(&mut self.columns[NODE], u64::from(node));
        }
        if let Some(error) = event.error {
            kind |= HAS_ERROR;
            let id = self.errors.id(error);
            varint::write(&mut self.columns[ERROR], u64::from(id));
        }
        self.columns[KIND].push(kind);
        let function = self.functions.id(event.f);
        varint::write(&mut self.columns[FUNCTION], u64::from(function));
        varint::write(&mut self.columns[PROCESS], u64::from(event.process));
        let elapsed = event.time.wrapping_sub(self.last_time) as i64;
        self.last_time = event.time;
        varint::write(&mut self.columns[TIME], varint::zigzag(elapsed));
        varint::write(&mut self.columns[KEY], key);
        varint::write(&mut self.columns[VALUE], value);
        self.events += 1;
        Ok(())
    }

    /// Appends the frame's body to `out` and begins the next one.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        self.functions.finish(out);
        self.errors.finish(out);
        varint::write(out, self.value_ids.len() as u64);
        out.append(&mut self.values);
        self.value_ids.clear();
        for column in &self.columns {
            varint::write(out, column.len() as u64);
        }
        for column in &mut self.columns {
            out.append(column);
        }
        self.last_time = 0;
        self.events = 0;
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

/// One decoded frame, handing out its events.
#[derive(Debug, Default)]
pub(super) struct ColumnReader {
    raw: Vec<u8>,
    columns: [Bytes; COLUMNS],
    functions: Vec<Arc<str>>,
    errors: Vec<Arc<str>>,
    values: Vec<Value>,
    /// Names of earlier frames, so that equal names stay one allocation. Bounded; see [`ColumnReader::intern`].
    known: FxHashMap<Box<str>, Arc<str>>,
    key: Value,
    value: Value,
    time: u64,
    left: u32,
}

/// A frame whose checksum is right but whose content does not decode: the message says what.
pub(super) type Malformed = &'static str;

/// An event with its shared function name and error text.
pub(super) type SharedEvent<'a> = (EventRef<'a>, &'a Arc<str>, Option<&'a Arc<str>>);

impl ColumnReader {
    /// Where to put the frame's decompressed body before [`ColumnReader::begin`].
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.left = 0;
        &mut self.raw
    }

    /// Begins a frame of `events` events.
    pub(super) fn begin(&mut self, events: u32) -> Result<(), Malformed> {
        let raw = std::mem::take(&mut self.raw);
        let result = self.decode_tables(&raw, events);
        self.raw = raw;
        result
    }

    /// How many events are left in this frame.
    pub(super) fn left(&self) -> u32 {
        self.left
    }

    fn decode_tables(&mut self, raw: &[u8], events: u32) -> Result<(), Malformed> {
        let mut bytes = Bytes::new(0, raw.len());
        let mut functions = std::mem::take(&mut self.functions);
        self.names(raw, &mut bytes, &mut functions).ok_or("its function names do not decode")?;
        self.functions = functions;
        let mut errors = std::mem::take(&mut self.errors);
        self.names(raw, &mut bytes, &mut errors).ok_or("its error texts do not decode")?;
        self.errors = errors;
        self.values.clear();
        let count = bytes.length(raw).ok_or("its values do not decode")?;
        for _ in 0..count {
            let value = read_tree(raw, &mut bytes, 0).ok_or("its values do not decode")?;
            self.values.push(value);
        }
        let mut lengths = [0; COLUMNS];
        for length in &mut lengths {
            *length = bytes.length(raw).ok_or("its columns do not fit")?;
        }
        for (column, length) in self.columns.iter_mut().zip(lengths) {
            *column = bytes.split(length).ok_or("its columns do not fit")?;
        }
        if bytes.left() != 0 {
            return Err("it has bytes after its last column");
        }
        if lengths[KIND] != events as usize {
            return Err("its header and its columns differ in the number of events");
        }
        self.time = 0;
        self.left = events;
        Ok(())
    }

    fn names(&mut self, raw: &[u8], bytes: &mut Bytes, names: &mut Vec<Arc<str>>) -> Option<()> {
        names.clear();
        let count = bytes.length(raw)?;
        for _ in 0..count {
            let name = bytes.text(raw)?;
            names.push(self.intern(name));
        }
        Some(())
    }

    fn intern(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        // Error texts may all differ; forgetting them keeps memory constant and costs only sharing.
        if self.known.len() >= 4096 {
            self.known.clear();
        }
        let shared: Arc<str> = Arc::from(name);
        self.known.insert(name.into(), shared.clone());
        shared
    }

    /// The next event with its shared names. The caller has seen [`ColumnReader::left`] to be more than zero.
    #[inline]
    pub(super) fn next(&mut self) -> Result<SharedEvent<'_>, Malformed> {
        const ENDS_EARLY: Malformed = "one of its columns ends early";
        let raw = &self.raw[..];
        let flags = self.columns[KIND].byte(raw).ok_or(ENDS_EARLY)?;
        let kind = match flags & 3 {
            0 => EventKind::Invoke,
            1 => EventKind::Ok,
            2 => EventKind::Fail,
            _ => EventKind::Info,
        };
        if flags > 15 {
            return Err("an event has flags that this build does not know");
        }
        let function = self.columns[FUNCTION].varint(raw).ok_or(ENDS_EARLY)?;
        let function = self.functions.get(function as usize).ok_or("an event names a function that is not there")?;
        let process = self.columns[PROCESS].varint(raw).ok_or(ENDS_EARLY)?;
        let process = u32::try_from(process).map_err(|_| "a process does not fit 32 bits")?;
        let elapsed = varint::unzigzag(self.columns[TIME].varint(raw).ok_or(ENDS_EARLY)?);
        self.time = self.time.wrapping_add(elapsed as u64);
        let key = self.columns[KEY].varint(raw).ok_or(ENDS_EARLY)?;
        let key = coded(key, &self.values, &mut self.key).ok_or("an event names a key that is not there")?;
        let value = self.columns[VALUE].varint(raw).ok_or(ENDS_EARLY)?;
        let value = coded(value, &self.values, &mut self.value).ok_or("an event names a value that is not there")?;
        let mut node = None;
        if flags & HAS_NODE != 0 {
            let number = self.columns[NODE].varint(raw).ok_or(ENDS_EARLY)?;
            node = Some(u16::try_from(number).map_err(|_| "a node does not fit 16 bits")?);
        }
        let mut error = None;
        if flags & HAS_ERROR != 0 {
            let number = self.columns[ERROR].varint(raw).ok_or(ENDS_EARLY)?;
            error = Some(self.errors.get(number as usize).ok_or("an event names an error text that is not there")?);
        }
        if self.left == 1 && self.columns.iter().any(|column| column.left() != 0) {
            return Err("one of its columns is longer than its events");
        }
        self.left -= 1;
        let event = EventRef {
            time: self.time,
            process,
            kind,
            f: function,
            key,
            value,
            node,
            error: error.map(|error| &**error),
        };
        Ok((event, function, error))
    }
}

/// The value that a column's code stands for; integers are put into `scratch`.
#[inline]
fn coded<'a>(code: u64, values: &'a [Value], scratch: &'a mut Value) -> Option<&'a Value> {
    if code & 1 == 1 {
        *scratch = Value::Int(varint::unzigzag(code >> 1));
        Some(scratch)
    } else if code == 0 {
        Some(&Value::Nil)
    } else {
        values.get((code >> 1) as usize - 1)
    }
}

fn read_tree(raw: &[u8], bytes: &mut Bytes, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let tag = bytes.varint(raw)?;
    if tag & 1 == 1 {
        return Some(Value::Int(varint::unzigzag(tag >> 1)));
    }
    Some(match tag >> 1 {
        0 => Value::Nil,
        1 => Value::Bool(false),
        2 => Value::Bool(true),
        3 => Value::Int(varint::unzigzag(bytes.varint(raw)?)),
        4 => Value::Number(Arc::from(bytes.text(raw)?)),
        5 => Value::Text(Arc::from(bytes.text(raw)?)),
        6 => {
            let count = bytes.length(raw)?;
            let mut items = Vec::with_capacity(count.min(4096));
            for _ in 0..count {
                items.push(read_tree(raw, bytes, depth + 1)?);
            }
            Value::List(Arc::from(items))
        }
        7 => {
            let count = bytes.length(raw)?;
            let mut entries = Vec::with_capacity(count.min(4096));
            for _ in 0..count {
                let key = read_tree(raw, bytes, depth + 1)?;
                entries.push((key, read_tree(raw, bytes, depth + 1)?));
            }
            Value::Map(Arc::from(entries))
        }
        _ => return None,
    })
}
