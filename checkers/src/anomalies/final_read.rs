//! `set`: elements are added, then the whole set is read at the end (Jepsen's `set`).
//!
//! Judges, per key, the last read that returned. An element whose add was acknowledged before that read began must be
//! in it (*lost*); an element in it must have been asked for by an add that did not fail and was invoked before the
//! read returned (*unexpected*), and must be there once (*duplicated*). Elements of adds acknowledged later are not
//! judged: nobody looked for them.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::findings::{Findings, begun, between, ended, last_moment, of_key, precedes};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings = Findings::new("set", "compares the adds with the last read of each key", history.len());
    findings.by_key(history, judge);
    findings.judgement()
}

fn judge(ops: &[OpView<'_>], findings: &mut Findings) {
    let returned = |op: &&OpView<'_>| op.f == "read" && op.outcome == Outcome::Ok && op.output.as_list().is_some();
    let Some(read) = ops.iter().rfind(returned) else {
        let what = "no read of the whole set returned: nobody looked whether the elements are there";
        return findings.unknown(format!("{what}{}", ops.first().map_or(String::new(), |op| of_key(&op.key))));
    };
    // Per element, its earliest add that may have happened; a failed one where there is no other.
    let mut adds: FxHashMap<&Value, &OpView<'_>> = FxHashMap::default();
    let mut acknowledged: FxHashSet<&Value> = FxHashSet::default();
    let mut late = 0_u64;
    for op in ops.iter().filter(|op| op.f == "add") {
        let rank = |op: &OpView<'_>| (op.outcome == Outcome::Fail, op.invoked);
        adds.entry(&op.input)
            .and_modify(|known| {
                if rank(op) < rank(known) {
                    *known = op
                }
            })
            .or_insert(op);
        if op.outcome == Outcome::Ok {
            acknowledged.insert(&op.input);
        }
    }
    let elements = read.output.as_list().unwrap_or_default();
    let mut present: FxHashSet<&Value> = FxHashSet::default();
    for element in elements {
        if !present.insert(element) {
            findings.anomaly("duplicated element", &[read], || {
                format!("The last read, {}, returned element {element} more than once.", begun(read))
            });
        }
    }
    let mut unexpected: Vec<&Value> = present.iter().copied().collect();
    unexpected.sort_unstable();
    let mut recovered = 0_u64;
    for element in unexpected {
        match adds.get(element) {
            Some(add) if add.outcome == Outcome::Fail => findings.anomaly("failed add seen", &[add, read], || {
                format!("The last read returned element {element}, but its add had failed, which means that it did not happen.")
            }),
            Some(add) if last_moment(read) < add.invoked => findings.anomaly("unexpected element", &[read, add], || {
                format!("The last read returned element {element} before its add began {}.", begun(add))
            }),
            Some(_) => recovered += u64::from(!acknowledged.contains(element)),
            None => findings.anomaly("unexpected element", &[read], || {
                format!("The last read, {}, returned element {element}, which nobody added.", begun(read))
            }),
        }
    }
    for add in ops.iter().filter(|op| op.f == "add" && op.outcome == Outcome::Ok) {
        if !precedes(add, read) {
            late += u64::from(!present.contains(&add.input));
        } else if !present.contains(&add.input) {
            findings.anomaly("lost element", &[add, read], || {
                format!(
                    "Element {} was acknowledged {} but is missing from the last read, which began {} later.",
                    add.input,
                    ended(add),
                    between(add, read)
                )
            });
        }
    }
    if late > 0 {
        findings.unknown(format!(
            "{late} elements{} were acknowledged after the last read had begun; nobody looked whether they are there",
            of_key(&read.key)
        ));
    }
    if recovered > 0 {
        findings.note(format!("{recovered} elements of adds with unknown outcome are there"));
    }
}
