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

use crate::level::{Description, Level};

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

/// What a level says of transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// Which order between transactions it keeps, beyond the data's.
    pub order: Order,
    /// What it consists of.
    pub conditions: Conditions,
}

impl Isolation {
    /// That of linearizability, whose operations are then whole transactions.
    pub(crate) const OF_LINEARIZABLE: Isolation = Isolation { order: Order::RealTime, conditions: SER_STRICT };
    /// That of sequential consistency.
    pub(crate) const OF_SEQUENTIAL: Isolation = Isolation { order: Order::Session, conditions: SER_SESSION };
    /// That of causal consistency.
    pub(crate) const OF_CAUSAL: Isolation = Isolation { order: Order::Session, conditions: CAUSAL };
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

/// The isolation levels, weakest first: none implies one that stands after it.
pub(crate) const ISOLATION_LEVELS: &[Level] = &[
    Level::READ_UNCOMMITTED,
    Level::STRONG_SESSION_READ_UNCOMMITTED,
    Level::STRONG_READ_UNCOMMITTED,
    Level::READ_COMMITTED,
    Level::STRONG_SESSION_READ_COMMITTED,
    Level::STRONG_READ_COMMITTED,
    Level::CURSOR_STABILITY,
    Level::MONOTONIC_ATOMIC_VIEW,
    Level::ATOMIC_VISIBILITY,
    Level::READ_ATOMIC,
    Level::CAUSAL,
    Level::PARALLEL_SNAPSHOT_ISOLATION,
    Level::STRONG_SESSION_PARALLEL_SNAPSHOT_ISOLATION,
    Level::PREFIX,
    Level::SNAPSHOT_ISOLATION,
    Level::STRONG_SESSION_SNAPSHOT_ISOLATION,
    Level::STRONG_SNAPSHOT_ISOLATION,
    Level::REPEATABLE_READ,
    Level::SERIALIZABLE,
    Level::STRONG_SESSION_SERIALIZABLE,
    Level::STRICT_SERIALIZABLE,
];

impl Level {
    /// Writes of transactions are not interleaved: no G0, one order of versions.
    pub const READ_UNCOMMITTED: Level = Level::new(&Description {
        name: "read-uncommitted",
        aliases: &["PL-1"],
        implies: &[],
        isolation: Some(Isolation { order: Order::Any, conditions: RU }),
        converges_later: false,
        text: "writes of transactions are not interleaved: no G0, one order of versions",
    });

    /// Read uncommitted, and writes of one process are in its order.
    pub const STRONG_SESSION_READ_UNCOMMITTED: Level = Level::new(&Description {
        name: "strong-session-read-uncommitted",
        aliases: &["strong-session-PL-1"],
        implies: &[Level::READ_UNCOMMITTED],
        isolation: Some(Isolation { order: Order::Session, conditions: RU_SESSION }),
        converges_later: false,
        text: "read uncommitted, and writes of one process are in its order",
    });

    /// Read uncommitted, and writes are in real-time order.
    pub const STRONG_READ_UNCOMMITTED: Level = Level::new(&Description {
        name: "strong-read-uncommitted",
        aliases: &["strong-PL-1"],
        implies: &[Level::STRONG_SESSION_READ_UNCOMMITTED],
        isolation: Some(Isolation { order: Order::RealTime, conditions: RU_STRONG }),
        converges_later: false,
        text: "read uncommitted, and writes are in real-time order",
    });

    /// Reads return committed, final values, and dependencies have no cycle: no G1.
    pub const READ_COMMITTED: Level = Level::new(&Description {
        name: "read-committed",
        aliases: &["PL-2"],
        implies: &[Level::READ_UNCOMMITTED],
        isolation: Some(Isolation { order: Order::Any, conditions: RC }),
        converges_later: false,
        text: "reads return committed, final values, and dependencies have no cycle: no G1",
    });

    /// Read committed, and the order of each process agrees with the dependencies.
    pub const STRONG_SESSION_READ_COMMITTED: Level = Level::new(&Description {
        name: "strong-session-read-committed",
        aliases: &["strong-session-PL-2"],
        implies: &[Level::READ_COMMITTED, Level::STRONG_SESSION_READ_UNCOMMITTED],
        isolation: Some(Isolation { order: Order::Session, conditions: RC_SESSION }),
        converges_later: false,
        text: "read committed, and the order of each process agrees with the dependencies",
    });

    /// Read committed, and real time agrees with the dependencies.
    pub const STRONG_READ_COMMITTED: Level = Level::new(&Description {
        name: "strong-read-committed",
        aliases: &["strong-PL-2"],
        implies: &[Level::STRONG_SESSION_READ_COMMITTED, Level::STRONG_READ_UNCOMMITTED],
        isolation: Some(Isolation { order: Order::RealTime, conditions: RC_STRONG }),
        converges_later: false,
        text: "read committed, and real time agrees with the dependencies",
    });

