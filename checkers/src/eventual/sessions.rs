//! `session-guarantees`: what each process may rely on (Terry et al., *Session guarantees for weakly consistent
//! replicated data*, 1994), on registers whose values are unique.
//!
//! The versions of a register have one order, which nobody knows. The guarantees say what a process proves of it:
//!
//! - *read your writes*: what it reads is not older than what it wrote;
//! - *monotonic reads*: what it reads is not older than what it read;
//! - *monotonic writes*: what it writes is newer than what it wrote;
//! - *writes follow reads*: what it writes is newer than what it read.
//!
//! All four can hold of a register exactly when what its processes prove has no cycle, so the answer is exact, per
//! register. A cycle within one process breaks a guarantee of that process; in a longer one at least one of those named
//! is broken. A write of unknown outcome counts if somebody saw it. Across registers, see `causal-register`.

use std::collections::BTreeMap;

use rashomon_history::{History, OpId, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::EventualDemand;
use super::final_reads::is_answered;
use super::register::{failed_writes, unwritten, written};
use crate::findings::{Findings, begun, ended, last_moment, on_key};
use crate::graph::{Edge, find_cycle};
use crate::story::capital;
use crate::subhistory::Keys;
use crate::verdict::{Budget, Judgement};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guarantee {
    ReadYourWrites,
    MonotonicReads,
    MonotonicWrites,
    WritesFollowReads,
}

impl Guarantee {
    fn name(self) -> &'static str {
        match self {
            Guarantee::ReadYourWrites => "read your writes",
            Guarantee::MonotonicReads => "monotonic reads",
            Guarantee::MonotonicWrites => "monotonic writes",
            Guarantee::WritesFollowReads => "writes follow reads",
        }
    }
}

pub(super) fn check(history: &History, _: &EventualDemand, _: &Budget) -> Judgement {
    let what = "looks for one order of each register's writes that keeps what every process saw and wrote";
    let mut findings = Findings::new("session-guarantees", what, history.len());
    let keys = Keys::of(history);
    if keys.is_empty() {
        findings.unknown("the history has no operations".to_owned());
    }
    let mut read = false;
    for key in 0..keys.len() {
        let ops: Vec<OpView<'_>> = keys.ops(key).iter().map(|&op| history.op(OpId(op))).collect();
        read |= ops.iter().any(is_answered);
        judge(&ops, &mut findings);
    }
    if !keys.is_empty() && !read {
        findings.unknown("no read returned, so none could show an anomaly".to_owned());
    }
    findings.judgement()
}

/// What one operation of a process, after another, proves.
#[derive(Clone, Copy)]
struct Reason {
    guarantee: Guarantee,
    first: u32,
    second: u32,
}

/// A process's last read and last write, as value and operation.
#[derive(Clone, Copy, Default)]
struct Session {
    read: Option<(u32, u32)>,
    written: Option<(u32, u32)>,
}

/// The value that a register has before anybody wrote it.
const INITIAL: u32 = 0;

