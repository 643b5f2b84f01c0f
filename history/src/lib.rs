//! What a history is: values, operations, events, and the columnar [`History`] that checkers read.
//!
//! A *history* is what every client saw, in real-time order. Each operation has an **invocation** and at most one
//! **completion**: `ok` (it happened), `fail` (it certainly did not) or `info` (nobody knows: it may have happened, may
//! still happen, or never). An operation without a completion means the same as `info`.
//!
//! The vocabulary is Jepsen's. This crate does no input or output of its own beyond `std::io::Read` and `Write`
//! handed to it, and knows no clock, thread or operating system.

#![cfg_attr(not(feature = "formats"), allow(dead_code, unused_imports, reason = "only readers of files use it"))]

#[cfg(feature = "formats")]
pub mod codec;
mod event;
#[cfg(feature = "formats")]
pub mod formats;
mod history;
mod operation;
mod processes;
#[cfg(test)]
mod samples;
mod value;

#[cfg(feature = "formats")]
pub use codec::{HistoryReader, HistoryWriter, ReadError, WriteError};
pub use event::{Event, EventKind, EventRef};
pub use history::{History, HistoryBuilder, HistoryError, OpId, OpKind, OpView, Row};
pub use operation::Outcome;
pub use value::{MAX_DEPTH, Value};
