//! What a replica wants done: the contract between the protocol and whoever drives it.
//!
//! The driver takes an [`Output`] after each batch of inputs. It writes the records in their order and, once they are
//! on disk, calls [`Replica::persisted`](crate::Replica::persisted) with [`Output::persist`]; many outputs' records may
//! share one write and one fsync. Messages and replies may go out at once: whatever tells of a record is held back
//! inside the replica until that record is durable.

use std::fmt;
use std::sync::Arc;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::command::Reading;
use crate::message::Envelope;
use crate::state::Refusal;
use crate::store::Store;

/// Something to write to disk. Records take effect in the order they were given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record {
    /// The name that a new replica gave itself; comes once, before everything else.
    Incarnation(u32),
    /// What was joined into the state. Each is one step of the replica's sequence number.
    Joined(Arc<Store>),
    /// Replaces everything before it.
    Snapshot(Arc<Snapshot>),
}

/// A replica's whole memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name.
    pub incarnation: u32,
    /// How many deltas were joined into the state.
    pub sequence: u64,
    /// The state.
    pub store: Store,
}

/// What a driver found on disk; the default is a replica that never ran.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// The last snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The records since, none of them a snapshot.
    pub records: Vec<Record>,
}

/// The answer to a request: `Ok(None)` for an update that took place and is durable.
pub type Reply = rashomon_protocol::Reply<Result<Option<Reading>, Refusal>>;

/// Something worth logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A peer is sent the whole state.
    SendsState {
        /// The peer.
        to: NodeId,
        /// Why deltas would not do.
        why: &'static str,
    },
    /// Tombstones are gone.
    Collected {
        /// How many.
        tombstones: usize,
    },
    /// A record of the log makes no sense where it is; it is left out.
    OddRecord,
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::SendsState { to, why } => write!(out, "sends its whole state to={to} why={why}"),
            Event::Collected { tombstones } => write!(out, "collects tombstones count={tombstones}"),
            Event::OddRecord => write!(out, "leaves out a record that makes no sense where it is in the log"),
        }
    }
}

/// What a replica wants done.
pub type Output = rashomon_protocol::Output<Record, Envelope, Result<Option<Reading>, Refusal>, Event>;
