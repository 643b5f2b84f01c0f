//! Tests of the protocol as a whole: golden scripts, and a randomised simulation with invariants.

mod cluster;
mod faults;
mod golden;
mod history;
mod invariants;
mod simulation;
