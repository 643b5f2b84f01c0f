//! Registers of many keys, judged together, against each key judged alone by the brute-force reference.

use rashomon_checkers::keys::KeyTable;
use rashomon_checkers::linearizable::{Options, check_with};
use rashomon_checkers::model::Model;
use rashomon_checkers::models::{CasRegister, Register, StringMap};
use rashomon_checkers::small::{Call, Choices, beside, random_history};
use rashomon_checkers::subhistory::Keys;
use rashomon_checkers::{Budget, Finding, brute};
use rashomon_history::{History, OpId, Value};

/// What may happen to a key: a write of each value, and reads of them and of one more.
fn calls(values: &[i64], one_more: i64, choices: &mut Choices) -> Vec<Call> {
    let mut calls = Vec::new();
    for &value in values {
        let write = Value::Int(value);
        calls.push(match choices.below(8) {
            0 => Call::fail("write", write),
            1 => Call::info("write", write),
            2 => Call::pending("write", write),
            _ => Call::ok("write", write.clone(), write),
        });
    }
    for _ in 0..choices.below(5) {
        let found = match choices.below(8) {
            0 => Value::Nil,
            1 => Value::Int(one_more),
            _ => values.get(choices.below(values.len().max(1))).copied().map_or(Value::Nil, Value::Int),
        };
        calls.push(match choices.below(12) {
            0 => Call::info("read", Value::Nil),
            1 => Call::fail("read", Value::Nil),
            _ => Call::ok("read", Value::Nil, found),
        });
    }
    calls
}

/// A history of the calls of one key, each made once, in any order.
fn shuffled(mut calls: Vec<Call>, choices: &mut Choices) -> History {
    for index in (1..calls.len()).rev() {
        calls.swap(index, choices.below(index + 1));
    }
    rashomon_checkers::small::overlap(&calls, 1 + choices.below(4), choices)
}

/// Judges a history of many keys in every way, and compares with the reference key by key; how many keys are
/// linearizable, and of how many of those one pass was certain.
fn agree<M: Model>(model: &M, history: &History) -> [u32; 2] {
    let keys = Keys::of(history);
    let expected: Vec<bool> =
        (0..keys.len()).map(|key| brute::is_linearizable(model, history, keys.of_key(key))).collect();
    let specialist = model.specialist().expect("registers have one");
    let certain = specialist.certain(history, &KeyTable::of(history, 1), 1);
    // Starting threads takes longer than all the rest, so not each time.
    let threads = if history.events().is_multiple_of(16) { [2, 3, 8][history.len() % 3] } else { 1 };
    let shared = specialist.certain(history, &KeyTable::of(history, threads), threads);
    assert_eq!(shared, certain, "{threads} threads: {history:?}");
    for (key, &certain) in certain.iter().enumerate() {
        assert!(!certain || expected[key], "key {key} is not linearizable: {history:?}");
    }
    let finding = if expected.contains(&false) { Finding::Invalid } else { Finding::Valid };
    for certify in [false, true] {
        let judgement = check_with(model, history, &Options { certify, threads, ..Options::default() });
        assert_eq!(judgement.finding, finding, "certify {certify}: {history:?}");
        let explained = expected.iter().filter(|&&linearizable| !linearizable).count().min(8);
        assert_eq!(judgement.anomalies.len(), explained, "{judgement:?}");
        let judged: u64 = judgement.methods.iter().map(|method| method.operations).sum();
        let parts: u64 = judgement.methods.iter().map(|method| method.parts).sum();
        assert_eq!((judged, parts), (history.len() as u64, keys.len() as u64), "{judgement:?}");
        for anomaly in &judgement.anomalies {
            let key = history.row(anomaly.operations[0]).key;
            assert!(anomaly.operations.iter().all(|&op| history.row(op).key == key), "{judgement:?}");
            let number = (0..keys.len()).find(|&at| history.key_of(OpId(keys.ops(at)[0])) == key);
            assert!(number.is_some_and(|at| !expected[at]), "{judgement:?}");
        }
    }
    let count = |bools: &[bool]| bools.iter().filter(|&&bool| bool).count() as u32;
    [count(&expected), count(&certain)]
}

/// Values are unique within a key: each key counts for itself, or all count together, so that their values lie close
/// together only as a whole.
#[test]
fn registers_with_unique_values_over_many_keys() {
    let mut choices = Choices::new(7);
    for together in [false, true] {
        let (mut keys_judged, mut linearizable, mut certain) = (0, 0, 0);
        for _ in 0..4_000 {
            let keys = if together { 6 + choices.below(3) } else { 1 + choices.below(5) } as i64;
            let histories: Vec<History> = (0..keys)
                .map(|key| {
                    let count = choices.below(5) as i64;
                    let values: Vec<i64> =
                        (0..count).map(|number| if together { keys * number + key } else { number }).collect();
                    let one_more = choices.below(6) as i64;
                    let calls = calls(&values, one_more, &mut choices);
                    shuffled(calls, &mut choices)
                })
                .collect();
            let history = beside(&histories, &mut choices);
            keys_judged += Keys::of(&history).len() as u32;
            let [good, sure] = agree(&Register, &history);
            linearizable += good;
            certain += sure;
        }
        assert!(linearizable > keys_judged / 5 && linearizable < keys_judged * 9 / 10, "{linearizable} {keys_judged}");
        // A read of another key's value may leave that key in doubt too.
        let least = if together { linearizable * 8 / 10 } else { linearizable };
        assert!(certain >= least, "one pass was certain of {certain} of {linearizable} keys");
    }
}

