//! What clients do, and what must hold afterwards: one file per workload.
//!
//! Generators are pure functions of (seed, state, completions); nothing here knows a thread, a socket or a file.

mod cart;
mod counter;
mod demands;
mod keys;
mod map;
mod members;
mod mix;
mod options;
#[cfg(test)]
mod played;
mod register;
mod set;
mod siblings;
mod text;

pub use cart::Cart;
pub use counter::Counter;
pub use map::Map;
pub use members::Members;
pub use register::Register;
pub use set::Set;
pub use siblings::Siblings;
pub use text::Text;