fn judge(ops: &[OpView<'_>], findings: &mut Findings) {
    let mut values: FxHashMap<&Value, (u32, &OpView<'_>)> = FxHashMap::default();
    let nil = Value::Nil;
    for op in ops.iter().filter(|op| op.outcome != Outcome::Fail) {
        let Some(value) = written(op) else { continue };
        let next = values.len() as u32 + 1;
        if values.insert(value, (next, op)).is_some() || *value == nil {
            return findings.unknown(format!(
                "{value}{} was written twice, or is nil: only unique values name what a read saw",
                on_key(&op.key)
            ));
        }
    }
    let mut seen = vec![false; values.len() + 1];
    for read in ops.iter().filter(|op| is_answered(op)) {
        match values.get(&read.output) {
            Some(&(value, write)) => {
                seen[value as usize] = true;
                if write.invoked > last_moment(read) {
                    findings.anomaly("read from the future", &[read, write], || {
                        format!(
                            "A read returned {} {}, before its write began {}.",
                            read.output,
                            ended(read),
                            begun(write)
                        )
                    });
                    return;
                }
            }
            None if read.output.is_nil() => {}
            None => return unwritten(failed_writes(ops).get(&read.output).copied(), read, findings),
        }
    }
    let mut sessions: BTreeMap<u32, Session> = BTreeMap::new();
    let mut edges: Vec<Edge<Reason>> = Vec::new();
    for (index, op) in ops.iter().enumerate() {
        let session = sessions.entry(op.process).or_default();
        let second = index as u32;
        let mut proves = |first: Option<(u32, u32)>, to: u32, guarantee| {
            if let Some((from, first)) = first.filter(|&(from, _)| from != to) {
                edges.push(Edge { from, to, reason: Reason { guarantee, first, second } });
            }
        };
        if is_answered(op) {
            let value = values.get(&op.output).map_or(INITIAL, |&(value, _)| value);
            proves(session.written, value, Guarantee::ReadYourWrites);
            proves(session.read, value, Guarantee::MonotonicReads);
            session.read = Some((value, second));
        } else if let Some((value, _)) = written(op).filter(|_| op.outcome != Outcome::Fail).map(|value| values[value])
            && (op.outcome == Outcome::Ok || seen[value as usize])
        {
            proves(session.written, value, Guarantee::MonotonicWrites);
            proves(session.read, value, Guarantee::WritesFollowReads);
            // One of unknown outcome may happen after what its process does next.
            if op.outcome == Outcome::Ok {
                session.written = Some((value, second));
            }
        }
    }
    // Nothing is older than the initial value.
    let back = edges.iter().find(|edge| edge.to == INITIAL).copied();
    if let Some(cycle) = back.map(|edge| vec![edge]).or_else(|| find_cycle(values.len() + 1, &edges)) {
        describe(ops, &cycle, findings);
    }
}

fn describe(ops: &[OpView<'_>], cycle: &[Edge<Reason>], findings: &mut Findings) {
    let view = |op: u32| &ops[op as usize];
    let has = |guarantee| cycle.iter().any(|edge| edge.reason.guarantee == guarantee);
    let one_process = cycle.iter().all(|edge| view(edge.reason.first).process == view(cycle[0].reason.first).process);
    let several = [Guarantee::WritesFollowReads, Guarantee::MonotonicWrites, Guarantee::ReadYourWrites];
    let broken = match one_process {
        true if has(Guarantee::ReadYourWrites) => Guarantee::ReadYourWrites,
        true => Guarantee::MonotonicReads,
        false => several.into_iter().find(|&guarantee| has(guarantee)).unwrap_or(Guarantee::MonotonicReads),
    };
    let reported: Vec<&OpView<'_>> =
        cycle.iter().flat_map(|edge| [view(edge.reason.first), view(edge.reason.second)]).collect();
    let name = match broken {
        Guarantee::ReadYourWrites => "read your writes violated",
        Guarantee::MonotonicReads => "monotonic reads violated",
        Guarantee::MonotonicWrites => "monotonic writes violated",
        Guarantee::WritesFollowReads => "writes follow reads violated",
    };
    findings.anomaly(name, &reported, || {
        let did = |op: &OpView<'_>| match written(op) {
            Some(value) => format!("wrote {value}"),
            None => format!("read {}", op.output),
        };
        let step = |edge: &Edge<Reason>| {
            let (first, second) = (view(edge.reason.first), view(edge.reason.second));
            format!(
                "process {} {} {} and then {} {} ({})",
                first.process,
                did(first),
                begun(first),
                did(second),
                begun(second),
                edge.reason.guarantee.name()
            )
        };
        let steps: Vec<String> = cycle.iter().map(step).collect();
        let which =
            if cycle.len() == 1 { "nothing is older than nil" } else { "no order of the writes allows all this" };
        format!("{}{}: {which}.", capital(steps.join("; ")), on_key(&ops[0].key))
    });
}
