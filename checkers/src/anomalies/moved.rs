//! `total-queue` and `queue`: what goes in comes out (Jepsen's checkers of these names).
//!
//! Values are counted, so they may repeat. `total-queue` looks for values that were acknowledged and never came out
//! (*lost*) and for values that came out and never went in (*unexpected*); a value that came out more often than it
//! went in is a note there (delivery at least once) and an anomaly of `queue` (*duplicated*), which in turn does not
//! ask what is left inside.
//!
//! A value is missed only when somebody saw the queue empty afterwards: a drain that returned, or a dequeue that
//! returned nil, invoked after the enqueue was acknowledged. A dequeue of unknown outcome may have taken one missing
//! value, a drain of unknown outcome all of them.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::findings::{Findings, begun, between, ended, last_moment, of_key};
use crate::verdict::Judgement;

pub(super) fn check_total(history: &History) -> Judgement {
    judge_all(history, "total-queue", true)
}

pub(super) fn check_once(history: &History) -> Judgement {
    judge_all(history, "queue", false)
}

fn judge_all(history: &History, name: &'static str, total: bool) -> Judgement {
    let mut findings = Findings::new(name, "counts what went in and what came out, by value", history.len());
    findings.by_key(history, |ops, findings| judge(ops, total, findings));
    findings.judgement()
}

/// The operations that moved one value.
#[derive(Default)]
struct Moves<'a> {
    /// Enqueues that succeeded.
    put: Vec<&'a OpView<'a>>,
    /// Enqueues that may have.
    maybe: Vec<&'a OpView<'a>>,
    /// Enqueues that did not.
    failed: Vec<&'a OpView<'a>>,
    /// Operations that took it out, one entry each time.
    taken: Vec<&'a OpView<'a>>,
}

/// Which list of [`Moves`] an operation belongs to.
#[derive(Clone, Copy)]
enum Part {
    Put,
    Maybe,
    Failed,
    Taken,
}

fn judge<'a>(ops: &'a [OpView<'a>], total: bool, findings: &mut Findings) {
    let mut values: FxHashMap<&Value, Moves<'a>> = FxHashMap::default();
    let mut order: Vec<&Value> = Vec::new();
    let mut last_empty: Option<&OpView<'_>> = None;
    let (mut unknown_dequeues, mut unknown_drains, mut takes) = (0_u64, 0_u64, 0_u64);
    let mut of = |value: &'a Value, part: Part, op: &'a OpView<'a>| {
        let moves = values.entry(value).or_insert_with(|| {
            order.push(value);
            Moves::default()
        });
        match part {
            Part::Put => moves.put.push(op),
            Part::Maybe => moves.maybe.push(op),
            Part::Failed => moves.failed.push(op),
            Part::Taken => moves.taken.push(op),
        }
    };
    for op in ops {
        match (op.f, op.outcome) {
            ("enqueue", Outcome::Ok) => of(&op.input, Part::Put, op),
            ("enqueue", Outcome::Info) => of(&op.input, Part::Maybe, op),
            ("enqueue", Outcome::Fail) => of(&op.input, Part::Failed, op),
            ("dequeue", Outcome::Ok) if op.output.is_nil() => {
                takes += 1;
                last_empty = Some(op);
            }
            ("dequeue", Outcome::Ok) => {
                takes += 1;
                of(&op.output, Part::Taken, op);
            }
            ("dequeue", Outcome::Info) => unknown_dequeues += 1,
            ("drain", Outcome::Ok) => {
                takes += 1;
                last_empty = Some(op);
                op.output.as_list().unwrap_or_default().iter().for_each(|value| of(value, Part::Taken, op));
            }
            // What a drain had taken before it crashed is in its result, where the client knows it.
            ("drain", Outcome::Info) => {
                unknown_drains += 1;
                op.output.as_list().unwrap_or_default().iter().for_each(|value| of(value, Part::Taken, op));
            }
            _ => {}
        }
    }
    let key = ops.first().map_or(String::new(), |op| of_key(&op.key));
    if takes == 0 {
        findings.unknown(format!("nothing{key} was ever dequeued: nobody looked what came out"));
    }
    let (mut recovered, mut duplicates) = (0_u64, 0_u64);
    let mut missing: Vec<(&Value, &OpView<'_>)> = Vec::new();
    for value in order {
        let moves = &values[value];
        came_from(value, moves, findings);
        let possible = moves.put.len() + moves.maybe.len();
        if moves.taken.len() > possible && possible > 0 {
            duplicates += (moves.taken.len() - possible) as u64;
            if !total {
                findings.anomaly("duplicated value", &moves.taken, || {
                    format!(
                        "Value {value} came out {} times, but was put in at most {possible} times.",
                        moves.taken.len()
                    )
                });
            }
        }
        recovered += moves.taken.len().min(possible).saturating_sub(moves.put.len()) as u64;
        missing.extend(moves.put.iter().skip(moves.taken.len()).map(|put| (value, *put)));
    }
    if total {
        lost(&missing, last_empty, unknown_dequeues, unknown_drains, &key, findings);
        if duplicates > 0 {
            findings.note(format!("{duplicates} values{key} came out again: delivery at least once"));
        }
    }
    if recovered > 0 {
        findings.note(format!("{recovered} values of enqueues with unknown outcome came out{key}"));
    }
}

