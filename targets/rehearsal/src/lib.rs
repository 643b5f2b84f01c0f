//! What the tests of all included protocols share: golden scripts, and dice for their simulations.
//!
//! Only tests depend on it. What a script's commands do, and what a simulation breaks, is each protocol's own.

mod dice;
mod golden;
mod script;

pub use dice::Dice;
pub use golden::{Stage, assert_scripts};
