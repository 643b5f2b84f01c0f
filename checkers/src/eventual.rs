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
use serde::{Deserialize, Serialize};

use crate::checker::{Checker, Function, Shape, is_pair};
use crate::level::Level;
use crate::models::checkers::{CAS, NOT_FALSE, READ, WRITE};

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
    pub promise: Level,
}

impl EventualDemand {
    /// Five seconds to agree, counted from the last update, and nothing promised until then.
    pub const DEFAULT: EventualDemand =
        EventualDemand { quiescent_since_ns: None, convergence_ns: 5_000_000_000, promise: Level::EVENTUAL };
}

/// All of them, in the order they are listed.
pub const CHECKERS: &[Checker] = &[
    CONVERGENCE,
    EVENTUAL_REGISTER,
    UNORDERED_REGISTER,
    SESSION_GUARANTEES,
    CAUSAL_REGISTER,
    CAUSAL_CONVERGENCE,
    EVENTUAL_SET,
    EVENTUAL_COUNTER,
    OR_SET,
    LWW_SET,
    SIBLINGS,
    OR_MAP,
    TEXT,
    MEMBERS,
    STALENESS,
];

const REGISTERS: &[Function] = &[READ, WRITE, CAS];
const ADD: Function = Function::update("add", Shape::Any).returning(NOT_FALSE);
const REMOVE: Function = Function::update("remove", Shape::Any);
/// A read of all elements.
const READ_ALL: Function = Function::observer("read", Shape::Any, Shape::LIST);
const FIELD_VALUE: Shape = Shape::Of { text: "[field value]", fits: |_, value| is_pair(value) };
const ELEMENT_AFTER: Shape = Shape::Of { text: "[element after]", fits: |_, value| is_pair(value) };

/// What a checker decides whose objects may differ for a while.
const LATER: &[Level] = &[Level::EVENTUAL, Level::SESSION, Level::REPLICA, Level::CAUSAL];

/// All replicas agree in the end.
pub const CONVERGENCE: Checker = Checker::new(
    "convergence",
    "any update, read: all nodes answer alike once updates have ended and the bound has passed",
    |history, request| convergence::check(history, &request.demand, &request.budget),
)
.with_levels(LATER);

/// A register in which the last write remains.
pub const EVENTUAL_REGISTER: Checker = Checker::new(
    "eventual-register",
    "write, read: in the end no acknowledged write has been overwritten by an older one",
    |history, request| register::check(history, &request.demand, &request.budget),
)
.with_functions(REGISTERS)
.with_levels(LATER);

/// A register in which some write remains.
pub const UNORDERED_REGISTER: Checker = Checker::new(
    "unordered-register",
    "write, read: writes may be ordered in any way, but what is read was written and something remains",
    |history, request| register::check_unordered(history, &request.demand, &request.budget),
)
.with_functions(REGISTERS)
.with_levels(LATER);

/// Read your writes, monotonic reads, monotonic writes, writes follow reads.
pub const SESSION_GUARANTEES: Checker = Checker::new(
    "session-guarantees",
    "write, read: each process reads its writes and never goes back; unique values",
    |history, request| sessions::check(history, &request.demand, &request.budget),
)
.with_functions(REGISTERS)
.with_levels(&[Level::SESSION])
.with_preconditions(&["written values are unique on a key, and not nil"]);

/// Causally consistent registers.
pub const CAUSAL_REGISTER: Checker =
    Checker::new("causal-register", "write, read: causally consistent registers; unique values", |history, request| {
        causal::check(history, &request.demand, &request.budget)
    })
    .with_functions(REGISTERS)
    .with_levels(&[Level::CAUSAL])
    .with_preconditions(&["written values are unique on a key, and not nil"]);

/// The same, and concurrent writes are ordered alike for all.
pub const CAUSAL_CONVERGENCE: Checker = Checker::new(
    "causal-convergence",
    "causal-register, and all agree on the order of concurrent writes",
    |history, request| causal::check_convergence(history, &request.demand, &request.budget),
)
.with_functions(REGISTERS)
.with_levels(&[Level::CAUSAL])
.with_preconditions(&["written values are unique on a key, and not nil"]);

