//! `echo`: every answer is what was asked.

use rashomon_history::{History, OpId, Outcome};

use crate::findings::Findings;
use crate::operations::Operation;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings = Findings::new("echo", "compares each answer with its question", history.len());
    let ops = (0..history.len() as u32).map(|id| Operation::of(history, OpId(id)));
    let mut answered = false;
    for op in ops.filter(|op| op.f() == "echo" && op.outcome == Outcome::Ok) {
        answered = true;
        if op.input() != op.output() {
            findings.report("wrong echo", [op], |[op]| {
                format!("Process {} sent {} and got {} back.", op.process, op.input, op.output)
            });
        }
    }
    if !answered {
        findings.unknown("nothing was echoed".to_owned());
    }
    findings.judgement()
}
