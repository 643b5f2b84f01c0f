//! Carts that must be linearizable: which of them the general search decides.

use rashomon_checkers::objects;
use std::collections::BTreeSet;

use rashomon_checkers::small::Choices;
use rashomon_checkers::{Budget, Finding, Judgement, check};
use rashomon_history::{Event, EventKind, History, Value};

/// Clients of one cart, all of them busy all the time.
struct Carts {
    clients: usize,
    operations: usize,
    elements: usize,
    /// One update in so many has no known outcome.
    unknown: usize,
    /// A read in the middle misses what was there for long.
    wrong: bool,
}

#[derive(Clone)]
struct Open {
    process: u32,
    f: &'static str,
    value: Value,
    answer: Option<Value>,
    unknown: bool,
}

impl Carts {
    /// Each operation takes effect at one moment between its invocation and its completion, those of unknown outcome at
    /// any later one, or never.
    fn history(&self, seed: u64) -> History {
        let mut choices = Choices::new(seed);
        let mut events: Vec<Event> = Vec::new();
        let mut there: BTreeSet<Value> = BTreeSet::new();
        let mut open: Vec<Option<Open>> = vec![None; self.clients];
        let mut process: Vec<u32> = (0..self.clients as u32).collect();
        let mut pending: Vec<Open> = Vec::new();
        let (mut begun, mut wrong) = (0, self.wrong);
        let mut event = |op: &Open, kind, value: &Value| {
            let (time, f, key) = (events.len() as u64 * 100_000, op.f.into(), Value::Int(1));
            events.push(Event {
                time,
                process: op.process,
                kind,
                f,
                key,
                value: value.clone(),
                node: None,
                error: None,
            });
        };
        let apply = |op: &Open, there: &mut BTreeSet<Value>| match op.f {
            "add" => drop(there.insert(op.value.clone())),
            "remove" => drop(there.remove(&op.value)),
            _ => {}
        };
        while begun < self.operations || open.iter().any(Option::is_some) {
            if !pending.is_empty() && choices.below(200) == 0 {
                let late = pending.swap_remove(choices.below(pending.len()));
                apply(&late, &mut there);
            }
            let client = choices.below(self.clients);
            match open[client].take() {
                None if begun < self.operations => {
                    begun += 1;
                    let value = Value::Int(choices.below(self.elements) as i64 + 1);
                    let f = ["read", "read", "add", "add", "remove"][choices.below(5)];
                    let value = if f == "read" { Value::Nil } else { value };
                    let unknown = f != "read" && self.unknown > 0 && choices.below(self.unknown) == 0;
                    let op = Open { process: process[client], f, value, answer: None, unknown };
                    event(&op, EventKind::Invoke, &op.value);
                    open[client] = Some(op);
                }
                None => {}
                Some(op) if op.unknown => {
                    event(&op, EventKind::Info, &op.value);
                    process[client] += self.clients as u32;
                    if choices.below(2) == 0 {
                        pending.push(op);
                    }
                }
                Some(op) if op.answer.is_none() => {
                    apply(&op, &mut there);
                    let mut seen = there.clone();
                    if op.f == "read" && wrong && begun > self.operations / 2 && seen.len() > 1 {
                        // Nobody can have seen this element in a cart that has never had it.
                        seen.insert(Value::Int(self.elements as i64 + 7));
                        wrong = false;
                    }
                    let answer = if op.f == "read" { Value::list(seen) } else { op.value.clone() };
                    open[client] = Some(Open { answer: Some(answer), ..op });
                }
                Some(op) => {
                    let answer = op.answer.clone().unwrap_or_default();
                    event(&op, EventKind::Ok, &answer);
                }
            }
        }
        History::from_events(events).expect("a history")
    }

    fn judge(&self, seed: u64) -> Judgement {
        check(&self.history(seed), objects::LINEARIZABLE_SET, &Budget::default())
    }
}

#[test]
fn ordinary_carts_are_decided() {
    for (clients, unknown) in [(4, 0), (4, 20), (8, 0), (8, 100), (16, 0), (16, 100)] {
        for seed in 1..=2 {
            for (wrong, expected) in [(false, Finding::Valid), (true, Finding::Invalid)] {
                let judgement = Carts { clients, operations: 240, elements: 5, unknown, wrong }.judge(seed);
                assert_eq!(judgement.finding, expected, "{clients} clients, 1/{unknown} unknown: {judgement:?}");
            }
        }
    }
}

/// Too much of unknown outcome at one cart for a small budget: nobody says that it is right, or wrong, and the reason
/// is script. With a larger one it is refuted.
#[test]
fn what_is_too_much_for_the_budget_is_not_decided() {
    let history = Carts { clients: 4, operations: 500, elements: 5, unknown: 5, wrong: true }.history(1);
    let judge = |steps| check(&history, objects::LINEARIZABLE_SET, &Budget { steps, ..Budget::default() });
    let judgement = judge(5_000);
    assert_eq!(judgement.finding, Finding::Unknown, "{judgement:?}");
    assert!(judgement.unknown[0].contains("steps were not enough; raise the step budget"), "{:?}", judgement.unknown);
    assert!(judgement.unknown[0].contains("the whole set is read"), "{:?}", judgement.unknown);
    assert_eq!(judge(100_000).finding, Finding::Invalid);
}
