//! One line of a history.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Outcome, Value};

/// Whether an event begins an operation or says how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The client is about to send the request.
    Invoke,
    /// It happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// Nobody knows.
    Info,
}

impl EventKind {
    /// The outcome this event states; `None` for an invocation.
    pub fn outcome(self) -> Option<Outcome> {
        match self {
            EventKind::Invoke => None,
            EventKind::Ok => Some(Outcome::Ok),
            EventKind::Fail => Some(Outcome::Fail),
            EventKind::Info => Some(Outcome::Info),
        }
    }
}

impl From<Outcome> for EventKind {
    fn from(outcome: Outcome) -> EventKind {
        match outcome {
            Outcome::Ok => EventKind::Ok,
            Outcome::Fail => EventKind::Fail,
            Outcome::Info => EventKind::Info,
        }
    }
}

/// One event of a history: an invocation or a completion, as one client saw it.
///
/// A process is single-threaded: it has at most one operation open. After an `info` its id is retired, because the
/// operation may still be running; its client goes on under a new id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Nanoseconds since the run began, on the harness's monotonic clock; never decreasing along a history.
    pub time: u64,
    /// The logical process (one client connection).
    pub process: u32,
    /// Invocation or completion.
    pub kind: EventKind,
    /// What the operation does: `read`, `write`, `cas`, `add`, ….
    pub f: Arc<str>,
    /// The object it works on; [`Value::Nil`] when there is only one.
    pub key: Value,
    /// Invocation: what is asked (the value to write, `[from, to]` of a cas, nil for a read). Completion: the result,
    /// or again what was asked where there is none.
    pub value: Value,
    /// The node the client talked to, where the recorder knows it (1-based).
    pub node: Option<u16>,
    /// Why it did not end `ok`: a short class and the detail, as `timeout: no answer within 1 s`.
    pub error: Option<Arc<str>>,
}

impl Event {
    /// The same event by reference, for code that reads many events and keeps few.
    pub fn borrowed(&self) -> EventRef<'_> {
        EventRef {
            time: self.time,
            process: self.process,
            kind: self.kind,
            f: &self.f,
            key: &self.key,
            value: &self.value,
            node: self.node,
            error: self.error.as_deref(),
        }
    }
}

/// An [`Event`] by reference: what readers hand out, so that a million events need no million allocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventRef<'a> {
    /// See [`Event::time`].
    pub time: u64,
    /// See [`Event::process`].
    pub process: u32,
    /// See [`Event::kind`].
    pub kind: EventKind,
    /// See [`Event::f`].
    pub f: &'a str,
    /// See [`Event::key`].
    pub key: &'a Value,
    /// See [`Event::value`].
    pub value: &'a Value,
    /// See [`Event::node`].
    pub node: Option<u16>,
    /// See [`Event::error`].
    pub error: Option<&'a str>,
}

impl EventRef<'_> {
    /// An event of its own, which outlives what this borrows from.
    pub fn to_event(&self) -> Event {
        Event {
            time: self.time,
            process: self.process,
            kind: self.kind,
            f: Arc::from(self.f),
            key: self.key.clone(),
            value: self.value.clone(),
            node: self.node,
            error: self.error.map(Arc::from),
        }
    }
}
