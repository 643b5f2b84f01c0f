//! `unique-ids`: no identifier is given out twice (Jepsen's `unique-ids`).

use rashomon_history::{History, OpId, Outcome, Value};
use rustc_hash::FxHashMap;

use crate::findings::{Findings, between};
use crate::operations::Operation;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings = Findings::new("unique-ids", "compares all identifiers that were returned", history.len());
    // Equal values have equal ids in a history.
    let mut first: FxHashMap<u32, OpId> = FxHashMap::default();
    let (mut given, mut range) = (0_u64, None::<(Value, Value)>);
    let ops = (0..history.len() as u32).map(|id| Operation::of(history, OpId(id)));
    for op in ops.filter(|op| op.f() == "generate" && op.outcome == Outcome::Ok) {
        given += 1;
        if let Some(&earlier) = first.get(&op.output) {
            findings.report("duplicate ID", [Operation::of(history, earlier), op], |[earlier, op]| {
                let apart = between(earlier, op);
                format!(
                    "Identifier {} was given out twice: to process {}, and {apart} later to process {}.",
                    op.output, earlier.process, op.process
                )
            });
            continue;
        }
        first.insert(op.output, op.id);
        let id = op.output();
        range = Some(match range {
            None => (id.clone(), id),
            Some((least, most)) => (least.min(id.clone()), most.max(id)),
        });
    }
    match range {
        None => findings.unknown("no identifier was given out".to_owned()),
        Some((least, most)) => findings.note(format!("{given} identifiers, from {least} to {most}")),
    }
    findings.judgement()
}
