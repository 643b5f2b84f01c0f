//! What can be broken: the faults, one file each, and how a schedule of them is drawn, injected and healed.
//!
//! A [`Fault`] says everything about one kind of fault: its name and class, how it is drawn, which nodes it finds
//! nobody to hit among, how it begins and is proved, and how it is healed. It acts on a cluster only through a
//! [`FaultEnvironment`], which a lab of real processes implements as well as a simulator. Nothing here knows a runtime,
//! an operating system, a clock or a source of randomness of its own.
//!
//! To add a fault: write a file with a [`Fault`], and register it in [`FaultCatalogue::included`], or, from a crate of
//! your own, with the harness's `Registry::fault`. Then `UPDATE_GOLDEN=1 cargo test -p rashomon-faults` writes its part
//! of `docs/faults.md`.

mod catalogue;
mod clock;
mod drawing;
mod environment;
mod fault;
mod fit;
mod kill;
mod nemesis;
mod packets;
mod partition;
mod pause;
mod retry;
mod schedule_generator;
mod slow_node;
mod stage;
#[cfg(test)]
mod testkit;
mod wipe;

pub use catalogue::FaultCatalogue;
pub use drawing::{Drawing, Drawn};
pub use environment::{
    ActionError, Capability, ClockReading, ClockWitness, CpuUse, Fate, FaultEnvironment, Grudge, Lost, Pending,
    Processes,
};
pub use fault::{Condition, Fault, FaultClassInfo, Healed, Injected, NotInjected};
pub use nemesis::{Nemesis, Step, steps};
pub use retry::{Retries, Retry};
pub use stage::{Aimed, Stage};
