//! Linearizability of objects other than registers: one exact, near-linear method ("lane") per object.
//!
//! A lane reads [`Call`]s: the operations of *one* object, in order of invocation, those that failed left out. It
//! answers with a linearization that anyone can replay, with operations that contradict each other, or with the reason
//! why it is not the method for this history. It never guesses.
//!
//! Each lane's file states its precondition, its argument and its cost.

mod call;
mod container;
mod gaps;
mod priority;
mod queue;
mod slack;
mod stack;
mod unknown;

pub use call::{Answer, Call, Contradiction, NEVER, Placed};
pub use container::Act as ContainerAct;
pub use priority::priority_queue;
pub use queue::{bag, fifo};
pub use stack::stack;

#[cfg(test)]
mod container_tests;
#[cfg(test)]
mod reference;
