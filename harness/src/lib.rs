//! Lab, faults, run loop, run store, campaigns and command line.
//!
//! The harness owns the traits ([`target::Target`], [`client::Client`], [`workload::Workload`]) and knows no concrete
//! target or workload: a binary registers them in a [`registry::Registry`] and hands it to [`cli::main`].

#[macro_use]
mod saying;

pub mod cli;
pub mod client;
pub mod closing;
pub mod cluster;
pub mod conduct;
pub mod consistency;
pub mod draw;
pub mod faults;
pub mod interface;
pub mod judge;
pub mod lab;
pub mod load;
pub mod online;
pub mod progress;
pub mod recorder;
pub mod registry;
pub mod schedule;
pub mod spec;
pub mod store;
pub mod tally;
pub mod target;
pub mod workload;

mod outside;
