//! `siblings`: a register that keeps concurrent writes (Dynamo, SOSP 2007, section 4.4; dotted version vectors,
//! Preguiça et al. 2010).
//!
//! `put [v seen]` writes v and supersedes the values in `seen`, which its client had read; `read` returns what nobody
//! has superseded. So each put names the adds that it ends: an acknowledged value stays until some put has seen it
//! (*lost write*), and goes for good once an acknowledged put has (*false sibling*). In one and the same answer a value
//! and one that supersedes it, directly or through others, can never stand side by side, whatever is promised.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::EventualDemand;
use super::convergence::agree;
use super::final_reads::{Coverage, FinalReads, each_object, is_answered};
use super::lifetimes::object::Builder;
use super::lifetimes::{Rule, Words, judge};
use super::sets::{each_element, promised, repeated, unreadable};
use crate::checker::Shape;
use crate::findings::{Findings, begun, on_key};
use crate::verdict::{Budget, Judgement};

const WORDS: Words = Words {
    thing: "value",
    lost: "lost write",
    back: "false sibling",
    removed: "superseded",
    adds: |op| put(op).map(|(value, _)| value.clone()),
};

/// What a put is asked.
pub(super) const PUT: Shape = Shape::Of {
    text: "[value [seen …]]",
    fits: |_, value| {
        value.as_list().is_some_and(|put| put.len() == 2 && (put[1].is_nil() || put[1].as_list().is_some()))
    },
};

/// The value that a put writes and those it has seen.
fn put<'a>(op: &'a OpView<'_>) -> Option<(&'a Value, &'a [Value])> {
    match (op.f, op.input.as_list()) {
        ("put", Some([value, seen])) => Some((value, seen.as_list().unwrap_or_default())),
        _ => None,
    }
}

pub(super) fn check(history: &History, demand: &EventualDemand, budget: &Budget) -> Judgement {
    let mut findings = Findings::new("siblings", "follows each value to the puts that have seen it", history.len());
    let mut coverage = Coverage::default();
    let mut steps = budget.steps;
    each_object(history, |ops| {
        let final_reads = FinalReads::of(ops, demand);
        coverage.object(&final_reads);
        let before = findings.found();
        if let Some(op) = unreadable(ops) {
            return findings.unknown(format!("operation {} read {}, which is not a list", op.id.0, op.output));
        }
        if let Some(op) = ops.iter().find(|op| op.f == "put" && put(op).is_none()) {
            let what = format!("operation {} puts {}, which is not [value [seen …]]", op.id.0, op.input);
            return findings.unknown(what);
        }
        let puts_of = |op: &OpView<'_>| put(op).map(|(value, _)| value.clone());
        if let Some(twice) = repeated(ops, puts_of) {
            return findings.unknown(format!(
                "value {twice}{} was put twice: a read that returns it does not say which put it saw; put each value once",
                on_key(&ops[0].key)
            ));
        }
        let mut builder = Builder::new(ops);
        let puts = || ops.iter().enumerate().filter(|(_, op)| op.outcome != Outcome::Fail);
        for (index, op) in puts() {
            let Some((value, seen)) = put(op) else { continue };
            let own = builder.element(value);
            builder.add(own, index);
            for value in seen {
                let group = builder.group(value);
                builder.remove(group, index, own);
            }
        }
        let object = builder.build(each_element, Value::clone);
        side_by_side(ops, &mut steps, &mut findings);
        judge(&object, (Rule::Explicit, &WORDS), &final_reads, demand, &mut findings, &mut coverage);
        agree(ops, &final_reads, demand, before, &mut findings);
    });
    if steps == 0 {
        let what = "the budget did not suffice to compare all siblings of one answer with each other's pasts; raise the \
                    step budget";
        findings.unknown(what.to_owned());
    }
    coverage.report(&mut findings);
    promised(demand, &mut findings);
    findings.judgement()
}

/// Answers that hold a value beside one that supersedes it.
fn side_by_side(ops: &[OpView<'_>], steps: &mut u64, findings: &mut Findings) {
    // A value put twice has no single past.
    let mut puts: FxHashMap<&Value, Option<&OpView<'_>>> = FxHashMap::default();
    for op in ops.iter().filter(|op| op.outcome != Outcome::Fail) {
        let Some((value, _)) = put(op) else { continue };
        puts.entry(value).and_modify(|known| *known = None).or_insert(Some(op));
    }
    let find = |value: &Value| puts.get(value).copied().flatten();
    for read in ops.iter().filter(|op| is_answered(op)) {
        let Some(values) = read.output.as_list().filter(|values| values.len() > 1) else { continue };
        // No past reaches further back than the oldest of the siblings.
        let Some(oldest) = values.iter().filter_map(find).map(|op| op.invoked).min() else { continue };
        for newer in values.iter().filter_map(find) {
            let mut past: Vec<&OpView<'_>> = vec![newer];
            let mut visited: FxHashMap<u32, ()> = FxHashMap::default();
            while let Some(op) = past.pop() {
                let (_, seen) = put(op).expect("only puts have a past");
                for value in seen {
                    *steps = steps.saturating_sub(1);
                    if *steps == 0 {
                        return;
                    }
                    if let Some(older) = find(value).filter(|older| older.invoked >= oldest && older.id != newer.id)
                        && visited.insert(older.id.0, ()).is_none()
                    {
                        past.push(older);
                        if values.contains(value) {
                            describe(read, older, newer, findings);
                        }
                    }
                }
            }
        }
    }
}

fn describe(read: &OpView<'_>, older: &OpView<'_>, newer: &OpView<'_>, findings: &mut Findings) {
    findings.anomaly("false sibling", &[older, newer, read], || {
        let value = |op| put(op).map_or(Value::Nil, |(value, _)| value.clone());
        format!(
            "One read, {}, returned {} beside {}, which supersedes it: whoever put {} had seen {}, or what came after it.",
            begun(read),
            value(older),
            value(newer),
            value(newer),
            value(older),
        )
    });
}
