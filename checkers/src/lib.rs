//! Whether a history is correct, and why not: pure functions over histories.
//!
//! Nothing here touches a file, a clock, a thread's random source or the network. Budgets are counted in steps, so a
//! verdict is the same on every machine.

mod verdict;

pub use verdict::{Anomaly, Budget, Finding, Judgement, Method};
