//! `eventual-set`, `or-set` and `lww-set`: sets at replicas.
//!
//! `add e`, `remove e` (not in a set that only grows), `read` → the elements. In an observed-remove set (Shapiro et
//! al., *Conflict-free replicated data types*, 2011) a remove ends the adds that its replica had seen, so an add wins
//! over a concurrent remove. In a last-writer-wins set the last update of an element decides; as for
//! `eventual-register`, *last* is meant in real time, and updates that overlap may win either way.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashSet;

use super::EventualDemand;
use super::convergence::agree;
use super::final_reads::{Coverage, FinalReads, each_object};
use super::lifetimes::object::{Builder, NONE};
use super::lifetimes::{Rule, Words, judge};
use crate::findings::Findings;
use crate::level::Level;
use crate::verdict::{Budget, Judgement};

const WORDS: Words = Words {
    thing: "element",
    lost: "lost element",
    back: "resurrected element",
    removed: "removed",
    adds: |op| (op.f == "add").then(|| op.input.clone()),
};

pub(super) fn check_growing(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    judge_all(history, demand, "eventual-set", Rule::Explicit, &["add"])
}

pub(super) fn check_observed(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    judge_all(history, demand, "or-set", Rule::Observed, &["add", "remove"])
}

pub(super) fn check_last_wins(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    judge_all(history, demand, "lww-set", Rule::RealTime, &["add", "remove"])
}

fn judge_all(
    history: &History,
    demand: &EventualDemand,
    name: &'static str,
    rule: Rule,
    updates: &[&str],
) -> Judgement {
    let mut findings = Findings::new(name, "follows each element from its adds to its removes", history.len());
    let mut coverage = Coverage::default();
    each_object(history, |ops| {
        let final_reads = FinalReads::of(ops, demand);
        coverage.object(&final_reads);
        let before = findings.found();
        if let Some(op) = unreadable(ops) {
            return findings.unknown(format!("operation {} read {}, which is not a list", op.id.0, op.output));
        }
        let mut builder = Builder::new(ops);
        let happened = |op: &OpView<'_>| op.outcome != Outcome::Fail && updates.contains(&op.f);
        for (index, op) in ops.iter().enumerate().filter(|(_, op)| happened(op)) {
            let element = builder.element(&op.input);
            match op.f {
                "add" => builder.add(element, index),
                _ => builder.remove(element, index, NONE),
            }
        }
        let object = builder.build(each_element, Value::clone);
        judge(&object, (rule, &WORDS), &final_reads, demand, &mut findings, &mut coverage);
        agree(ops, &final_reads, demand, before, &mut findings);
    });
    coverage.report(&mut findings);
    promised(demand, &mut findings);
    findings.judgement()
}

/// A read whose answer is not a list of elements.
pub(super) fn unreadable<'a>(ops: &'a [OpView<'a>]) -> Option<&'a OpView<'a>> {
    ops.iter().find(|op| super::final_reads::is_answered(op) && op.output.as_list().is_none())
}

/// A value that is added by two operations that may have happened.
pub(super) fn repeated(ops: &[OpView<'_>], adds: impl Fn(&OpView<'_>) -> Option<Value>) -> Option<Value> {
    let mut known: FxHashSet<Value> = FxHashSet::default();
    let happened = ops.iter().filter(|op| op.outcome != Outcome::Fail);
    happened.filter_map(adds).find(|value| !known.insert(value.clone()))
}

/// The elements of a list.
pub(super) fn each_element(answer: &Value, visit: &mut dyn FnMut(&Value)) {
    answer.as_list().unwrap_or_default().iter().for_each(visit);
}

/// Whether nothing is promised while replicas disagree.
pub(super) fn promises_nothing(demand: &EventualDemand) -> bool {
    !demand.promise.implies(Level::SESSION) && !demand.promise.implies(Level::REPLICA)
}

/// Says what was not judged because it was not promised.
pub(super) fn promised(demand: &EventualDemand, findings: &mut Findings) {
    if promises_nothing(demand) {
        let what = "nothing is promised while replicas disagree, so reads before the end were judged only for what \
                    nobody had written";
        findings.note(what.to_owned());
    }
}
