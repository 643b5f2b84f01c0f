//! A finished run as one HTML page.
//!
//! The page is a pure function of the run's files and of this crate's version: no clock, no network, no generation
//! date. The `rashomon-runs` crate says what a run's files contain and reads them; here are only pages.
//!
//! [`render`] makes the page from what is in memory, [`load()`] reads a run's folder, [`write_report`] does both and
//! puts `report.html` there. The page opens offline, needs no JavaScript (it adds comfort where there is some), loads
//! nothing, and treats everything that the system under test said as hostile text (see `html`).
//!
//! What it does not do: judge. Every statement about correctness on the page is a checker's.

mod campaign;
mod comparison;
mod format;
mod frame;
mod html;
mod leaders;
mod load;
mod log;
mod neighbourhood;
mod page;
mod run_files;
mod scene;
mod series;
mod svg;
mod trigger;

pub use campaign::render_campaign;
pub use comparison::render_comparison;
pub use format::measured;
pub use load::{WriteError, load, write_report};
pub use page::render;
pub use run_files::{LogLine, NodeLog, Run, RunFiles};
