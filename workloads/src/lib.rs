//! What clients do, and what must hold afterwards: one file per workload.
//!
//! Generators are pure functions of (seed, state, completions); nothing here knows a thread, a socket or a file.

mod bank;
mod cart;
mod counter;
mod demands;
mod echo;
mod ids;
mod keyed;
mod keys;
mod log;
mod map;
mod members;
mod mix;
mod options;
#[cfg(test)]
mod played;
mod register;
mod set;
mod siblings;
mod single;
mod text;
mod transactions;

pub use bank::Bank;
pub use cart::CART;
pub use counter::COUNTER;
pub use echo::ECHO;
pub use ids::IDS;
pub use keyed::Keyed;
pub use log::LOG;
pub use map::MAP;
pub use members::Members;
pub use register::REGISTER;
pub use set::SET;
pub use siblings::SIBLINGS;
pub use single::Single;
pub use text::TEXT;
pub use transactions::{APPEND, LONG_FORK, RW_REGISTER, Transactional, WRITE_SKEW};
