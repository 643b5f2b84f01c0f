//! `sequential-insert`: one client's additions become visible in order.
//!
//! A process adds elements one after the other. Whoever reads one of them must read every element that the same process
//! had got acknowledged before it began to add that one. Elements are never removed and added once. This follows from
//! sequential consistency (Lamport 1979), and already from causal consistency with convergent reads; Jepsen's
//! `sequential` test for CockroachDB looks for the same thing.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::findings::{Findings, between, of_key};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    let mut findings = Findings::new("sequential-insert", "looks for holes in each process's additions", history.len());
    findings.by_key(history, judge);
    findings.judgement()
}

fn judge(ops: &[OpView<'_>], findings: &mut Findings) {
    // Per process, its additions in order; per element, whose it is and how many acknowledged ones came before.
    let mut added: FxHashMap<u32, Vec<&OpView<'_>>> = FxHashMap::default();
    let mut place: FxHashMap<&Value, (u32, u32)> = FxHashMap::default();
    for op in ops.iter().filter(|op| op.f == "add" && op.outcome != Outcome::Fail) {
        let mine = added.entry(op.process).or_default();
        if place.insert(&op.input, (op.process, mine.len() as u32)).is_some() {
            return findings.unknown(format!("element {} was added twice; each must be added once", op.input));
        }
        if op.outcome == Outcome::Ok {
            mine.push(op);
        }
    }
    let mut read = 0_u64;
    for op in ops.iter().filter(|op| op.f == "read" && op.outcome == Outcome::Ok) {
        let Some(elements) = op.output.as_list() else { continue };
        read += u64::from(!elements.is_empty());
        // Per process: acknowledged elements seen, and how many there must be because of the last one seen.
        let mut seen: FxHashMap<u32, (u32, u32, &Value)> = FxHashMap::default();
        let mut distinct: Vec<&Value> = elements.iter().collect();
        distinct.sort_unstable();
        distinct.dedup();
        for element in &distinct {
            let Some(&(process, before)) = place.get(element) else { continue };
            let acknowledged = added[&process].get(before as usize).is_some_and(|add| add.input == **element);
            let entry = seen.entry(process).or_insert((0, 0, element));
            entry.0 += u32::from(acknowledged);
            let needed = before + u32::from(acknowledged);
            if needed >= entry.1 {
                (entry.1, entry.2) = (needed, element);
            }
        }
        let mut holes: Vec<(u32, (u32, u32, &Value))> =
            seen.into_iter().filter(|(_, (have, need, _))| have < need).collect();
        holes.sort_unstable();
        for (process, (.., last)) in holes {
            let before = place[last].1 as usize;
            let later =
                ops.iter().find(|other| other.f == "add" && other.input == *last && other.outcome != Outcome::Fail);
            let missing = added[&process][..before].iter().find(|add| distinct.binary_search(&&add.input).is_err());
            let (Some(missing), Some(later)) = (missing, later) else { continue };
            findings.anomaly("addition out of order", &[missing, later, op], || {
                format!(
                    "A read{} has element {last} but not {}, which the same process {process} had got acknowledged {} before \
                     it began to add {last}.",
                    of_key(&op.key),
                    missing.input,
                    between(missing, later)
                )
            });
        }
    }
    if read == 0 {
        let key = ops.first().map_or(String::new(), |op| of_key(&op.key));
        findings.unknown(format!("no read{key} returned an element"));
    }
}
