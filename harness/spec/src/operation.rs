//! What a process asks, and how that ended.

use std::sync::Arc;

use rashomon_history::{Outcome, Value};

/// What a process is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The function, of the workload's interface.
    pub f: Arc<str>,
    /// The object it works on.
    pub key: Value,
    /// What is asked.
    pub value: Value,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// ok, fail or info.
    pub outcome: Outcome,
    /// What came back; the operation's own value where nothing did.
    pub value: Value,
    /// Why it did not end ok: a short class, a colon and the detail.
    pub error: Option<Arc<str>>,
    /// The number of the node that answered, where the client knows that it was another one than the node that it
    /// asked: after a redirect.
    pub node: Option<u16>,
}

impl Completion {
    /// It happened and returned `value`.
    pub fn ok(value: Value) -> Completion {
        Completion { outcome: Outcome::Ok, value, error: None, node: None }
    }

    /// The same, answered by this node.
    pub fn answered_by(self, node: u16) -> Completion {
        Completion { node: Some(node), ..self }
    }

    /// It certainly did not happen and never will.
    pub fn fail(operation: &Operation, error: impl AsRef<str>) -> Completion {
        Completion {
            error: Some(error.as_ref().into()),
            outcome: Outcome::Fail,
            ..Completion::ok(operation.value.clone())
        }
    }

    /// Nobody knows.
    pub fn info(operation: &Operation, error: impl AsRef<str>) -> Completion {
        Completion {
            error: Some(error.as_ref().into()),
            outcome: Outcome::Info,
            ..Completion::ok(operation.value.clone())
        }
    }
}
