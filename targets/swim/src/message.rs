//! What nodes send each other. Messages may be lost, late, doubled and reordered.

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::member::Rumor;

/// A message under way, with the rumors it carries (SWIM §4.1: dissemination by piggyback).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sends it.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// What it says.
    pub message: Message,
    /// News about members.
    pub rumors: Vec<Rumor>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Are you there?
    Ping {
        /// Comes back in the answer.
        seq: u64,
    },
    /// Probe that node for me.
    PingRequest {
        /// Comes back in the answer.
        seq: u64,
        /// Whom.
        target: NodeId,
    },
    /// The node that was asked about is there.
    Ack {
        /// That of the ping or the request.
        seq: u64,
    },
    /// I am here, but the node that you asked me to probe has not answered me so far (Lifeguard §IV-A).
    Nack {
        /// That of the request.
        seq: u64,
    },
    /// Nothing but rumors.
    Gossip,
    /// The whole table; to be answered with the receiver's.
    Push {
        /// All members that the sender knows, itself included.
        members: Vec<Rumor>,
    },
    /// The whole table, in answer to a push.
    Pull {
        /// All members that the sender knows, itself included.
        members: Vec<Rumor>,
    },
}
