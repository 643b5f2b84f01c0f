//! What the tests of all included protocols share: golden scripts, dice for their simulations, and what every table of
//! mutants must hold.
//!
//! Only tests depend on it. What a script's commands do, and what a simulation breaks, is each protocol's own.

mod dice;
mod golden;
mod mutants;
mod script;

pub use dice::Dice;
pub use golden::{Stage, assert_scripts};
pub use mutants::assert_distinct;
