//! The naive replicated store, as a sans-IO state machine: the worst that still looks like replication.
//!
//! Every node takes writes. A write is stamped with the node's wall clock, kept, made durable, told to every peer once,
//! and acknowledged; of two writes of one cell the later stamp wins, everywhere. That is all there is, and it is what
//! many a home-grown cache, session store and sync service does. It is here to be seen failing:
//!
//! - **A clock that is wrong loses writes.** Under a jump ahead a node's writes win over everything that others write
//!   until their clocks have caught up; a node that is behind has its own writes thrown away as it acknowledges them.
//!   Nobody is told: the writes were acknowledged. (Kingsbury, *The trouble with timestamps*, 2013; Cassandra decides
//!   so between the writes of one cell.)
//! - **A message that is lost is lost for good.** There is no acknowledgement between nodes, no repetition, no hint, no
//!   read repair and no anti-entropy (compare DeCandia et al., *Dynamo*, SOSP 2007, sections 4.5 to 4.7, which has them
//!   all). TCP carries a message across a short silence; what is sent while a peer is cut off or down never arrives,
//!   and the nodes disagree until the cell is written again.
//!
//! As long as clocks are right and no message is lost it keeps every promise of eventual consistency, and the last
//! write in real time wins.
//!
//! The state machine: [`Node`] takes writes, messages and the news that something is durable, and hands out
//! [`Output`]: what to make durable, whom to tell what, which writes to acknowledge. It knows no clock: whoever drives
//! it says what time it is. Messages may be lost, repeated and reordered.
//!
//! A node also greets its peers until each has answered, so that whoever starts a cluster can wait until everybody is
//! heard: what was written before that would be lost like any other message.

mod mutant;
mod node;
mod protocol;

use std::sync::Arc;

pub use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

pub use mutant::{ALL, Mutant, MutantInfo};
pub use node::{Config, Node, Output, RequestId, Status};
pub use protocol::{Answer, Envelope, Event, Remembered, Request};

/// What a cell can hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Nothing: what is there before the first write.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(Arc<str>),
}

/// What is written as a whole. A set is a cell per element: an element is there when its cell was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cell {
    /// A register.
    Register(Arc<str>),
    /// An element of a set.
    Element(Arc<str>, Value),
}

/// When a write was made, as far as its node knew, and where. Later stamps win.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The wall clock of the node, µs since 1970.
    pub wall_us: i64,
    /// The node: breaks ties alike everywhere.
    pub node: NodeId,
}

/// A write, as nodes tell each other and keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// What was written.
    pub cell: Cell,
    /// What it holds since.
    pub value: Value,
    /// When.
    pub stamp: Stamp,
}

/// What one node tells another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Writes, in the order they were made.
    Updates(Vec<Update>),
    /// I am here; are you?
    Hello(NodeId),
    /// I have heard you.
    Welcome(NodeId),
}
