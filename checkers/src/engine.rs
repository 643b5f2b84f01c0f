//! Deciding whether one object's history is linearizable.

mod frontier;
mod portfolio;
mod search;
mod space;
mod tokens;

use rashomon_history::OpId;

pub(crate) use frontier::refuted_suffix;
pub use frontier::{Mode, frontier};
pub use portfolio::{How, decide};
pub use search::search;

/// The answer of an engine about one subhistory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is linearizable: all operations that took effect, in an order that proves it.
    Yes(Vec<OpId>),
    /// It is not: already the events up to and including this position contradict each other.
    No {
        /// The position of a completion among the history's events.
        at: u32,
        /// Operations whose projection is refuted too, where the method knows them; empty stands for all.
        among: Vec<OpId>,
    },
    /// The budget ran out.
    Unknown(Shortage),
}

/// What ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Steps of search.
    Steps,
    /// Memory.
    Bytes,
    /// Slots: more operations are pending at once than the engine follows.
    Pending,
    /// Exactness: an approximation could not tell.
    Inexact,
}

/// An answer and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// Steps taken: applications of an operation to a state.
    pub steps: u64,
}
