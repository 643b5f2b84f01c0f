//! What a node is told once, when it starts.

use rashomon_protocol::NodeId;

use crate::mutant::Mutant;
use crate::random::Random;

/// A node's parameters; they do not change while it runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// All voters, this node included, ascending.
    pub voters: Vec<NodeId>,
    /// The shortest election timeout, ms; each is drawn from one to two times this.
    pub election_timeout_ms: u64,
    /// How often a leader makes itself heard, ms. A fifth of the election timeout or less.
    pub heartbeat_ms: u64,
    /// The most entries one AppendEntries carries.
    pub max_batch: usize,
    /// How many AppendEntries with entries may be unanswered per follower.
    pub max_inflight: usize,
    /// A snapshot is taken after this many applied entries.
    pub snapshot_every: u64,
    /// How many entries before a snapshot stay in the log, so that a follower slightly behind needs no snapshot.
    pub snapshot_tail: u64,
    /// How many client sessions are remembered; beyond it, the one whose last request is the oldest in the log expires.
    pub max_sessions: usize,
    /// Differs between any two starts of any node. Request numbers carry it, so that an answer meant for a node's
    /// previous life is never taken for an answer to a request of this one.
    pub incarnation: u32,
    /// Where the node's random choices come from.
    pub seed: u64,
    /// The bug to build in; `None` for a correct node.
    pub mutant: Option<Mutant>,
}

impl Config {
    /// The usual parameters for a node of a cluster.
    pub fn new(id: NodeId, voters: impl IntoIterator<Item = NodeId>) -> Config {
        let mut voters: Vec<NodeId> = voters.into_iter().collect();
        voters.sort_unstable();
        voters.dedup();
        Config {
            id,
            voters,
            election_timeout_ms: 300,
            heartbeat_ms: 50,
            max_batch: 512,
            max_inflight: 32,
            snapshot_every: 1_000,
            snapshot_tail: 100,
            max_sessions: 10_000,
            incarnation: 0,
            seed: u64::from(id),
            mutant: None,
        }
    }

    /// How many voters make a majority.
    pub fn quorum(&self) -> usize {
        self.voters.len() / 2 + 1
    }

    /// The other voters, ascending.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.voters.iter().copied().filter(|voter| *voter != self.id)
    }

    /// The generator of this node's random choices.
    pub(crate) fn random(&self) -> Random {
        Random::new(self.seed ^ (u64::from(self.id) << 48) ^ (u64::from(self.incarnation) << 16))
    }
}
