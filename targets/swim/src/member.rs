//! What can be said about a member, and which of two statements is the newer one.
//!
//! Statements about one member are totally ordered: first by incarnation, then by how bad they are (alive, suspect,
//! dead, left). A table keeps the greatest it has heard, so whatever the order in which statements arrive, twice or
//! late, two tables that have heard the same ones agree (SWIM §4.2). Only the member itself raises its incarnation: so
//! it always has the last word.

use std::fmt;
use std::sync::Arc;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

/// How often a member has asserted itself: raised by itself alone, on each start, refutation, leave, join and change of
/// payload. Kept on disk.
pub type Incarnation = u64;

/// Bytes that a member publishes about itself, as its address or its part in a ring. Changes with the incarnation only.
pub type Payload = Arc<[u8]>;

/// What a member is held for. In order of precedence within one incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It answers, or nobody has missed it yet.
    Alive,
    /// It did not answer somebody. It has some time to contradict.
    Suspect,
    /// It did not contradict in time.
    Dead,
    /// It said good-bye itself.
    Left,
}

impl State {
    /// Whether it is a member that takes part: alive or suspect.
    pub fn is_live(self) -> bool {
        matches!(self, State::Alive | State::Suspect)
    }

    /// The word used in answers to clients.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Alive => "alive",
            State::Suspect => "suspect",
            State::Dead => "dead",
            State::Left => "left",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A member as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Which.
    pub id: NodeId,
    /// What it is held for.
    pub state: State,
    /// In which of its incarnations.
    pub incarnation: Incarnation,
    /// What it published in that incarnation.
    pub payload: Payload,
}

/// A statement about a member, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rumor {
    /// What is said.
    pub member: Member,
    /// Who says so first: the member itself, or who accuses it.
    pub by: NodeId,
}

impl Member {
    /// Of two statements about a member, the greater one holds.
    pub fn precedence(&self) -> (Incarnation, State) {
        (self.incarnation, self.state)
    }
}
