//! What an object does when nothing happens at the same time: its sequential specification.
//!
//! A checker asks whether a concurrent history can be explained by some order of its operations that a [`Model`]
//! allows. A model is about thirty lines: a state, the operations, and one step. It never sees time or processes.

use std::fmt::Debug;
use std::hash::Hash;

use rashomon_history::{OpView, Outcome};
use thiserror::Error;

use crate::specialist::Specialist;
use crate::story::{Explanation, Story};

/// What kind of step an operation is, in *every* state. Engines use it to prune; [`Nature::Update`] is always right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nature {
    /// It never changes the state: wherever it is allowed, the next state is the state itself (and only that).
    Observer,
    /// It is allowed in every state, and the next state is the same one wherever it is applied (and only that).
    Overwrite,
    /// Anything else.
    Update,
}

/// An operation that a model cannot read: the history is not of this model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// A sequential specification.
///
/// Contract: `step` is a pure function of the state and the operation; equal operations behave equally.
pub trait Model: Sync {
    /// What the object holds.
    type State: Clone + Eq + Hash + Debug + Send + Sync;
    /// An operation together with its result, as far as that is known.
    type Op: Clone + Eq + Hash + Debug + Send + Sync;

    /// The name users write: `cas-register`.
    fn name(&self) -> &str;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// Reads one recorded operation.
    ///
    /// `None` means that it says nothing and can be left out: a failed operation (it certainly did not happen), a read
    /// of unknown outcome. `Some` for an operation that ended `ok` *or `fail`* means that it took effect at one moment
    /// between its invocation and its completion; `Some` for one of unknown outcome means that it took effect at one
    /// moment after its invocation, or never.
    fn operation(&self, op: &OpView<'_>) -> Result<Option<Self::Op>, Unusable>;

    /// Whether [`Model::operation`] looks at the process. Otherwise equal rows of different processes are read once.
    fn sees_process(&self) -> bool {
        false
    }

    /// The states that the operation may lead to: none when it is not allowed in this state (or could not have returned
    /// this result), several when the specification is nondeterministic.
    fn step(&self, state: &Self::State, op: &Self::Op) -> impl IntoIterator<Item = Self::State>;

    /// What is known of this operation in every state.
    fn nature(&self, _op: &Self::Op) -> Nature {
        Nature::Update
    }

    /// How many bytes a state holds beyond its own size, roughly: engines keep many states within a budget of bytes.
    /// Say it of states that can grow.
    fn held(&self, _state: &Self::State) -> usize {
        0
    }

    /// A quicker exact method for some of this model's histories.
    fn specialist(&self) -> Option<&dyn Specialist> {
        None
    }

    /// What went wrong, in the field's words, from a minimal counterexample; `None` for the general wording.
    fn explain(&self, _story: &Story<'_, Self::Op>) -> Option<Explanation> {
        None
    }

    /// The operation as a person would write it: `write 3`, `read → 4`.
    fn describe(&self, op: &Self::Op) -> String {
        format!("{op:?}")
    }

    /// The state as a person would write it.
    fn describe_state(&self, state: &Self::State) -> String {
        format!("{state:?}")
    }
}

/// The usual reading of an outcome: `fail` says nothing; otherwise whether the result is known.
///
/// `None` for a failed operation, `Some(true)` for one that returned, `Some(false)` for one of unknown outcome.
pub fn known_result(op: &OpView<'_>) -> Option<bool> {
    match op.outcome {
        Outcome::Ok => Some(true),
        Outcome::Info => Some(false),
        Outcome::Fail => None,
    }
}
