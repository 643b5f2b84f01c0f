//! Whether a history is correct, and why not: pure functions over histories.
//!
//! Nothing here touches a file, a clock, a thread's random source or the network. Budgets are counted in steps, so a
//! verdict is the same on every machine.

pub mod anomalies;
pub mod brute;
pub mod certificate;
pub mod checker;
#[cfg(test)]
mod core_tests;
pub mod engine;
pub mod eventual;
mod explain;
mod findings;
mod graph;
mod guard;
pub mod initial;
pub mod keys;
pub mod level;
pub mod linearizable;
mod minimal;
#[cfg(test)]
mod minimal_tests;
pub mod model;
pub mod models;
mod names;
mod nearest;
pub mod objects;
mod operations;
mod registry;
pub mod sequential;
mod severity;
pub mod simulated;
pub mod small;
pub mod specialist;
pub mod story;
pub mod subhistory;
mod threads;
pub mod transactions;
mod verdict;
mod weakened;

pub use checker::{Checker, Request};
pub use level::{Level, UnknownLevel};
pub use registry::{Checkers, UnknownChecker, check};
pub use verdict::{Anomaly, Budget, Edge, EdgeKind, Finding, Judgement, Measured, Measurement, Method};
