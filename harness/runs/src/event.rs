//! What the system under test reported of itself while it ran: protocol events.

use serde::{Deserialize, Serialize};

/// One line of `events.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolEvent {
    /// The name of the node that reports it.
    pub node: String,
    /// When the harness learned of it, ns on the run's clock; 0 for what happened before the load began.
    pub at_ns: u64,
    /// What happened, in the target's words: `leader`, `snapshot-taken`, `joined`.
    pub kind: String,
    /// The term, epoch or timeline in which it happened, where the target has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// What else the target said of it: `index=4200 from=2`; often empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl ProtocolEvent {
    /// The kind of the event that a node reports when it becomes the leader.
    pub const LEADER: &str = "leader";

    /// Whether a node became the leader.
    pub fn is_new_leader(&self) -> bool {
        self.kind == Self::LEADER
    }
}
