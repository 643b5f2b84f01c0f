//! `counter`: each read lies between what certainly and what possibly had been added (Jepsen's `counter`).
//!
//! At least the additions acknowledged before a read began are in it, with every subtraction that may have happened
//! before it returned; at most the other way round. When nothing is subtracted, a read that began after another had
//! returned must not be smaller, either: the bounds alone miss that. For the exact answer use `linearizable-counter`.

use rashomon_history::{History, OpView, Outcome};

use crate::findings::{Findings, between, ended};
use crate::operations::{Object, Operation};
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    Findings::of_keys("counter", "sums what was added before and during each read", history, judge)
}

/// The sum of what was counted up to a position.
struct Sums(Vec<(u32, i128)>);

impl Sums {
    fn of(mut parts: Vec<(u32, i128)>) -> Sums {
        parts.sort_unstable_by_key(|&(position, _)| position);
        let mut sum = 0;
        for (_, amount) in &mut parts {
            sum += *amount;
            *amount = sum;
        }
        Sums(parts)
    }

    fn before(&self, position: u32) -> i128 {
        match self.0.partition_point(|&(other, _)| other < position) {
            0 => 0,
            count => self.0[count - 1].1,
        }
    }
}

fn judge(object: &Object<'_>, findings: &mut Findings) {
    // [certain, possible] of [additions, subtractions].
    let mut certain = [Vec::new(), Vec::new()];
    let mut possible = [Vec::new(), Vec::new()];
    for op in object.of("add").filter(|op| op.outcome != Outcome::Fail) {
        let Some(amount) = op.input().as_int() else {
            let what = format!("operation {} adds {}, which is not a 64-bit integer", op.id.0, op.input());
            return findings.unknown(what);
        };
        let side = usize::from(amount < 0);
        possible[side].push((op.invoked, i128::from(amount)));
        if let (Outcome::Ok, Some(completed)) = (op.outcome, op.completed) {
            certain[side].push((completed, i128::from(amount)));
        }
    }
    let only_up = possible[1].is_empty();
    let [certain_up, certain_down] = certain.map(Sums::of);
    let [possible_up, possible_down] = possible.map(Sums::of);
    // Reads in order of completion, to find the largest that had returned when another began.
    let mut ended_reads: Vec<(u32, u32, i64)> = Vec::new();
    for (index, op) in (0..).zip(object.iter()).filter(|(_, op)| op.f() == "read" && op.outcome == Outcome::Ok) {
        let Some(value) = op.output().as_int() else {
            return findings.unknown(format!(
                "operation {} read {}, which is not a 64-bit integer",
                op.id.0,
                op.output()
            ));
        };
        ended_reads.push((op.last_moment(), index, value));
    }
    if ended_reads.is_empty() {
        return findings.unknown(format!("the counter{} was never read", object.on_key()));
    }
    ended_reads.sort_unstable();
    let mut ended_reads = ended_reads.into_iter().peekable();
    let mut largest: Option<(u32, i64)> = None;
    for op in object.done("read") {
        while let Some((_, earlier, value)) = ended_reads.next_if(|&(ended, ..)| ended < op.invoked) {
            if largest.is_none_or(|(_, largest)| largest < value) {
                largest = Some((earlier, value));
            }
        }
        let Some(completed) = op.completed else { continue };
        let least = certain_up.before(op.invoked) + possible_down.before(completed);
        let most = possible_up.before(completed) + certain_down.before(op.invoked);
        let value = op.output().as_int().map_or(0, i128::from);
        if value < least {
            let lacking = value - possible_down.before(completed);
            let core = decisive(object, &op, |amount| amount, lacking);
            findings.anomaly("counter too small", &core.iter().collect::<Vec<_>>(), || {
                format!(
                    "A read returned {value}, but what had been acknowledged before it began makes at least {least}."
                )
            });
        } else if value > most {
            let exceeding = possible_up.before(completed) - value;
            let core = decisive(object, &op, |amount| -amount, exceeding);
            findings.anomaly("counter too large", &core.iter().collect::<Vec<_>>(), || {
                format!("A read returned {value}, but all that was asked for before it returned makes at most {most}.")
            });
        } else if let Some((earlier, larger)) = largest.filter(|&(_, larger)| only_up && i128::from(larger) > value) {
            findings.report("non-monotonic counter read", [object.get(earlier), op], |[earlier, op]| {
                format!(
                    "A read returned {larger} {}; a read that began {} later returned {value}, though nothing was subtracted.",
                    ended(earlier),
                    between(earlier, op)
                )
            });
        }
    }
}

