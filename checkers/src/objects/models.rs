//! The sequential specifications of these objects, for the general engine and the verifier, and how each is its own
//! specialist: reads a recorded history into its specialist's calls.

mod container;
mod counter;
mod lock;
mod reading;
mod reentrant;
mod set;
mod weighted;

pub(crate) use container::was_full;
pub use container::{Container, ContainerOp, Discipline};
pub use counter::{Counter, CounterOp};
pub use lock::{LockOp, OwnedLock, Permits};
pub use reentrant::ReentrantMutex;
pub use set::{Set, SetOp};
pub use weighted::WeightedSemaphore;
