//! Known bugs, and whether they were found.

use std::collections::BTreeSet;

use rashomon_runs::Verdict;
use rashomon_statistics::{Share, median};

use super::{CanarySummary, Inputs};
use crate::cell::CanaryCell;
use crate::record::{Role, RunRecord};

pub(super) fn canaries(inputs: &Inputs<'_>) -> Vec<CanarySummary> {
    inputs.canaries.iter().map(|canary| of(canary, inputs.records)).collect()
}

fn of(canary: &CanaryCell, records: &[RunRecord]) -> CanarySummary {
    let name = canary.name();
    let runs: Vec<&RunRecord> =
        records.iter().filter(|record| record.role == Role::Canary && record.cell == name).collect();
    let found = runs.iter().filter(|record| record.verdict == Verdict::Violation);
    let first = || found.clone().filter_map(|record| record.digest.as_ref()?.first_anomaly());
    let after: Vec<f64> = first().map(|anomaly| anomaly.window_ns.1 as f64 / 1e9).collect();
    let shown_as: BTreeSet<&String> = first().map(|anomaly| &anomaly.name).collect();
    // A part of a campaign, and one that ended early, has fewer runs than planned.
    let min = (u64::from(canary.found_min) * runs.len() as u64).div_ceil(u64::from(canary.runs)).max(1);
    CanarySummary {
        target: canary.target.clone(),
        mutant: canary.mutant.clone(),
        found: Share::new(found.clone().count() as u64, runs.len() as u64),
        found_min: min,
        median_s: median(&after),
        shown_as: shown_as.into_iter().cloned().collect(),
    }
}
