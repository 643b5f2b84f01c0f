//! Linearizability of objects other than registers: one exact, near-linear method ("specialist") per object.
//!
//! A specialist reads [`Call`]s: the operations of *one* object, in order of invocation, those that failed left out. It
//! answers with a linearization that anyone can replay, with operations that contradict each other, or with the reason
//! why it is not the method for this history. It never guesses.
//!
//! Each specialist's file states its precondition, its argument and its cost.

mod blocks;
mod call;
pub(crate) mod checkers;
mod container;
mod counter;
mod events;
mod gaps;
mod holds;
mod kind;
mod models;
mod permits;
mod priority;
mod queue;
mod set;
mod slack;
mod stack;
mod unknown;

pub use call::{Answer, Call, Contradiction, NEVER, Placed, Rule, densify};
pub use checkers::{
    CHECKERS, FENCED_LOCK, FETCH_AND_ADD, FIFO_QUEUE, LINEARIZABLE_COUNTER, LINEARIZABLE_SET, MUTEX, OWNED_MUTEX,
    OWNED_SEMAPHORE, PRIORITY_QUEUE, READERS_WRITER_LOCK, REENTRANT_MUTEX, SEMAPHORE, STACK, UNORDERED_QUEUE,
    WEIGHTED_SEMAPHORE,
};
pub use container::Act as ContainerAct;
pub use counter::{CounterAct, counter};
pub use holds::{Exclusion, HoldAct, HoldStep, holds};
pub use kind::{ObjectKind, certificate, check, check_with, is_linearizable, verify};
pub(crate) use models::was_full;
pub use models::{
    Container, ContainerOp, Counter, CounterOp, Discipline, LockOp, OwnedLock, Permits, ReentrantMutex, Set, SetOp,
    WeightedSemaphore,
};
pub use permits::{PermitAct, permits};
pub use priority::priority_queue;
pub use queue::{bag, fifo};
pub use set::{SetAct, set};
pub use stack::stack;

#[cfg(test)]
mod container_tests;
#[cfg(test)]
mod counter_tests;
#[cfg(test)]
mod lock_tests;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod set_tests;
