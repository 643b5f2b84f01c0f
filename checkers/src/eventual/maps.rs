//! `or-map`: an observed-remove map whose fields are multi-value registers (Riak's map; Shapiro et al. 2011).
//!
//! `put [field v]` writes v and supersedes the values that its replica had in the field, `remove field` ends those that
//! its replica had; a concurrent put survives both. `read` → field → values. Values are unique within a field, so every
//! value that a replica shows names the put it comes from.

use rashomon_history::{History, OpView, Outcome, Value};

use super::EventualDemand;
use super::convergence::agree;
use super::final_reads::{Coverage, FinalReads, each_object, is_answered};
use super::lifetimes::object::{Builder, NONE};
use super::lifetimes::{Rule, Words, judge};
use super::sets::{promised, repeated};
use crate::checker::Shape;
use crate::findings::{Findings, on_key};
use crate::verdict::{Budget, Judgement};

const WORDS: Words = Words {
    thing: "value",
    lost: "lost write",
    back: "resurrected value",
    removed: "superseded or removed",
    adds: |op| field(op).map(|_| op.input.clone()),
};

/// What a read returns.
pub(super) const FIELDS: Shape = Shape::Of {
    text: "a map from field to list of values",
    fits: |_, value| match value {
        Value::Map(fields) => fields.iter().all(|(_, values)| values.as_list().is_some()),
        _ => false,
    },
};

/// The field that a put writes.
fn field<'a>(op: &'a OpView<'_>) -> Option<&'a Value> {
    match (op.f, op.input.as_list()) {
        ("put", Some([field, _])) => Some(field),
        _ => None,
    }
}

pub(super) fn check(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    let mut findings = Findings::new("or-map", "follows each value of each field", history.len());
    let mut coverage = Coverage::default();
    each_object(history, |ops| {
        let final_reads = FinalReads::of(ops, demand);
        coverage.object(&final_reads);
        let before = findings.found();
        let unreadable = |op: &&OpView<'_>| is_answered(op) && !matches!(op.output, Value::Map(_));
        if let Some(op) = ops.iter().find(unreadable) {
            return findings.unknown(format!("operation {} read {}, which is not a map", op.id.0, op.output));
        }
        if let Some(op) = ops.iter().find(|op| op.f == "put" && field(op).is_none()) {
            return findings.unknown(format!("operation {} puts {}, which is not [field value]", op.id.0, op.input));
        }
        if let Some(twice) = repeated(ops, |op| field(op).map(|_| op.input.clone())) {
            return findings.unknown(format!(
                "{twice} (field and value){} was put twice: a read that returns it does not say which put it saw; put each \
                 value once in a field",
                on_key(&ops[0].key)
            ));
        }
        let mut builder = Builder::new(ops).grouped();
        for (index, op) in ops.iter().enumerate().filter(|(_, op)| op.outcome != Outcome::Fail) {
            if let Some(field) = field(op) {
                let element = builder.element(&op.input);
                let group = builder.group(field);
                builder.add(element, index);
                builder.remove(group, index, element);
            } else if op.f == "remove" {
                let group = builder.group(&op.input);
                builder.remove(group, index, NONE);
            }
        }
        let object = builder.build(each_value, |name| name.as_list().map_or(Value::Nil, |pair| pair[0].clone()));
        judge(&object, (Rule::Observed, &WORDS), &final_reads, demand, &mut findings, &mut coverage);
        agree(ops, &final_reads, demand, before, &mut findings);
    });
    coverage.report(&mut findings);
    promised(demand, &mut findings);
    findings.judgement()
}

/// The values of all fields, as pairs of field and value.
fn each_value(answer: &Value, visit: &mut dyn FnMut(&Value)) {
    let Value::Map(fields) = answer else { return };
    for (field, values) in fields.iter() {
        for value in values.as_list().unwrap_or_default() {
            visit(&Value::pair(field.clone(), value.clone()));
        }
    }
}
