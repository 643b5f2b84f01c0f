//! What nodes say to each other.

use std::sync::Arc;

use rashomon_protocol::{NodeId, RequestId};
use serde::{Deserialize, Serialize};

use crate::log::{Entry, Index, Term};
use crate::machine::{Command, Response};
use crate::snapshot::Snapshot;

/// A message and where it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender.
    pub from: NodeId,
    /// The receiver.
    pub to: NodeId,
    /// The sender's term when it sent it; for a pre-vote request too (the term asked about is in the message).
    pub term: Term,
    /// What it says.
    pub message: Message,
}

/// What one node says to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// A candidate, or with `pre` a node that would like to become one, asks for a vote.
    RequestVote {
        /// Ask only whether the vote would be given (§9.6); nothing changes at the voter.
        pre: bool,
        /// The term the vote is for.
        for_term: Term,
        /// The last entry of the asker's log.
        last_index: Index,
        /// Its term.
        last_term: Term,
    },
    /// The answer to [`Message::RequestVote`].
    Vote {
        /// As asked.
        pre: bool,
        /// As asked.
        for_term: Term,
        /// Whether it is given.
        granted: bool,
    },
    /// The leader's entries, or without entries its heartbeat (§5.3).
    Append {
        /// The entry just before `entries`.
        prev_index: Index,
        /// Its term.
        prev_term: Term,
        /// What follows it; may be empty.
        entries: Vec<Arc<Entry>>,
        /// What the leader knows to be committed.
        commit: Index,
        /// The leader's latest round of confirming its leadership (§6.4).
        round: u64,
    },
    /// The log is the leader's up to `match_index`, durably.
    Accepted {
        /// The last index known to be equal.
        match_index: Index,
        /// The round of the request.
        round: u64,
    },
    /// The log is not the leader's at `prev_index`.
    Rejected {
        /// The `prev_index` that was refused.
        prev_index: Index,
        /// Where the logs may agree at best, as far as the follower can tell.
        hint_index: Index,
        /// The follower's term there.
        hint_term: Term,
        /// The round of the request.
        round: u64,
    },
    /// The receiver of a [`Message::Append`] or [`Message::InstallSnapshot`] is in a later term, that of the envelope.
    StaleTerm,
    /// The leader's state, for a follower that needs entries the leader no longer has (§7).
    InstallSnapshot {
        /// The whole snapshot.
        snapshot: Arc<Snapshot>,
        /// As in [`Message::Append`].
        round: u64,
    },
    /// Clients' writes that a follower hands to the leader.
    Forward {
        /// In the order they came.
        writes: Vec<(RequestId, Arc<Command>)>,
    },
    /// What became of forwarded writes.
    Forwarded {
        /// Answers to applied writes.
        results: Vec<(RequestId, Response)>,
    },
    /// The receiver of a [`Message::Forward`] does not lead: ask somebody else.
    NotLeader {
        /// The writes it did not take.
        writes: Vec<RequestId>,
    },
    /// A follower asks from which index on its reads are linearizable (§6.4).
    ReadIndex {
        /// The follower's name for this batch of reads.
        batch: RequestId,
    },
    /// The answer to [`Message::ReadIndex`].
    ReadAt {
        /// As asked.
        batch: RequestId,
        /// A committed index; a read is linearizable once it is applied.
        index: Index,
        /// The term of the entry there: a follower that holds this very entry knows it committed.
        index_term: Term,
    },
}
