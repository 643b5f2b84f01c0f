//! Decoding a frame's columns.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::planes;
use super::super::varint::{self, Bytes};
use super::{COLUMNS, ERROR, FUNCTION, HAS_ERROR, HAS_NODE, KEY, NODE, PROCESS, TIME, VALUE};
use crate::history::EventIds;
use crate::value::MAX_DEPTH;
use crate::{EventKind, EventRef, History, HistoryBuilder, HistoryError, Value};

/// One decoded frame, handing out its events. A frame is checked as a whole before its first event is handed out.
#[derive(Debug, Default)]
pub(in super::super) struct ColumnReader {
    raw: Vec<u8>,
    functions: Vec<Arc<str>>,
    errors: Vec<Arc<str>>,
    values: Vec<Value>,
    /// The ids of functions and values in the history that is built, if one is.
    function_ids: Vec<u16>,
    value_ids: Vec<u32>,
    kinds: Vec<u8>,
    columns: [Vec<u64>; COLUMNS],
    /// The next event, and how many events before it have a node and an error.
    next: usize,
    next_node: usize,
    next_error: usize,
    time: u64,
    /// Names of earlier frames, so that equal names stay one allocation. Bounded; see [`ColumnReader::intern`].
    known: FxHashMap<Box<str>, Arc<str>>,
    key: Value,
    value: Value,
}

/// A frame whose checksum is right but whose content does not decode: the message says what.
pub(in super::super) type Malformed = &'static str;

/// An event with its shared function name and error text.
pub(in super::super) type SharedEvent<'a> = (EventRef<'a>, &'a Arc<str>, Option<&'a Arc<str>>);

/// What bits 0-1 of an event's byte say.
const KINDS: [EventKind; 4] = [EventKind::Invoke, EventKind::Ok, EventKind::Fail, EventKind::Info];

impl ColumnReader {
    /// Where to put the frame's decompressed body before [`ColumnReader::begin`].
    pub(in super::super) fn buffer(&mut self) -> &mut Vec<u8> {
        self.kinds.clear();
        self.next = 0;
        &mut self.raw
    }

    /// Decodes a frame of `events` events.
    pub(in super::super) fn begin(&mut self, events: u32) -> Result<(), Malformed> {
        let raw = std::mem::take(&mut self.raw);
        let result = self.decode(&raw, events as usize);
        self.raw = raw;
        if result.is_err() {
            self.kinds.clear();
        }
        result
    }

    /// How many events are left in this frame.
    #[inline]
    pub(in super::super) fn left(&self) -> u32 {
        (self.kinds.len() - self.next) as u32
    }

    /// Finds the ids of the frame's functions and values in a history that is built.
    pub(in super::super) fn identify(&mut self, builder: &mut HistoryBuilder) -> Result<(), HistoryError> {
        self.function_ids.clear();
        for function in &self.functions {
            self.function_ids.push(builder.function_id(function)?);
        }
        self.value_ids.clear();
        for value in &self.values {
            self.value_ids.push(builder.value_id(value)?);
        }
        Ok(())
    }

    /// Adds all events that are left to the history for which the frame was [identified](ColumnReader::identify).
    pub(in super::super) fn all_into(&mut self, builder: &mut HistoryBuilder) -> Result<(), HistoryError> {
        let id = |builder: &mut HistoryBuilder, code: u64| match code {
            0 => Ok(History::NIL),
            odd if odd & 1 == 1 => builder.int_id(varint::unzigzag(odd >> 1)),
            entry => Ok(self.value_ids[(entry >> 1) as usize - 1]),
        };
        let [times, processes, functions, keys, values] = [TIME, PROCESS, FUNCTION, KEY, VALUE];
        let rest = |column: usize| self.columns[column][self.next..].iter().copied();
        let (mut nodes, mut errors) =
            (rest_of(&self.columns[NODE], self.next_node), rest_of(&self.columns[ERROR], self.next_error));
        let kinds = self.kinds[self.next..].iter();
        let events = kinds.zip(rest(times)).zip(rest(processes)).zip(rest(functions)).zip(rest(keys)).zip(rest(values));
        let mut time = self.time;
        for (((((&flags, step), process), function), key), value) in events {
            time = time.wrapping_add(varint::unzigzag(step) as u64);
            let error = if flags & HAS_ERROR != 0 { errors.next() } else { None };
            let (key, value) = (id(builder, key)?, id(builder, value)?);
            builder.push_ids(&EventIds {
                time,
                process: process as u32,
                kind: KINDS[usize::from(flags & 3)],
                function: self.function_ids[function as usize],
                key,
                value,
                node: if flags & HAS_NODE != 0 { nodes.next().map(|node| node as u16) } else { None },
                error: error.map(|error| self.errors[error as usize].clone()),
            })?;
        }
        self.time = time;
        self.next = self.kinds.len();
        Ok(())
    }

