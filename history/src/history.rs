//! The columnar history: one row per operation, everything interned.

mod builder;
mod times;
mod values;

use std::sync::Arc;

use rustc_hash::FxHashMap;
use thiserror::Error;

use crate::{Event, Outcome, Value};
pub(crate) use builder::EventIds;
pub use builder::HistoryBuilder;
use times::Times;
use values::Values;

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
    /// More kinds of operation than a history can name.
    #[error("event {position}: a history names at most 4096 different functions; `{f}` is one too many")]
    TooManyFunctions {
        /// The event's position, 0-based.
        position: u64,
        /// The function.
        f: Arc<str>,
    },
    /// More operations or values than 32-bit indices can name.
    #[error("event {position}: a history holds at most 2^31 events; split it by key or in time")]
    TooLarge {
        /// The event's position, 0-based.
        position: u64,
    },
}

/// An immutable history: operations as columns, in order of invocation, about 26 bytes each.
///
/// Real-time order is the order of *positions* (the index of an event in the recorded sequence), so it is exact even
/// where two events carry the same nanosecond.
#[derive(Clone, Debug, Default)]
pub struct History {
    process: Vec<u32>,
    /// Function, outcome and shape of the values, see [`Kind`].
    kind: Vec<Kind>,
    /// One entry per operation, or none at all while no node is known.
    node: Vec<u16>,
    /// One entry per operation, or none at all while every key is nil.
    key: Vec<u32>,
    value: Vec<u32>,
    invoked: Vec<u32>,
    completed: Vec<u32>,
    times: Times,
    errors: FxHashMap<u32, Arc<str>>,
    functions: Vec<Arc<str>>,
    values: Values,
    /// Input and output of the operations where one of them does not follow from the other.
    both: Vec<(u32, u32)>,
}

/// What an operation does (12 bits), how it ended (2 bits) and what its entry in the value column means (2 bits).
#[derive(Clone, Copy, Debug)]
struct Kind(u16);

/// The input is nil, the entry is the output.
const OUTPUT: u16 = 0;
/// The entry is both.
const SAME: u16 = 1;
/// The entry is the input, the output is nil.
const INPUT: u16 = 2;
/// The entry is an index into [`History::both`].
const BOTH: u16 = 3;
const FUNCTIONS_MAX: usize = 1 << 12;

/// A kind of operation of a history: what operations of one kind have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpKind {
    /// What they do; see [`History::function`].
    pub function: u16,
    /// How they ended; see [`Outcome`].
    pub outcome: Outcome,
    /// Whether they returned nothing: nil, or their input again.
    pub returned_nothing: bool,
}

impl Kind {
    fn described(self) -> OpKind {
        let returned_nothing = matches!(self.shape(), SAME | INPUT);
        OpKind { function: self.function(), outcome: self.outcome(), returned_nothing }
    }

    fn new(function: u16, outcome: Outcome, shape: u16) -> Kind {
        Kind(function | (outcome as u16) << 12 | shape << 14)
    }

    fn function(self) -> u16 {
        self.0 & (FUNCTIONS_MAX as u16 - 1)
    }

    fn outcome(self) -> Outcome {
        Outcome::ALL[usize::from(self.0 >> 12 & 3)]
    }

    fn shape(self) -> u16 {
        self.0 >> 14
    }

    /// Its number among those of a history with few functions.
    fn slot(self) -> usize {
        usize::from(self.function()) << 4 | usize::from(self.0 >> 12)
    }

    /// The kind of a number.
    fn of_slot(slot: usize) -> Kind {
        Kind((slot >> 4) as u16 | ((slot & 15) as u16) << 12)
    }
}

