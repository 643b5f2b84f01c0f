//! What a replica is told once, when it starts.

use rashomon_protocol::NodeId;

use crate::command::SetKind;
use crate::mutant::Mutant;

/// A replica's parameters; they do not change while it runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// The other nodes, ascending.
    pub peers: Vec<NodeId>,
    /// Differs between any two starts of any node; becomes the incarnation of a replica without data.
    pub incarnation: u32,
    /// How often peers are sent what they have not acknowledged, ms.
    pub gossip_ms: u64,
    /// What they are sent.
    pub gossip: Gossip,
    /// Which set is served.
    pub sets: SetKind,
    /// How often tombstones are looked through for stable ones, ms.
    pub collect_ms: u64,
    /// What stamps are rounded down to, µs: how well they tell the order of updates that do not know of each other.
    pub resolution_us: i64,
    /// A snapshot replaces the log after this many records.
    pub snapshot_every: u64,
    /// The most deltas kept for peers that have not acknowledged them; beyond it a peer is sent the whole state.
    pub max_deltas: usize,
    /// The bug to build in; `None` for a correct replica.
    pub mutant: Option<Mutant>,
}

/// What peers are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gossip {
    /// The deltas they have not acknowledged, joined.
    #[default]
    Deltas,
    /// The whole state.
    States,
}

impl Config {
    /// The usual parameters for a node of a cluster.
    pub fn new(id: NodeId, nodes: impl IntoIterator<Item = NodeId>) -> Config {
        let mut peers: Vec<NodeId> = nodes.into_iter().filter(|node| *node != id).collect();
        peers.sort_unstable();
        peers.dedup();
        Config {
            id,
            peers,
            incarnation: 0,
            gossip_ms: 50,
            gossip: Gossip::Deltas,
            sets: SetKind::ObservedRemove,
            collect_ms: 1_000,
            resolution_us: 1,
            snapshot_every: 10_000,
            max_deltas: 10_000,
            mutant: None,
        }
    }
}