    /// Moves on by one event: its flags, its node and the index of its error.
    #[inline]
    fn advance(&mut self) -> Option<(u8, Option<u16>, Option<usize>)> {
        let at = self.next;
        let flags = *self.kinds.get(at)?;
        self.next += 1;
        self.time = self.time.wrapping_add(varint::unzigzag(self.columns[TIME][at]) as u64);
        let mut node = None;
        if flags & HAS_NODE != 0 {
            node = Some(self.columns[NODE][self.next_node] as u16);
            self.next_node += 1;
        }
        let mut error = None;
        if flags & HAS_ERROR != 0 {
            error = Some(self.columns[ERROR][self.next_error] as usize);
            self.next_error += 1;
        }
        Some((flags, node, error))
    }

    /// The next event with its shared names; `None` after the last.
    #[inline]
    pub(in super::super) fn next(&mut self) -> Option<SharedEvent<'_>> {
        let at = self.next;
        let (flags, node, error) = self.advance()?;
        let function = &self.functions[self.columns[FUNCTION][at] as usize];
        let error = error.map(|error| &self.errors[error]);
        let event = EventRef {
            time: self.time,
            process: self.columns[PROCESS][at] as u32,
            kind: KINDS[usize::from(flags & 3)],
            f: function,
            key: coded(self.columns[KEY][at], &self.values, &mut self.key),
            value: coded(self.columns[VALUE][at], &self.values, &mut self.value),
            node,
            error: error.map(|error| &**error),
        };
        Some((event, function, error))
    }

    fn decode(&mut self, raw: &[u8], events: usize) -> Result<(), Malformed> {
        let mut bytes = Bytes::new(0, raw.len());
        // A writer has in these tables what the frame's events need, and each event needs little.
        let mut functions = std::mem::take(&mut self.functions);
        self.names(raw, &mut bytes, &mut functions, events).ok_or("its function names do not decode")?;
        self.functions = functions;
        let mut errors = std::mem::take(&mut self.errors);
        self.names(raw, &mut bytes, &mut errors, events).ok_or("its error texts do not decode")?;
        self.errors = errors;
        self.values.clear();
        let count = bytes.length(raw).ok_or("its values do not decode")?;
        if count > 2 * events {
            return Err("it has more values than its events can have");
        }
        for _ in 0..count {
            let value = read_tree(raw, &mut bytes, 0).ok_or("its values do not decode")?;
            self.values.push(value);
        }
        self.time = bytes.varint(raw).ok_or("its first time does not decode")?;
        self.kinds.clear();
        let kinds = bytes.split(events).ok_or("it has fewer events than its header says")?;
        self.kinds.extend_from_slice(kinds.of(raw));
        let flagged = |flag| self.kinds.iter().filter(|&&kind| kind & flag != 0).count();
        let mut counts = [events; COLUMNS];
        (counts[NODE], counts[ERROR]) = (flagged(HAS_NODE), flagged(HAS_ERROR));
        for (column, count) in self.columns.iter_mut().zip(counts) {
            planes::read(&mut bytes, raw, count, column).ok_or("one of its columns ends early")?;
        }
        if bytes.left() != 0 {
            return Err("it has bytes after its last column");
        }
        (self.next_node, self.next_error) = (0, 0);
        self.check()
    }

    /// Whether every number means something.
    fn check(&self) -> Result<(), Malformed> {
        // Every column is gone through to its end, which is quicker than to be ready to stop.
        let below = |column: usize, limit: u64| self.columns[column].iter().max().is_none_or(|&most| most < limit);
        let coded = |column: usize| {
            let values = self.values.len() as u64;
            let entries = self.columns[column].iter().map(|&code| if code & 1 == 1 { 0 } else { code >> 1 });
            entries.max().is_none_or(|most| most <= values)
        };
        if self.kinds.iter().fold(0, |all, kind| all | kind) & !(3 | HAS_NODE | HAS_ERROR) != 0 {
            return Err("an event has flags that this build does not know");
        }
        let checks = [
            (below(FUNCTION, self.functions.len() as u64), "an event names a function that is not there"),
            (below(PROCESS, 1 << 32), "a process does not fit 32 bits"),
            (coded(KEY), "an event names a key that is not there"),
            (coded(VALUE), "an event names a value that is not there"),
            (below(NODE, 1 << 16), "a node does not fit 16 bits"),
            (below(ERROR, self.errors.len() as u64), "an event names an error text that is not there"),
        ];
        checks.into_iter().find(|(right, _)| !right).map_or(Ok(()), |(_, what)| Err(what))
    }

    /// Reads names, as many as there are events at most.
    fn names(&mut self, raw: &[u8], bytes: &mut Bytes, names: &mut Vec<Arc<str>>, events: usize) -> Option<()> {
        names.clear();
        let count = bytes.length(raw).filter(|&count| count <= events)?;
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
}

fn rest_of(column: &[u64], next: usize) -> impl Iterator<Item = u64> + '_ {
    column[next..].iter().copied()
}

/// The value that a column's code stands for, checked to be there; integers are put into `scratch`.
#[inline]
fn coded<'a>(code: u64, values: &'a [Value], scratch: &'a mut Value) -> &'a Value {
    if code & 1 == 1 {
        *scratch = Value::Int(varint::unzigzag(code >> 1));
        scratch
    } else if code == 0 {
        &Value::Nil
    } else {
        &values[(code >> 1) as usize - 1]
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
