//! Runs that prove nothing, by cause: in a table of their own, so that they never hide a finding.

use std::collections::BTreeMap;

use rashomon_runs::Verdict;

use super::{Inputs, NoiseSummary};
use crate::record::RunRecord;

/// Combinations that are named of a cause.
const CELLS: usize = 4;

pub(super) fn noise(inputs: &Inputs<'_>) -> Vec<NoiseSummary> {
    let mut causes: BTreeMap<(&str, &str), Vec<&RunRecord>> = BTreeMap::new();
    let silent = |record: &&RunRecord| matches!(record.verdict, Verdict::Inconclusive | Verdict::Broken);
    for record in inputs.records.iter().filter(silent) {
        let cause = record.cause.as_deref().unwrap_or("unknown");
        causes.entry((record.verdict.as_str(), cause)).or_default().push(record);
    }
    let mut rows: Vec<NoiseSummary> = causes.into_iter().map(|((_, cause), runs)| row(cause, &runs)).collect();
    rows.sort_by_key(|row| (row.verdict != Verdict::Broken, std::cmp::Reverse(row.runs)));
    rows
}

fn row(cause: &str, runs: &[&RunRecord]) -> NoiseSummary {
    let mut cells: Vec<String> = runs.iter().map(|record| record.cell.clone()).collect();
    cells.sort();
    cells.dedup();
    cells.truncate(CELLS);
    let named = runs.iter().find_map(|record| Some(record.digest.as_ref()?.run.clone()));
    NoiseSummary {
        verdict: runs[0].verdict,
        cause: cause.to_owned(),
        runs: runs.len() as u64,
        cells,
        example: named.unwrap_or_default(),
    }
}
