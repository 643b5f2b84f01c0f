//! Named consistency levels, and which of them imply which others.
//!
//! A level is a word that targets promise, runs demand and checkers decide: `linearizable`, `session`, `serializable`.
//! Levels form a lattice: each names its direct weaker levels, and *implies* all that they imply. A new level, an
//! isolation level as well, is one more constant and one more entry of [`Level::all`].

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::nearest::nearest;
use crate::transactions::Isolation;

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
    /// What it demands of transactions; `None` for a level that says nothing of them.
    pub isolation: Option<Isolation>,
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
        isolation: None,
        converges_later: true,
        text: "all replicas agree once updates and faults have ended, on what the acknowledged updates explain",
    });

    /// The session guarantees (Terry et al., *Session guarantees for weakly consistent replicated data*, 1994).
    pub const SESSION: Level = Level(&Description {
        name: "session",
        aliases: &["session-guarantees"],
        implies: &[Level::EVENTUAL],
        isolation: None,
        converges_later: true,
        text: "each process reads its own writes and never goes back in time, and all replicas agree in the end",
    });

    /// Each node is one durable replica that answers from its own state.
    pub const REPLICA: Level = Level(&Description {
        name: "replica",
        aliases: &["durable-replica"],
        implies: &[Level::EVENTUAL],
        isolation: None,
        converges_later: true,
        text: "each node keeps what it acknowledged and showed, knows what the updates it knows had known, and all \
               replicas agree in the end",
    });

    /// Causal memory (Ahamad et al., 1995) at convergent replicas.
    pub const CAUSAL: Level = Level(&Description {
        name: "causal",
        aliases: &["causal-consistency", "causal-cerone", "transactional-causal-consistency", "TCC"],
        implies: &[Level::SESSION, Level::REPLICA, Level::READ_ATOMIC],
        isolation: Some(Isolation::OF_CAUSAL),
        converges_later: true,
        text: "what a process has seen is seen by all who see what it did afterwards, and all replicas agree in the end",
    });

    /// Sequential consistency (Lamport, 1979): one order of all operations that keeps each process's own.
    pub const SEQUENTIAL: Level = Level(&Description {
        name: "sequential",
        aliases: &["sequentially-consistent"],
        implies: &[],
        isolation: Some(Isolation::OF_SEQUENTIAL),
        converges_later: false,
        text: "one order of all operations explains what they returned and keeps the order of each process",
    });

    /// Linearizability (Herlihy and Wing, 1990).
    pub const LINEARIZABLE: Level = Level(&Description {
        name: "linearizable",
        aliases: &["linearizability", "atomic"],
        implies: &[Level::SEQUENTIAL, Level::CAUSAL],
        isolation: Some(Isolation::OF_LINEARIZABLE),
        converges_later: false,
        text: "every operation takes effect at one moment between its invocation and its completion",
    });

    /// All levels: those of objects, then those of transactions, each the strongest first.
    pub fn all() -> impl Iterator<Item = Level> + Clone {
        let of_transactions = Level::isolation_levels().rev().filter(|level| !Level::OF_OBJECTS.contains(level));
        Level::OF_OBJECTS.iter().copied().chain(of_transactions)
    }

    /// The levels of objects, none before one that implies it.
    const OF_OBJECTS: &[Level] =
        &[Level::LINEARIZABLE, Level::SEQUENTIAL, Level::CAUSAL, Level::SESSION, Level::REPLICA, Level::EVENTUAL];

    /// A level of this description. For `const` items; one that shall be found by its word also stands in
    /// [`Level::all`].
    pub const fn new(description: &'static Description) -> Level {
        Level(description)
    }

    /// What it demands of transactions, where it says anything of them.
    pub fn isolation(self) -> Option<Isolation> {
        self.0.isolation
    }

    /// Whether it is about transactions alone, as snapshot isolation, and says nothing of single operations.
    pub fn is_isolation_only(self) -> bool {
        self.isolation().is_some() && !Level::OF_OBJECTS.contains(&self)
    }

    /// The names that mean the same.
    pub fn aliases(self) -> &'static [&'static str] {
        self.0.aliases
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
        let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
        let wanted = plain(name);
        let is = |level: &Level| level.aliases().iter().chain([&level.name()]).any(|name| plain(name) == wanted);
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
        let place = |list: &[Level], level| list.iter().position(|&other| other == level);
        for level in Level::all() {
            assert!(level.implies(level));
            assert!(level.weaker().iter().all(|weaker| !weaker.implies(level)), "{level} implies itself");
        }
        for list in [Level::OF_OBJECTS.to_vec(), Level::isolation_levels().rev().collect()] {
            for (stands, level) in list.iter().enumerate() {
                let mut weaker = level.weaker().iter().filter_map(|&weaker| place(&list, weaker));
                assert!(weaker.all(|below| below > stands), "{level} is listed after a level that it implies");
            }
        }
        assert!(Level::LINEARIZABLE.implies(Level::EVENTUAL) && Level::CAUSAL.implies(Level::REPLICA));
        assert!(!Level::SESSION.implies(Level::REPLICA) && !Level::REPLICA.implies(Level::SESSION));
        assert!(!Level::SEQUENTIAL.implies(Level::EVENTUAL), "a sequential read may be stale for ever");
    }

    #[test]
    fn words_name_levels() {
        let mut names = std::collections::BTreeSet::new();
        for level in Level::all() {
            for name in level.aliases().iter().chain([&level.name()]) {
                assert_eq!(name.parse(), Ok(level));
                assert!(names.insert(name.to_lowercase()), "{name} is given twice");
            }
        }
        assert_eq!("atomic".parse(), Ok(Level::LINEARIZABLE));
        let unknown = "lineraizable".parse::<Level>().unwrap_err();
        assert_eq!(unknown.to_string(), "there is no consistency level `lineraizable`; did you mean `linearizable`?");
    }
}
