//! What a target promises, and what a run therefore demands: a named consistency level.
//!
//! Levels form a lattice, which the checkers own: [`Level`].

pub use rashomon_checkers::level::{Level, UnknownLevel};
