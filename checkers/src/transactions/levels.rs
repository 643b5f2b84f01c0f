//! Isolation levels as a lattice.
//!
//! A level is a set of [`Condition`]s, each the absence of one phenomenon, so that one level implies another exactly
//! when it has all of its conditions. Names and definitions: Adya, *Weak consistency* (1999), for PL-1 to PL-3, PL-CS,
//! PL-2+ and PL-SI; Bailis et al., *Highly available transactions* (2013), for monotonic atomic view, and *Scalable
//! atomic visibility* (2014); Cerone, Bernardi and Gotsman, *A framework for transactional consistency models* (2015),
//! and Biswas and Enea, *On the complexity of checking transactional consistency* (2019), for read atomic, causal and
//! prefix, which contain the order of each process; Daudjee and Salem (2004, 2006) for strong session levels.
//!
//! The data are items, not predicates: repeatable read (PL-2.99) and serializable (PL-3) then forbid the same.
//! Serializable alone does not imply causal: a serial order may put what a process did later before what it did first.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The absence of one phenomenon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Condition {
    /// One order of versions explains the reads of each key, and each value read was written.
    Versions,
    /// No committed transaction read what an aborted one wrote (G1a), nor built on it (dirty update).
    Committed,
    /// None read what another overwrote later in the same transaction (G1b).
    Final,
    /// Each transaction sees its own writes, and none that it has not made yet.
    Own,
    /// No cycle of ww (G0).
    Ww,
    /// The same with process order.
    WwSession,
    /// The same with real time.
    WwRealTime,
    /// No cycle of ww and wr (G1c).
    Dep,
    /// The same with process order.
    DepSession,
    /// The same with real time.
    DepRealTime,
    /// Once a transaction has read from another, its later reads miss nothing of that one.
    Monotonic,
    /// No read of a transaction, early or late, misses what another wrote from which it read.
    Fractured,
    /// Nor what the same process did before.
    FracturedSession,
    /// No read misses what happened before, by process order and reads from (no ww).
    Causal,
    /// No two transactions read the same version of a key and both replace it (lost update).
    LostUpdate,
    /// No cycle with exactly one anti-dependency (G-single).
    Single,
    /// The same with process order.
    SingleSession,
    /// Snapshots of a growing sequence of commits explain all reads, with process order.
    Prefix,
    /// No cycle without two adjacent anti-dependencies (G-nonadjacent).
    Nonadjacent,
    /// The same with process order.
    NonadjacentSession,
    /// The same with real time.
    NonadjacentRealTime,
    /// No cycle at all (G2-item).
    Cycle,
    /// The same with process order.
    CycleSession,
    /// The same with real time.
    CycleRealTime,
}

/// A set of conditions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions(u32);

impl Conditions {
    const fn of(list: &[Condition]) -> Conditions {
        let (mut set, mut place) = (0, 0);
        while place < list.len() {
            set |= 1 << list[place] as u8;
            place += 1;
        }
        Conditions(set)
    }

    const fn and(self, other: Conditions) -> Conditions {
        Conditions(self.0 | other.0)
    }

    /// True when it has this condition.
    pub fn has(self, condition: Condition) -> bool {
        self.0 >> condition as u8 & 1 == 1
    }

    /// Adds a condition.
    pub fn insert(&mut self, condition: Condition) {
        self.0 |= 1 << condition as u8;
    }

    /// The conditions of either.
    pub fn union(self, other: Conditions) -> Conditions {
        self.and(other)
    }

    /// True when both have a condition.
    pub fn meets(self, other: Conditions) -> bool {
        self.0 & other.0 != 0
    }

    /// True when it has all of the other's.
    pub fn includes(self, other: Conditions) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What must hold between transactions of different times or processes, beyond the base level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Order {
    /// Nothing.
    Any,
    /// The transactions of one process take effect in their order.
    Session,
    /// A transaction that ended before another began takes effect before it.
    RealTime,
}

/// An isolation level.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Level(u8);

/// A level's name, its other names, what it means, and its conditions.
struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    order: Order,
    conditions: Conditions,
}

use Condition as C;

