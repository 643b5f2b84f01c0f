//! What all replicated types have in common (Shapiro, Preguiça, Baquero and Zawirski, Conflict-free Replicated Data
//! Types, SSS 2011; Almeida, Shoker and Baquero, Delta State Replicated Data Types, 2018).
//!
//! The states of a type form a join semilattice. An update makes a [`Delta`], a small state, which is joined into the
//! replica's own state and sent to others to be joined into theirs. A state that forgets (an element removed, a value
//! overwritten) is told apart from one that has not heard yet by the [`Context`] beside it: what the context holds and
//! the state does not is gone.

use std::collections::BTreeSet;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::clock::{Hybrid, HybridClock, Lamport};
use crate::context::Context;
use crate::dot::{Actor, Dot};
use crate::mutant::Mutant;

/// What an update can say no to: nothing happened, and nothing will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The element that the update is about is not known at this replica, or was deleted.
    UnknownElement,
    /// The element was inserted before.
    ElementExists,
    /// The context that came with a put speaks of updates that this replica has not seen.
    UnknownContext,
}

/// A replicated data type: its states, its updates, its value.
pub trait DataType: Clone + Debug + Default + PartialEq {
    /// What can be done to it.
    type Operation;
    /// What is read.
    type Value;

    /// What an update changes at a replica in this state.
    fn update(&self, operation: &Self::Operation, origin: &mut Origin) -> Result<Delta<Self>, Refusal>;

    /// What a reader sees.
    fn value(&self) -> Self::Value;

    /// Takes in another state (or delta); true when that changed this one.
    fn join(&mut self, other: &Self, sides: &Sides) -> bool;

    /// The dots that it is made of; all of them are in the context beside it.
    fn dots(&self) -> BTreeSet<Dot> {
        BTreeSet::new()
    }

    /// Shows the times it holds to the clocks, so that later updates get later times.
    fn show_times(&self, _origin: &mut Origin) {}

    /// Drops tombstones of updates that every replica has seen, and that nothing depends on; says how many.
    fn collect(&mut self, _stable: &dyn Fn(Dot) -> bool) -> usize {
        0
    }
}

/// What an update changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta<S> {
    /// A small state.
    pub state: S,
    /// The context beside it: the dots of `state`, and those that the update removed.
    pub dots: BTreeSet<Dot>,
}

impl<S: DataType> Delta<S> {
    /// A delta that removes `dots` besides what it brings.
    pub fn new(state: S, dots: impl IntoIterator<Item = Dot>) -> Delta<S> {
        let mut all = state.dots();
        all.extend(dots);
        Delta { state, dots: all }
    }
}

/// The replica at which updates are made: it names them and gives them times.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who makes the updates.
    pub actor: Actor,
    /// What the wall clock says, µs.
    pub wall_us: i64,
    /// The bug to build in.
    pub mutant: Option<Mutant>,
    /// The counter of the last dot that was given out.
    dots: u64,
    lamport: Lamport,
    hybrid: HybridClock,
}

/// A time that no two updates share: ties of clocks are broken by actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp<T> {
    /// What the clock said.
    pub time: T,
    /// Whose clock.
    pub actor: Actor,
}

impl Origin {
    /// An actor that has given out dots up to `dots`.
    pub fn new(actor: Actor, dots: u64, mutant: Option<Mutant>) -> Origin {
        let (lamport, hybrid) = (Lamport::default(), HybridClock::default());
        Origin { actor, wall_us: 0, mutant, dots, lamport, hybrid }
    }

    /// A new dot.
    pub fn dot(&mut self) -> Dot {
        self.dots += 1;
        Dot { actor: self.actor, counter: self.dots }
    }

    /// A time later than all that this replica has seen.
    pub fn lamport(&mut self) -> Stamp<Lamport> {
        Stamp { time: self.lamport.tick(), actor: self.actor }
    }

    /// A time later than all that this replica has seen, near the wall clock.
    pub fn hybrid(&mut self) -> Stamp<Hybrid> {
        Stamp { time: self.hybrid.tick(self.wall_us), actor: self.actor }
    }

    /// Takes notice of a time.
    pub fn see_lamport(&mut self, stamp: Stamp<Lamport>) {
        self.lamport.observe(stamp.time);
    }

    /// Takes notice of a time.
    pub fn see_hybrid(&mut self, stamp: Stamp<Hybrid>) {
        self.hybrid.observe(stamp.time);
    }
}

/// The contexts on both sides of a join.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Of the state that takes in.
    pub own: &'a Context,
    /// Of the state that is taken in.
    pub theirs: &'a Context,
    /// The bug to build in.
    pub mutant: Option<Mutant>,
}

impl Sides<'_> {
    /// Whether something of ours that they do not have stays: they have not heard of it.
    pub fn keeps(&self, dot: Dot) -> bool {
        !self.theirs.contains(dot)
    }

    /// Whether something of theirs that we do not have comes in: we have not heard of it.
    pub fn takes(&self, dot: Dot) -> bool {
        if self.mutant == Some(Mutant::AppliedAgain) {
            return true;
        }
        !self.own.contains(dot)
    }
}

/// A state with its context: a replica of a single object, and a message between two of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Causal<S> {
    /// The state.
    pub state: S,
    /// What it has seen.
    pub context: Context,
}

impl<S: DataType> Causal<S> {
    /// Takes in another; true when that changed anything.
    pub fn join(&mut self, other: &Causal<S>, mutant: Option<Mutant>) -> bool {
        let sides = Sides { own: &self.context, theirs: &other.context, mutant };
        let changed = self.state.join(&other.state, &sides);
        self.context.join(&other.context) | changed
    }

    /// Carries out an update, and returns what others need to join.
    pub fn update(&mut self, operation: &S::Operation, origin: &mut Origin) -> Result<Causal<S>, Refusal> {
        let delta: Causal<S> = self.state.update(operation, origin)?.into();
        self.join(&delta, origin.mutant);
        Ok(delta)
    }
}

impl<S> From<Delta<S>> for Causal<S> {
    fn from(delta: Delta<S>) -> Causal<S> {
        Causal { state: delta.state, context: delta.dots.into_iter().collect() }
    }
}
