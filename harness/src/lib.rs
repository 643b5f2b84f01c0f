//! Lab, faults, run loop, run store, campaigns and command line.
//!
//! The harness owns the traits [`target::Target`] and [`client::Client`]; what a lab and a simulator share, such as
//! [`workload::Workload`] and [`schedule::Schedule`], comes from `rashomon_spec` and can be imported from here. It
//! knows no concrete target or workload: a binary registers them in a [`registry::Registry`] and hands it to
//! [`cli::main`].

#[macro_use]
mod output;

pub mod campaign;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod event;
pub mod faults;
pub mod final_reads;
pub mod honesty;
pub mod judge;
pub mod lab;
pub mod load;
pub mod online;
pub mod protocol_events;
pub mod reactions;
pub mod recorder;
pub mod registry;
pub mod runner;
pub mod tally;
pub mod target;

mod compare;
mod controller;
mod version;

pub use rashomon_runs as runs;
pub use rashomon_spec::{consistency, draw, interface, run, schedule, workload};
