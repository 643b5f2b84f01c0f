//! Tests of the protocol as a whole: golden scripts, and a randomised simulation with a ledger of what clients saw.

mod golden;
mod judging;
mod ledger;
mod show;
mod simulation;
