//! What replicas say to each other.

use std::sync::Arc;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::clock::VersionVector;
use crate::dot::Actor;
use crate::store::Store;

/// A message and where it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender.
    pub from: Actor,
    /// The receiver.
    pub to: NodeId,
    /// What the sender had seen, without gaps, when it sent this.
    pub seen: VersionVector,
    /// What it says.
    pub message: Message,
}

/// What one replica says to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Message {
    /// The sender's whole state, or what was joined into it since the receiver's last acknowledgement.
    Gossip {
        /// The incarnation of the receiver whose acknowledgements these deltas continue; `None` for a whole state,
        /// which anybody can take.
        continues: Option<u32>,
        /// The state.
        content: Arc<Store>,
        /// The sender's sequence number up to which this goes.
        upto: u64,
    },
    /// The receiver of a [`Message::Gossip`] has joined it, durably.
    Ack {
        /// Who sent the gossip.
        of: Actor,
        /// As in the gossip.
        upto: u64,
    },
    /// The receiver of a [`Message::Gossip`] is not the incarnation that it continues: it needs a whole state.
    Stranger {
        /// Who sent the gossip.
        of: Actor,
    },
}
