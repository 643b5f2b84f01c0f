//! Checkers of replicated objects whose replicas may disagree for a while: convergence, what the acknowledged updates
//! explain, session guarantees, causal consistency, staleness.
//!
//! All are passes over the history, near-linear in its length, and report only what is certain: an operation of unknown
//! outcome may have happened at any time after its invocation, or never; a failed one did not. Demands about what
//! *remains* are made of reads that began after the bound has passed ([`EventualDemand`]); where the reads came too
//! early, or no read could show it, the answer is *unknown*. Definitions, sources and limits:
//! `docs/checkers-eventual.md`.

mod causal;
mod clocks;
mod convergence;
mod counter;
mod final_reads;
mod knowledge;
mod lifetimes;
mod maps;
mod members;
mod register;
mod sessions;
mod sets;
mod siblings;
mod staleness;
mod text;

pub use members::{Accusations, MembersDemand, check_members};
use rashomon_history::History;
use serde::{Deserialize, Serialize};

use crate::verdict::{Budget, Judgement};

/// What is demanded of replicas that may disagree for a while.
///
/// An object is **quiescent** from the later of `quiescent_since_ns` and the end of its last update, and **settled**
/// from `convergence_ns` after that. Every read that begins when it is settled must agree with every other such read,
/// and must show what the updates explain. An update of unknown outcome is taken to have happened before its object is
/// settled, or never. Reads of a quiescent but not yet settled object can confirm, but never convict: so whoever reads
/// at the end of a run should read at every node once more after the bound has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventualDemand {
    /// When the last fault was healed, ns on the history's clock; `None` when there was none.
    pub quiescent_since_ns: Option<u64>,
    /// Within which time after that, and after the last update, all replicas must agree, ns.
    pub convergence_ns: u64,
    /// What holds while they do not.
    pub promise: Promise,
}

/// What clients are promised while the replicas still disagree; weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Promise {
    /// Nothing: any read may be answered by any replica.
    Eventual,
    /// A process goes on to see what it did and what it saw (the session guarantees).
    Session,
    /// A node is one durable replica and answers from its own state: it goes on to know what it acknowledged and what
    /// it showed, to every client; and one that knows an update knows all that the update's node knew.
    Replica,
}

impl EventualDemand {
    /// Five seconds to agree, counted from the last update, and nothing promised until then.
    pub const DEFAULT: EventualDemand =
        EventualDemand { quiescent_since_ns: None, convergence_ns: 5_000_000_000, promise: Promise::Eventual };
}

/// A checker by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventualKind {
    /// All replicas agree in the end.
    Convergence,
    /// A register in which the last write remains.
    Register,
    /// A register in which some write remains.
    UnorderedRegister,
    /// Read your writes, monotonic reads, monotonic writes, writes follow reads.
    SessionGuarantees,
    /// Causally consistent registers.
    CausalRegister,
    /// The same, and concurrent writes are ordered alike for all.
    CausalConvergence,
    /// A set that only grows.
    Set,
    /// A counter.
    Counter,
    /// A set whose removals remove what they observed.
    OrSet,
    /// A set whose last update of an element wins.
    LwwSet,
    /// A register that keeps concurrent writes.
    Siblings,
    /// A map of such registers.
    OrMap,
    /// A list of elements, edited everywhere.
    Text,
    /// Views of who is in the cluster.
    Members,
    /// How old what reads return is.
    Staleness,
}

/// How a kind judges.
type Check = fn(&History, &EventualDemand, &Budget) -> Judgement;

/// A kind's name, what it means in one line, and how it judges.
struct Entry(EventualKind, &'static str, &'static str, Check);

const REGISTRY: &[Entry] = &[
    Entry(
        EventualKind::Convergence,
        "convergence",
        "any update, read: all nodes answer alike once updates have ended and the bound has passed",
        convergence::check,
    ),
    Entry(
        EventualKind::Register,
        "eventual-register",
        "write, read: in the end no acknowledged write has been overwritten by an older one",
        register::check,
    ),
    Entry(
        EventualKind::UnorderedRegister,
        "unordered-register",
        "write, read: writes may be ordered in any way, but what is read was written and something remains",
        register::check_unordered,
    ),
    Entry(
        EventualKind::SessionGuarantees,
        "session-guarantees",
        "write, read: each process reads its writes and never goes back; unique values",
        sessions::check,
    ),
    Entry(
        EventualKind::CausalRegister,
        "causal-register",
        "write, read: causally consistent registers; unique values",
        causal::check,
    ),
    Entry(
        EventualKind::CausalConvergence,
        "causal-convergence",
        "causal-register, and all agree on the order of concurrent writes",
        causal::check_convergence,
    ),
    Entry(
        EventualKind::Set,
        "eventual-set",
        "add, read: in the end every acknowledged or seen element is there, and nothing else",
        sets::check_growing,
    ),
    Entry(
        EventualKind::Counter,
        "eventual-counter",
        "add, read: in the end the total is what was acknowledged, and perhaps some of unknown outcome",
        counter::check,
    ),
    Entry(
        EventualKind::OrSet,
        "or-set",
        "add, remove, read: observed-remove set; of concurrent add and remove the add wins",
        sets::check_observed,
    ),
    Entry(
        EventualKind::LwwSet,
        "lww-set",
        "add, remove, read: the last update of an element wins, in real time",
        sets::check_last_wins,
    ),
    Entry(
        EventualKind::Siblings,
        "siblings",
        "put [value [seen]], read: a value goes only when a put has seen it, and then for good",
        siblings::check,
    ),
    Entry(
        EventualKind::OrMap,
        "or-map",
        "put [field value], remove field, read: observed-remove map of multi-value registers",
        maps::check,
    ),
    Entry(
        EventualKind::Text,
        "text",
        "insert [element after], delete, read: nothing lost, and one order of all elements explains all reads",
        text::check,
    ),
    Entry(
        EventualKind::Members,
        "members",
        "read, leave, join: views of the membership move forward only, and converge to the truth",
        members::check,
    ),
    Entry(
        EventualKind::Staleness,
        "staleness",
        "write or add, read: measures how old what reads return is; never a violation",
        staleness::check,
    ),
];

impl EventualKind {
    /// All kinds, in the order they are listed.
    pub fn all() -> impl Iterator<Item = EventualKind> {
        REGISTRY.iter().map(|entry| entry.0)
    }

    fn entry(self) -> &'static Entry {
        REGISTRY.iter().find(|entry| entry.0 == self).expect("every kind is in the registry")
    }

    /// The name users write.
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// What it means, in one line.
    pub fn description(self) -> &'static str {
        self.entry().2
    }

    /// What is demanded where nobody says: [`EventualDemand::DEFAULT`], and of replicated data types that each node is
    /// a replica.
    pub fn demand(self) -> EventualDemand {
        match self {
            EventualKind::Set
            | EventualKind::Counter
            | EventualKind::OrSet
            | EventualKind::LwwSet
            | EventualKind::OrMap
            | EventualKind::Text => EventualDemand { promise: Promise::Replica, ..EventualDemand::DEFAULT },
            _ => EventualDemand::DEFAULT,
        }
    }
}

/// Judges a history.
pub fn check(history: &History, kind: EventualKind, demand: &EventualDemand, budget: &Budget) -> Judgement {
    (kind.entry().3)(history, demand, budget)
}
