//! What a finished run showed, as far as versions are compared by it.

use rashomon_compare::{Observed, measure};
use rashomon_runs::Verdict;

use crate::runner::FinishedRun;

/// Observes a run: its records, and its speed from its history.
pub(super) fn run(run: &FinishedRun) -> Observed {
    let usable = run.verdict.verdict != Verdict::Broken && !run.interrupted();
    let measures = if usable { measures(run) } else { Vec::new() };
    Observed::of(&run.manifest, &run.verdict, measures)
}

fn measures(run: &FinishedRun) -> Vec<(String, f64)> {
    let Some(evidence) = &run.manifest.evidence else { return Vec::new() };
    let (Ok(recorded), Ok(faults)) = (run.folder.history(), run.folder.faults()) else { return Vec::new() };
    measure::of_run(&recorded.history, &faults.records, evidence.load_ns)
}
