//! The columnar history: one row per operation, everything interned.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::{Event, EventKind, Outcome, Value};

/// An operation's index in its history, in order of invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct OpId(pub u32);

/// What is wrong with a sequence of events: it is not a history.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HistoryError {
    /// A process invoked while its previous operation was open.
    #[error("event {position}: process {process} invokes `{f}` while its `{open}` from event {since} is still open")]
    AlreadyOpen {
        /// The event's position, 0-based.
        position: u64,
        /// The process.
        process: u32,
        /// What it invokes.
        f: Arc<str>,
        /// What is open.
        open: Arc<str>,
        /// Where that was invoked.
        since: u64,
    },
    /// A completion without an invocation.
    #[error("event {position}: process {process} completes `{f}` but has no operation open")]
    NotOpen {
        /// The event's position, 0-based.
        position: u64,
        /// The process.
        process: u32,
        /// What it completes.
        f: Arc<str>,
    },
    /// A completion whose function or key is not its invocation's.
    #[error("event {position}: process {process} completes `{f}` but its open operation is `{open}`")]
    Mismatch {
        /// The event's position, 0-based.
        position: u64,
        /// The process.
        process: u32,
        /// What it completes.
        f: Arc<str>,
        /// What is open.
        open: Arc<str>,
    },
    /// Time ran backwards.
    #[error("event {position}: its time {time} ns is before the previous event's {previous} ns")]
    TimeBackwards {
        /// The event's position, 0-based.
        position: u64,
        /// Its time.
        time: u64,
        /// The previous event's time.
        previous: u64,
    },
    /// More operations or values than 32-bit indices can name.
    #[error("event {position}: a history holds at most 2^31 events; split it by key or in time")]
    TooLarge {
        /// The event's position, 0-based.
        position: u64,
    },
}

/// An immutable history: operations as columns, in order of invocation.
///
/// Real-time order is the order of *positions* (the index of an event in the recorded sequence), so it is exact even
/// where two events carry the same nanosecond.
#[derive(Clone, Debug, Default)]
pub struct History {
    process: Vec<u32>,
    function: Vec<u16>,
    outcome: Vec<Outcome>,
    node: Vec<u16>,
    key: Vec<u32>,
    input: Vec<u32>,
    output: Vec<u32>,
    invoked: Vec<u32>,
    completed: Vec<u32>,
    times: Vec<u64>,
    errors: FxHashMap<u32, Arc<str>>,
    functions: Vec<Arc<str>>,
    values: Vec<Value>,
}

/// One operation of a history.
#[derive(Clone, Debug)]
pub struct OpView<'a> {
    /// Its index.
    pub id: OpId,
    /// The process that ran it.
    pub process: u32,
    /// The node it was sent to, where known (1-based).
    pub node: Option<u16>,
    /// What it does.
    pub f: &'a str,
    /// The object it works on.
    pub key: Value,
    /// What was asked.
    pub input: Value,
    /// What came back; the input again where nothing did.
    pub output: Value,
    /// How it ended; `Info` when it has no completion.
    pub outcome: Outcome,
    /// Position of the invocation in the event sequence.
    pub invoked: u32,
    /// Position of the completion; `None` when it never completed.
    pub completed: Option<u32>,
    /// Time of the invocation, ns.
    pub invoke_time: u64,
    /// Time of the completion, ns.
    pub complete_time: Option<u64>,
    /// Why it did not end `ok`.
    pub error: Option<&'a str>,
}

/// One operation of a history in small integers, for checkers.
///
/// Two operations have equal values exactly when their value ids are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The process that ran it.
    pub process: u32,
    /// What it does; see [`History::function`].
    pub function: u16,
    /// How it ended; `Info` when it has no completion.
    pub outcome: Outcome,
    /// The object, as a value id; see [`History::value`].
    pub key: u32,
    /// What was asked, as a value id.
    pub input: u32,
    /// What came back, as a value id; the input again where nothing did.
    pub output: u32,
    /// Position of the invocation in the event sequence.
    pub invoked: u32,
    /// Position of the completion; `None` when it never completed.
    pub completed: Option<u32>,
}

const NEVER: u32 = u32::MAX;

