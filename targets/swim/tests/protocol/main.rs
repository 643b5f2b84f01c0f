//! Tests of the protocol as a whole: golden scripts, and a randomised simulation with invariants.

mod cluster;
mod golden;
mod invariants;
mod simulation;
mod weather;
