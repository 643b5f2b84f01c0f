//! What a node is told once, when it starts.

use rashomon_protocol::NodeId;

use crate::member::Payload;
use crate::mutant::Mutant;

/// A node's parameters; they do not change while it runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node.
    pub id: NodeId,
    /// Nodes to ask at the start, and again whenever they are not among the live members.
    pub seeds: Vec<NodeId>,
    /// What this node publishes about itself at first.
    pub payload: Payload,
    /// The protocol period, ms: how often one member is probed.
    pub probe_interval_ms: u64,
    /// How long a direct probe may take before others are asked to probe as well, ms. Less than half of the period.
    pub probe_timeout_ms: u64,
    /// How many others are asked (SWIM's *k*).
    pub indirect_probes: usize,
    /// The shortest suspicion lasts this many periods, times log₁₀ of the cluster's size where that is more than 1
    /// (Lifeguard's α).
    pub suspicion_periods: u64,
    /// The longest suspicion is this many times the shortest (Lifeguard's β).
    pub suspicion_stretch: u64,
    /// After how many independent confirmations a suspicion is as short as it gets (Lifeguard's *K*).
    pub confirmations: usize,
    /// A rumor is passed on this many times the binary logarithm of the cluster's size (SWIM's λ).
    pub retransmissions: u32,
    /// The most rumors that one message carries beside its own content.
    pub max_rumors: usize,
    /// How often the whole table is exchanged with another node, and a node that is not live is asked, ms.
    pub sync_interval_ms: u64,
    /// How long a member that is dead or left is remembered, ms.
    pub forget_after_ms: u64,
    /// A timer that goes off later than this means that this node itself stood still, ms.
    pub stall_ms: u64,
    /// The worst score of local health (Lifeguard's *S*): timeouts grow by up to this many times.
    pub max_health_score: u64,
    /// Where the node's random choices come from; may be the same on all nodes.
    pub seed: u64,
    /// The bug to build in; `None` for a correct node.
    pub mutant: Option<Mutant>,
}

impl Config {
    /// The usual parameters for a node of a cluster in one place.
    pub fn new(id: NodeId, seeds: impl IntoIterator<Item = NodeId>) -> Config {
        Config {
            id,
            seeds: seeds.into_iter().filter(|seed| *seed != id).collect(),
            payload: Payload::from([]),
            probe_interval_ms: 300,
            probe_timeout_ms: 120,
            indirect_probes: 3,
            suspicion_periods: 4,
            suspicion_stretch: 4,
            confirmations: 2,
            retransmissions: 3,
            max_rumors: 8,
            sync_interval_ms: 1_000,
            forget_after_ms: 24 * 3_600 * 1_000,
            stall_ms: 100,
            max_health_score: 8,
            seed: 0,
            mutant: None,
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// How long a suspicion lasts at the least in a cluster of so many live members, ms (Lifeguard §IV-B).
    pub fn suspicion_min_ms(&self, live: usize) -> u64 {
        let factor = (live.max(1) as f64).log10().max(1.0);
        (self.suspicion_periods as f64 * factor * self.probe_interval_ms as f64) as u64
    }

    /// How often one rumor is passed on by one node in a cluster of so many live members (SWIM §4.1).
    pub(crate) fn transmissions(&self, live: usize) -> u32 {
        self.retransmissions * (live as u32 + 1).next_power_of_two().ilog2().max(1)
    }
}
