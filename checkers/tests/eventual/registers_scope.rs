//! Session guarantees and causal consistency against their definitions, on all small histories and random ones.

use rashomon_checkers::eventual;
use std::collections::HashMap;
use std::sync::Arc;

use rashomon_checkers::Checker;
use rashomon_checkers::Level;
use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::small::Choices;
use rashomon_checkers::{Budget, Finding};
use rashomon_history::{Event, EventKind, History, OpView, Outcome, Value};

use super::reference::permutations;
use super::script::NIL;

/// One operation of a process: on which key, what it writes, or what it reads (0: nil).
#[derive(Clone, Copy, Debug)]
struct Step {
    process: u32,
    key: i64,
    write: bool,
    value: i64,
    end: EventKind,
}

/// The steps one after the other; a process whose outcome is unknown goes on under a new number.
fn history(steps: &[Step]) -> History {
    let mut events = Vec::new();
    let mut names: HashMap<u32, u32> = HashMap::new();
    for step in steps {
        let process = *names.entry(step.process).or_insert(step.process);
        let f: Arc<str> = Arc::from(if step.write { "write" } else { "read" });
        let value = if step.value == 0 { NIL } else { Value::Int(step.value) };
        let input = if step.write { value.clone() } else { NIL };
        let key = Value::Int(step.key);
        let mut event = |kind, value: Value| {
            let time = events.len() as u64 * 1000;
            events.push(Event { time, process, kind, f: f.clone(), key: key.clone(), value, node: None, error: None });
        };
        event(EventKind::Invoke, input);
        event(step.end, value);
        if step.end == EventKind::Info {
            names.insert(step.process, process + 100);
        }
    }
    History::from_events(events).expect("a history")
}

/// Unknown writes that nobody saw say nothing; with those, failed operations and failed reads left out.
fn effective(history: &History) -> Vec<OpView<'_>> {
    let seen = |write: &OpView<'_>| {
        history
            .ops()
            .any(|op| op.f == "read" && op.outcome == Outcome::Ok && op.key == write.key && op.output == write.input)
    };
    history
        .ops()
        .filter(|op| op.outcome == Outcome::Ok || (op.f == "write" && op.outcome == Outcome::Info && seen(op)))
        .collect()
}

