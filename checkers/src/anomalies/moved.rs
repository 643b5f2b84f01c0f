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

use crate::findings::{Findings, begun, between, ended};
use crate::names::Names;
use crate::objects::was_full;
use crate::operations::{Object, Operation};
use crate::verdict::Judgement;

pub(super) fn check_total(history: &History) -> Judgement {
    judge_all(history, "total-queue", true)
}

pub(super) fn check_once(history: &History) -> Judgement {
    judge_all(history, "queue", false)
}

fn judge_all(history: &History, name: &'static str, total: bool) -> Judgement {
    let why = "counts what went in and what came out, by value";
    Findings::of_keys(name, why, history, |object, findings| judge(object, total, findings))
}

/// What happened to a queue.
struct Queue {
    values: Names,
    /// Which operation moved which value, one entry each time; see [`Queue::by_value`].
    moves: Vec<(u32, u32)>,
    /// The last take that found nothing more.
    last_empty: Option<u32>,
    takes: u64,
    unknown_dequeues: u64,
    unknown_drains: u64,
}

impl Queue {
    fn of(object: &Object<'_>) -> Queue {
        let mut queue = Queue {
            values: Names::expecting(object.of("enqueue").map(|op| op.input())),
            moves: Vec::with_capacity(object.len()),
            last_empty: None,
            takes: 0,
            unknown_dequeues: 0,
            unknown_drains: 0,
        };
        for (index, op) in (0..).zip(object.iter()) {
            match (op.f(), outcome(&op)) {
                ("enqueue", _) => queue.moves(index, &op.input()),
                ("dequeue", Outcome::Info) => queue.unknown_dequeues += 1,
                ("dequeue", Outcome::Ok) => {
                    queue.takes += 1;
                    match op.output() {
                        Value::Nil => queue.last_empty = Some(index),
                        value => queue.moves(index, &value),
                    }
                }
                // What a drain had taken before it crashed is in its result, where the client knows it.
                ("drain", Outcome::Ok | Outcome::Info) => {
                    if op.outcome == Outcome::Ok {
                        queue.takes += 1;
                        queue.last_empty = Some(index);
                    } else {
                        queue.unknown_drains += 1;
                    }
                    op.output().as_list().unwrap_or_default().iter().for_each(|value| queue.moves(index, value));
                }
                _ => {}
            }
        }
        queue
    }

    fn moves(&mut self, op: u32, value: &Value) {
        self.moves.push((self.values.number(value), op));
    }

    /// The operations that moved each value, in order of invocation: the ends of each value's stretch, and all of them.
    fn by_value(&self) -> (Vec<u32>, Vec<u32>) {
        let mut ends = vec![0; self.values.len() + 1];
        self.moves.iter().for_each(|&(value, _)| ends[value as usize + 1] += 1);
        for value in 1..ends.len() {
            ends[value] += ends[value - 1];
        }
        let mut ops = vec![0; self.moves.len()];
        for &(value, op) in &self.moves {
            let place = &mut ends[value as usize];
            ops[*place as usize] = op;
            *place += 1;
        }
        (ends, ops)
    }
}

/// How an operation ended: an enqueue that returned false found the queue full and put nothing in.
fn outcome(op: &Operation<'_>) -> Outcome {
    match op.outcome {
        Outcome::Ok if op.f() == "enqueue" && op.output != op.input && was_full(&op.input(), &op.output()) => {
            Outcome::Fail
        }
        outcome => outcome,
    }
}

/// The operations that moved one value.
#[derive(Default)]
struct Moves<'a> {
    /// Enqueues that succeeded.
    put: Vec<Operation<'a>>,
    /// Enqueues that may have.
    maybe: Vec<Operation<'a>>,
    /// Enqueues that did not.
    failed: Vec<Operation<'a>>,
    /// Operations that took it out, one entry each time.
    taken: Vec<Operation<'a>>,
}

impl<'a> Moves<'a> {
    fn fill(&mut self, ops: impl Iterator<Item = Operation<'a>>) {
        [&mut self.put, &mut self.maybe, &mut self.failed, &mut self.taken].into_iter().for_each(Vec::clear);
        for op in ops {
            match (op.f(), outcome(&op)) {
                ("enqueue", Outcome::Ok) => self.put.push(op),
                ("enqueue", Outcome::Info) => self.maybe.push(op),
                ("enqueue", Outcome::Fail) => self.failed.push(op),
                _ => self.taken.push(op),
            }
        }
    }
}

