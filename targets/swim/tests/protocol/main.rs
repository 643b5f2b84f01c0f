//! Tests of the protocol as a whole: golden scripts, and a randomised simulation with invariants.

mod cluster;
mod golden;
mod invariants;
#[path = "../../../raft/tests/protocol/script.rs"]
mod script;
mod simulation;
mod weather;
