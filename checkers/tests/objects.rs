//! Every object's lane, on recorded histories: against brute force, against the general engines, and its proofs against
//! the independent verifier; and many objects together, by any number of threads.

use rashomon_checkers::engine::{Answer, Mode, decide, frontier, search};
use rashomon_checkers::linearizable::Options;
use rashomon_checkers::model::Model;
use rashomon_checkers::objects::{
    Container, Counter, Discipline, Exclusion, ObjectKind, OwnedLock, Permits, Set, certificate, check, check_with,
    is_linearizable, verify,
};
use rashomon_checkers::small::{Call, Choices, beside, each_history, random_history};
use rashomon_checkers::specialist::Ops;
use rashomon_checkers::subhistory::{Keys, compile};
use rashomon_checkers::{Budget, Finding};
use rashomon_history::{History, Value};

const KINDS: &[ObjectKind] = &[
    ObjectKind::Set,
    ObjectKind::Counter,
    ObjectKind::FetchAndAdd,
    ObjectKind::FifoQueue,
    ObjectKind::UnorderedQueue,
    ObjectKind::Stack,
    ObjectKind::PriorityQueue,
    ObjectKind::Mutex,
    ObjectKind::Semaphore(2),
    ObjectKind::OwnedMutex,
    ObjectKind::OwnedSemaphore(2),
    ObjectKind::ReadersWriterLock,
    ObjectKind::FencedLock,
];

#[derive(Debug, Default)]
struct Tally {
    valid: u64,
    invalid: u64,
    unknown: u64,
}

fn compare(history: &History, kind: ObjectKind, tally: &mut Tally) {
    let ops: Vec<u32> = (0..history.len() as u32).collect();
    let budget = Budget::default();
    let expected = is_linearizable(history, &ops, kind);
    let judgement = check(history, kind, &budget);
    let listed = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
    match judgement.finding {
        Finding::Valid => tally.valid += 1,
        Finding::Invalid => tally.invalid += 1,
        // Nothing was observed: then anything explains it, but it is no evidence.
        Finding::Unknown => {
            assert!(judgement.unknown[0].ends_with("nothing to judge"), "{:?}: {:?}", kind, judgement.unknown);
            tally.unknown += 1;
        }
    }
    assert_eq!(judgement.finding != Finding::Invalid, expected, "{:?}\n{}", kind, listed());
    by_engines(history, kind, expected);
    let order = certificate(history, &ops, kind, &budget);
    assert_eq!(order.is_some(), expected);
    if let Some(order) = order {
        verify(history, &ops, kind, &order).unwrap_or_else(|flaw| panic!("{:?}: {flaw}\n{}", kind, listed()));
    } else {
        let anomaly = &judgement.anomalies[0];
        assert!(!anomaly.operations.is_empty() && anomaly.sentence.ends_with('.'), "{anomaly:?}");
        assert!(anomaly.operations.is_sorted(), "{anomaly:?}");
        assert!(anomaly.window.0 <= anomaly.window.1 && anomaly.window.1 <= history.end_time(), "{anomaly:?}");
    }
}

/// The general engines of an object's model, alone and as the one that uses them all.
fn by_engines(history: &History, kind: ObjectKind, expected: bool) {
    let container = |discipline| Container { discipline };
    let lock = |exclusion| OwnedLock { exclusion };
    match kind {
        ObjectKind::FifoQueue => engines_agree(&container(Discipline::Fifo), history, expected),
        ObjectKind::UnorderedQueue => engines_agree(&container(Discipline::Any), history, expected),
        ObjectKind::Stack => engines_agree(&container(Discipline::Lifo), history, expected),
        ObjectKind::PriorityQueue => engines_agree(&container(Discipline::Least), history, expected),
        ObjectKind::Set => engines_agree(&Set, history, expected),
        ObjectKind::Counter => engines_agree(&Counter { blind: true }, history, expected),
        ObjectKind::FetchAndAdd => engines_agree(&Counter { blind: false }, history, expected),
        ObjectKind::Mutex => engines_agree(&Permits { limit: 1 }, history, expected),
        ObjectKind::Semaphore(limit) => engines_agree(&Permits { limit }, history, expected),
        ObjectKind::OwnedMutex => engines_agree(&lock(Exclusion::AtMost(1)), history, expected),
        ObjectKind::OwnedSemaphore(limit) => engines_agree(&lock(Exclusion::AtMost(limit)), history, expected),
        ObjectKind::ReadersWriterLock => engines_agree(&lock(Exclusion::ReadersWriter), history, expected),
        ObjectKind::FencedLock => engines_agree(&lock(Exclusion::Fenced), history, expected),
    }
}

