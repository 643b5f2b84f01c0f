//! Judges what a run recorded: its history, by the demand that its manifest states.

use rashomon_checkers::{Budget, Judgement};
use rashomon_history::History;
use rashomon_runs::{Evidence, RunFolder};

use super::{clocks, exits};
use crate::run::RunSpec;
use crate::workload::Workload;

/// What the checkers say of a run's history.
pub(crate) struct Judged {
    /// What was judged.
    pub(crate) history: History,
    /// One for each checker.
    pub(crate) judgements: Vec<Judgement>,
    /// That the history is cut short.
    pub(crate) warning: Option<String>,
}

/// Judges the history in a run's folder. Without evidence (the run broke) nothing is known of a quiet time.
pub(crate) fn judge_recorded(
    workload: &dyn Workload,
    spec: &RunSpec,
    evidence: Option<&Evidence>,
    folder: &RunFolder,
    budget: &Budget,
) -> Result<Judged, String> {
    let recorded = folder.history()?;
    let demand = spec.demand(evidence.and_then(|evidence| evidence.quiet_since_ns));
    let mut judgements = workload.check(&recorded.history, &demand, budget);
    // A run that broke may have recorded no faults.
    let faults = folder.faults().unwrap_or_default().records;
    clocks::annotate(&mut judgements, workload.interface(), &recorded.history, &faults);
    judgements.extend(evidence.and_then(exits::judgement));
    Ok(Judged { history: recorded.history, judgements, warning: recorded.gap })
}
