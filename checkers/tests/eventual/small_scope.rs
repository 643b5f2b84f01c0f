//! Checkers against brute force: nothing is reported that has an explanation, and of what has none most is found.

use rashomon_checkers::Checker;
use rashomon_checkers::Level;
use rashomon_checkers::eventual;
use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::small::{Call, Choices, each_history, random_history};
use rashomon_checkers::{Budget, Finding};
use rashomon_history::{Event, EventKind, History, OpView, Outcome, Value};

use super::reference::{Visible, grow_only, is_possible, is_possible_text, lww_set, or_map, or_set, siblings, sum};
use super::script::{MS, NIL, list};

/// What clients may do with one type, and what a read may answer.
struct Small {
    kind: Checker,
    answer: fn(&Visible<'_>) -> Value,
    updates: Vec<Call>,
    answers: Vec<Value>,
}

pub(crate) fn updates(f: &'static str, inputs: impl IntoIterator<Item = Value>) -> Vec<Call> {
    let each =
        |input: Value| [Call::ok(f, input.clone(), input.clone()), Call::info(f, input.clone()), Call::fail(f, input)];
    inputs.into_iter().flat_map(each).collect()
}

fn smalls() -> Vec<Small> {
    let ints = |items: &[i64]| items.iter().copied().map(Value::Int).collect::<Vec<_>>();
    let sets = vec![list(&[]), list(&[1]), list(&[2]), list(&[1, 2])];
    let cart = || [updates("add", ints(&[1, 2])), updates("remove", ints(&[1]))].concat();
    let put = |value: i64, seen: &[i64]| Value::pair(value.into(), list(seen));
    let field = |name: &str, value: i64| Value::pair(Value::text(name), value.into());
    let map = |values: &[i64]| Value::Map([(Value::text("a"), list(values))].into());
    let puts = [put(1, &[]), put(2, &[]), put(3, &[1]), put(4, &[3])];
    let fields = [field("a", 1), field("a", 2)];
    let insert = |element: i64, after: Option<i64>| Value::pair(element.into(), after.map_or(NIL, Value::Int));
    let inserts = [insert(1, None), insert(2, None), insert(2, Some(1)), insert(3, Some(1))];
    vec![
        Small {
            kind: eventual::TEXT,
            answer: grow_only,
            updates: [updates("insert", inserts), updates("delete", ints(&[1]))].concat(),
            answers: [&[][..], &[1], &[2], &[1, 2], &[2, 1], &[3, 2], &[1, 3, 2], &[2, 1, 3]].map(list).to_vec(),
        },
        Small {
            kind: eventual::EVENTUAL_SET,
            answer: grow_only,
            updates: updates("add", ints(&[1, 2])),
            answers: sets.clone(),
        },
        Small {
            kind: eventual::EVENTUAL_COUNTER,
            answer: sum,
            updates: updates("add", ints(&[1, 2])),
            answers: ints(&[0, 1, 2, 3]),
        },
        Small { kind: eventual::OR_SET, answer: or_set, updates: cart(), answers: sets.clone() },
        Small { kind: eventual::LWW_SET, answer: lww_set, updates: cart(), answers: sets },
        Small {
            kind: eventual::SIBLINGS,
            answer: siblings,
            updates: updates("put", puts),
            answers: vec![list(&[]), list(&[1]), list(&[1, 2]), list(&[1, 3]), list(&[3]), list(&[4]), list(&[1, 4])],
        },
        Small {
            kind: eventual::OR_MAP,
            answer: or_map,
            updates: [updates("put", fields), updates("remove", [Value::text("a")])].concat(),
            answers: vec![Value::Map([].into()), map(&[1]), map(&[2]), map(&[1, 2])],
        },
    ]
}

impl Small {
    fn calls(&self) -> Vec<Call> {
        self.calls_with(1)
    }

    /// With each update so many times, so that choices fall on them more often.
    fn calls_with(&self, times: usize) -> Vec<Call> {
        let read = |answer: &Value| Call::ok("read", NIL, answer.clone());
        let updates = std::iter::repeat_n(&self.updates, times).flatten().cloned();
        updates.chain(self.answers.iter().map(read)).collect()
    }

