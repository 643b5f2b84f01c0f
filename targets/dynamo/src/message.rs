//! What nodes say to each other. Any message may be lost, late, doubled or overtaken.

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::config::Quorum;
use crate::object::{Key, Object, Update};
use crate::output::{Failure, Response};
use crate::ring::Ring;

/// A message with its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sent it.
    pub from: NodeId,
    /// Who is to get it.
    pub to: NodeId,
    /// The sender's epoch, which fences what others send to it.
    pub epoch: u64,
    /// What it says.
    pub message: Message,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// What does the key hold?
    Read,
    /// Change it.
    Update(Update),
}

/// Why a state is written to a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A client's update.
    Update,
    /// A read, a comparison of trees or a hint showed that the replica is behind.
    Repair,
}

/// What a message says. `op` and `id` are the sender's or the receiver's numbers and never used twice.
#[allow(missing_docs, reason = "what a message says names its fields")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Carry out a client's request, as a replica of its key. Refused unless `fence` is the receiver's epoch.
    Forward { id: u64, key: Key, ask: Ask, quorum: Quorum, remaining_ms: u64, fence: u64 },
    /// How that ended.
    Forwarded { id: u64, result: Result<Response, Failure> },
    /// What do you hold?
    Read { op: u64, key: Key },
    /// This; and no register I forgot had a higher stamp than `floor`.
    Found { op: u64, object: Option<Object>, floor: u64 },
    /// Take this in and keep it, or keep it for `hint_for`. Refused unless `fence` is the receiver's epoch.
    Write { op: u64, key: Key, object: Object, cause: Cause, hint_for: Option<NodeId>, fence: u64 },
    /// It is durable.
    Written { op: u64 },
    /// The fence is not my epoch (the envelope has it); nothing was taken in.
    Fenced { op: u64 },
    /// The roots of my trees of partitions that we share.
    Roots { roots: Vec<(u16, u64)> },
    /// My tree's root differs; these are the hashes below it.
    Inner { partition: u16, hashes: Vec<u64> },
    /// These inner nodes differ; these are my leaves below them.
    Leaves { partition: u16, leaves: Vec<(u16, u64)> },
    /// These leaves differ; these are my keys in them, with their digests.
    Keys { partition: u16, leaves: Vec<u16>, keys: Vec<(Key, u64)> },
    /// Send me these.
    Want { keys: Vec<Key> },
    /// The newest ring that I know.
    RingIs { ring: Ring },
    /// I know this version, and have fetched what I need in its stage.
    RingAck { version: u64, ready: bool },
    /// To the claimant: take this node into the ring, or out of it.
    Change { member: NodeId, joins: bool },
    /// Send me a partition's keys after this one.
    Fetch { partition: u16, version: u64, after: Option<Key>, fence: u64 },
    /// The next keys of a partition; `end` when these are the last.
    Chunk { partition: u16, version: u64, after: Option<Key>, objects: Vec<(Key, Object)>, end: bool, fence: u64 },
    /// May these tombstones go? The phases are explained in `collect.rs`.
    CollectAsk { round: u64, phase: u8, ring: u64, keys: Vec<(Key, u64)> },
    /// All but these.
    CollectAnswer { round: u64, phase: u8, refused: Vec<Key> },
    /// Forget these, where they are still the same.
    Collect { ring: u64, keys: Vec<(Key, u64)> },
}
