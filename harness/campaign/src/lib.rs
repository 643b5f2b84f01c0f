//! Many runs as one: a campaign's specification, its plan, the record of each run, and the summary of all of them.
//!
//! ```text
//! nightly.toml ─► Spec ─► cells ─► Plan: the run of each index, for ever the same
//!                                    │ (the harness runs them)
//!                                    ▼
//!               RunRecord, one a run ─► Summary: findings, canaries, bounds, noise ─► page, JUnit, Markdown
//! ```
//!
//! Everything here is a pure function of its input: no file, no clock, no randomness. The harness starts the runs and
//! keeps the records.

pub mod cell;
pub mod junit;
pub mod markdown;
pub mod plan;
pub mod record;
pub mod shard;
pub mod signature;
pub mod spec;
pub mod summary;

pub use cell::{Cell, Known};
pub use plan::{Header, KnownSeed, Plan, Planned};
pub use record::{NodeProgram, Role, RunRecord, Starvation};
pub use shard::Shard;
pub use signature::Signature;
pub use spec::{Spec, SpecError};
pub use summary::{CampaignVerdict, End, Summary};