const RU: Conditions = Conditions::of(&[C::Versions, C::Ww]);
const RU_SESSION: Conditions = RU.and(Conditions::of(&[C::WwSession]));
const RU_STRONG: Conditions = RU_SESSION.and(Conditions::of(&[C::WwRealTime]));
const RC: Conditions = RU.and(Conditions::of(&[C::Committed, C::Final, C::Own, C::Dep]));
const RC_SESSION: Conditions = RC.and(RU_SESSION).and(Conditions::of(&[C::DepSession]));
const RC_STRONG: Conditions = RC_SESSION.and(RU_STRONG).and(Conditions::of(&[C::DepRealTime]));
const CS: Conditions = RC.and(Conditions::of(&[C::LostUpdate]));
const MAV: Conditions = RC.and(Conditions::of(&[C::Monotonic]));
const RA: Conditions = MAV.and(Conditions::of(&[C::Fractured]));
const RA_SESSION: Conditions = RA.and(RC_SESSION).and(Conditions::of(&[C::FracturedSession]));
const CAUSAL: Conditions = RA_SESSION.and(Conditions::of(&[C::Causal]));
const PREFIX: Conditions = CAUSAL.and(Conditions::of(&[C::Prefix]));
const PSI: Conditions = RA.and(CS).and(Conditions::of(&[C::Single]));
const PSI_SESSION: Conditions = PSI.and(CAUSAL).and(Conditions::of(&[C::SingleSession]));
const SI: Conditions = PSI.and(Conditions::of(&[C::Nonadjacent]));
const SI_SESSION: Conditions = SI.and(PSI_SESSION).and(PREFIX).and(Conditions::of(&[C::NonadjacentSession]));
const SI_STRONG: Conditions = SI_SESSION.and(RC_STRONG).and(Conditions::of(&[C::NonadjacentRealTime]));
const RR: Conditions = SI.and(Conditions::of(&[C::Cycle]));
const SER_SESSION: Conditions = RR.and(SI_SESSION).and(Conditions::of(&[C::CycleSession]));
const SER_STRICT: Conditions = SER_SESSION.and(SI_STRONG).and(Conditions::of(&[C::CycleRealTime]));

const fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    order: Order,
    conditions: Conditions,
    about: &'static str,
) -> Entry {
    Entry { name, aliases, about, order, conditions }
}

/// Weakest first; a level implies none that stands after it.
const LEVELS: &[Entry] = &[
    entry(
        "read-uncommitted",
        &["PL-1"],
        Order::Any,
        RU,
        "writes of transactions are not interleaved: no G0, one order of versions",
    ),
    entry(
        "strong-session-read-uncommitted",
        &["strong-session-PL-1"],
        Order::Session,
        RU_SESSION,
        "read uncommitted, and writes of one process are in its order",
    ),
    entry(
        "strong-read-uncommitted",
        &["strong-PL-1"],
        Order::RealTime,
        RU_STRONG,
        "read uncommitted, and writes are in real-time order",
    ),
    entry(
        "read-committed",
        &["PL-2"],
        Order::Any,
        RC,
        "reads return committed, final values, and dependencies have no cycle: no G1",
    ),
    entry(
        "strong-session-read-committed",
        &["strong-session-PL-2"],
        Order::Session,
        RC_SESSION,
        "read committed, and the order of each process agrees with the dependencies",
    ),
    entry(
        "strong-read-committed",
        &["strong-PL-2"],
        Order::RealTime,
        RC_STRONG,
        "read committed, and real time agrees with the dependencies",
    ),
    entry("cursor-stability", &["PL-CS"], Order::Any, CS, "read committed without lost updates"),
    entry(
        "monotonic-atomic-view",
        &["MAV"],
        Order::Any,
        MAV,
        "read committed, and once a transaction has seen another, its later reads miss nothing of it",
    ),
    entry(
        "atomic-visibility",
        &["RAMP"],
        Order::Any,
        RA,
        "a transaction sees all of another's writes or none: no fractured reads",
    ),
    entry(
        "read-atomic",
        &["RA"],
        Order::Session,
        RA_SESSION,
        "atomic visibility, and a transaction misses nothing that its process did before",
    ),
    entry(
        "causal",
        &["causal-consistency", "causal-cerone", "transactional-causal-consistency", "TCC"],
        Order::Session,
        CAUSAL,
        "a transaction misses nothing that happened before it, by process order and reads",
    ),
    entry(
        "parallel-snapshot-isolation",
        &["PSI", "PL-2+", "consistent-view"],
        Order::Any,
        PSI,
        "no lost update and no cycle with a single anti-dependency (G-single)",
    ),
    entry(
        "strong-session-parallel-snapshot-isolation",
        &["strong-session-PSI", "session-PSI"],
        Order::Session,
        PSI_SESSION,
        "parallel snapshot isolation, and each process sees its own past",
    ),
    entry(
        "prefix",
        &["prefix-consistency", "PC"],
        Order::Session,
        PREFIX,
        "each transaction reads from a snapshot of one sequence of commits, after its process's own",
    ),
    entry(
        "snapshot-isolation",
        &["SI", "PL-SI"],
        Order::Any,
        SI,
        "prefix snapshots, and no two concurrent transactions write the same key; write skew is allowed",
    ),
    entry(
        "strong-session-snapshot-isolation",
        &["strong-session-SI", "session-SI"],
        Order::Session,
        SI_SESSION,
        "snapshot isolation, and snapshots contain what the process committed before",
    ),
    entry(
        "strong-snapshot-isolation",
        &["strong-SI"],
        Order::RealTime,
        SI_STRONG,
        "snapshot isolation, and snapshots contain all that was committed before the transaction began",
    ),
    entry(
        "repeatable-read",
        &["PL-2.99", "RR"],
        Order::Any,
        RR,
        "Adya's repeatable read: serializable but for predicates, so write skew (G2-item) is forbidden",
    ),
    entry(
        "serializable",
        &["PL-3", "conflict-serializable", "view-serializable", "1SR", "SER"],
        Order::Any,
        RR,
        "one serial order of all transactions explains every read",
    ),
    entry(
        "strong-session-serializable",
        &["session-serializable", "strong-session-SER"],
        Order::Session,
        SER_SESSION,
        "serializable in an order that keeps the order of each process",
    ),
    entry(
        "strict-serializable",
        &["strong-serializable", "PL-SS", "strict-SER"],
        Order::RealTime,
        SER_STRICT,
        "serializable in an order that keeps real time",
    ),
];