/// Whether each read returned nil or a value whose write had begun before.
fn reads_are_possible(ops: &[OpView<'_>]) -> bool {
    ops.iter().filter(|op| op.f == "read" && !op.output.is_nil()).all(|read| {
        let mut writes = ops.iter().filter(|op| op.f == "write" && op.key == read.key && op.input == read.output);
        writes.any(|write| Some(write.invoked) < read.completed)
    })
}

/// Terry et al. 1994: one order of the versions of each register in which every process moves forward.
fn keeps_session_guarantees(ops: &[OpView<'_>]) -> bool {
    let keys: std::collections::BTreeSet<&Value> = ops.iter().map(|op| &op.key).collect();
    keys.into_iter().all(|key| {
        let ops: Vec<&OpView<'_>> = ops.iter().filter(|op| op.key == *key).collect();
        let writes: Vec<usize> = (0..ops.len()).filter(|&op| ops[op].f == "write").collect();
        permutations(&writes).iter().any(|order| {
            let version =
                |value: &Value| order.iter().position(|&write| ops[write].input == *value).map_or(0, |at| at + 1);
            (0..ops.len()).all(|second| {
                (0..second).filter(|&first| ops[first].process == ops[second].process).all(|first| {
                    let of = |op: usize| version(if ops[op].f == "write" { &ops[op].input } else { &ops[op].output });
                    match ops[second].f {
                        "read" => of(first) <= of(second),
                        _ => of(first) < of(second),
                    }
                })
            })
        })
    })
}

/// What everybody must know in the end: to a read that began after the last update had ended, whatever had been
/// acknowledged or read by then. As sets of predecessors.
fn everything(history: &History, ops: &[OpView<'_>]) -> Vec<u32> {
    let updates = history.ops().filter(|op| op.f != "read" && op.outcome != Outcome::Fail);
    let quiescent = updates.map(|op| op.complete_time.unwrap_or(op.invoke_time)).max().unwrap_or(0);
    let known = |op: &OpView<'_>| op.outcome == Outcome::Ok && op.complete_time.is_some_and(|time| time <= quiescent);
    let past = (0..ops.len()).filter(|&op| known(&ops[op])).fold(0, |past, op| past | 1 << op);
    ops.iter().map(|op| if op.f == "read" && op.invoke_time >= quiescent { past } else { 0 }).collect()
}

/// All strict partial orders on the operations that contain session order and these predecessors, as sets of
/// predecessors.
fn causal_orders(ops: &[OpView<'_>], required: &[u32]) -> Vec<Vec<u32>> {
    let mut orders = vec![required.to_vec()];
    for (second, op) in ops.iter().enumerate() {
        for (first, _) in ops[..second].iter().enumerate().filter(|(_, other)| other.process == op.process) {
            orders[0][second] |= 1 << first;
        }
    }
    // Adds one pair after the other, and closes.
    let mut seen: std::collections::HashSet<Vec<u32>> = orders.iter().cloned().collect();
    while let Some(order) = orders.pop() {
        for first in 0..ops.len() {
            for second in 0..ops.len() {
                if first == second || order[second] & 1 << first != 0 || order[first] & 1 << second != 0 {
                    continue;
                }
                let mut next = order.clone();
                let before = order[first] | 1 << first;
                for (at, past) in next.iter_mut().enumerate() {
                    if at == second || order[at] & 1 << second != 0 {
                        *past |= before;
                    }
                }
                if seen.insert(next.clone()) {
                    orders.push(next);
                }
            }
        }
    }
    seen.into_iter().collect()
}

/// Bouajjani et al. 2017, section 3: some causal order in which every read is explained by an order of its past
/// (causal consistency), or by one and the same order for all (causal convergence).
fn is_causal(ops: &[OpView<'_>], required: &[u32], convergence: bool) -> bool {
    let all: Vec<usize> = (0..ops.len()).collect();
    let totals = permutations(&all);
    let reads: Vec<usize> = all.iter().copied().filter(|&op| ops[op].f == "read").collect();
    causal_orders(ops, required).iter().any(|order| {
        let extends = |total: &&Vec<usize>| {
            let mut placed = 0_u32;
            total.iter().all(|&op| {
                let ready = order[op] & !placed == 0;
                placed |= 1 << op;
                ready
            })
        };
        let explains = |total: &Vec<usize>, read: usize| {
            let mut past = total.iter().filter(|&&op| order[read] & 1 << op != 0);
            let last = past.rfind(|&&op| ops[op].f == "write" && ops[op].key == ops[read].key);
            last.map_or(NIL, |&write| ops[write].input.clone()) == ops[read].output
        };
        let mut extensions = totals.iter().filter(extends);
        if convergence {
            extensions.any(|total| reads.iter().all(|&read| explains(total, read)))
        } else {
            let extensions: Vec<_> = extensions.collect();
            reads.iter().all(|&read| extensions.iter().any(|total| explains(total, read)))
        }
    })
}

#[derive(Debug, Default)]
struct Tally {
    good: u64,
    bad: u64,
}

impl Tally {
    fn compare(
        &mut self,
        history: &History,
        kind: Checker,
        promise: Level,
        holds: impl Fn(&[OpView<'_>]) -> bool,
    ) -> bool {
        let ops = effective(history);
        let expected = reads_are_possible(&ops) && holds(&ops);
        let demand = EventualDemand { quiescent_since_ns: None, convergence_ns: 0, promise };
        let judgement = kind.check_under(history, &demand, &Budget::default());
        let listed = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
        assert_eq!(judgement.finding != Finding::Invalid, expected, "{}: {judgement:#?}\n{}", kind.name, listed());
        if expected {
            self.good += 1;
        } else {
            self.bad += 1;
        }
        expected
    }

    /// Whether each of the three notions holds, and the latter two where all must know everything in the end.
    fn compare_all(tallies: &mut [Tally; 5], history: &History) -> [bool; 5] {
        let [sessions, causal, convergence, causal_end, convergence_end] = tallies;
        let (causally, convergently) = (eventual::CAUSAL_REGISTER, eventual::CAUSAL_CONVERGENCE);
        let holds = |end, convergence| {
            move |ops: &[OpView<'_>]| {
                let required = if end { everything(history, ops) } else { vec![0; ops.len()] };
                is_causal(ops, &required, convergence)
            }
        };
        [
            sessions.compare(history, eventual::SESSION_GUARANTEES, Level::EVENTUAL, keeps_session_guarantees),
            causal.compare(history, causally, Level::SESSION, holds(false, false)),
            convergence.compare(history, convergently, Level::SESSION, holds(false, true)),
            causal_end.compare(history, causally, Level::REPLICA, holds(true, false)),
            convergence_end.compare(history, convergently, Level::REPLICA, holds(true, true)),
        ]
    }
}

fn step(process: u32, key: i64, write: bool, value: i64, end: EventKind) -> Step {
    Step { process, key, write, value, end }
}

/// Steps that a history of this length can have at a place: values are unique, one per place.
fn steps_at(place: i64, length: i64, keys: i64) -> Vec<Step> {
    let mut steps = Vec::new();
    for process in 0..2 {
        for key in 0..keys {
            for end in [EventKind::Ok, EventKind::Info, EventKind::Fail] {
                steps.push(step(process, key, true, place, end));
            }
            steps.extend((0..=length).map(|value| step(process, key, false, value, EventKind::Ok)));
        }
    }
    steps
}

#[test]
fn all_histories_of_up_to_three_operations() {
    let mut tallies = <[Tally; 5]>::default();
    for (length, keys) in [(1, 1), (2, 2), (3, 1)] {
        let choices: Vec<Vec<Step>> = (1..=length).map(|place| steps_at(place, length, keys)).collect();
        let count: usize = choices.iter().map(Vec::len).product();
        for mut number in 0..count {
            let steps: Vec<Step> = choices
                .iter()
                .map(|steps| {
                    let step = steps[number % steps.len()];
                    number /= steps.len();
                    step
                })
                .collect();
            Tally::compare_all(&mut tallies, &history(&steps));
        }
    }
    println!("tallies of all: {tallies:?}");
    assert!(tallies.iter().all(|tally| tally.good > 500 && tally.bad > 500), "{tallies:?}");
}

#[test]
fn random_histories() {
    let mut tallies = <[Tally; 5]>::default();
    let mut choices = Choices::new(3);
    let mut kinds = std::collections::BTreeMap::new();
    for round in 0..5000 {
        let (length, processes, keys) = (4 + round % 2, 2 + choices.below(2), 1 + choices.below(2));
        let mut written: Vec<(i64, i64)> = Vec::new();
        let steps: Vec<Step> = (0..length)
            .map(|place| {
                let (process, key) = (choices.below(processes) as u32, choices.below(keys) as i64);
                // Reads of this key mostly return something that was written to it.
                let known: Vec<i64> = written.iter().filter(|(other, _)| *other == key).map(|pair| pair.1).collect();
                if choices.below(2) == 0 {
                    let value = place as i64 + 1;
                    written.push((key, value));
                    let end = [EventKind::Ok, EventKind::Ok, EventKind::Ok, EventKind::Info][choices.below(4)];
                    return step(process, key, true, value, end);
                }
                let value = match choices.below(6) {
                    0 => choices.below(length + 1) as i64,
                    1 | 2 => 0,
                    _ => known.get(choices.below(known.len().max(1))).copied().unwrap_or(0),
                };
                step(process, key, false, value, EventKind::Ok)
            })
            .collect();
        *kinds.entry(Tally::compare_all(&mut tallies, &history(&steps))).or_insert(0) += 1;
    }
    println!("tallies of random ones: {tallies:?}, {kinds:?}");
    // Each notion was told from each other.
    let differ = |one: usize, other: usize| kinds.keys().any(|kind: &[bool; 5]| kind[one] && !kind[other]);
    assert!(differ(0, 1) && differ(1, 0) && differ(1, 2) && differ(0, 2) && differ(1, 3) && differ(2, 4), "{kinds:?}");
    assert!(tallies.iter().all(|tally| tally.good > 200 && tally.bad > 200), "{tallies:?}");
}