fn engines_agree<M: Model>(model: &M, history: &History, expected: bool) {
    let ops = Ops::All(history.len() as u32);
    let subhistory = compile(model, history, ops).expect("the test's operations are of this model");
    let budget = Budget::default();
    let (portfolio, how) = decide(model, &subhistory, &budget);
    let exact = [portfolio, search(model, &subhistory, &budget), frontier(model, &subhistory, Mode::Exact, &budget)];
    // With inexhaustible tokens a container may grow for ever.
    let little = Budget { steps: 500, ..budget };
    let beam = Mode::Beam { width: 1, reach: u32::MAX, lazy: true };
    let bounds = [Mode::Inexhaustible, beam].map(|mode| frontier(model, &subhistory, mode, &little));
    for (place, answered) in exact.into_iter().chain(bounds).enumerate() {
        let listed = || format!("{} by engine {place} ({how:?}): {history:?}", model.name());
        match answered.answer {
            Answer::Yes(order) => {
                assert!(expected, "{}", listed());
                let flaw = rashomon_checkers::certificate::verify(model, history, ops, &order);
                assert_eq!(flaw, Ok(()), "{order:?} {}", listed());
            }
            Answer::No { .. } => assert!(!expected, "{}", listed()),
            Answer::Unknown(_) => assert!(place >= 3, "{}", listed()),
        }
    }
}

/// What clients may do with an object: every outcome of every operation.
fn calls(kind: ObjectKind) -> Vec<Call> {
    let int = Value::Int;
    let nil = || Value::Nil;
    let ended = |f: &'static str| {
        vec![Call::ok(f, Value::Nil, Value::Nil), Call::info(f, Value::Nil), Call::fail(f, Value::Nil)]
    };
    let container = |put: &'static str, take: &'static str| {
        let mut calls = vec![Call::info(take, nil()), Call::pending(take, nil()), Call::fail(take, nil())];
        calls.push(Call::ok(take, nil(), nil()));
        for value in [1, 2, 3] {
            calls.push(Call::ok(put, int(value), int(value)));
            calls.push(Call::info(put, int(value)));
            calls.push(Call::ok(take, nil(), int(value)));
        }
        calls.extend([1, 2].map(|value| Call::ok("peek", nil(), int(value))));
        calls.extend([Call::ok("peek", nil(), nil()), Call::info("peek", nil()), Call::fail("peek", nil())]);
        calls.push(Call::fail(put, int(1)));
        calls
    };
    match kind {
        ObjectKind::FifoQueue | ObjectKind::UnorderedQueue => container("enqueue", "dequeue"),
        ObjectKind::Stack => container("push", "pop"),
        ObjectKind::PriorityQueue => container("insert", "extract"),
        ObjectKind::Set => {
            let mut calls = Vec::new();
            for element in [1, 2] {
                calls.push(Call::ok("add", int(element), int(element)));
                calls.push(Call::info("add", int(element)));
                calls.push(Call::ok("remove", int(element), int(element)));
                calls.push(Call::ok("contains", int(element), Value::Bool(true)));
                calls.push(Call::ok("contains", int(element), Value::Bool(false)));
            }
            for read in [vec![], vec![1], vec![2, 1]] {
                calls.push(Call::ok("read", nil(), Value::list(read.into_iter().map(int))));
            }
            calls.push(Call::info("read", nil()));
            calls
        }
        ObjectKind::Counter => {
            let mut calls = vec![Call::ok("add", int(1), int(1)), Call::info("add", nil()), Call::fail("add", int(2))];
            calls.push(Call::ok("add", int(2), nil()));
            for value in 0..3 {
                calls.push(Call::ok("read", nil(), int(value)));
                calls.push(Call::ok("fetch-add", int(1), int(value)));
                calls.push(Call::ok("add-fetch", int(2), int(value + 1)));
            }
            calls
        }
        ObjectKind::FetchAndAdd => {
            let found = |f, amount, value| Call::ok(f, int(amount), int(value));
            let mut calls =
                vec![Call::info("fetch-add", int(1)), Call::fail("add-fetch", int(2)), Call::pending("read", nil())];
            for value in 0..3 {
                calls.push(Call::ok("read", nil(), int(value)));
                calls.extend([found("fetch-add", 1, value), found("add-fetch", 1, value + 1)]);
            }
            calls.push(found("fetch-add", 2, 1));
            calls
        }
        ObjectKind::ReadersWriterLock => {
            ["acquire-read", "release-read", "acquire-write", "release-write"].into_iter().flat_map(ended).collect()
        }
        ObjectKind::FencedLock => {
            let mut calls = [ended("acquire"), ended("release")].concat();
            calls.extend([1, 2].map(|token| Call::ok("acquire", nil(), int(token))));
            calls
        }
        _ => [ended("acquire"), ended("release")].concat(),
    }
}

/// Operations of owned locks make sense only within one process, so those histories are random with few clients.
fn owned(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::OwnedMutex | ObjectKind::OwnedSemaphore(_) | ObjectKind::ReadersWriterLock | ObjectKind::FencedLock
    )
}

