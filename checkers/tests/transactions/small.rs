//! Small histories of transactions: all of a size, and random ones.

use std::sync::Arc;

use rashomon_checkers::small::Choices;
use rashomon_checkers::transactions::{Objects, Options, certificate, check};
use rashomon_checkers::{Budget, Finding, Level};
use rashomon_history::{Event, EventKind, History, Value};

use crate::reference;

/// A transaction before it is arranged: its micro-operations as invoked and as completed.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) process: u32,
    pub(crate) input: Value,
    pub(crate) output: Value,
    pub(crate) end: EventKind,
}

/// A micro-operation.
pub(crate) fn step(f: &str, key: i64, value: Value) -> Value {
    Value::list([Value::text(f), Value::Int(key), value])
}

/// A history from sketches and the order of their events: the index of a sketch at first invokes it, then ends it.
pub(crate) fn arrange(sketches: &[Sketch], order: &[usize]) -> History {
    let mut begun = vec![false; sketches.len()];
    let events = order.iter().enumerate().map(|(at, &index)| {
        let sketch = &sketches[index];
        let invoke = !std::mem::replace(&mut begun[index], true);
        Event {
            time: at as u64 * 1_000_000,
            process: sketch.process,
            kind: if invoke { EventKind::Invoke } else { sketch.end },
            f: Arc::from("txn"),
            key: Value::Nil,
            value: if invoke { sketch.input.clone() } else { sketch.output.clone() },
            node: None,
            error: None,
        }
    });
    History::from_events(events).expect("sketches of one process do not overlap")
}

/// A random order of events in which transactions of one process follow each other.
pub(crate) fn random_order(sketches: &[Sketch], choices: &mut Choices) -> Vec<usize> {
    let mut rest: Vec<Vec<usize>> = Vec::new();
    for process in 0..sketches.len() as u32 {
        let own = (0..sketches.len()).filter(|&index| sketches[index].process == process);
        rest.push(own.flat_map(|index| [index, index]).rev().collect());
    }
    for index in (0..sketches.len()).filter(|&index| sketches[index].process >= sketches.len() as u32) {
        rest.push(vec![index, index]);
    }
    rest.retain(|events| !events.is_empty());
    let mut order = Vec::new();
    while !rest.is_empty() {
        let from = choices.below(rest.len());
        order.extend(rest[from].pop());
        rest.retain(|events| !events.is_empty());
    }
    order
}

/// What a comparison counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) histories: u64,
    pub(crate) open: u64,
    pub(crate) held: std::collections::BTreeMap<&'static str, u64>,
}

/// Compares the verdicts about every level with the definitions.
pub(crate) fn compare(history: &History, objects: Objects, tally: &mut Tally) {
    let expected = reference::levels(history, objects == Objects::Lists);
    let options = Options { objects, level: Level::STRICT_SERIALIZABLE };
    let result = check(history, &options, &Budget::default());
    tally.histories += 1;
    if result.measured.transactions == 0 {
        assert_eq!(result.finding, Finding::Unknown, "{}", show(history));
        return;
    }
    for level in Level::isolation_levels() {
        let holds = expected.contains(level.name());
        *tally.held.entry(level.name()).or_default() += u64::from(holds);
        match result.verdict(level) {
            Finding::Valid => assert!(holds, "{level} is said to hold: {}{result:?}", show(history)),
            Finding::Invalid => assert!(!holds, "{level} is said to be broken: {}{result:?}", show(history)),
            Finding::Unknown => tally.open += 1,
        }
    }
    proofs(history, objects, tally.histories);
    for anomaly in result.anomalies.iter().chain(&result.allowed) {
        if !anomaly.edges.is_empty() {
            assert_eq!(certificate::verify_cycle(history, objects, anomaly), Ok(()), "{anomaly:#?}{}", show(history));
        }
        let broken = anomaly.breaks.expect("it breaks something");
        let weakest =
            Level::isolation_levels().find(|level| level.conditions().has(broken)).expect("some level has it");
        assert!(!expected.contains(weakest.name()), "{anomaly:#?} although {weakest} holds: {}", show(history));
    }
    assert_eq!(result.finding == Finding::Invalid, !result.anomalies.is_empty(), "{}{result:?}", show(history));
}

/// Replays the proof of one level, if it holds.
fn proofs(history: &History, objects: Objects, round: u64) {
    let levels: Vec<Level> = Level::isolation_levels().collect();
    let level = levels[round as usize % levels.len()];
    let result = check(history, &Options { objects, level }, &Budget::default());
    let proof = result.certificate.as_ref();
    assert!(proof.is_none() || result.finding == Finding::Valid);
    if result.finding == Finding::Valid && level.implies("SI".parse().expect("a level")) {
        let proof = proof.unwrap_or_else(|| panic!("no proof of {level}: {}", show(history)));
        assert_eq!(certificate::verify(history, objects, level, proof), Ok(()), "{level}: {proof:?}{}", show(history));
    }
}

/// A history as text.
pub(crate) fn show(history: &History) -> String {
    let mut text = String::from("\n");
    for op in history.ops() {
        let value = if op.outcome == rashomon_history::Outcome::Ok { &op.output } else { &op.input };
        let end = op.completed.map_or("…".to_owned(), |end| end.to_string());
        text += &format!("  process {} {}–{end} {}: {value}\n", op.process, op.invoked, op.outcome);
    }
    text
}