fn judge(object: &Object<'_>, total: bool, findings: &mut Findings) {
    let queue = Queue::of(object);
    let key = object.on_key();
    if queue.takes == 0 {
        findings.unknown(format!("nothing{key} was ever dequeued, so no dequeue could show what came out"));
    }
    let (mut recovered, mut duplicates) = (0_u64, 0_u64);
    let mut missing: Vec<(Value, Operation<'_>)> = Vec::new();
    let (ends, ops) = queue.by_value();
    let mut begin = 0;
    let mut moves = Moves::default();
    for number in 0..queue.values.len() as u32 {
        let value = queue.values.name(number);
        let end = ends[number as usize] as usize;
        moves.fill(ops[begin..end].iter().map(|&op| object.get(op)));
        begin = end;
        came_from(value, &moves, findings);
        let possible = moves.put.len() + moves.maybe.len();
        if moves.taken.len() > possible && possible > 0 {
            duplicates += (moves.taken.len() - possible) as u64;
            if !total {
                let taken: Vec<OpView<'_>> = moves.taken.iter().map(Operation::view).collect();
                findings.anomaly("duplicated value", &Vec::from_iter(&taken), || {
                    let times = taken.len();
                    format!("Value {value} came out {times} times, but was put in at most {possible} times.")
                });
            }
        }
        recovered += moves.taken.len().min(possible).saturating_sub(moves.put.len()) as u64;
        if total {
            // What came out may be any of them. Missing for certain are only those that were acknowledged last.
            moves.put.sort_unstable_by_key(Operation::last_moment);
            missing.extend(moves.put.iter().skip(moves.taken.len()).map(|put| (value.clone(), *put)));
        }
    }
    if total {
        lost(&missing, &queue, object, findings);
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
    // What a drain is known to have taken it had taken when it ended, even if it crashed.
    let taken_by = |take: &Operation<'_>| take.completed.unwrap_or(u32::MAX);
    let Some(&first) = moves.taken.iter().min_by_key(|take| taken_by(take)) else { return };
    let begun_first = moves.put.iter().chain(&moves.maybe).min_by_key(|op| op.invoked);
    match (begun_first, moves.failed.first()) {
        (Some(&put), _) if taken_by(&first) < put.invoked => {
            findings.report("unexpected value", [first, put], |[first, put]| {
                format!("Value {value} came out {} before its enqueue began.", between(first, put))
            });
        }
        (Some(_), _) => {}
        (None, Some(&failed)) => findings.report("aborted read", [failed, first], |_| {
            format!("Value {value} came out, but its enqueue had failed, which means that it did not happen.")
        }),
        (None, None) => findings.report("unexpected value", [first], |[first]| {
            format!("Value {value} came out {}, but no operation enqueued it.", begun(first))
        }),
    }
}

/// Values that went in and did not come out although somebody saw the queue empty afterwards.
fn lost(missing: &[(Value, Operation<'_>)], queue: &Queue, object: &Object<'_>, findings: &mut Findings) {
    if missing.is_empty() {
        return;
    }
    let key = object.on_key();
    let Some(empty) = queue.last_empty.map(|empty| object.get(empty)) else {
        return findings.unknown(format!(
            "{} acknowledged values{key} never came out, but no dequeue saw the queue empty: drain it at the end",
            missing.len()
        ));
    };
    let (gone, unseen): (Vec<_>, Vec<_>) = missing.iter().partition(|(_, put)| put.precedes(&empty));
    if !unseen.is_empty() {
        findings.unknown(format!(
            "{} values{key} were acknowledged after the queue was last seen empty and never came out; no later dequeue could show them",
            unseen.len()
        ));
    }
    if gone.is_empty() {
        return;
    }
    let &Queue { unknown_dequeues, unknown_drains, .. } = queue;
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
        findings.report("lost value", [*put, empty], |[put, empty]| {
            format!(
                "Value {value} was acknowledged {} and never came out, although the queue was seen empty {} later.",
                ended(put),
                between(put, empty)
            )
        });
    }
}
