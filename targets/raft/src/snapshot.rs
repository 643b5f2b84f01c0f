//! A snapshot: the applied state as of one index (§7).

use serde::{Deserialize, Serialize};

use crate::log::{Index, Term};
use crate::machine::Machine;

/// The applied state as of `last_index`; replaces all entries up to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last entry it contains.
    pub last_index: Index,
    /// Its term.
    pub last_term: Term,
    /// The state machine with its client sessions, encoded.
    pub state: Vec<u8>,
}

/// A snapshot whose state does not decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSnapshot {
    /// The snapshot's last index.
    pub last_index: Index,
    /// What the decoder said.
    pub why: String,
}

impl std::fmt::Display for BadSnapshot {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the snapshot at index {} does not decode: {}", self.last_index, self.why)
    }
}

impl std::error::Error for BadSnapshot {}

impl Snapshot {
    /// A snapshot of a state machine that has applied everything up to `last_index`.
    pub fn of(machine: &Machine, last_index: Index, last_term: Term) -> Snapshot {
        let state = postcard::to_stdvec(machine).expect("a map of plain values always encodes");
        Snapshot { last_index, last_term, state }
    }

    /// The state machine it holds.
    pub fn restore(&self) -> Result<Machine, BadSnapshot> {
        postcard::from_bytes(&self.state)
            .map_err(|error| BadSnapshot { last_index: self.last_index, why: error.to_string() })
    }
}
