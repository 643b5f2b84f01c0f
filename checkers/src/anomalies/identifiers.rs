//! `unique-ids`: no identifier is given out twice (Jepsen's `unique-ids`).

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::findings::{Findings, between};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings = Findings::new("unique-ids", "compares all identifiers that were returned", history.len());
    let mut first: FxHashMap<Value, OpView<'_>> = FxHashMap::default();
    let (mut given, mut range) = (0_u64, None::<(Value, Value)>);
    for op in history.ops().filter(|op| op.f == "generate" && op.outcome == Outcome::Ok) {
        given += 1;
        let id = op.output.clone();
        range = Some(match range {
            None => (id.clone(), id.clone()),
            Some((least, most)) => (least.min(id.clone()), most.max(id.clone())),
        });
        if let Some(earlier) = first.get(&id) {
            findings.anomaly("duplicated identifier", &[earlier, &op], || {
                let apart = between(earlier, &op);
                format!(
                    "Identifier {id} was given out twice: to process {}, and {apart} later to process {}.",
                    earlier.process, op.process
                )
            });
        } else {
            first.insert(id, op);
        }
    }
    match range {
        None => findings.unknown("no identifier was given out".to_owned()),
        Some((least, most)) => findings.note(format!("{given} identifiers, from {least} to {most}")),
    }
    findings.judgement()
}
