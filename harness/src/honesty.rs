//! Whether a client is honest: what it says of operations is compared with what crossed the wire.
//!
//! Between a client and one healthy node stands a proxy (`honesty/proxy.rs`) that cuts, holds or spoils answers, as
//! faults do. Each scene (`honesty/scenes.rs`) shows one or two of the classical lies, by which a history accuses a
//! correct system or hides a bug. It knows no protocol: only how many connections carried how much, and what the client
//! said.

mod in_lab;
mod objects;
mod proxy;
mod scenes;
mod stand;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::interface::Interface;

pub use in_lab::examine_in_lab;
pub(crate) use in_lab::{Order, inside};
pub use proxy::Proxy;

/// A lie of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lie {
    /// It sends a request again of which nobody knows whether it was executed.
    Retry,
    /// It makes a second connection within an operation.
    Reconnect,
    /// It says that an update did not happen, although it may have.
    FailInsteadOfInfo,
    /// It says that an operation succeeded of which it got no answer.
    SwallowedError,
    /// It stays with a connection that the server has closed.
    StaleConnection,
    /// It answers a read from memory.
    CachedRead,
    /// It makes another value of the one that it was answered.
    WrongValue,
    /// It takes the late answer to one request for that to another.
    AnswerOfAnother,
}

impl Lie {
    /// All of them.
    pub const ALL: [Lie; 8] = [
        Lie::Retry,
        Lie::Reconnect,
        Lie::FailInsteadOfInfo,
        Lie::SwallowedError,
        Lie::StaleConnection,
        Lie::CachedRead,
        Lie::WrongValue,
        Lie::AnswerOfAnother,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Lie::Retry => "retry",
            Lie::Reconnect => "reconnect",
            Lie::FailInsteadOfInfo => "fail instead of info",
            Lie::SwallowedError => "swallowed error",
            Lie::StaleConnection => "stale connection",
            Lie::CachedRead => "cached read",
            Lie::WrongValue => "wrong value",
            Lie::AnswerOfAnother => "answer of another request",
        }
    }

    /// What it does to a history, and what to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Lie::Retry => {
                "one operation becomes two: switch the library's retries off, keep-alive too where it retries on reused \
                 connections, and answer `info`"
            }
            Lie::Reconnect => {
                "connect before the request is sent, once; when the connection breaks afterwards, answer `info`"
            }
            Lie::FailInsteadOfInfo => {
                "the update may have happened, and its effect would be called an anomaly: answer `info` to whatever \
                 happens after the first byte was sent"
            }
            Lie::SwallowedError => "nobody has acknowledged it: answer `info` unless the server's answer says success",
            Lie::StaleConnection => {
                "it never reaches the node again: close the connection after an error, and connect anew for the next operation"
            }
            Lie::CachedRead => "the system was not asked: switch the cache off",
            Lie::WrongValue => "every read of such a value is called an anomaly: look at how answers are parsed",
            Lie::AnswerOfAnother => "after a time-out of your own, close the connection: its answer may still come",
        }
    }
}

/// What came of the search for one lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// It was provoked, and the client did not tell it.
    Honest,
    /// It told it: in which scene, and what was seen.
    Told(String),
    /// It could not be provoked, and why.
    NotTried(String),
}

/// What came of an examination: a finding for each lie, in the order of [`Lie::ALL`].
pub type Findings = Vec<(Lie, Finding)>;

/// Makes a client of this number for the node at this address.
pub type MakeClient<'a> = dyn Fn(u64, Ipv4Addr) -> Box<dyn Client> + Send + Sync + 'a;

/// The client to examine.
pub struct Suspect<'a> {
    /// The interface that it speaks.
    pub interface: &'static Interface,
    /// Makes clients.
    pub make: &'a MakeClient<'a>,
    /// The healthy node that they are to talk to.
    pub server: SocketAddr,
    /// The deadline of an operation.
    pub deadline: Duration,
}

/// Why there was no examination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{what}")]
pub struct NotExamined {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Examines a client against a healthy server.
///
/// # Errors
///
/// When no operation succeeds even without any disturbance, or the interface is not one of those that are known here.
pub async fn examine(suspect: &Suspect<'_>) -> Result<Findings, NotExamined> {
    scenes::play(suspect).await
}

#[cfg(test)]
mod tests;