    /// Read committed without lost updates.
    pub const CURSOR_STABILITY: Level = Level::new(&Description {
        name: "cursor-stability",
        aliases: &["PL-CS"],
        implies: &[Level::READ_COMMITTED],
        isolation: Some(Isolation { order: Order::Any, conditions: CS }),
        converges_later: false,
        text: "read committed without lost updates",
    });

    /// Read committed, and once a transaction has seen another, its later reads miss nothing of it.
    pub const MONOTONIC_ATOMIC_VIEW: Level = Level::new(&Description {
        name: "monotonic-atomic-view",
        aliases: &["MAV"],
        implies: &[Level::READ_COMMITTED],
        isolation: Some(Isolation { order: Order::Any, conditions: MAV }),
        converges_later: false,
        text: "read committed, and once a transaction has seen another, its later reads miss nothing of it",
    });

    /// A transaction sees all of another's writes or none: no fractured reads.
    pub const ATOMIC_VISIBILITY: Level = Level::new(&Description {
        name: "atomic-visibility",
        aliases: &["RAMP"],
        implies: &[Level::MONOTONIC_ATOMIC_VIEW],
        isolation: Some(Isolation { order: Order::Any, conditions: RA }),
        converges_later: false,
        text: "a transaction sees all of another's writes or none: no fractured reads",
    });

    /// Atomic visibility, and a transaction misses nothing that its process did before.
    pub const READ_ATOMIC: Level = Level::new(&Description {
        name: "read-atomic",
        aliases: &["RA"],
        implies: &[Level::ATOMIC_VISIBILITY, Level::STRONG_SESSION_READ_COMMITTED],
        isolation: Some(Isolation { order: Order::Session, conditions: RA_SESSION }),
        converges_later: false,
        text: "atomic visibility, and a transaction misses nothing that its process did before",
    });

    /// No lost update and no cycle with a single anti-dependency (G-single).
    pub const PARALLEL_SNAPSHOT_ISOLATION: Level = Level::new(&Description {
        name: "parallel-snapshot-isolation",
        aliases: &["PSI", "PL-2+", "consistent-view"],
        implies: &[Level::ATOMIC_VISIBILITY, Level::CURSOR_STABILITY],
        isolation: Some(Isolation { order: Order::Any, conditions: PSI }),
        converges_later: false,
        text: "no lost update and no cycle with a single anti-dependency (G-single)",
    });

    /// Parallel snapshot isolation, and each process sees its own past.
    pub const STRONG_SESSION_PARALLEL_SNAPSHOT_ISOLATION: Level = Level::new(&Description {
        name: "strong-session-parallel-snapshot-isolation",
        aliases: &["strong-session-PSI", "session-PSI"],
        implies: &[Level::PARALLEL_SNAPSHOT_ISOLATION, Level::CAUSAL],
        isolation: Some(Isolation { order: Order::Session, conditions: PSI_SESSION }),
        converges_later: false,
        text: "parallel snapshot isolation, and each process sees its own past",
    });

    /// Each transaction reads from a snapshot of one sequence of commits, after its process's own.
    pub const PREFIX: Level = Level::new(&Description {
        name: "prefix",
        aliases: &["prefix-consistency", "PC"],
        implies: &[Level::CAUSAL],
        isolation: Some(Isolation { order: Order::Session, conditions: PREFIX }),
        converges_later: false,
        text: "each transaction reads from a snapshot of one sequence of commits, after its process's own",
    });

    /// Prefix snapshots, and no two concurrent transactions write the same key; write skew is allowed.
    pub const SNAPSHOT_ISOLATION: Level = Level::new(&Description {
        name: "snapshot-isolation",
        aliases: &["SI", "PL-SI"],
        implies: &[Level::PARALLEL_SNAPSHOT_ISOLATION],
        isolation: Some(Isolation { order: Order::Any, conditions: SI }),
        converges_later: false,
        text: "prefix snapshots, and no two concurrent transactions write the same key; write skew is allowed",
    });

    /// Snapshot isolation, and snapshots contain what the process committed before.
    pub const STRONG_SESSION_SNAPSHOT_ISOLATION: Level = Level::new(&Description {
        name: "strong-session-snapshot-isolation",
        aliases: &["strong-session-SI", "session-SI"],
        implies: &[Level::SNAPSHOT_ISOLATION, Level::STRONG_SESSION_PARALLEL_SNAPSHOT_ISOLATION, Level::PREFIX],
        isolation: Some(Isolation { order: Order::Session, conditions: SI_SESSION }),
        converges_later: false,
        text: "snapshot isolation, and snapshots contain what the process committed before",
    });

    /// Snapshot isolation, and snapshots contain all that was committed before the transaction began.
    pub const STRONG_SNAPSHOT_ISOLATION: Level = Level::new(&Description {
        name: "strong-snapshot-isolation",
        aliases: &["strong-SI"],
        implies: &[Level::STRONG_SESSION_SNAPSHOT_ISOLATION, Level::STRONG_READ_COMMITTED],
        isolation: Some(Isolation { order: Order::RealTime, conditions: SI_STRONG }),
        converges_later: false,
        text: "snapshot isolation, and snapshots contain all that was committed before the transaction began",
    });

