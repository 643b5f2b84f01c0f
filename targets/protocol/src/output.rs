//! What a node wants done: the contract between a protocol and its driver.

use serde::{Deserialize, Serialize};

/// Names a request within the node that took it from its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// An answer to a client of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<A> {
    /// The request.
    pub request: RequestId,
    /// How it ended.
    pub result: A,
}

/// What to do now. Records are written in their order and, once they are durable, reported with the number `persist`;
/// many outputs' records may share one write and one sync. Everything else may go out at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output<R, M, A, E> {
    /// What to write, in order.
    pub records: Vec<R>,
    /// The number to report once all records given so far are durable.
    pub persist: u64,
    /// What to send. May be lost, late, repeated or out of order.
    pub messages: Vec<M>,
    /// Answers to this node's clients.
    pub replies: Vec<Reply<A>>,
    /// What happened.
    pub events: Vec<E>,
}

impl<R, M, A, E> Default for Output<R, M, A, E> {
    fn default() -> Self {
        Output { records: Vec::new(), persist: 0, messages: Vec::new(), replies: Vec::new(), events: Vec::new() }
    }
}

impl<R, M, A, E> Output<R, M, A, E> {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.messages.is_empty() && self.replies.is_empty() && self.events.is_empty()
    }
}
