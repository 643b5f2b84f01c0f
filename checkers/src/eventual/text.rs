//! `text`: a list of elements, edited everywhere (RGA: Roh, Jeon, Kim and Lee, *Replicated abstract data types*, 2011).
//!
//! `insert [e after]` puts e right behind an element (nil: at the beginning), `delete e`, `read` → the elements in
//! order. Each element is inserted once. Elements are lost, come back or come from nowhere as in any set; a delete
//! ends its element once the element was there (acknowledged or read); before that, it may have found nothing. Besides,
//! the *strong list specification* (Attiya et al., *Specification and complexity of collaborative text editing*, 2016,
//! section 3): one order of all elements, deleted ones included, explains every read. It holds exactly when the union
//! of the orders that the reads and inserts prove has no cycle. An insert proves that its element is behind the one it
//! was put behind, and, where more than eventual agreement is promised, before the one that its site had last seen
//! there.

use std::collections::BTreeMap;

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::EventualDemand;
use super::convergence::agree;
use super::final_reads::{Coverage, FinalReads, Site, each_object, is_answered};
use super::lifetimes::object::{Builder, NONE, Object};
use super::lifetimes::{Rule, Words, judge};
use super::sets::{each_element, promised, repeated, unreadable};
use crate::findings::{Findings, begun, last_moment, on_key};
use crate::graph::{Edge, find_cycle};
use crate::level::Level;
use crate::verdict::{Budget, Judgement};

const WORDS: Words = Words {
    thing: "element",
    lost: "lost element",
    back: "resurrected element",
    removed: "deleted",
    adds: |op| insert(op).map(|(element, _)| element.clone()),
};

/// The element that an insert adds, and the one it goes behind.
fn insert<'a>(op: &'a OpView<'_>) -> Option<(&'a Value, &'a Value)> {
    match (op.f, op.input.as_list()) {
        ("insert", Some([element, after])) => Some((element, after)),
        _ => None,
    }
}

pub(super) fn check(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    let mut findings = Findings::new("text", "follows each element, and looks for one order of all", history.len());
    let mut coverage = Coverage::default();
    each_object(history, |ops| {
        let final_reads = FinalReads::of(ops, demand);
        coverage.object(&final_reads);
        let before = findings.found();
        if let Some(op) = unreadable(ops) {
            return findings.unknown(format!("operation {} read {}, which is not a list", op.id.0, op.output));
        }
        if let Some(op) = ops.iter().find(|op| op.f == "insert" && insert(op).is_none()) {
            let what = format!("operation {} inserts {}, which is not [element after]", op.id.0, op.input);
            return findings.unknown(what);
        }
        if let Some(twice) = repeated(ops, |op| insert(op).map(|(element, _)| element.clone())) {
            return findings.unknown(format!(
                "element {twice}{} was inserted twice: it has no one place among the others; insert each element once",
                on_key(&ops[0].key)
            ));
        }
        let known_since = known_since(ops);
        let mut builder = Builder::new(ops);
        for (index, op) in ops.iter().enumerate().filter(|(_, op)| op.outcome != Outcome::Fail) {
            if let Some((element, after)) = insert(op) {
                let element = builder.element(element);
                builder.element(after);
                builder.add(element, index);
            } else if op.f == "delete" {
                let element = builder.element(&op.input);
                // Deleted before it was there, it may have been no element yet, or deleted in advance.
                if known_since.get(&op.input).is_some_and(|&since| since < op.invoked) {
                    builder.remove(element, index, NONE);
                } else {
                    builder.may_remove(element, index, NONE);
                }
            }
        }
        let object = builder.build(each_element, Value::clone);
        one_order(&object, demand.promise, &mut findings);
        judge(&object, (Rule::Explicit, &WORDS), &final_reads, demand, &mut findings, &mut coverage);
        agree(ops, &final_reads, demand, before, &mut findings);
    });
    coverage.report(&mut findings);
    promised(demand, &mut findings);
    findings.judgement()
}

