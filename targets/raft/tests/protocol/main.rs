//! Tests of the protocol as a whole: golden scripts, and a randomised simulation with invariants.

mod golden;
mod history;
mod invariants;
mod simulation;
mod transactions;