/// A set that only grows.
pub const EVENTUAL_SET: Checker = Checker::new(
    "eventual-set",
    "add, read: in the end every acknowledged or seen element is there, and nothing else",
    |history, request| sets::check_growing(history, &request.demand, &request.budget),
)
.with_functions(&[ADD, READ_ALL])
.with_levels(LATER);

/// A counter.
pub const EVENTUAL_COUNTER: Checker = Checker::new(
    "eventual-counter",
    "add, read: in the end the total is what was acknowledged, and perhaps some of unknown outcome",
    |history, request| counter::check(history, &request.demand, &request.budget),
)
.with_functions(&[
    Function::update("add", Shape::INT).returning(NOT_FALSE),
    Function::observer("read", Shape::Any, Shape::INT),
])
.with_levels(LATER);

/// A set whose removals remove what they observed.
pub const OR_SET: Checker = Checker::new(
    "or-set",
    "add, remove, read: observed-remove set; of concurrent add and remove the add wins",
    |history, request| sets::check_observed(history, &request.demand, &request.budget),
)
.with_functions(&[ADD, REMOVE, READ_ALL])
.with_levels(LATER);

/// A set whose last update of an element wins.
pub const LWW_SET: Checker = Checker::new(
    "lww-set",
    "add, remove, read: the last update of an element wins, in real time",
    |history, request| sets::check_last_wins(history, &request.demand, &request.budget),
)
.with_functions(&[ADD, REMOVE, READ_ALL])
.with_levels(LATER);

/// A register that keeps concurrent writes.
pub const SIBLINGS: Checker = Checker::new(
    "siblings",
    "put [value [seen]], read: a value goes only when a put has seen it, and then for good",
    |history, request| siblings::check(history, &request.demand, &request.budget),
)
.with_functions(&[Function::update("put", siblings::PUT).returning(NOT_FALSE), READ_ALL])
.with_levels(LATER)
.with_preconditions(&["each value is put once on a key"]);

/// A map of such registers.
pub const OR_MAP: Checker = Checker::new(
    "or-map",
    "put [field value], remove field, read: observed-remove map of multi-value registers",
    |history, request| maps::check(history, &request.demand, &request.budget),
)
.with_functions(&[
    Function::update("put", FIELD_VALUE).returning(NOT_FALSE),
    REMOVE,
    Function::observer("read", Shape::Any, maps::FIELDS),
])
.with_levels(LATER)
.with_preconditions(&["each value is put once in a field"]);

/// A list of elements, edited everywhere.
pub const TEXT: Checker = Checker::new(
    "text",
    "insert [element after], delete, read: nothing lost, and one order of all elements explains all reads",
    |history, request| text::check(history, &request.demand, &request.budget),
)
.with_functions(&[
    Function::update("insert", ELEMENT_AFTER).returning(NOT_FALSE),
    Function::update("delete", Shape::Any),
    READ_ALL,
])
.with_levels(LATER)
.with_preconditions(&["each element is inserted once"]);

/// Views of who is in the cluster.
pub const MEMBERS: Checker = Checker::new(
    "members",
    "read, leave, join: views of the membership move forward only, and converge to the truth",
    |history, request| members::check(history, &request.demand, &request.budget),
)
.with_functions(&[
    Function::observer("read", Shape::Any, Shape::LIST),
    Function::update("leave", Shape::Any),
    Function::update("join", Shape::Any),
])
.with_levels(LATER);

/// How old what reads return is.
pub const STALENESS: Checker = Checker::new(
    "staleness",
    "write or add, read: measures how old what reads return is; never a violation",
    |history, request| staleness::check(history, &request.demand, &request.budget),
)
.with_functions(&[
    READ,
    WRITE,
    CAS,
    ADD,
    REMOVE,
    Function::update("insert", ELEMENT_AFTER),
    Function::update("delete", Shape::Any),
]);