    /// Adya's repeatable read: serializable but for predicates, so write skew (G2-item) is forbidden.
    pub const REPEATABLE_READ: Level = Level::new(&Description {
        name: "repeatable-read",
        aliases: &["PL-2.99", "RR"],
        implies: &[Level::SNAPSHOT_ISOLATION],
        isolation: Some(Isolation { order: Order::Any, conditions: RR }),
        converges_later: false,
        text: "Adya's repeatable read: serializable but for predicates, so write skew (G2-item) is forbidden",
    });

    /// One serial order of all transactions explains every read.
    pub const SERIALIZABLE: Level = Level::new(&Description {
        name: "serializable",
        aliases: &["PL-3", "conflict-serializable", "view-serializable", "1SR", "SER"],
        implies: &[Level::REPEATABLE_READ],
        isolation: Some(Isolation { order: Order::Any, conditions: RR }),
        converges_later: false,
        text: "one serial order of all transactions explains every read",
    });

    /// Serializable in an order that keeps the order of each process.
    pub const STRONG_SESSION_SERIALIZABLE: Level = Level::new(&Description {
        name: "strong-session-serializable",
        aliases: &["session-serializable", "strong-session-SER"],
        implies: &[Level::SERIALIZABLE, Level::STRONG_SESSION_SNAPSHOT_ISOLATION, Level::SEQUENTIAL],
        isolation: Some(Isolation { order: Order::Session, conditions: SER_SESSION }),
        converges_later: false,
        text: "serializable in an order that keeps the order of each process",
    });

    /// Serializable in an order that keeps real time.
    pub const STRICT_SERIALIZABLE: Level = Level::new(&Description {
        name: "strict-serializable",
        aliases: &["strong-serializable", "PL-SS", "strict-SER"],
        implies: &[Level::STRONG_SESSION_SERIALIZABLE, Level::STRONG_SNAPSHOT_ISOLATION, Level::LINEARIZABLE],
        isolation: Some(Isolation { order: Order::RealTime, conditions: SER_STRICT }),
        converges_later: false,
        text: "serializable in an order that keeps real time",
    });

    /// The isolation levels, weakest first: none implies one that stands after it.
    pub fn isolation_levels() -> impl DoubleEndedIterator<Item = Level> + Clone {
        ISOLATION_LEVELS.iter().copied()
    }

    /// The isolation level that says the same of transactions, where there is one: strict serializable for
    /// linearizable.
    pub fn as_isolation(self) -> Option<Level> {
        let conditions = self.isolation()?.conditions;
        let by_name = Level::isolation_levels().find(|&level| level == self);
        by_name.or_else(|| Level::isolation_levels().rev().find(|level| level.conditions() == conditions))
    }

    /// What it demands of transactions; nothing for a level that says nothing of them.
    pub fn conditions(self) -> Conditions {
        self.isolation().map_or_else(Conditions::default, |isolation| isolation.conditions)
    }

    /// Which order between transactions it keeps, beyond the data's.
    pub(super) fn order(self) -> Order {
        self.isolation().map_or(Order::Any, |isolation| isolation.order)
    }

    /// Those that no other of them implies: the strongest of some levels.
    pub(super) fn strongest(levels: &[Level]) -> Vec<Level> {
        let implied = |level: Level| levels.iter().any(|&other| other != level && other.implies(level));
        levels.iter().copied().filter(|&level| !implied(level)).collect()
    }

    /// Those that imply no other of them: the weakest of some levels.
    pub(super) fn weakest(levels: &[Level]) -> Vec<Level> {
        let implies = |level: Level| levels.iter().any(|&other| other != level && level.implies(other));
        levels.iter().copied().filter(|&level| !implies(level)).collect()
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
    fn one_level_implies_another_exactly_when_it_has_all_of_its_conditions() {
        let levels: Vec<Level> = Level::isolation_levels().collect();
        for (one, &weak) in levels.iter().enumerate() {
            for (other, &strong) in levels.iter().enumerate() {
                let includes = weak.conditions().includes(strong.conditions());
                // Serializable and repeatable read differ only in predicates, which are not data here.
                let expected = includes && one >= other;
                assert_eq!(weak.implies(strong), expected, "{weak} {strong}");
            }
        }
    }

    #[test]
    fn levels_of_single_operations_have_their_isolation_level() {
        assert_eq!(Level::LINEARIZABLE.as_isolation(), Some(Level::STRICT_SERIALIZABLE));
        assert_eq!(Level::SEQUENTIAL.as_isolation(), Some(Level::STRONG_SESSION_SERIALIZABLE));
        assert_eq!(Level::CAUSAL.as_isolation(), Some(Level::CAUSAL));
        assert_eq!(Level::REPEATABLE_READ.as_isolation(), Some(Level::REPEATABLE_READ));
        assert_eq!(Level::SESSION.as_isolation(), None);
    }
}
