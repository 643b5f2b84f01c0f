//! Each combination, with the days before.

use rashomon_statistics::upper_bound;

use super::{CellSummary, Counts, Inputs, Night};
use crate::cell::Cell;
use crate::spec::Expect;

/// Days that a trend goes back.
const NIGHTS: usize = 14;

pub(super) fn cells(inputs: &Inputs<'_>) -> Vec<CellSummary> {
    inputs.cells.iter().map(|cell| of(cell, inputs)).collect()
}

fn of(cell: &Cell, inputs: &Inputs<'_>) -> CellSummary {
    let runs = inputs.records.iter().filter(|record| record.role.seeks() && record.cell == cell.name);
    let counts = Counts::of(runs);
    let before = inputs.earlier.iter().filter_map(|summary| {
        let same = summary.cells.iter().find(|other| other.name == cell.name)?;
        Some(Night { date: summary.campaign.date.clone(), counts: same.counts })
    });
    let mut trend: Vec<Night> = before.collect();
    trend.push(Night { date: inputs.header.date.clone(), counts });
    let recent = trend.len().saturating_sub(NIGHTS);
    let plain = format!("{} {} {} {} nodes", cell.target, cell.workload, cell.faults, cell.nodes);
    CellSummary {
        name: cell.name.clone(),
        target: cell.target.clone(),
        workload: cell.workload.clone(),
        faults: cell.faults.clone(),
        nodes: cell.nodes,
        more: cell.name.strip_prefix(&plain).unwrap_or_default().trim().to_owned(),
        expect: cell.expect,
        counts,
        bound: (cell.expect == Expect::Pass && counts.violation == 0).then(|| upper_bound(counts.pass)),
        trend: trend.split_off(recent),
    }
}