#[test]
fn registers_with_repeated_values_over_many_keys() {
    let mut choices = Choices::new(8);
    let mut found = [0; 2];
    for _ in 0..2_000 {
        let histories: Vec<History> = (0..1 + choices.below(4))
            .map(|_| {
                let mut all = calls(&[0, 1], 2, &mut choices);
                let pair = Value::pair(Value::Int(0), Value::Int(1));
                if choices.below(4) == 0 {
                    all.push(Call::ok("cas", pair.clone(), pair));
                }
                random_history(&all, 1 + choices.below(6), 1 + choices.below(3), &mut choices)
            })
            .collect();
        let history = beside(&histories, &mut choices);
        let [good, _] = agree(&CasRegister::default(), &history);
        found[usize::from(good as usize == Keys::of(&history).len())] += 1;
    }
    assert!(found.iter().all(|&count| count > 200), "{found:?}");
}

/// A string that no method decides cheaply: many overlapping appends of the same pieces.
fn hard(choices: &mut Choices) -> History {
    let piece = |number: usize| Value::text(["a", "b"][number % 2]);
    let mut calls: Vec<Call> = (0..16).map(|number| Call::ok("append", piece(number), Value::Nil)).collect();
    calls.push(Call::ok("get", Value::Nil, Value::text("abbaabbaabbaabba")));
    rashomon_checkers::small::overlap(&calls, 12, choices)
}

/// One key that is not linearizable settles the verdict: the others get no more than the round in which it was found.
#[test]
fn a_violation_is_found_however_hard_the_other_keys_are() {
    let mut choices = Choices::new(31);
    let stale = [("append", "a", "a"), ("get", "", "")].map(|(f, piece, found)| match f {
        "get" => Call::ok(f, Value::Nil, Value::text(found)),
        _ => Call::ok(f, Value::text(piece), Value::Nil),
    });
    let bad = rashomon_checkers::small::overlap(&stale, 1, &mut choices);
    let hard: Vec<History> = (0..4).map(|_| hard(&mut choices)).collect();
    let budget = Budget { steps: 60, ..Budget::default() };
    let judge =
        |history: &History, threads| check_with(&StringMap, history, &Options { budget, threads, certify: false });
    let alone = beside(&hard, &mut choices);
    let judgement = judge(&alone, 1);
    assert_eq!((judgement.finding, judgement.unknown.len()), (Finding::Unknown, 4), "{judgement:?}");
    let with_bad = beside(&[&hard[..], &[bad]].concat(), &mut choices);
    let judgement = judge(&with_bad, 1);
    assert_eq!((judgement.finding, judgement.anomalies.len()), (Finding::Invalid, 1), "{judgement:?}");
    assert!(judgement.unknown.is_empty() && judgement.notes[0].starts_with("4 keys are undecided"), "{judgement:?}");
    let decided: u64 = judgement.methods.iter().map(|method| method.parts).sum();
    assert_eq!(decided, 5, "each key is counted once: {judgement:?}");
    for threads in [2, 3, 5] {
        assert_eq!(judge(&with_bad, threads), judgement);
        assert_eq!(judge(&alone, threads), judge(&alone, 1));
    }
}

/// Keys that the first round leaves undecided are judged again with more effort, by any number of threads.
#[test]
fn hard_keys_are_decided_in_later_rounds() {
    let mut choices = Choices::new(32);
    let easy = rashomon_checkers::small::overlap(&[Call::ok("get", Value::Nil, Value::text(""))], 1, &mut choices);
    let hard: Vec<History> = (0..3).map(|_| hard(&mut choices)).collect();
    let histories: Vec<History> = std::iter::repeat_n(easy, 60).chain(hard.iter().cloned()).collect();
    let history = beside(&histories, &mut choices);
    let judge = |history: &History, steps, threads| {
        let budget = Budget { steps, ..Budget::default() };
        check_with(&StringMap, history, &Options { budget, threads, certify: false })
    };
    let spent =
        |history: &History| -> u64 { judge(history, u64::MAX, 1).methods.iter().map(|method| method.steps).sum() };
    // Enough for the hardest key, but not for an equal share of it to every key.
    let hardest = hard.iter().map(spent).max().expect("there are some");
    let steps = 8 * hardest;
    assert!(steps / (history.len() as u64) < hardest, "{hardest}");
    let judgement = judge(&history, steps, 1);
    assert_ne!(judgement.finding, Finding::Unknown, "{judgement:?}");
    assert_eq!(judge(&history, steps, 3), judgement);
}
