//! Carrying out faults, and proving that they took effect.

pub mod clock;
pub mod nemesis;
pub mod partition;

mod log;

pub use log::FaultLog;
pub use rashomon_spec::fault_kind as kind;