/// One operation of a history.
#[derive(Clone, Debug)]
pub struct OpView<'a> {
    /// Its index.
    pub id: OpId,
    /// The process that ran it.
    pub process: u32,
    /// The node that answered, or that it was sent to, where known (1-based).
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
        let row = self.row(id);
        let node = self.node.get(id.0 as usize).copied().unwrap_or(0);
        OpView {
            id,
            process: row.process,
            node: (node != 0).then_some(node),
            f: self.function(row.function),
            key: self.value(row.key),
            input: self.value(row.input),
            output: self.value(row.output),
            outcome: row.outcome,
            invoked: row.invoked,
            completed: row.completed,
            invoke_time: self.times.at(row.invoked),
            complete_time: row.completed.map(|position| self.times.at(position)),
            error: self.errors.get(&id.0).map(|text| &**text),
        }
    }

    /// All operations in order of invocation.
    pub fn ops(&self) -> impl Iterator<Item = OpView<'_>> {
        (0..self.len() as u32).map(|row| self.op(OpId(row)))
    }

    /// One operation in small integers. Panics when the index is not of this history.
    #[inline(always)]
    pub fn row(&self, id: OpId) -> Row {
        let index = id.0 as usize;
        let kind = self.kind[index];
        let value = self.value[index];
        // Which of the first three shapes it is cannot be foreseen, so no branch depends on it.
        let (input, output) = match kind.shape() {
            BOTH => self.both[value as usize],
            shape => {
                (if shape == OUTPUT { Values::NIL } else { value }, if shape == INPUT { Values::NIL } else { value })
            }
        };
        let completed = self.completed[index];
        Row {
            process: self.process[index],
            function: kind.function(),
            outcome: kind.outcome(),
            key: self.key_of(id),
            input,
            output,
            invoked: self.invoked[index],
            completed: (completed != NEVER).then_some(completed),
        }
    }

    /// The key of one operation, as a value id. Panics when the index is not of this history.
    #[inline]
    pub fn key_of(&self, id: OpId) -> u32 {
        if self.key.is_empty() { Values::NIL } else { self.key[id.0 as usize] }
    }

    /// The kinds of operation that occur: one cheap pass over the history.
    pub fn kinds(&self) -> Vec<OpKind> {
        let mut known = vec![false; self.functions.len() << 4];
        for kind in &self.kind {
            known[kind.slot()] = true;
        }
        let known = (0..known.len()).filter(|&slot| known[slot]).map(|slot| Kind::of_slot(slot).described());
        let mut kinds: Vec<OpKind> = known.collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// The operations of these kinds, in order of invocation; each of the others costs one comparison.
    pub fn of_kinds(&self, kinds: &[OpKind]) -> impl Iterator<Item = OpId> + '_ {
        let mut chosen = vec![false; self.functions.len() << 4];
        for kind in kinds {
            for shape in [OUTPUT, SAME, INPUT, BOTH] {
                let this = Kind::new(kind.function, kind.outcome, shape);
                chosen[this.slot()] |= this.described() == *kind;
            }
        }
        let ops = (0..).zip(&self.kind).filter(move |(_, kind)| chosen[kind.slot()]);
        ops.map(|(index, _)| OpId(index))
    }

    /// All operations in small integers, in order of invocation.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.len() as u32).map(|row| self.row(OpId(row)))
    }

    /// The value that a row's id stands for. Panics when the id is not of this history.
    pub fn value(&self, id: u32) -> Value {
        self.values.get(id)
    }

    /// The ids of the two elements, when a row's id stands for a list of two: cheaper than [`History::value`].
    #[inline]
    pub fn pair(&self, id: u32) -> Option<(u32, u32)> {
        self.values.pair(id)
    }

    /// The value id of nil, in every history.
    pub const NIL: u32 = Values::NIL;

    /// The name that a row's function stands for. Panics when it is not of this history.
    pub fn function(&self, id: u16) -> &Arc<str> {
        &self.functions[id as usize]
    }

    /// How many functions there are; rows name them by numbers below this.
    pub fn functions(&self) -> usize {
        self.functions.len()
    }

    /// How many events it has.
    pub fn events(&self) -> usize {
        self.times.len()
    }

    /// The time of the event at a position, ns. Panics when there is none.
    pub fn time_at(&self, position: u32) -> u64 {
        self.times.at(position)
    }

    /// Time of the last event, ns; 0 when there is none.
    pub fn end_time(&self) -> u64 {
        self.times.last().unwrap_or(0)
    }

    /// How many bytes its columns hold.
    pub fn bytes(&self) -> u64 {
        let columns = 4 * (self.process.len() + self.key.len() + self.value.len() + self.invoked.len())
            + 4 * self.completed.len()
            + 2 * (self.kind.len() + self.node.len())
            + 8 * self.both.len();
        columns as u64 + self.times.bytes() + self.values.bytes()
    }
}
