//! Carrying out faults, and proving that they took effect.

pub mod clock;
pub mod nemesis;
pub mod partition;

pub use rashomon_runs::FaultLog;
pub use rashomon_spec::fault_kind as kind;
