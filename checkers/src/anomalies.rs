//! Checkers of single objects that are not linearizability: what must hold of a set, a queue, a counter, a lock or a
//! log whatever its consistency model.
//!
//! They are what Jepsen's checkers of the same names look for, with their known mistakes put right. All are one or two
//! passes over the history. Each reports only what is certain: an operation of unknown outcome may have happened at any
//! time after its invocation, or never; a failed one did not. And none passes a history without evidence: where nobody
//! looked, the answer is *unknown*.

mod balance;
mod bounds;
mod elements;
mod exclusion;
mod final_read;
mod identifiers;
mod insertion;
mod log;
mod monotonic;
mod moved;

use rashomon_history::History;

use crate::verdict::Judgement;

/// A checker by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnomalyKind {
    /// Every acknowledged element is in the final read.
    Set,
    /// Every acknowledged element stays in every read.
    SetFull,
    /// The same, and it is there at once.
    SetFullLinearizable,
    /// What was enqueued comes out.
    TotalQueue,
    /// What comes out was enqueued, once.
    Queue,
    /// No identifier twice.
    UniqueIds,
    /// Reads lie between what certainly and what possibly was added.
    Counter,
    /// Reads of one process never go back.
    Monotonic,
    /// One client's additions become visible in order.
    SequentialInsert,
    /// Nobody holds a lock beside another.
    LockExclusion,
    /// Fencing tokens rise.
    LockFencing,
    /// Sends and polls of a log with offsets.
    Log,
    /// The total of all accounts never changes, none is negative.
    Bank,
    /// The total of all accounts never changes.
    BankOverdraft,
}

/// A kind's name, what it means in one line, and how it judges.
struct Entry(AnomalyKind, &'static str, &'static str, fn(&History) -> Judgement);

const REGISTRY: &[Entry] = &[
    Entry(
        AnomalyKind::Set,
        "set",
        "add, then read: no acknowledged element is missing from the last read",
        final_read::check,
    ),
    Entry(
        AnomalyKind::SetFull,
        "set-full",
        "add, read: no acknowledged element disappears from reads for good",
        elements::check,
    ),
    Entry(
        AnomalyKind::SetFullLinearizable,
        "set-full-linearizable",
        "set-full, and each element is in every read that begins after its add was acknowledged",
        elements::check_linearizable,
    ),
    Entry(
        AnomalyKind::TotalQueue,
        "total-queue",
        "enqueue, dequeue, drain: what was acknowledged comes out at least once, and nothing else does",
        moved::check_total,
    ),
    Entry(
        AnomalyKind::Queue,
        "queue",
        "enqueue, dequeue, drain: what comes out was put in, and comes out once",
        moved::check_once,
    ),
    Entry(AnomalyKind::UniqueIds, "unique-ids", "generate: no identifier is given out twice", identifiers::check),
    Entry(
        AnomalyKind::Counter,
        "counter",
        "add, read: each read lies between the certain and the possible sum",
        bounds::check,
    ),
    Entry(
        AnomalyKind::Monotonic,
        "monotonic",
        "read: what one process reads of a key never becomes smaller",
        monotonic::check,
    ),
    Entry(
        AnomalyKind::SequentialInsert,
        "sequential-insert",
        "add, read: who sees one client's element sees all that client had acknowledged before",
        insertion::check,
    ),
    Entry(
        AnomalyKind::LockExclusion,
        "lock-exclusion",
        "acquire, release, write: one holder at a time; tokens rise",
        exclusion::check,
    ),
    Entry(
        AnomalyKind::LockFencing,
        "lock-fencing",
        "acquire, release, write: tokens rise, and no write with an older token is accepted",
        exclusion::check_fencing,
    ),
    Entry(
        AnomalyKind::Log,
        "log",
        "send, poll: nothing lost, duplicated, reordered, skipped or aborted; Jepsen's kafka anomalies",
        log::check,
    ),
    Entry(
        AnomalyKind::Bank,
        "bank",
        "transfer, read: the total never changes and no balance is negative",
        balance::check,
    ),
    Entry(
        AnomalyKind::BankOverdraft,
        "bank-overdraft",
        "transfer, read: the total never changes",
        balance::check_overdraft,
    ),
];

impl AnomalyKind {
    fn entry(self) -> &'static Entry {
        REGISTRY.iter().find(|entry| entry.0 == self).expect("every kind is in the registry")
    }

    /// All kinds, in the order they are listed.
    pub fn all() -> impl Iterator<Item = AnomalyKind> {
        REGISTRY.iter().map(|entry| entry.0)
    }

    /// The name users write.
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// What it means, in one line.
    pub fn description(self) -> &'static str {
        self.entry().2
    }
}

/// Judges a history.
pub fn check(history: &History, kind: AnomalyKind) -> Judgement {
    (kind.entry().3)(history)
}
