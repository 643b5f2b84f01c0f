//! A finished run as one HTML page.
//!
//! The page is a pure function of the run's files and of this crate's version: no clock, no network, no generation
//! date. [`record`] says what a run's files contain; the harness writes them, the report reads them.

pub mod record;
