//! Injecting faults into the lab's cluster, and recording what became of them.
//!
//! What the faults are and how they are drawn is `rashomon_faults`; what a crate of your own needs for a fault of its
//! own can be imported from here, too.

pub mod clock;
pub mod environment;
pub mod nemesis;
pub mod rules;

pub use rashomon_faults::{
    ActionError, Aimed, Capability, ClockReading, ClockWitness, Condition, Drawing, Drawn, Fate, Fault, FaultCatalogue,
    FaultClassInfo, FaultEnvironment, Grudge, Healed, Injected, Lost, NotInjected, Pending, Processes, Stage,
};
pub use rashomon_runs::FaultLog;
pub use rashomon_spec::fault_kind as kind;