/// No level has this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no isolation level `{0}`; the levels are {names}", names = Level::names())]
pub struct UnknownLevel(pub String);

impl Level {
    /// The strongest.
    pub const STRICT_SERIALIZABLE: Level = Level(LEVELS.len() as u8 - 1);
    /// Serializable in an order that keeps the order of each process.
    pub const STRONG_SESSION_SERIALIZABLE: Level = Level(LEVELS.len() as u8 - 2);
    /// The strongest that allows write skew.
    pub const STRONG_SNAPSHOT_ISOLATION: Level = Level(LEVELS.len() as u8 - 5);
    /// Some serial order.
    pub const SERIALIZABLE: Level = Level(LEVELS.len() as u8 - 3);

    /// All levels; none implies one that stands after it.
    pub fn all() -> impl DoubleEndedIterator<Item = Level> {
        (0..LEVELS.len() as u8).map(Level)
    }

    /// The name in commands and reports.
    pub fn name(self) -> &'static str {
        LEVELS[self.0 as usize].name
    }

    /// The names that mean the same.
    pub fn aliases(self) -> &'static [&'static str] {
        LEVELS[self.0 as usize].aliases
    }

    /// What it means, in one line.
    pub fn about(self) -> &'static str {
        LEVELS[self.0 as usize].about
    }

    /// Which order between transactions it keeps, beyond the data's.
    pub fn order(self) -> Order {
        LEVELS[self.0 as usize].order
    }

    /// What it consists of.
    pub fn conditions(self) -> Conditions {
        LEVELS[self.0 as usize].conditions
    }

    /// True when every history of this level is one of the other.
    pub fn implies(self, other: Level) -> bool {
        self.conditions().includes(other.conditions()) && self >= other
    }

    /// Those that no other of them implies: the strongest of some levels.
    pub fn strongest(levels: &[Level]) -> Vec<Level> {
        let implied = |level: Level| levels.iter().any(|&other| other != level && other.implies(level));
        levels.iter().copied().filter(|&level| !implied(level)).collect()
    }

    /// Those that imply no other of them: the weakest of some levels.
    pub fn weakest(levels: &[Level]) -> Vec<Level> {
        let implies = |level: Level| levels.iter().any(|&other| other != level && level.implies(other));
        levels.iter().copied().filter(|&level| !implies(level)).collect()
    }

    fn names() -> String {
        LEVELS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Level, UnknownLevel> {
        let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
        let wanted = plain(name);
        let named =
            |level: &Level| plain(level.name()) == wanted || level.aliases().iter().any(|alias| plain(alias) == wanted);
        Level::all().find(named).ok_or_else(|| UnknownLevel(name.to_owned()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_as_in_the_literature() {
        let level = |name: &str| name.parse::<Level>().expect("it has a name");
        let chain =
            ["strict-SER", "strong-session-SER", "PL-3", "SI", "PSI", "atomic-visibility", "MAV", "PL-2", "PL-1"];
        for pair in chain.windows(2) {
            assert!(level(pair[0]).implies(level(pair[1])), "{pair:?}");
            assert!(!level(pair[1]).implies(level(pair[0])), "{pair:?}");
        }
        assert!(level("serializable").implies(level("repeatable-read")));
        assert!(!level("repeatable-read").implies(level("serializable")));
        assert!(!level("SI").implies(level("repeatable-read")) && !level("causal").implies(level("cursor-stability")));
        assert!(level("causal").implies(level("read atomic")) && level("RA").implies(level("RAMP")));
        assert!(level("strong-session-SI").implies(level("prefix")) && level("prefix").implies(level("causal")));
        assert!(!level("serializable").implies(level("causal")), "a process may go back in a serial order");
        assert_eq!(Level::STRICT_SERIALIZABLE.name(), "strict-serializable");
        assert_eq!(Level::SERIALIZABLE.name(), "serializable");
        assert_eq!(Level::STRONG_SNAPSHOT_ISOLATION.name(), "strong-snapshot-isolation");
        assert!("chaos".parse::<Level>().is_err());
    }

    #[test]
    fn no_name_is_given_twice_and_no_level_implies_a_later_one() {
        let names: Vec<String> = Level::all()
            .flat_map(|level| {
                level.aliases().iter().chain([&level.name()]).map(|name| name.to_lowercase()).collect::<Vec<_>>()
            })
            .collect();
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{name}");
        }
        for (weak, strong) in Level::all().flat_map(|weak| Level::all().map(move |strong| (weak, strong))) {
            let equal = weak.conditions() == strong.conditions();
            assert!(weak >= strong || equal || !weak.conditions().includes(strong.conditions()), "{weak} {strong}");
        }
    }
}
