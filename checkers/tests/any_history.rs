//! Any checker on any history: no panic, and never *valid* where its table of functions says that it cannot read one of
//! the operations, or that none of them observed anything.
//!
//! `RASHOMON_HISTORIES=1000000 cargo test --release -p rashomon-checkers --test any_history` tries as many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rashomon_checkers::checker::{Checker, Observes};
use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::small::Choices;
use rashomon_checkers::{Budget, Checkers, Finding, Level};
use rashomon_history::{Event, EventKind, History, OpView, Outcome, Value};

/// Functions that some checker knows, and some that none does.
const OTHERS: &[&str] = &["del", "increment", "publish", "deposit", "", "read ", "READ", "poll"];

fn value(choices: &mut Choices, depth: usize) -> Value {
    match choices.below(if depth == 0 { 8 } else { 14 }) {
        0 | 1 => Value::Nil,
        2 => Value::Bool(choices.below(2) == 0),
        3 | 4 => Value::Int(choices.below(4) as i64),
        5 => Value::Int([i64::MIN, i64::MAX, -1, 1 << 40][choices.below(4)]),
        6 => Value::text(["", "a", "b", "read", "r", "w", "append", "send", "poll", "alive"][choices.below(10)]),
        7 => Value::Number("1e400".into()),
        8..=11 => {
            let length = [0, 1, 2, 2, 3][choices.below(5)];
            Value::list((0..length).map(|_| value(choices, depth - 1)).collect::<Vec<_>>())
        }
        12 => transaction(choices),
        _ => {
            let length = choices.below(3);
            Value::Map((0..length).map(|_| (value(choices, 0), value(choices, depth - 1))).collect())
        }
    }
}

/// A list of micro-operations, of which some are of no kind.
fn transaction(choices: &mut Choices) -> Value {
    let objects = choices.below(2);
    let steps = (0..choices.below(3)).map(|_| {
        let function = [["r", "w", "w"], ["r", "append", "append"]][objects][choices.below(3)];
        let result = if choices.below(2) == 0 { value(choices, 0) } else { Value::Int(choices.below(3) as i64) };
        let result = if function == "r" && objects == 1 { Value::list(vec![result]) } else { result };
        Value::list(vec![Value::text(function), Value::Int(choices.below(2) as i64), result])
    });
    Value::list(steps.collect::<Vec<_>>())
}

/// A value that often is of the shape that is asked for.
fn likely(choices: &mut Choices, fits: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..6 {
        let value = value(choices, 3);
        if fits(&value) {
            return value;
        }
    }
    value(choices, 3)
}

fn history(checker: &Checker, choices: &mut Choices) -> History {
    let mut events: Vec<Event> = Vec::new();
    let mut open: Vec<Option<(Arc<str>, Value, Value)>> = vec![None; 3];
    let mut process: Vec<u32> = vec![0, 1, 2];
    let strange = choices.below(3) == 0;
    let nodes = choices.below(3) as u16;
    let mut time = 0;
    for _ in 0..choices.below(14) {
        time += [0, 1_000_000, 6_000_000_000][choices.below(3)];
        let client = choices.below(3);
        let node = (nodes > 0).then(|| choices.below(usize::from(nodes)) as u16 + 1);
        let known = checker.functions.get(choices.below(checker.functions.len().max(1)));
        let mut event = |kind, f: Arc<str>, key, value, process| {
            events.push(Event { time, process, kind, f, key, value, node, error: None });
        };
        match open[client].take() {
            None => {
                let foreign = known.is_none() || (strange && choices.below(5) == 0);
                let f =
                    if foreign { OTHERS[choices.below(OTHERS.len())] } else { known.map_or("", |known| known.name) };
                let shape = checker.functions.iter().find(|function| function.name == f);
                let input = if f == "txn" { transaction(choices) } else { Value::Nil };
                let input = if !input.is_nil() {
                    input
                } else {
                    likely(choices, |value| shape.is_none_or(|shape| shape.input.fits(&Value::Nil, value)))
                };
                let key = if choices.below(4) == 0 { Value::Int(1) } else { Value::Nil };
                let f: Arc<str> = f.into();
                event(EventKind::Invoke, f.clone(), key.clone(), input.clone(), process[client]);
                open[client] = Some((f, key, input));
            }
            Some((f, key, input)) => {
                let shape = checker.functions.iter().find(|function| function.name == &*f);
                let kind =
                    [EventKind::Ok, EventKind::Ok, EventKind::Ok, EventKind::Fail, EventKind::Info][choices.below(5)];
                let output = match choices.below(3) {
                    0 => input.clone(),
                    _ => likely(choices, |value| shape.is_none_or(|shape| shape.output.fits(&input, value))),
                };
                event(kind, f, key, output, process[client]);
                if kind == EventKind::Info && choices.below(3) > 0 {
                    process[client] += 3;
                }
            }
        }
    }
    History::from_events(events).expect("each client has one operation at a time")
}

