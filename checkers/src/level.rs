//! Named consistency levels, and which of them imply which others.
//!
//! A level is a word that targets promise, runs demand and checkers decide: `linearizable`, `session`. Levels form a
//! lattice: each names its direct weaker levels, and *implies* all that they imply. A new level, an isolation level as
//! well, is one more constant and one more entry of [`Level::all`].

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::nearest::nearest;

/// A named consistency level. Written as its word wherever it is serialized.
#[derive(Clone, Copy)]
pub struct Level(&'static Description);

/// What a level is.
#[derive(Debug)]
pub struct Description {
    /// The word users write, and that stands in manifests.
    pub name: &'static str,
    /// Other words for it.
    pub aliases: &'static [&'static str],
    /// The levels directly below it: whatever satisfies this one satisfies them.
    pub implies: &'static [Level],
    /// Whether replicas may disagree for a while, so that a run must wait until they agree before it asks what remains.
    pub converges_later: bool,
    /// What it means, in one sentence.
    pub text: &'static str,
}

impl Level {
    /// Replicas agree once updates and faults have ended.
    pub const EVENTUAL: Level = Level(&Description {
        name: "eventual",
        aliases: &["eventually-consistent"],
        implies: &[],
        converges_later: true,
        text: "all replicas agree once updates and faults have ended, on what the acknowledged updates explain",
    });

    /// The session guarantees (Terry et al., *Session guarantees for weakly consistent replicated data*, 1994).
    pub const SESSION: Level = Level(&Description {
        name: "session",
        aliases: &["session-guarantees"],
        implies: &[Level::EVENTUAL],
        converges_later: true,
        text: "each process reads its own writes and never goes back in time, and all replicas agree in the end",
    });

    /// Each node is one durable replica that answers from its own state.
    pub const REPLICA: Level = Level(&Description {
        name: "replica",
        aliases: &["durable-replica"],
        implies: &[Level::EVENTUAL],
        converges_later: true,
        text: "each node keeps what it acknowledged and showed, knows what the updates it knows had known, and all \
               replicas agree in the end",
    });

    /// Causal memory (Ahamad et al., 1995) at convergent replicas.
    pub const CAUSAL: Level = Level(&Description {
        name: "causal",
        aliases: &["causal-consistency"],
        implies: &[Level::SESSION, Level::REPLICA],
        converges_later: true,
        text: "what a process has seen is seen by all who see what it did afterwards, and all replicas agree in the end",
    });

    /// Sequential consistency (Lamport, 1979): one order of all operations that keeps each process's own.
    pub const SEQUENTIAL: Level = Level(&Description {
        name: "sequential",
        aliases: &["sequentially-consistent"],
        implies: &[],
        converges_later: false,
        text: "one order of all operations explains what they returned and keeps the order of each process",
    });

    /// Linearizability (Herlihy and Wing, 1990).
    pub const LINEARIZABLE: Level = Level(&Description {
        name: "linearizable",
        aliases: &["linearizability", "atomic"],
        implies: &[Level::SEQUENTIAL, Level::CAUSAL],
        converges_later: false,
        text: "every operation takes effect at one moment between its invocation and its completion",
    });

    /// All levels, none before one that implies it.
    pub fn all() -> impl DoubleEndedIterator<Item = Level> + Clone {
        const ALL: &[Level] =
            &[Level::LINEARIZABLE, Level::SEQUENTIAL, Level::CAUSAL, Level::SESSION, Level::REPLICA, Level::EVENTUAL];
        ALL.iter().copied()
    }

    /// A level of this description. For `const` items; one that shall be found by its word also stands in
    /// [`Level::all`].
    pub const fn new(description: &'static Description) -> Level {
        Level(description)
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it means, in one sentence.
    pub fn text(self) -> &'static str {
        self.0.text
    }

    /// Whether replicas may disagree for a while.
    pub fn converges_later(self) -> bool {
        self.0.converges_later
    }

    /// The levels directly below it.
    pub fn weaker(self) -> &'static [Level] {
        self.0.implies
    }

    /// Whether everything that satisfies this level satisfies the other one too. Every level implies itself.
    pub fn implies(self, other: Level) -> bool {
        self == other || self.0.implies.iter().any(|weaker| weaker.implies(other))
    }
}

impl Default for Level {
    fn default() -> Level {
        Level::LINEARIZABLE
    }
}

impl PartialEq for Level {
    fn eq(&self, other: &Level) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Level {}

impl std::hash::Hash for Level {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.name)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.0.name)
    }
}

/// No level has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no consistency level `{name}`; {hint}")]
pub struct UnknownLevel {
    /// What was asked for.
    pub name: String,
    /// The nearest name, or all of them.
    pub hint: String,
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Level, UnknownLevel> {
        let is = |level: &Level| level.0.name == name || level.0.aliases.contains(&name);
        Level::all()
            .find(is)
            .ok_or_else(|| UnknownLevel { name: name.to_owned(), hint: nearest(name, Level::all().map(Level::name)) })
    }
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_form_a_lattice_without_cycles() {
        for (place, level) in Level::all().enumerate() {
            assert!(level.implies(level));
            for weaker in level.weaker() {
                let below = Level::all().position(|other| other == *weaker).expect("a weaker level is listed");
                assert!(below > place, "{level} is listed before {weaker}, which it implies");
            }
        }
        assert!(Level::LINEARIZABLE.implies(Level::EVENTUAL) && Level::CAUSAL.implies(Level::REPLICA));
        assert!(!Level::SESSION.implies(Level::REPLICA) && !Level::REPLICA.implies(Level::SESSION));
        assert!(!Level::SEQUENTIAL.implies(Level::EVENTUAL), "a sequential read may be stale for ever");
    }

    #[test]
    fn words_name_levels() {
        for level in Level::all() {
            assert_eq!(level.name().parse(), Ok(level));
        }
        assert_eq!("atomic".parse(), Ok(Level::LINEARIZABLE));
        let unknown = "lineraizable".parse::<Level>().unwrap_err();
        assert_eq!(unknown.to_string(), "there is no consistency level `lineraizable`; did you mean `linearizable`?");
    }
}
