//! Judges what a run recorded: its history, by the demand that its manifest states.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use rashomon_checkers::{Budget, Judgement};
use rashomon_history::History;
use rashomon_history::formats::{ReadOptions, read_history};
use rashomon_report::record::{Evidence, files};

use super::clocks;
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
    dir: &Path,
    budget: &Budget,
) -> Result<Judged, String> {
    let (history, warning) = load_history(&dir.join(files::HISTORY))?;
    let demand = spec.demand(evidence.and_then(|evidence| evidence.quiet_since_ns));
    let mut judgements = workload.check(&history, &demand, budget);
    // A run that broke may have no faults to tell of.
    clocks::annotate(
        &mut judgements,
        workload.interface(),
        &history,
        &rashomon_report::load_faults(dir).unwrap_or_default(),
    );
    Ok(Judged { history, judgements, warning })
}

fn load_history(path: &Path) -> Result<(History, Option<String>), String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let input: Box<dyn Read> = Box::new(BufReader::with_capacity(1 << 20, file));
    let (history, summary) =
        read_history(input, ReadOptions::default()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((history, summary.cut_short.map(|cut| cut.what)))
}