/// Values that came out without having gone in.
fn came_from(value: &Value, moves: &Moves<'_>, findings: &mut Findings) {
    let Some(first) = moves.taken.iter().copied().min_by_key(|op| last_moment(op)) else { return };
    let begun_first = moves.put.iter().chain(&moves.maybe).copied().min_by_key(|op| op.invoked);
    match (begun_first, moves.failed.first()) {
        (Some(put), _) if last_moment(first) < put.invoked => {
            findings.anomaly("unexpected value", &[first, put], || {
                format!("Value {value} came out {} before its enqueue began.", between(first, put))
            });
        }
        (Some(_), _) => {}
        (None, Some(failed)) => findings.anomaly("failed enqueue seen", &[failed, first], || {
            format!("Value {value} came out, but its enqueue had failed, which means that it did not happen.")
        }),
        (None, None) => findings.anomaly("unexpected value", &[first], || {
            format!("Value {value} came out {}, but nobody put it in.", begun(first))
        }),
    }
}

/// Values that went in and did not come out although somebody saw the queue empty afterwards.
fn lost(
    missing: &[(&Value, &OpView<'_>)],
    last_empty: Option<&OpView<'_>>,
    unknown_dequeues: u64,
    unknown_drains: u64,
    key: &str,
    findings: &mut Findings,
) {
    if missing.is_empty() {
        return;
    }
    let Some(empty) = last_empty else {
        return findings.unknown(format!(
            "{} acknowledged values{key} never came out, but nobody saw the queue empty: drain it at the end",
            missing.len()
        ));
    };
    let (gone, unseen): (Vec<_>, Vec<_>) = missing.iter().partition(|(_, put)| last_moment(put) < empty.invoked);
    if !unseen.is_empty() {
        findings.unknown(format!(
            "{} values{key} were acknowledged after the queue was last seen empty and never came out; nobody looked",
            unseen.len()
        ));
    }
    if gone.is_empty() {
        return;
    }
    if unknown_drains > 0 || unknown_dequeues >= gone.len() as u64 {
        return findings.unknown(format!(
            "{} acknowledged values{key} never came out, but takes of unknown outcome ({unknown_dequeues} dequeues, \
             {unknown_drains} drains) may have taken them",
            gone.len()
        ));
    }
    if unknown_dequeues > 0 {
        findings.note(format!(
            "{} acknowledged values{key} never came out; {unknown_dequeues} dequeues of unknown outcome may have taken as \
             many, so at least {} are lost",
            gone.len(),
            gone.len() as u64 - unknown_dequeues
        ));
    }
    for (value, put) in gone {
        findings.anomaly("lost value", &[put, empty], || {
            format!(
                "Value {value} was acknowledged {} and never came out, although the queue was seen empty {} later.",
                ended(put),
                between(put, empty)
            )
        });
    }
}
