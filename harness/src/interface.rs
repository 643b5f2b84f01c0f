//! The interfaces between workloads and targets: N + M, not N × M.
//!
//! A workload speaks one interface; a target says which ones it serves; any workload runs on any target that serves
//! its interface. An interface is a vocabulary: the functions, what their key and value are, and what comes back.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a target can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    /// Keyed registers. `read` (value nil → what it holds, nil before the first write), `write` (value),
    /// `cas` (`[from to]`; ends `fail` when the register did not hold `from`).
    Register,
    /// Keyed sets. `add` (element), `read` (→ list of elements).
    Set,
    /// Keyed counters. `add` (amount), `read` (→ total).
    Counter,
    /// Queues. `enqueue` (element), `dequeue` (→ element, nil when empty).
    Queue,
    /// Logs. `send` (element → offset), `poll` (offset → list of `[offset element]`).
    Log,
    /// Transactions: a list of micro-operations `["append" k v]`, `["w" k v]`, `["r" k nil]`.
    Txn,
    /// Accounts. `transfer` (`[from to amount]`), `read` (→ map of balances).
    Bank,
    /// Locks. `acquire` (→ fencing token), `release`.
    Lock,
    /// `generate` (→ an id nobody else gets).
    Ids,
    /// A replicated data type's own operations, read at one replica.
    Crdt,
}

impl Interface {
    /// The word used on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Interface::Register => "register",
            Interface::Set => "set",
            Interface::Counter => "counter",
            Interface::Queue => "queue",
            Interface::Log => "log",
            Interface::Txn => "txn",
            Interface::Bank => "bank",
            Interface::Lock => "lock",
            Interface::Ids => "ids",
            Interface::Crdt => "crdt",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
