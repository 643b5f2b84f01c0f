//! What a node asks of its driver: records to write, messages to send, answers, events worth logging.

use std::fmt;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::causal::Context;
use crate::message::Envelope;
use crate::object::{Key, Object, Value};
use crate::ring::{Ring, Stage};

/// Everything that the node wants since it was last asked.
pub type Output = rashomon_protocol::Output<Record, Envelope, Result<Response, Failure>, Event>;

/// An answer to a client of this node.
pub type Reply = rashomon_protocol::Reply<Result<Response, Failure>>;

/// What a node must not forget. Each replaces what an earlier one said of the same thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A key's state, and the birth of this node's actor there if it has one.
    Put {
        /// The key.
        key: Key,
        /// What it holds.
        object: Object,
        /// The node's present stay with the key, once it has written there.
        birth: Option<u64>,
    },
    /// The key is forgotten.
    Drop {
        /// The key.
        key: Key,
        /// No register that was forgotten had a higher stamp.
        floor: u64,
    },
    /// A state kept for another node.
    Hint {
        /// For whom.
        replica: NodeId,
        /// The key.
        key: Key,
        /// What is kept.
        object: Object,
    },
    /// It was handed over.
    HintDone {
        /// For whom.
        replica: NodeId,
        /// The key.
        key: Key,
    },
    /// Births below this may have been used.
    Births(u64),
    /// The newest ring.
    Ring(Ring),
}

/// What a node remembers: the sum of its records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// What keys hold.
    pub objects: std::collections::BTreeMap<Key, (Object, Option<u64>)>,
    /// What is kept for others.
    pub hints: std::collections::BTreeMap<(NodeId, Key), Object>,
    /// Births below this may have been used.
    pub births: u64,
    /// The highest stamp of a forgotten register.
    pub floor: u64,
    /// The newest ring.
    pub ring: Option<Ring>,
}

/// What a client gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The update is durable on its quorum.
    Done,
    /// A register's value.
    Value(Value),
    /// Siblings, with the context to send with the write that resolves them.
    Siblings(Vec<Value>, Context),
    /// A set's elements.
    Elements(Vec<Value>),
    /// A counter's total.
    Total(i64),
}

/// Why a request was not carried out, or not known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Nobody who could carry it out is reachable, or too few answered before anything was written.
    Unavailable,
    /// It was written somewhere, or may have been; its quorum did not acknowledge it in time.
    Timeout,
    /// The node has just started.
    Starting,
    /// The store has no such operation on this kind of key, or the quorum asked for is none.
    Unsupported,
    /// A write that timed out, with [`crate::Mutant::TimeoutIsFailure`] taken for one that did not happen.
    TakenForFailed,
}

impl Failure {
    /// Whether the operation certainly did not and will not take effect.
    pub fn is_definite(self) -> bool {
        self != Failure::Timeout
    }

    /// A short class for clients.
    pub fn class(self) -> &'static str {
        match self {
            Failure::Unavailable => "unavailable",
            Failure::Timeout | Failure::TakenForFailed => "timeout",
            Failure::Starting => "starting",
            Failure::Unsupported => "unsupported",
        }
    }
}

/// Something a reader of the node's log wants to know.
#[allow(missing_docs, reason = "the fields are what is logged under their names")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It learned of another ring.
    RingChanged { version: u64, stage: Stage, members: Vec<NodeId> },
    /// As claimant it begins a change.
    ChangeBegins { member: NodeId, joins: bool },
    /// It fetched all it needs as a new replica.
    Fetched { version: u64 },
    /// It handed hints over.
    HandedOver { replica: NodeId, left: usize },
    /// It keeps something for a node that did not answer.
    HintKept { replica: NodeId, key: Key },
    /// A read found a replica behind.
    ReadRepair { node: NodeId, key: Key },
    /// A comparison of trees found differences.
    Synced { with: NodeId, partition: u16, sent: usize, wanted: usize },
    /// Tombstones are gone.
    Collected { keys: usize },
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::RingChanged { version, stage, members } => {
                write!(out, "ring changed version={version} stage={stage:?} members={members:?}")
            }
            Event::ChangeBegins { member, joins } => {
                write!(out, "begins a change of the ring member={member} joins={joins}")
            }
            Event::Fetched { version } => write!(out, "fetched all it needs version={version}"),
            Event::HandedOver { replica, left } => write!(out, "handed hints over to={replica} left={left}"),
            Event::HintKept { replica, key } => write!(out, "keeps a hint for={replica} key={}", Named(key)),
            Event::ReadRepair { node, key } => write!(out, "read repair of={node} key={}", Named(key)),
            Event::Synced { with, partition, sent, wanted } => {
                write!(out, "trees differ with={with} partition={partition} sent={sent} wanted={wanted}")
            }
            Event::Collected { keys } => write!(out, "forgot tombstones keys={keys}"),
        }
    }
}

/// A key as logs show it.
struct Named<'a>(&'a Key);

impl fmt::Display for Named<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}/{}", self.0.space, self.0.name)
    }
}
