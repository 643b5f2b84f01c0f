//! What finding nothing is worth: for each class of faults a bound and the exposure, and what was not covered at all.

use std::collections::BTreeMap;

use rashomon_runs::Verdict;
use rashomon_statistics::upper_bound;

use super::{ClassSummary, Counts, Inputs, unexpected};

/// For runs in which no fault took effect.
const NONE: &str = "none";

pub(super) fn classes(inputs: &Inputs<'_>) -> Vec<ClassSummary> {
    #[derive(Default)]
    struct Sum {
        passed: u64,
        violations: u64,
        faults: u64,
        exposure: BTreeMap<String, u64>,
    }
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    for (record, digest) in unexpected(inputs) {
        let installed = digest.faults_installed.iter().filter(|&&(_, count)| count > 0);
        let mut classes: Vec<(String, u64)> = installed.map(|(class, count)| (class.to_string(), *count)).collect();
        if classes.is_empty() {
            classes.push((NONE.to_owned(), 0));
        }
        for (class, count) in classes {
            let sum = sums.entry(class).or_default();
            match record.verdict {
                Verdict::Pass => sum.passed += 1,
                Verdict::Violation => sum.violations += 1,
                Verdict::Inconclusive | Verdict::Broken => continue,
            }
            sum.faults += count;
            for (kind, events) in record.exposure() {
                *sum.exposure.entry(kind).or_default() += events;
            }
        }
    }
    let summary = |(class, sum): (String, Sum)| ClassSummary {
        class,
        passed: sum.passed,
        violations: sum.violations,
        bound: if sum.violations > 0 { 1.0 } else { upper_bound(sum.passed) },
        faults: sum.faults,
        exposure: sum.exposure.into_iter().collect(),
    };
    sums.into_iter().filter(|(_, sum)| sum.passed + sum.violations > 0).map(summary).collect()
}

pub(super) fn not_covered(inputs: &Inputs<'_>) -> Vec<String> {
    let seeking =
        |name: &str| Counts::of(inputs.records.iter().filter(|record| record.role.seeks() && record.cell == name));
    let silent = inputs.cells.iter().filter(|cell| seeking(&cell.name).conclusive() == 0);
    let mut lines: Vec<String> = silent.map(|cell| format!("{}: no run that says something", cell.name)).collect();
    let run = |name: &str| inputs.records.iter().any(|record| record.cell == name);
    let unrun = inputs.canaries.iter().filter(|canary| !run(&canary.name()));
    lines.extend(unrun.map(|canary| format!("canary {}: not run", canary.name())));
    lines.extend(inputs.not_covered.iter().cloned());
    lines
}
