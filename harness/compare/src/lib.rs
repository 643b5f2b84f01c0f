//! A comparison of two versions of a system: pairs of runs of the same plans, one by the base, one by the candidate.
//!
//! | part | what it does |
//! |---|---|
//! | [`Observed`], [`Pair`] | what a run showed, as far as versions are compared by it |
//! | [`measure`] | throughput, latency and outages of one run, from its history |
//! | [`Judge`] | counts pairs as they come, knows what is proved, and which run comes next |
//! | [`Summary`] | what the pairs prove, in figures and sentences |
//! | [`markdown`] | the summary as a text to paste |
//!
//! Everything is a pure function of pairs: no clock, no process, no file. The tests that may be looked at after every
//! pair are in [`rashomon_statistics::sequential`].

mod exposure;
mod finding;
mod judge;
pub mod markdown;
pub mod measure;
mod pair;
mod rate;
mod summary;

pub use exposure::ExposureSummary;
pub use finding::FindingSummary;
pub use judge::{Design, Judge, Step};
pub use measure::{MeasureSummary, Speed};
pub use pair::{Finding, Observed, Pair, Side};
pub use rate::{Failing, RateSummary};
pub use summary::{About, Caught, ComparisonVerdict, Power, Summary, Version};
