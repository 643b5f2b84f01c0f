//! Causal anomalies in words.

use std::collections::VecDeque;

use rashomon_history::{History, OpView, Outcome};
use rustc_hash::FxHashMap;

use super::Before;
use super::load::{INITIAL, Loaded};
use crate::eventual::final_reads::Site;
use crate::eventual::register::written;
use crate::findings::{Findings, begun, ended, on_key};
use crate::graph::Edge;

/// `process 3 wrote 5 of key 1 at 2.0 ms`.
fn did(op: &OpView<'_>) -> String {
    let what = written(op).map_or(format!("read {}", op.output), |value| format!("wrote {value}"));
    format!("process {} {what}{} {}", op.process, on_key(&op.key), begun(op))
}

/// A read returned a value though its session knew, in CO, of one that had overwritten it; with what lies between them,
/// if that is worth the search.
pub(super) fn overwritten(
    history: &History,
    loaded: &Loaded,
    (from, newer, read): (u32, u32, u32),
    with_path: bool,
    findings: &mut Findings,
) {
    let view = |node: u32| history.op(loaded.entries[node as usize].op);
    let (newer_op, read_op) = (view(newer), view(read));
    let mut chain = up_to(loaded, from, newer, with_path);
    if with_path {
        chain.extend(path(loaded, newer, read));
    }
    chain.push(read);
    chain.dedup();
    let views: Vec<OpView<'_>> = chain.iter().map(|&node| view(node)).collect();
    let reported: Vec<&OpView<'_>> = views.iter().collect();
    let name = if from == INITIAL { "missed causal write" } else { "causal stale read" };
    findings.anomaly(name, &reported, || {
        let value = written(&newer_op).map(ToString::to_string).unwrap_or_default();
        let of = on_key(&read_op.key);
        let steps: Vec<String> = reported.iter().map(|op| did(op)).collect();
        format!(
            "A read{of} by process {} returned {}, although {value} comes {} in what that process had come to know. Each \
             of these saw or followed the one before it: {}.",
            read_op.process,
            read_op.output,
            if from == INITIAL { "before it".to_owned() } else { format!("between {} and it", read_op.output) },
            steps.join("; ")
        )
    });
}

/// A write was acknowledged, and replicas had their time to agree; yet a read returned what it had overwritten.
pub(super) fn lost(
    history: &History,
    loaded: &Loaded,
    (from, newer, read): (u32, u32, u32),
    with_path: bool,
    findings: &mut Findings,
) {
    let view = |node: u32| history.op(loaded.entries[node as usize].op);
    let mut chain = up_to(loaded, from, newer, with_path);
    chain.push(read);
    let views: Vec<OpView<'_>> = chain.iter().map(|&node| view(node)).collect();
    let reported: Vec<&OpView<'_>> = views.iter().collect();
    let (newer, read) = (view(newer), view(read));
    findings.anomaly("lost write", &reported, || {
        let value = |op: &OpView<'_>| written(op).map(ToString::to_string).unwrap_or_default();
        let knew =
            if from == INITIAL { String::new() } else { format!(", made by one that knew {},", value(&view(from))) };
        let happened = match newer.outcome {
            Outcome::Ok => format!("was acknowledged by {} {}", Site::of(&newer), ended(&newer)),
            _ => "had been read".to_owned(),
        };
        format!(
            "Write {}{}{knew} {happened}; yet {} returned {} in a read that began {}, when all had to know of it.",
            value(&newer),
            on_key(&read.key),
            Site::of(&read),
            read.output,
            begun(&read),
        )
    });
}

/// The write that a read returned, if it returned one, and the one that it should have known of; with what lies between
/// them, if that is worth the search.
fn up_to(loaded: &Loaded, from: u32, newer: u32, with_path: bool) -> Vec<u32> {
    let mut chain = Vec::new();
    if from != INITIAL {
        chain.push(from);
        if with_path {
            chain.extend(path(loaded, from, newer));
        }
    }
    chain.push(newer);
    chain
}

/// A circle of operations each of which comes before the next.
pub(super) fn circle(history: &History, loaded: &Loaded, cycle: &[Edge<Before>], findings: &mut Findings) {
    let view = |node: u32| history.op(loaded.entries[node as usize].op);
    let mut views: Vec<OpView<'_>> = Vec::new();
    for edge in cycle {
        views.push(view(edge.from));
        if let Before::Conflict(read) = edge.reason {
            views.push(view(read));
        }
    }
    let reported: Vec<&OpView<'_>> = views.iter().collect();
    findings.anomaly("conflict cycle", &reported, || {
        let step = |edge: &Edge<Before>| {
            let (one, other) = (did(&view(edge.from)), did(&view(edge.to)));
            match edge.reason {
                Before::Session => format!("{one} and then {other}"),
                Before::Read => format!("{one}, and {other}"),
                Before::Conflict(read) => {
                    format!("{one}, which was known when {}, so that must come later: {other}", did(&view(read)))
                }
            }
        };
        let steps: Vec<String> = cycle.iter().map(step).collect();
        format!("Each of these comes before the next, and the last before the first: {}.", steps.join("; "))
    });
}

/// The operations by which one leads to another in CO, where the session changes, without the two; shortest first.
fn path(loaded: &Loaded, from: u32, to: u32) -> Vec<u32> {
    let mut next: FxHashMap<u32, u32> = FxHashMap::default();
    let mut queue = VecDeque::from([to]);
    let goal = &loaded.entries[from as usize];
    while let Some(node) = queue.pop_front() {
        let entry = &loaded.entries[node as usize];
        if entry.session == goal.session && entry.index >= goal.index {
            let mut path = Vec::new();
            let mut at = node;
            while at != to {
                if at != from {
                    path.push(at);
                }
                at = next[&at];
            }
            return path;
        }
        // Back along the session to each operation that read something from another, and from there to its write.
        let session = &loaded.sessions[entry.session as usize];
        for &earlier in session[..entry.index as usize].iter().rev() {
            if earlier != node {
                if next.contains_key(&earlier) {
                    break;
                }
                next.insert(earlier, node);
            }
            let read = loaded.entries[earlier as usize].from.filter(|&write| write != INITIAL);
            if let Some(write) = read
                && !next.contains_key(&write)
                && write != to
            {
                next.insert(write, earlier);
                queue.push_back(write);
            }
        }
    }
    Vec::new()
}