    /// Values are unique within a key, except in sets and counters; nobody has seen what was not put before.
    fn is_sensible(&self, history: &History) -> bool {
        let unique = [eventual::SIBLINGS, eventual::OR_MAP, eventual::TEXT].contains(&self.kind);
        let puts: Vec<_> = history.ops().filter(|op| op.f == "put" || op.f == "insert").collect();
        let value = |op: &OpView<'_>| op.input.as_list().expect("a pair")[0].clone();
        let twice = |(index, op): (usize, &OpView<'_>)| {
            puts[..index].iter().any(|other| match self.kind == eventual::OR_MAP {
                false => value(other) == value(op),
                true => other.input == op.input,
            })
        };
        let from_nowhere = |(index, op): (usize, &OpView<'_>)| {
            let seen = op.input.as_list().expect("a pair")[1].clone();
            let known = |seen: &Value| puts[..index].iter().any(|put| value(put) == *seen);
            self.kind == eventual::SIBLINGS && !seen.as_list().unwrap_or_default().iter().all(known)
        };
        !unique || !puts.iter().enumerate().any(|put| twice(put) || from_nowhere(put))
    }
}

/// The history on these nodes, and then, settled, reads with these answers at nodes 1, 2, ….
pub(crate) fn closed(history: &History, nodes: impl Fn(u32) -> u16, answers: &[Value]) -> History {
    let mut events: Vec<(u32, Event)> = Vec::new();
    let mut event = |time: u64, process, node, kind, f: &str, value: &Value| {
        let (f, key, value) = (f.into(), NIL, value.clone());
        let event = Event { time, process, kind, f, key, value, node: Some(node), error: None };
        events.push((events.len() as u32, event));
    };
    for op in history.ops() {
        let node = nodes(op.process);
        event(op.invoke_time, op.process, node, EventKind::Invoke, op.f, &op.input);
        if let Some(end) = op.complete_time {
            let kind = match op.outcome {
                Outcome::Ok => EventKind::Ok,
                Outcome::Fail => EventKind::Fail,
                Outcome::Info => EventKind::Info,
            };
            event(end, op.process, node, kind, op.f, &op.output);
        }
    }
    for (index, answer) in answers.iter().enumerate() {
        let (time, node) = (2000 * MS + index as u64 * 2 * MS, index as u16 + 1);
        event(time, 1000 + index as u32, node, EventKind::Invoke, "read", &NIL);
        event(time + MS, 1000 + index as u32, node, EventKind::Ok, "read", answer);
    }
    events.sort_by_key(|(index, event)| (event.time, *index));
    History::from_events(events.into_iter().map(|(_, event)| event)).expect("a history")
}

#[derive(Debug, Default)]
struct Tally {
    possible: u64,
    found: u64,
    missed: u64,
}

impl Tally {
    fn compare(&mut self, small: &Small, history: &History, promise: Level) {
        let demand = EventualDemand { quiescent_since_ns: None, convergence_ns: 100 * MS, promise };
        let judgement = small.kind.check_under(history, &demand, &Budget::default());
        let possible = if small.kind == eventual::TEXT {
            is_possible_text(history, promise)
        } else {
            is_possible(history, promise, &small.answer, false)
        };
        let invalid = judgement.finding == Finding::Invalid;
        let listed = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
        assert!(!(possible && invalid), "{} {promise:?}: {:#?}\n{}", small.kind.name, judgement.anomalies, listed());
        if possible {
            self.possible += 1;
        } else if invalid {
            self.found += 1;
        } else {
            self.missed += 1;
            if std::env::var("SHOW_MISSED").is_ok_and(|name| name == small.kind.name) && self.missed % 50 == 1 {
                println!("missed, {promise:?}:\n{}", listed());
            }
        }
    }
}

#[test]
fn all_histories_of_two_operations_and_a_settled_read() {
    for small in smalls() {
        let calls = small.calls();
        for promise in [Level::EVENTUAL, Level::SESSION, Level::REPLICA] {
            let mut tally = Tally::default();
            for size in 1..=2 {
                each_history(&calls, size, |history| {
                    if !small.is_sensible(history) {
                        return;
                    }
                    for answer in &small.answers {
                        for same in [true, false] {
                            let nodes = |process: u32| if same { 1 } else { process as u16 + 1 };
                            tally.compare(&small, &closed(history, nodes, std::slice::from_ref(answer)), promise);
                        }
                    }
                });
            }
            println!("{} {promise:?}: {tally:?}", small.kind.name);
            assert!(tally.possible > 50 && tally.found > 50, "{} {promise:?}: {tally:?}", small.kind.name);
        }
    }
}

#[test]
fn random_histories_on_three_nodes() {
    for small in smalls() {
        let calls = small.calls_with(2);
        for promise in [Level::EVENTUAL, Level::SESSION, Level::REPLICA] {
            let mut tally = Tally::default();
            let mut choices = Choices::new(11);
            let mut rounds = 0;
            while rounds < 800 {
                let clients = 1 + choices.below(3);
                let history = random_history(&calls, 2 + choices.below(3), clients, &mut choices);
                if !small.is_sensible(&history) {
                    continue;
                }
                rounds += 1;
                let answer = |choices: &mut Choices| small.answers[choices.below(small.answers.len())].clone();
                let first = answer(&mut choices);
                let answers = if choices.below(2) == 0 { vec![first] } else { vec![first.clone(), first] };
                let history = closed(&history, |process| (process as usize % clients) as u16 + 1, &answers);
                tally.compare(&small, &history, promise);
            }
            println!("{} {promise:?}: {tally:?}", small.kind.name);
            assert!(tally.possible > 20 && tally.found > 50, "{} {promise:?}: {tally:?}", small.kind.name);
        }
    }
}
