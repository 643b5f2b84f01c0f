//! Every object's lane, on recorded histories: against brute force, against the general engine, and its proofs against
//! the independent verifier.

use rashomon_checkers::objects::{ObjectKind, certificate, check, is_linearizable, search, verify};
use rashomon_checkers::small::{Call, Choices, each_history, random_history};
use rashomon_checkers::{Budget, Finding};
use rashomon_history::{History, Value};

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
    let told = || history.ops().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
    match judgement.finding {
        Finding::Valid => tally.valid += 1,
        Finding::Invalid => tally.invalid += 1,
        // Nothing was observed: then anything explains it, but it is no evidence.
        Finding::Unknown => {
            assert!(judgement.unknown[0].ends_with("nothing to judge"), "{}: {:?}", kind.name(), judgement.unknown);
            tally.unknown += 1;
        }
    }
    assert_eq!(judgement.finding != Finding::Invalid, expected, "{}\n{}", kind.name(), told());
    assert_eq!(search(history, &ops, kind, &budget), Some(expected), "the engine on {}\n{}", kind.name(), told());
    let order = certificate(history, &ops, kind, &budget);
    assert_eq!(order.is_some(), expected);
    if let Some(order) = order {
        verify(history, &ops, kind, &order).unwrap_or_else(|flaw| panic!("{}: {flaw}\n{}", kind.name(), told()));
    } else {
        let anomaly = &judgement.anomalies[0];
        assert!(!anomaly.operations.is_empty() && anomaly.sentence.ends_with('.'), "{anomaly:?}");
        assert!(anomaly.operations.is_sorted(), "{anomaly:?}");
        assert!(anomaly.window.0 <= anomaly.window.1 && anomaly.window.1 <= history.end_time(), "{anomaly:?}");
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
        let mut calls = vec![Call::info(take, nil()), Call::open(take, nil()), Call::fail(take, nil())];
        calls.push(Call::ok(take, nil(), nil()));
        for value in [1, 2, 3] {
            calls.push(Call::ok(put, int(value), int(value)));
            calls.push(Call::info(put, int(value)));
            calls.push(Call::ok(take, nil(), int(value)));
        }
        calls.extend([Call::ok("peek", nil(), int(1)), Call::ok("peek", nil(), nil()), Call::info("peek", nil())]);
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
                vec![Call::info("fetch-add", int(1)), Call::fail("add-fetch", int(2)), Call::open("read", nil())];
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
    for &kind in ObjectKind::ALL {
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
        println!("{}: {tally:?}", kind.name());
        assert!(tally.valid > 50 && tally.invalid > 50, "{}: {tally:?}", kind.name());
    }
}
