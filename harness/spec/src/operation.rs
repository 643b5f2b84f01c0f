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
}

impl Completion {
    /// It happened and returned `value`.
    pub fn ok(value: Value) -> Completion {
        Completion { outcome: Outcome::Ok, value, error: None }
    }

    /// It certainly did not happen and never will.
    pub fn fail(operation: &Operation, error: impl AsRef<str>) -> Completion {
        Completion { outcome: Outcome::Fail, value: operation.value.clone(), error: Some(error.as_ref().into()) }
    }

    /// Nobody knows.
    pub fn info(operation: &Operation, error: impl AsRef<str>) -> Completion {
        Completion { outcome: Outcome::Info, value: operation.value.clone(), error: Some(error.as_ref().into()) }
    }
}