#[test]
fn all_histories_of_two_operations_and_random_ones_of_three_to_seven() {
    for &kind in KINDS {
        let calls = calls(kind);
        let mut tally = Tally::default();
        for size in 1..=2 {
            each_history(&calls, size, |history| compare(history, kind, &mut tally));
        }
        let mut choices = Choices::new(7);
        for round in 0..1500 {
            let clients = if owned(kind) { 1 + round % 3 } else { 1 + round % 4 };
            let history = random_history(&calls, 3 + round % 5, clients, &mut choices);
            compare(&history, kind, &mut tally);
        }
        println!("{:?}: {tally:?}", kind);
        assert!(tally.valid > 50 && tally.invalid > 50, "{:?}: {tally:?}", kind);
    }
}

/// Many objects, judged together: as many are linearizable as brute force says, every proof holds, and it does not
/// matter how many threads judge.
#[test]
fn many_objects_are_judged_alike_by_any_number_of_threads() {
    let mut choices = Choices::new(23);
    for &kind in KINDS {
        let calls = calls(kind);
        for round in 0..4 {
            // Single operations are mostly linearizable; among more there are always objects that are not.
            let size = |choices: &mut Choices| if round == 0 { 1 } else { 1 + choices.below(5) };
            let histories: Vec<History> = (0..60)
                .map(|_| random_history(&calls, size(&mut choices), 1 + choices.below(3), &mut choices))
                .collect();
            let history = beside(&histories, &mut choices);
            let keys = Keys::of(&history);
            let expected: Vec<bool> =
                (0..keys.len()).map(|key| is_linearizable(&history, keys.ops(key), kind)).collect();
            let refuted = expected.iter().filter(|&&linearizable| !linearizable).count();
            assert!(round == 0 || (5..keys.len() - 5).contains(&refuted), "{:?}: {refuted}", kind);
            for certify in [false, true] {
                let by = |threads| check_with(&history, kind, &Options { certify, threads, ..Options::default() });
                let judgement = by(1);
                assert_eq!(judgement.finding == Finding::Invalid, refuted > 0, "{judgement:?}");
                assert_eq!(judgement.unknown, Vec::<String>::new(), "{:?}", kind);
                // The first that are not linearizable are explained, in order.
                let number = |op| (0..keys.len()).find(|&at| keys.ops(at).contains(&op));
                let told: Vec<Option<usize>> =
                    judgement.anomalies.iter().map(|anomaly| number(anomaly.operations[0].0)).collect();
                let first: Vec<Option<usize>> = (0..keys.len()).filter(|&at| !expected[at]).take(8).map(Some).collect();
                assert_eq!(told, first, "{judgement:?}");
                let judged: u64 = judgement.methods.iter().map(|method| method.operations).sum();
                let parts: u64 = judgement.methods.iter().map(|method| method.parts).sum();
                assert_eq!((judged, parts), (history.len() as u64, keys.len() as u64), "{judgement:?}");
                for threads in [2, 5] {
                    assert_eq!(by(threads), judgement, "{:?} with {threads} threads", kind);
                }
            }
        }
    }
}

/// What no lane decides goes to the general engine, and the judgement says why; the rest of the objects stay with the
/// lane.
#[test]
fn the_judgement_names_both_methods_and_why() {
    let put = |value| Call::ok("enqueue", Value::Int(value), Value::Int(value));
    let take = |value| Call::ok("dequeue", Value::Nil, Value::Int(value));
    let mut choices = Choices::new(1);
    let calls = [
        vec![put(1), take(1)],
        vec![put(1), put(1), take(1)],
        vec![put(2), Call::ok("peek", Value::Nil, Value::Int(2))],
    ];
    let histories = calls.map(|calls| rashomon_checkers::small::overlap(&calls, 1, &mut choices));
    let judgement = check(&beside(&histories, &mut choices), ObjectKind::FifoQueue, &Budget::default());
    assert_eq!(judgement.finding, Finding::Valid, "{judgement:?}");
    let told: Vec<(&str, &str, u64, u64)> = judgement
        .methods
        .iter()
        .map(|method| (method.method.as_str(), method.why.as_str(), method.parts, method.operations))
        .collect();
    assert_eq!(
        told,
        [
            ("by value", "each value is put at most once", 2, 4),
            ("frontier", "a value was put twice; any model; exact", 1, 3),
        ]
    );
}

/// Of all objects together, somebody has to have observed something.
#[test]
fn objects_that_nobody_looked_at_are_not_judged() {
    let mut choices = Choices::new(5);
    let unseen = vec![Call::ok("add", Value::Int(1), Value::Int(1))];
    let seen = vec![Call::ok("contains", Value::Int(1), Value::Bool(false))];
    for (calls, finding) in [
        (vec![unseen.clone(); 30], Finding::Unknown),
        ([vec![unseen.clone(); 30], vec![seen]].concat(), Finding::Valid),
    ] {
        let histories: Vec<History> =
            calls.iter().map(|calls| rashomon_checkers::small::overlap(calls, 1, &mut choices)).collect();
        let history = beside(&histories, &mut choices);
        for threads in [1, 3] {
            let judgement = check_with(&history, ObjectKind::Set, &Options { threads, ..Options::default() });
            assert_eq!(judgement.finding, finding, "{judgement:?}");
            assert_eq!(judgement.unknown.is_empty(), finding == Finding::Valid, "{judgement:?}");
        }
    }
}
