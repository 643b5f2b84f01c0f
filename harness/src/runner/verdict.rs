//! The verdict of a run from what it left in its folder.

use rashomon_checkers::{Budget, Finding};
use rashomon_history::{History, Outcome};
use rashomon_runs::{Evidence, Manifest, Plan, RunFolder, Verdict, VerdictRecord};

use crate::judge::{self, Demands, Judged, RequestedClass};
use crate::registry::Registry;

/// The verdict of a run that broke. What it recorded is still judged: an anomaly seen is an anomaly.
pub(super) fn of_broken(
    registry: &Registry,
    plan: &Plan,
    manifest: &Manifest,
    folder: &RunFolder,
    what: String,
    remedy: &str,
) -> VerdictRecord {
    let mut reasons = vec![what];
    if !remedy.is_empty() {
        reasons.push(format!("hint: {remedy}"));
    }
    let judgements =
        judge_history(registry, plan, manifest, folder).map_or_else(|_| Vec::new(), |judged| judged.judgements);
    if judgements.iter().any(|judgement| judgement.finding == Finding::Invalid) {
        reasons.push("what was recorded until then has an anomaly".to_owned());
    }
    VerdictRecord { verdict: Verdict::Broken, reasons, judgements }
}

/// The verdict of a run that somebody ended: what it recorded is judged, and nothing is missed.
pub(super) fn of_interrupted(
    registry: &Registry,
    plan: &Plan,
    manifest: &mut Manifest,
    folder: &RunFolder,
    how: &str,
) -> VerdictRecord {
    let evidence = manifest.evidence.get_or_insert_default();
    evidence.interrupted = true;
    evidence.notes.push(format!("interrupted: {how}"));
    let evidence = evidence.clone();
    let judgements =
        judge_history(registry, plan, manifest, folder).map_or_else(|_| Vec::new(), |judged| judged.judgements);
    let demands = Demands { functions: &[], faults: &[] };
    judge::verdict(&demands, &evidence, judgements)
}

/// The verdict of a run whose controller ended well.
pub(super) fn of_run(registry: &Registry, plan: &Plan, manifest: &Manifest, folder: &RunFolder) -> VerdictRecord {
    let broken =
        |reason: String| VerdictRecord { verdict: Verdict::Broken, reasons: vec![reason], judgements: Vec::new() };
    let Some(evidence) = &manifest.evidence else {
        return broken("the run ended without saying what it exercised".to_owned());
    };
    let Some(workload) = registry.find_workload(&plan.spec.workload) else {
        return broken("the workload is gone".to_owned());
    };
    match judge_history(registry, plan, manifest, folder) {
        Ok(judged) => {
            let faults = RequestedClass::of(registry.faults(), &plan.spec.faults, &plan.schedule);
            let functions = workload.required(&plan.spec.options);
            let demands = Demands { functions: &functions, faults: &faults };
            let mut verdict = judge::verdict(&demands, evidence, judged.judgements);
            let missing = judged.warning.or_else(|| missing_operations(evidence, &judged.history));
            if verdict.verdict == Verdict::Pass && missing.is_some() {
                // What is missing may be what contradicts.
                verdict = VerdictRecord { verdict: Verdict::Inconclusive, reasons: Vec::new(), ..verdict };
            }
            verdict.reasons.extend(missing);
            verdict
        }
        Err(error) => broken(error),
    }
}

/// That the history on disk has fewer acknowledged operations than were counted when they were recorded.
fn missing_operations(evidence: &Evidence, history: &History) -> Option<String> {
    let counted: u64 = evidence.functions.iter().map(|counts| counts.ok).sum();
    let there = history.ops().filter(|op| op.outcome == Outcome::Ok).count() as u64;
    (there < counted).then(|| {
        format!("the history has {there} acknowledged operations of {counted} that were recorded: it is not whole")
    })
}

fn judge_history(registry: &Registry, plan: &Plan, manifest: &Manifest, folder: &RunFolder) -> Result<Judged, String> {
    let workload = registry.find_workload(&plan.spec.workload).ok_or("the workload is gone")?;
    judge::judge_recorded(&**workload, &plan.spec, manifest.evidence.as_ref(), folder, &Budget::default())
}
