//! What a client is: one connection of one logical process.
//!
//! A history is only as honest as its client, so a client has **no** transparent retry, **no** reconnect inside an
//! operation and **no** pool. It maps every error to `fail` (certainly did not happen and never will) or `info`
//! (anything else); where it is not certain it says `info`. The harness puts a hard deadline around every invocation:
//! when it passes, the operation ends `info` and the client is dropped.

mod log;

use std::future::Future;
use std::pin::Pin;

pub use log::ClientLog;
pub use rashomon_spec::operation::{Completion, Operation};

/// A completion that is on its way.
pub type Invocation<'a> = Pin<Box<dyn Future<Output = Completion> + Send + 'a>>;

/// A client that is about to be ready.
pub type GetReady<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// One connection of one logical process to one node.
pub trait Client: Send {
    /// Called before each operation, outside of its time: what a client needs to do before its first one, as the start
    /// of a program. Nothing is sent to the node here. A failure is the next operation's to report.
    fn get_ready(&mut self) -> GetReady<'_> {
        Box::pin(std::future::ready(()))
    }

    /// Carries out one operation. Called for one operation at a time; never called again after an `info`.
    fn invoke<'a>(&'a mut self, operation: &'a Operation) -> Invocation<'a>;
}
