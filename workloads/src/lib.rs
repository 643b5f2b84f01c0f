//! What clients do, and what must hold afterwards: one file per workload.
//!
//! Generators are pure functions of (seed, state, completions); nothing here knows a thread, a socket or a file.

mod options;
mod register;

pub use register::Register;
