//! The vocabulary that a lab and a simulator share: operations and workloads, what a target is known by, the plan of a
//! run and the seeded streams it is drawn from.
//!
//! Nothing here knows a runtime, an operating system or a concrete target: what a seed draws follows from its input
//! alone and can be repeated for years.

pub mod consistency;
pub mod draw;
pub mod fault_kind;
pub mod interface;
pub mod operation;
pub mod quantity;
pub mod run;
pub mod schedule;
pub mod target;
pub mod workload;