/// A read, and as few additions acknowledged before it began as weigh more than this: with them alone it contradicts
/// itself, whatever became of all others.
fn decisive<'a>(
    object: &Object<'a>,
    read: &Operation<'a>,
    weight: impl Fn(i128) -> i128,
    more_than: i128,
) -> Vec<OpView<'a>> {
    let weighed = object.done("add").filter(|op| op.precedes(read)).filter_map(|op| {
        let weight = weight(i128::from(op.input().as_int()?));
        (weight > 0).then_some((weight, op))
    });
    let mut weighed: Vec<(i128, Operation<'a>)> = weighed.collect();
    weighed.sort_by_key(|&(weight, _)| std::cmp::Reverse(weight));
    let mut core = vec![read.view()];
    let mut sum = 0;
    for (weight, op) in weighed {
        if sum > more_than {
            break;
        }
        sum += weight;
        core.push(op.view());
    }
    core
}

#[cfg(test)]
mod tests {
    use rashomon_history::{Event, OpId, Value};

    use super::*;
    use crate::initial::recorded;
    use crate::small::{Call, Choices, random_history};
    use crate::verdict::Finding;

    /// The history of these operations alone, one of which may be of unknown outcome.
    fn alone(history: &History, kept: &[OpId], unknown: Option<OpId>) -> History {
        let weakened = unknown.map(|id| history.op(id));
        let is_of = |op: &OpView<'_>, place: u32| op.invoked == place || op.completed == Some(place);
        let kept_at = |place: u32| history.ops().any(|op| kept.contains(&op.id) && is_of(&op, place));
        let events = (0..).zip(recorded(history)).filter(|&(place, _)| kept_at(place));
        let events = events.filter_map(|(place, event)| match &weakened {
            Some(op) if op.completed == Some(place) => None,
            // Its process went on in the recorded history.
            Some(op) if op.invoked == place => Some(Event { process: 1_000, ..event }),
            _ => Some(event),
        });
        History::from_events(events.collect::<Vec<_>>()).expect("a part of a history")
    }

    #[test]
    fn a_core_contradicts_itself_and_needs_each_of_its_additions() {
        let add = |amount| [Call::ok("add", Value::Int(amount), Value::Nil), Call::info("add", Value::Int(amount))];
        let mut calls: Vec<Call> = [1, 2, 3].into_iter().flat_map(add).collect();
        calls.extend((0..6).map(|value| Call::ok("read", Value::Nil, Value::Int(value))));
        let mut choices = Choices::new(7);
        let (mut small, mut largest) = (0, 0);
        for _ in 0..3_000 {
            let history = random_history(&calls, 7, 3, &mut choices);
            for anomaly in check(&history).anomalies.iter().filter(|anomaly| anomaly.name == "counter too small") {
                let core = &anomaly.operations;
                assert_eq!(check(&alone(&history, core, None)).finding, Finding::Invalid, "{anomaly:?}");
                for &weakened in core.iter().filter(|&&id| history.op(id).f == "add") {
                    assert_eq!(check(&alone(&history, core, Some(weakened))).finding, Finding::Valid, "{anomaly:?}");
                }
                small += 1;
                largest = largest.max(core.len());
            }
        }
        assert!(small > 100 && largest > 2, "{small} {largest}");
    }
}
