//! What a node wants done: the contract between the protocol and whoever drives it.
//!
//! The driver takes an [`Output`] after each batch of inputs. It writes the records in their order and, once they are
//! on disk, calls [`Node::persisted`](crate::Node::persisted) with [`Output::persist`]; many outputs' records may share
//! one write and one fsync. Messages and replies may go out at once: whatever depends on a record is held back inside
//! the node until that record is durable.

use std::fmt;
use std::sync::Arc;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::log::{Entry, Index, Term};
use crate::machine::Response;
use crate::message::Envelope;
use crate::snapshot::Snapshot;

/// What a node must remember over a restart besides its log (§5.1, Figure 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// The latest term it has seen.
    pub term: Term,
    /// Whom it voted for in that term.
    pub vote: Option<NodeId>,
}

/// Something to write to disk. Records take effect in the order they were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// Replaces the hard state.
    HardState(HardState),
    /// Entries that follow what is there.
    Append(Vec<Arc<Entry>>),
    /// Drops all entries after an index.
    TruncateAfter(Index),
    /// A snapshot, and the only part of the log that is still needed beside it. Replaces everything before it.
    Checkpoint(Checkpoint),
}

/// A snapshot with what is still needed of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// The hard state at that moment.
    pub hard_state: HardState,
    /// The index before `entries`.
    pub base_index: Index,
    /// Its term.
    pub base_term: Term,
    /// The log after the base.
    pub entries: Vec<Arc<Entry>>,
}

/// What a driver found on disk; the default is a node that never ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last hard state.
    pub hard_state: HardState,
    /// The last snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The index before `entries`; at most the snapshot's.
    pub base_index: Index,
    /// Its term.
    pub base_term: Term,
    /// The log after the base, without gaps.
    pub entries: Vec<Arc<Entry>>,
}

/// What to do now.
pub type Output = rashomon_protocol::Output<Record, Envelope, Result<Response, Failure>, Event>;

/// An answer to a client of this node.
pub type Reply = rashomon_protocol::Reply<Result<Response, Failure>>;

/// Why a request was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No leader was known until the deadline. The request went nowhere: it has not happened and will not.
    NoLeader,
    /// A write was handed on and nothing was heard until the deadline: it may have happened or may still.
    WriteTimeout,
    /// A read found no quorum until the deadline. It has no effect either way.
    ReadTimeout,
}

impl Failure {
    /// Whether the operation certainly did not and will not take effect.
    pub fn is_definite(self) -> bool {
        match self {
            Failure::NoLeader | Failure::ReadTimeout => true,
            Failure::WriteTimeout => false,
        }
    }
}

/// Something a reader of the node's log wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It follows; `leader` when it knows whom.
    Follower {
        /// The term.
        term: Term,
        /// The leader.
        leader: Option<NodeId>,
    },
    /// It missed its leader and asks whether it would be elected.
    PreCandidate {
        /// The term it would like to begin.
        for_term: Term,
    },
    /// It stands for election.
    Candidate {
        /// The term.
        term: Term,
    },
    /// It was elected.
    Leader {
        /// The term.
        term: Term,
        /// The index of its first entry.
        first_index: Index,
    },
    /// It led, but has not heard from a quorum for an election timeout.
    QuorumLost {
        /// The term.
        term: Term,
    },
    /// It gave its vote.
    Voted {
        /// The term.
        term: Term,
        /// To whom.
        to: NodeId,
    },
    /// It refused its vote.
    Refused {
        /// The term asked about.
        for_term: Term,
        /// To whom.
        to: NodeId,
        /// Whether it was only a question.
        pre: bool,
        /// Why.
        why: &'static str,
    },
    /// It dropped the end of its log, because the leader's differs.
    Truncated {
        /// The first entry dropped.
        from: Index,
        /// The last entry dropped.
        to: Index,
    },
    /// A follower's log is not this leader's.
    Conflict {
        /// The follower.
        follower: NodeId,
        /// Where.
        index: Index,
        /// From where the leader sends next.
        next: Index,
    },
    /// A follower no longer has what it acknowledged.
    FollowerLostEntries {
        /// The follower.
        follower: NodeId,
        /// What it had acknowledged.
        acknowledged: Index,
    },
    /// It took a snapshot and compacted its log.
    SnapshotTaken {
        /// The last index in it.
        index: Index,
        /// Its size.
        bytes: usize,
    },
    /// It sent a snapshot.
    SnapshotSent {
        /// To whom.
        follower: NodeId,
        /// The last index in it.
        index: Index,
    },
    /// It replaced its state by the leader's snapshot.
    SnapshotInstalled {
        /// From whom.
        leader: NodeId,
        /// The last index in it.
        index: Index,
    },
    /// The leader's snapshot did not decode.
    SnapshotRefused {
        /// What is wrong with it.
        why: String,
    },
    /// Another node leads the same term: Election Safety (Figure 3) is broken.
    TwoLeaders {
        /// The term.
        term: Term,
        /// The other one.
        other: NodeId,
    },
}

impl Event {
    /// True for changes of role, where a reader wants to know the wall clock.
    pub fn is_role_change(&self) -> bool {
        matches!(
            self,
            Event::Follower { .. }
                | Event::PreCandidate { .. }
                | Event::Candidate { .. }
                | Event::Leader { .. }
                | Event::QuorumLost { .. }
        )
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Follower { term, leader: Some(leader) } => write!(out, "follows term={term} leader={leader}"),
            Event::Follower { term, leader: None } => write!(out, "follows nobody yet term={term}"),
            Event::PreCandidate { for_term } => {
                write!(out, "misses its leader, asks for pre-votes for_term={for_term}")
            }
            Event::Candidate { term } => write!(out, "stands for election term={term}"),
            Event::Leader { term, first_index } => write!(out, "leads term={term} first_index={first_index}"),
            Event::QuorumLost { term } => write!(out, "lost its quorum and steps down term={term}"),
            Event::Voted { term, to } => write!(out, "votes term={term} for={to}"),
            Event::Refused { for_term, to, pre, why } => {
                write!(out, "refuses its vote for_term={for_term} to={to} pre={pre} why={why:?}")
            }
            Event::Truncated { from, to } => write!(out, "drops entries that are not the leader's from={from} to={to}"),
            Event::Conflict { follower, index, next } => {
                write!(out, "follower's log differs follower={follower} index={index} next={next}")
            }
            Event::FollowerLostEntries { follower, acknowledged } => {
                write!(out, "follower lost entries it had acknowledged follower={follower} acknowledged={acknowledged}")
            }
            Event::SnapshotTaken { index, bytes } => write!(out, "took a snapshot index={index} bytes={bytes}"),
            Event::SnapshotSent { follower, index } => write!(out, "sends a snapshot to={follower} index={index}"),
            Event::SnapshotInstalled { leader, index } => {
                write!(out, "installed a snapshot from={leader} index={index}")
            }
            Event::SnapshotRefused { why } => write!(out, "refuses a snapshot why={why:?}"),
            Event::TwoLeaders { term, other } => {
                write!(out, "another node leads the same term term={term} other={other}")
            }
        }
    }
}
