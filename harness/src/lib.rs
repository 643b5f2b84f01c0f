//! Lab, faults, run loop, run store, campaigns and command line.
//!
//! The harness owns the traits ([`target::Target`], [`client::Client`], [`workload::Workload`]) and knows no concrete
//! target or workload: a binary registers them in a [`registry::Registry`] and hands it to the command line.

pub mod client;
pub mod draw;
pub mod interface;
pub mod lab;
pub mod registry;
pub mod schedule;
pub mod spec;
pub mod target;
pub mod workload;
