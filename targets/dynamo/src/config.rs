//! What a node is told once: who it is, who the others are, and how strong it shall be.

use rashomon_protocol::NodeId;

use crate::mutant::Mutant;

/// Whose answers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuorumKind {
    /// Only a key's own replicas count. With R + W > N every read meets every acknowledged write.
    Strict,
    /// Other nodes stand in for replicas that do not answer, and hand over later (section 4.6 of the Dynamo paper).
    /// More available, but a read need not meet an acknowledged write.
    Sloppy,
}

/// What decides between two writes of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Versions that a writer takes from a quorum: the later write has the higher version.
    Versions,
    /// The writer's wall clock, µs: the last write wins, and "last" is what clocks say. Writes are lost when clocks
    /// differ by more than the time between two writes.
    LastWriteWins,
}

/// How many replicas a key has and how many must take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Quorum {
    /// Replicas of a key.
    pub n: u16,
    /// Replicas that answer before a read is complete.
    pub r: u16,
    /// Replicas that hold a write durably before it is acknowledged.
    pub w: u16,
}

impl Quorum {
    /// Whether every read quorum meets every write quorum.
    pub fn intersects(self) -> bool {
        self.r + self.w > self.n
    }
}

/// A node's configuration. All times are milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// All nodes that there are, this one included, whether or not they are in the ring; ascending.
    pub nodes: Vec<NodeId>,
    /// Those that form the ring when there is no ring yet; ascending.
    pub members: Vec<NodeId>,
    /// How many places on the ring each node has.
    pub virtual_nodes: u16,
    /// N, R, W of requests that do not say.
    pub quorum: Quorum,
    /// Whose answers count.
    pub kind: QuorumKind,
    /// What decides between two writes of a register.
    pub conflict: Conflict,
    /// How long a read waits for the replicas it asked before it asks the others, and a write in a sloppy quorum before
    /// it turns to a fallback node.
    pub patience_ms: u64,
    /// Whether a replica that missed a write gets a hint.
    pub hints: bool,
    /// How often hints are handed over.
    pub handoff_ms: u64,
    /// Whether reads mend replicas that are behind. A read that must not go back in time waits for its repair whatever
    /// this says.
    pub read_repair: bool,
    /// How often a replica compares its trees with another's; 0: never.
    pub anti_entropy_ms: u64,
    /// How long a tombstone is kept at the least.
    pub grace_ms: u64,
    /// The bug that is built in.
    pub mutant: Option<Mutant>,
}

impl Config {
    /// A node of a cluster in which all nodes are members, with N=3, R=2, W=2 and strict quorums.
    pub fn new(id: NodeId, nodes: impl IntoIterator<Item = NodeId>) -> Config {
        let mut nodes: Vec<NodeId> = nodes.into_iter().chain([id]).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Config {
            id,
            members: nodes.clone(),
            nodes,
            virtual_nodes: 16,
            quorum: Quorum { n: 3, r: 2, w: 2 },
            kind: QuorumKind::Strict,
            conflict: Conflict::Versions,
            patience_ms: 30,
            hints: true,
            handoff_ms: 100,
            read_repair: true,
            anti_entropy_ms: 500,
            grace_ms: 2000,
            mutant: None,
        }
    }

    /// Whether reads and writes are linearizable (registers) or at least never go back in time (all others) under this
    /// quorum: then a read that is not unanimous enough writes back before it answers.
    pub(crate) fn is_strong(&self, quorum: Quorum) -> bool {
        self.kind == QuorumKind::Strict && quorum.intersects()
    }
}
