//! What is replicated: named registers, sets, counters and lists, transactions over them, and the sessions that make a
//! retry harmless.
//!
//! A new interface is one more field of [`Machine`], one more [`Update`] and one more [`Query`]; nothing else in the
//! crate looks inside.

pub(crate) mod transaction;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::mutant::Mutant;
use crate::sessions::{Seen, Session, Sessions};
pub use transaction::Step;

/// What a register holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Value {
    /// Nothing: before the first write.
    #[default]
    Null,
    /// A number.
    Int(i64),
    /// Text.
    Text(Arc<str>),
}

/// A change to one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Update {
    /// Sets a register.
    Write(Value),
    /// Sets a register if it holds `from`.
    Cas {
        /// What it must hold.
        from: Value,
        /// What it then gets.
        to: Value,
    },
    /// Puts an element into a set.
    SetAdd(Value),
    /// Adds to a counter, which wraps at 64 bits.
    CounterAdd(i64),
    /// Appends to a list.
    ListAppend(Value),
    /// Carries out all of these steps, on whatever objects they name, or none; the command's key is not used.
    Transaction(Vec<Step>),
}

/// What a log entry asks the state machine to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The client and its request number; `None` when the client does not care whether a retry applies twice.
    pub session: Option<Session>,
    /// The object's name. Registers, sets, counters and lists have a name space each.
    pub key: Arc<str>,
    /// The change.
    pub update: Update,
}

/// A question about one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A register's value.
    Register(Arc<str>),
    /// A set's elements, ascending.
    Set(Arc<str>),
    /// A counter's value.
    Counter(Arc<str>),
    /// A list's elements, in order.
    List(Arc<str>),
    /// All of these, of one state.
    Many(Vec<Query>),
}

/// An answer to a command or a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// It is done and there is nothing to say.
    Done,
    /// Whether a compare-and-set took place.
    Swapped(bool),
    /// A register's value.
    Value(Value),
    /// A set's or list's elements.
    Elements(Vec<Value>),
    /// A counter's value.
    Count(i64),
    /// An answer for each step of a transaction, or for each of many queries.
    Many(Vec<Response>),
    /// A condition of the transaction did not hold: it changed nothing.
    Refused,
    /// The session has gone on to a later request: nobody remembers what became of this one, and it was not applied
    /// now.
    Superseded,
}

/// The replicated state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    registers: BTreeMap<Arc<str>, Value>,
    sets: BTreeMap<Arc<str>, BTreeSet<Value>>,
    counters: BTreeMap<Arc<str>, i64>,
    lists: BTreeMap<Arc<str>, Vec<Value>>,
    sessions: Sessions,
}

impl Machine {
    /// Applies a command: once per session and request number (§6.3).
    pub fn apply(&mut self, command: &Command, max_sessions: usize, mutant: Option<Mutant>) -> Response {
        let Some(session) = &command.session else { return self.update(command) };
        // R37: without this look-up, every retry is a request of its own.
        if mutant != Some(Mutant::NoDedup) {
            match self.sessions.seen(session) {
                Seen::Never => {}
                Seen::Answered(response) => {
                    // R41: carry out the second half of the steps again.
                    if let (Some(Mutant::RetryAppliesHalf), Update::Transaction(steps)) = (mutant, &command.update) {
                        steps[steps.len() / 2..].iter().for_each(|step| drop(self.step(step)));
                    }
                    return response;
                }
                Seen::Superseded => return Response::Superseded,
            }
        }
        let response = self.update(command);
        self.sessions.remember(session, response.clone(), max_sessions);
        response
    }

    fn update(&mut self, command: &Command) -> Response {
        let key = &command.key;
        match &command.update {
            Update::Write(value) => {
                self.registers.insert(key.clone(), value.clone());
                Response::Done
            }
            Update::Cas { from, to } => {
                let swapped = self.registers.get(key).unwrap_or(&Value::Null) == from;
                if swapped {
                    self.registers.insert(key.clone(), to.clone());
                }
                Response::Swapped(swapped)
            }
            Update::SetAdd(element) => {
                self.sets.entry(key.clone()).or_default().insert(element.clone());
                Response::Done
            }
            Update::CounterAdd(delta) => {
                let counter = self.counters.entry(key.clone()).or_default();
                *counter = counter.wrapping_add(*delta);
                Response::Done
            }
            Update::ListAppend(element) => {
                self.lists.entry(key.clone()).or_default().push(element.clone());
                Response::Done
            }
            Update::Transaction(steps) => self.transact(steps),
        }
    }

    /// Answers a query from the state as it is now.
    pub fn query(&self, query: &Query) -> Response {
        match query {
            Query::Register(key) => Response::Value(self.registers.get(key).cloned().unwrap_or_default()),
            Query::Set(key) => {
                Response::Elements(self.sets.get(key).map(|set| set.iter().cloned().collect()).unwrap_or_default())
            }
            Query::Counter(key) => Response::Count(self.counters.get(key).copied().unwrap_or_default()),
            Query::List(key) => Response::Elements(self.lists.get(key).cloned().unwrap_or_default()),
            Query::Many(queries) => Response::Many(queries.iter().map(|query| self.query(query)).collect()),
        }
    }
}
