//! What a target promises, and what a run therefore demands.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The consistency that a target promises under its settings, strongest first. It is part of a run's specification:
/// the checker follows from it, so that settings which are *meant* to be weak are judged by what they promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// Every operation takes effect at one moment between its invocation and its completion (Herlihy and Wing, 1990).
    #[default]
    Linearizable,
    /// What a process has seen is seen by all who see what it did afterwards (causal memory, Ahamad et al., 1995), and
    /// all replicas agree once updates and faults have ended.
    Causal,
    /// Each process reads its own writes and never goes back in time (the session guarantees, Terry et al., 1994), and
    /// all replicas agree once updates and faults have ended.
    Session,
    /// All replicas agree once updates and faults have ended, on what the acknowledged updates explain.
    Eventual,
}

impl Consistency {
    /// All of them, strongest first.
    pub const ALL: [Consistency; 4] =
        [Consistency::Linearizable, Consistency::Causal, Consistency::Session, Consistency::Eventual];

    /// The word used on the command line and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Consistency::Linearizable => "linearizable",
            Consistency::Causal => "causal",
            Consistency::Session => "session",
            Consistency::Eventual => "eventual",
        }
    }

    /// The level of this word; `None` when there is none.
    pub fn named(word: &str) -> Option<Consistency> {
        Consistency::ALL.into_iter().find(|level| level.as_str() == word)
    }

    /// True when replicas may disagree for a while, so that a run must wait until they agree before it asks what
    /// remains.
    pub fn converges_later(self) -> bool {
        self != Consistency::Linearizable
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
