//! Logical clocks: Lamport's, vectors, hybrid logical clocks.

mod hybrid;
mod lamport;
mod vector;

pub use hybrid::{Hybrid, HybridClock};
pub use lamport::Lamport;
pub use vector::VersionVector;
