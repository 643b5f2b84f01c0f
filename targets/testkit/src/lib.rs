//! What the tests of all included protocols share: a cluster in memory that runs any [`Protocol`], the network and the
//! faults of simulations, golden scripts, random numbers, and what every table of mutants must hold.
//!
//! Only tests depend on it. What clients of a simulation do, what must hold, and what a script's own commands do, is
//! each protocol's own.
//!
//! [`Protocol`]: rashomon_protocol::Protocol

mod cluster;
mod faults;
mod golden;
mod mutants;
mod network;
mod rng;
mod script;
mod stage;

pub use cluster::{Cluster, Host, Unsynced};
pub use faults::{Befell, FaultModel, Kinds, Severity};
pub use golden::{Stage, assert_scripts};
pub use mutants::assert_distinct;
pub use network::{Links, Network};
pub use rng::Rng;
pub use stage::{Options, Play, Scripted, Words};
