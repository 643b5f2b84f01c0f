//! What a client is: one connection of one logical process.
//!
//! A history is only as honest as its client, so a client has **no** transparent retry, **no** reconnect inside an
//! operation and **no** pool. It maps every error to `fail` (certainly did not happen and never will) or `info`
//! (anything else); where it is not certain it says `info`. The harness puts a hard deadline around every invocation:
//! when it passes, the operation ends `info` and the client is dropped.

use std::future::Future;
use std::pin::Pin;
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

/// A completion that is on its way.
pub type Invocation<'a> = Pin<Box<dyn Future<Output = Completion> + Send + 'a>>;

/// One connection of one logical process to one node.
pub trait Client: Send {
    /// Carries out one operation. Called for one operation at a time; never called again after an `info`.
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a>;
}