/// Since when each element was known to be there: its insert was acknowledged, or a read had it.
fn known_since(ops: &[OpView<'_>]) -> FxHashMap<Value, u32> {
    let mut known: FxHashMap<Value, u32> = FxHashMap::default();
    for op in ops.iter().filter(|op| op.outcome == Outcome::Ok) {
        if let Some((element, _)) = insert(op) {
            known.insert(element.clone(), last_moment(op));
        }
    }
    for read in ops.iter().filter(|op| is_answered(op)) {
        for element in read.output.as_list().unwrap_or_default() {
            let since = known.entry(element.clone()).or_insert(u32::MAX);
            *since = (*since).min(last_moment(read));
        }
    }
    known
}

/// Why one element is before another: a read that has them so, or an insert and the read that its site had seen.
#[derive(Clone, Copy)]
struct Reason {
    op: u32,
    seen: Option<u32>,
}

/// One order of all elements explains every read and insert.
fn one_order(object: &Object<'_>, promise: Level, findings: &mut Findings) {
    let ops = object.ops;
    let mut edges: Vec<Edge<Reason>> = Vec::new();
    // Most reads repeat what earlier ones said: the last known successor of each element.
    let mut successor: Vec<u32> = vec![NONE; object.names.len()];
    for (number, &op) in object.reads.iter().enumerate() {
        for pair in object.found.get(number).windows(2) {
            if successor[pair[0] as usize] != pair[1] {
                successor[pair[0] as usize] = pair[1];
                edges.push(Edge { from: pair[0], to: pair[1], reason: Reason { op, seen: None } });
            }
        }
    }
    let behind_anchors = seen_behind_anchors(object, promise);
    for (index, op) in ops.iter().enumerate().filter(|(_, op)| op.outcome != Outcome::Fail) {
        let Some((element, after)) = insert(op) else { continue };
        let Some(element) = object.names.find(element) else { continue };
        if let Some(from) = object.names.find(after).filter(|_| !after.is_nil()) {
            edges.push(Edge { from, to: element, reason: Reason { op: index as u32, seen: None } });
        }
        if let Some(&(read, next)) = behind_anchors.get(&index) {
            edges.push(Edge { from: element, to: next, reason: Reason { op: index as u32, seen: Some(read) } });
        }
    }
    let Some(cycle) = find_cycle(object.names.len(), &edges) else { return };
    let mut reported: Vec<&OpView<'_>> = Vec::new();
    for edge in &cycle {
        reported.push(&ops[edge.reason.op as usize]);
        reported.extend(edge.reason.seen.map(|read| &ops[read as usize]));
    }
    let mut shown: Vec<&OpView<'_>> = Vec::new();
    reported.retain(|op| {
        !shown.iter().any(|other| other.id == op.id) && {
            shown.push(op);
            true
        }
    });
    findings.anomaly("contradicting order", &reported, || {
        let because = |edge: &Edge<Reason>| {
            let (one, other) = (object.names.name(edge.from), object.names.name(edge.to));
            let op = &ops[edge.reason.op as usize];
            match (op.f, edge.reason.seen) {
                ("insert", Some(_)) => format!(
                    "{one} is before {other}: {} put {one} where it had seen {other} ({})",
                    Site::of(op),
                    begun(op)
                ),
                ("insert", None) => format!("{one} is before {other}, which was put behind it {}", begun(op)),
                _ => format!("{one} is before {other} in a read at {} {}", Site::of(op), begun(op)),
            }
        };
        format!(
            "No order of the elements{} explains this: {}.",
            on_key(&ops[0].key),
            cycle.iter().map(because).collect::<Vec<_>>().join("; ")
        )
    });
}

/// Per insert: the read that its site had seen last, and what came behind the anchor there.
fn seen_behind_anchors(object: &Object<'_>, promise: Level) -> FxHashMap<usize, (u32, u32)> {
    let mut behind = FxHashMap::default();
    let ops = object.ops;
    let site = |op: &OpView<'_>| Site::promised(op, promise);
    let mut by_end: Vec<usize> = (0..object.reads.len()).collect();
    by_end.sort_unstable_by_key(|&number| object.end(object.reads[number]));
    let mut by_end = by_end.into_iter().peekable();
    let mut latest: BTreeMap<Site, usize> = BTreeMap::new();
    // Where each element of a site's latest read is, made when an insert asks.
    let mut positions: BTreeMap<Site, (usize, FxHashMap<u32, usize>)> = BTreeMap::new();
    for (index, op) in ops.iter().enumerate() {
        while let Some(number) = by_end.next_if(|&number| object.end(object.reads[number]) < op.invoked) {
            if let Some(site) = site(&ops[object.reads[number] as usize]) {
                latest.insert(site, number);
            }
        }
        let Some((_, after)) = insert(op).filter(|_| op.outcome != Outcome::Fail) else { continue };
        let Some(site) = site(op) else { continue };
        let Some(&number) = latest.get(&site) else { continue };
        let found = object.found.get(number);
        let next = if after.is_nil() {
            found.first()
        } else {
            let (known, positions) = positions.entry(site).or_default();
            if positions.is_empty() || *known != number {
                *known = number;
                *positions = found.iter().enumerate().map(|(at, &element)| (element, at)).collect();
            }
            object.names.find(after).and_then(|after| positions.get(&after)).and_then(|&at| found.get(at + 1))
        };
        if let Some(&next) = next {
            behind.insert(index, (object.reads[number], next));
        }
    }
    behind
}
