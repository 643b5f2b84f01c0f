//! What a specialist reads and what it answers.

pub use crate::specialist::Rule;

/// The completion of a call of unknown outcome: later than every position.
pub const NEVER: u32 = u32::MAX;

/// One operation as a specialist sees it.
///
/// A slice of calls is one object's history: in order of invocation, failed operations left out, reads of unknown
/// outcome left out (they say nothing). Positions are unique and below [`NEVER`]; specialists allocate a few bytes per
/// position up to the largest one, see [`densify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Call<A> {
    /// Which operation of the recorded history this is.
    pub op: u32,
    /// What it does and what it saw.
    pub act: A,
    /// Position of its invocation.
    pub invoked: u32,
    /// Position of its completion; [`NEVER`] when its outcome is unknown.
    pub completed: u32,
}

impl<A> Call<A> {
    /// True when nobody knows whether it happened.
    pub fn is_unknown(&self) -> bool {
        self.completed == NEVER
    }
}

/// One step of a linearization: a call, with what it turned out to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Placed<A> {
    /// Index into the calls.
    pub call: u32,
    /// The call's own act, or, for one of unknown outcome, the act it is explained by.
    pub act: A,
}

/// Operations that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The rule they break.
    pub rule: Rule,
    /// Indices into the calls, in order of invocation.
    pub calls: Vec<u32>,
}

/// What a specialist answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<A> {
    /// This order explains every call; calls of unknown outcome that are not in it never happened.
    Linearizable(Vec<Placed<A>>),
    /// No order does.
    Impossible(Contradiction),
    /// This specialist cannot tell; why.
    Undecided(&'static str),
}

/// Renumbers positions so that they are `0..2n` without gaps, keeping their order. Call it before a specialist when the
/// calls are a small part of a long history.
pub fn densify<A>(calls: &mut [Call<A>]) {
    let largest = calls.iter().map(|call| if call.is_unknown() { call.invoked } else { call.completed }).max();
    if largest.is_none_or(|largest| (largest as usize) < 4 * calls.len() + 64) {
        return;
    }
    let mut positions: Vec<u32> = calls.iter().map(|call| call.invoked).collect();
    positions.extend(calls.iter().filter(|call| !call.is_unknown()).map(|call| call.completed));
    positions.sort_unstable();
    let rank = |position: u32| positions.partition_point(|&other| other < position) as u32;
    for call in calls {
        call.invoked = rank(call.invoked);
        if !call.is_unknown() {
            call.completed = rank(call.completed);
        }
    }
}

/// One more than the largest position in use.
pub(super) fn positions<A>(calls: &[Call<A>]) -> u32 {
    calls.iter().map(|call| if call.is_unknown() { call.invoked } else { call.completed }).max().map_or(0, |p| p + 1)
}
