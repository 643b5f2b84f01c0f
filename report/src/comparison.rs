//! The page of a comparison: the verdict, what only the candidate showed with its drawing, speed, failures, exposure,
//! detection power and every pair. It stands in the frame of a run's page, loads nothing and links to the pages of the
//! runs beside it.

mod bar;
mod findings;
mod pairs;
mod speed;
mod tables;

use std::path::Path;

use rashomon_compare::Summary;

use crate::frame::Framed;
use crate::html::Html;

/// The page of a comparison whose runs are in the folder `runs`, from which the drawings are made; a run that cannot be
/// read has none.
pub fn render_comparison(summary: &Summary, runs: &Path) -> String {
    let mut header = Html::new();
    bar::section(&mut header, summary);
    let mut main = Html::new();
    findings::section(&mut main, summary, runs);
    speed::section(&mut main, summary);
    tables::failures(&mut main, summary);
    tables::exposure(&mut main, summary);
    tables::power(&mut main, summary);
    pairs::section(&mut main, summary);
    let title = format!("{}: {}, {}", summary.verdict.as_str(), summary.target, summary.candidate.label);
    let footer =
        format!("Rashomon {} · comparison of {} · {}", env!("CARGO_PKG_VERSION"), summary.target, summary.started);
    Framed { title: &title, header, main, footer: &footer }.finish()
}

/// A run's name as part of a link; what is no name leads nowhere.
fn link(run: &str) -> Option<&str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    (!run.is_empty() && run.chars().all(plain) && !run.starts_with('.')).then_some(run)
}