impl History {
    /// A history from events in real-time order.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Result<History, HistoryError> {
        let mut builder = HistoryBuilder::default();
        for event in events {
            builder.push(&event)?;
        }
        Ok(builder.finish())
    }

    /// How many operations it has.
    pub fn len(&self) -> usize {
        self.process.len()
    }

    /// True when it has none.
    pub fn is_empty(&self) -> bool {
        self.process.is_empty()
    }

    /// One operation. Panics when the index is not of this history.
    pub fn op(&self, id: OpId) -> OpView<'_> {
        let row = id.0 as usize;
        let completed = self.completed[row];
        OpView {
            id,
            process: self.process[row],
            node: (self.node[row] != 0).then_some(self.node[row]),
            f: &self.functions[self.function[row] as usize],
            key: self.value(self.key[row]),
            input: self.value(self.input[row]),
            output: self.value(self.output[row]),
            outcome: self.outcome[row],
            invoked: self.invoked[row],
            completed: (completed != NEVER).then_some(completed),
            invoke_time: self.times[self.invoked[row] as usize],
            complete_time: (completed != NEVER).then(|| self.times[completed as usize]),
            error: self.errors.get(&id.0).map(|text| &**text),
        }
    }

    /// All operations in order of invocation.
    pub fn ops(&self) -> impl Iterator<Item = OpView<'_>> {
        (0..self.len() as u32).map(|row| self.op(OpId(row)))
    }

    /// One operation in small integers. Panics when the index is not of this history.
    pub fn row(&self, id: OpId) -> Row {
        let row = id.0 as usize;
        let completed = self.completed[row];
        Row {
            process: self.process[row],
            function: self.function[row],
            outcome: self.outcome[row],
            key: self.key[row],
            input: self.input[row],
            output: self.output[row],
            invoked: self.invoked[row],
            completed: (completed != NEVER).then_some(completed),
        }
    }

    /// All operations in small integers, in order of invocation.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.len() as u32).map(|row| self.row(OpId(row)))
    }

    /// The value that a row's id stands for. Panics when the id is not of this history.
    pub fn value(&self, id: u32) -> Value {
        self.values[id as usize].clone()
    }

    /// The name that a row's function stands for. Panics when it is not of this history.
    pub fn function(&self, id: u16) -> &Arc<str> {
        &self.functions[id as usize]
    }

    /// Time of the last event, ns; 0 when there is none.
    pub fn end_time(&self) -> u64 {
        self.times.last().copied().unwrap_or(0)
    }
}

/// Builds a [`History`] event by event, refusing what is not one.
#[derive(Debug, Default)]
pub struct HistoryBuilder {
    history: History,
    open: FxHashMap<u32, u32>,
    function_ids: FxHashMap<Arc<str>, u16>,
    value_ids: FxHashMap<Value, u32>,
}

impl HistoryBuilder {
    /// Adds the next event.
    pub fn push(&mut self, event: &Event) -> Result<(), HistoryError> {
        let position = self.history.times.len() as u64;
        if position >= u64::from(u32::MAX >> 1) {
            return Err(HistoryError::TooLarge { position });
        }
        if let Some(&previous) = self.history.times.last()
            && event.time < previous
        {
            return Err(HistoryError::TimeBackwards { position, time: event.time, previous });
        }
        match event.kind {
            EventKind::Invoke => self.invoke(event, position)?,
            EventKind::Ok => self.complete(event, position, Outcome::Ok)?,
            EventKind::Fail => self.complete(event, position, Outcome::Fail)?,
            EventKind::Info => self.complete(event, position, Outcome::Info)?,
        }
        self.history.times.push(event.time);
        Ok(())
    }

    /// The history of all events so far. Operations still open stay without a completion.
    pub fn finish(self) -> History {
        self.history
    }

    fn invoke(&mut self, event: &Event, position: u64) -> Result<(), HistoryError> {
        if let Some(&row) = self.open.get(&event.process) {
            return Err(HistoryError::AlreadyOpen {
                position,
                process: event.process,
                f: event.f.clone(),
                open: self.function_of(row),
                since: u64::from(self.history.invoked[row as usize]),
            });
        }
        let function = self.function_id(&event.f);
        let key = self.value_id(&event.key);
        let input = self.value_id(&event.value);
        let history = &mut self.history;
        self.open.insert(event.process, history.process.len() as u32);
        history.process.push(event.process);
        history.function.push(function);
        history.outcome.push(Outcome::Info);
        history.node.push(event.node.unwrap_or(0));
        history.key.push(key);
        history.input.push(input);
        history.output.push(input);
        history.invoked.push(position as u32);
        history.completed.push(NEVER);
        Ok(())
    }

    fn complete(&mut self, event: &Event, position: u64, outcome: Outcome) -> Result<(), HistoryError> {
        let Some(row) = self.open.remove(&event.process) else {
            return Err(HistoryError::NotOpen { position, process: event.process, f: event.f.clone() });
        };
        let open = self.function_of(row);
        if open != event.f {
            return Err(HistoryError::Mismatch { position, process: event.process, f: event.f.clone(), open });
        }
        let output = self.value_id(&event.value);
        let history = &mut self.history;
        history.outcome[row as usize] = outcome;
        history.output[row as usize] = output;
        history.completed[row as usize] = position as u32;
        if let Some(error) = &event.error {
            history.errors.insert(row, error.clone());
        }
        Ok(())
    }

    fn function_of(&self, row: u32) -> Arc<str> {
        self.history.functions[self.history.function[row as usize] as usize].clone()
    }

    fn function_id(&mut self, name: &Arc<str>) -> u16 {
        if let Some(&id) = self.function_ids.get(name) {
            return id;
        }
        let id = self.history.functions.len() as u16;
        self.history.functions.push(name.clone());
        self.function_ids.insert(name.clone(), id);
        id
    }

    fn value_id(&mut self, value: &Value) -> u32 {
        if let Some(&id) = self.value_ids.get(value) {
            return id;
        }
        let id = self.history.values.len() as u32;
        self.history.values.push(value.clone());
        self.value_ids.insert(value.clone(), id);
        id
    }
}