/// Whether the table of functions says that this history must not be called valid: as it is written, not as the guard
/// goes about it.
fn must_speak(checker: &Checker, history: &History) -> bool {
    let readable = |op: &OpView<'_>| {
        let Some(function) = checker.functions.iter().find(|function| function.name == op.f) else { return false };
        let observes = matches!(function.observes, Observes::Ok | Observes::If(_));
        let returned = op.outcome == Outcome::Ok && (observes || !(op.output.is_nil() || op.output == op.input));
        function.refused.is_none()
            && function.input.fits(&Value::Nil, &op.input)
            && (!returned || function.output.fits(&op.input, &op.output))
    };
    let observed = |op: &OpView<'_>| {
        let function = checker.functions.iter().find(|function| function.name == op.f);
        function.is_some_and(|function| match function.observes {
            Observes::Never => false,
            Observes::Ok => op.outcome == Outcome::Ok,
            Observes::OkOrFail => op.outcome != Outcome::Info,
            Observes::If(says) => op.outcome == Outcome::Ok && says(op),
        })
    };
    !checker.functions.is_empty() && (!history.ops().all(|op| readable(&op)) || !history.ops().any(|op| observed(&op)))
}

#[test]
fn no_checker_panics_or_passes_what_it_cannot_read() {
    let count = std::env::var("RASHOMON_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(6000_u64);
    let all = Checkers::included();
    let checkers: Vec<&Checker> = all.iter().collect();
    let budget = Budget { steps: 20_000, bytes: 1 << 24 };
    let (mut findings, mut spoke) = ([0_u64; 3], 0_u64);
    for seed in 0..count {
        let mut choices = Choices::new(seed);
        let checker = checkers[seed as usize % checkers.len()];
        let history = history(checker, &mut choices);
        let levels: Vec<Level> = Level::all().collect();
        let demand = EventualDemand { promise: levels[choices.below(levels.len())], ..EventualDemand::DEFAULT };
        let judged = catch_unwind(AssertUnwindSafe(|| checker.check_under(&history, &demand, &budget)));
        let listed = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
        let Ok(judgement) = judged else { panic!("{checker} panics on seed {seed}:\n{}", listed()) };
        findings[judgement.finding as usize] += 1;
        if must_speak(checker, &history) {
            spoke += 1;
            assert_ne!(judgement.finding, Finding::Valid, "{checker} passes seed {seed}:\n{}", listed());
        }
        let is_explained = match judgement.finding {
            Finding::Valid => true,
            Finding::Invalid => !judgement.anomalies.is_empty(),
            Finding::Unknown => !judgement.unknown.is_empty(),
        };
        assert!(is_explained, "{checker} says nothing of seed {seed}: {judgement:?}");
    }
    println!(
        "{count} histories: {findings:?} valid, invalid, unknown; {spoke} that could not be read or showed nothing"
    );
    assert!(findings.iter().all(|&found| found > count / 50), "every answer occurs: {findings:?}");
}
