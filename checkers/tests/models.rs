//! The other models and their specialists, and sequential consistency, against the brute-force reference.

use rashomon_checkers::engine::{Answer, Mode, Shortage, frontier, search};
use rashomon_checkers::model::Model;
use rashomon_checkers::models::{AppendList, CasRegister, MultiRegister, MultiStep, Register, StringMap};
use rashomon_checkers::objects::{Container, Discipline};
use rashomon_checkers::sequential;
use rashomon_checkers::small::{Call, Choices, each_history, overlap, random_history};
use rashomon_checkers::specialist::{Decision, Ops, Rows, Scratch};
use rashomon_checkers::subhistory::compile;
use rashomon_checkers::{Budget, brute, certificate};
use rashomon_history::{Event, EventKind, History, OpId, Outcome, Value};

/// Compares every method with the reference; says whether it is linearizable and whether the specialist could tell.
fn agree<M: Model>(model: &M, history: &History) -> (bool, bool) {
    let ops = Ops::All(history.len() as u32);
    let expected = brute::is_linearizable(model, history, ops);
    let subhistory = compile(model, history, ops).expect("the test's operations are of this model");
    let special = model.specialist().and_then(|specialist| {
        match specialist.decide(&Rows::of(history, ops), true, &mut Scratch::default()) {
            Ok(Decision::Decided(answered)) => Some(answered),
            Ok(Decision::Left(_)) => None,
            other => panic!("{other:?}: {history:?}"),
        }
    });
    let told = special.is_some();
    let budget = Budget::default();
    let general = [search(model, &subhistory, &budget), frontier(model, &subhistory, Mode::Exact, &budget)];
    for answered in general.into_iter().chain(special) {
        match answered.answer {
            Answer::Yes(order) => {
                assert!(expected, "{history:?}");
                assert_eq!(certificate::verify(model, history, ops, &order), Ok(()), "{order:?} {history:?}");
            }
            Answer::No { among, .. } => {
                assert!(!expected, "{history:?}");
                if !among.is_empty() {
                    let ids: Vec<u32> = among.iter().map(|op| op.0).collect();
                    assert!(!brute::is_linearizable(model, history, &ids), "{among:?} alone of {history:?}");
                }
            }
            Answer::Unknown(shortage) => panic!("out of {shortage:?}: {history:?}"),
        }
    }
    (expected, told)
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn list(items: &[i64]) -> Value {
    Value::list(items.iter().copied().map(int))
}

fn append_list_calls() -> Vec<Call> {
    let mut calls =
        vec![Call::fail("append", int(3)), Call::info("read", Value::Nil), Call::ok("read", Value::Nil, Value::Nil)];
    for item in 1..=2 {
        calls.push(Call::ok("append", int(item), int(item)));
        calls.push(Call::info("append", int(item)));
    }
    for items in [&[1][..], &[2], &[1, 2], &[2, 1], &[1, 1], &[7]] {
        calls.push(Call::ok("read", Value::Nil, list(items)));
    }
    calls
}

#[test]
fn all_append_list_histories_of_up_to_three_operations() {
    for size in 1..=3 {
        each_history(&append_list_calls(), size, |history| {
            agree(&AppendList, history);
        });
    }
}

#[test]
fn random_append_lists() {
    let mut choices = Choices::new(3);
    let (mut verdicts, mut told) = ([0; 2], 0);
    for _ in 0..20_000 {
        let size = 3 + choices.below(4);
        let mut calls = Vec::new();
        let mut appended = Vec::new();
        for item in 0..size as i64 {
            let length = choices.below(appended.len() + 1);
            calls.push(match choices.below(8) {
                0 => Call::info("append", int(item)),
                1 => Call::fail("append", int(item)),
                2..5 => Call::ok("append", int(item), int(item)),
                5 => Call::ok("read", Value::Nil, list(&appended)),
                _ => Call::ok("read", Value::Nil, list(&appended[..length])),
            });
            if calls.last().is_some_and(|call| call.f == "append") && choices.below(4) > 0 {
                appended.insert(if choices.below(4) == 0 { length } else { appended.len() }, item);
            }
        }
        let (linearizable, by_specialist) = agree(&AppendList, &overlap(&calls, 1 + choices.below(4), &mut choices));
        verdicts[usize::from(linearizable)] += 1;
        told += u32::from(by_specialist);
    }
    assert!(verdicts.iter().all(|&count| count > 1_000), "{verdicts:?}");
    assert_eq!(told, 20_000, "every element is appended once");
}

#[test]
fn random_string_maps() {
    let text = Value::text;
    let mut calls =
        vec![Call::ok("get", Value::Nil, text("")), Call::info("get", Value::Nil), Call::fail("put", text("b"))];
    for value in ["a", "b"] {
        calls.push(Call::ok("put", text(value), Value::Nil));
        calls.push(Call::ok("append", text(value), Value::Nil));
        calls.push(Call::info("append", text(value)));
        calls.push(Call::info("put", text(value)));
    }
    for value in ["a", "b", "ab", "ba", "aa"] {
        calls.push(Call::ok("get", Value::Nil, text(value)));
    }
    let mut choices = Choices::new(4);
    let mut verdicts = [0; 2];
    for _ in 0..10_000 {
        let history = random_history(&calls, 3 + choices.below(3), 1 + choices.below(4), &mut choices);
        verdicts[usize::from(agree(&StringMap, &history).0)] += 1;
    }
    assert!(verdicts.iter().all(|&count| count > 500), "{verdicts:?}");
}

/// Strings whose pieces are written once each, so that the specialist can judge them; most of what the gets return is
/// what an order of the writes would have left.
#[test]
fn random_strings_of_unique_pieces() {
    let text = Value::text;
    let mut choices = Choices::new(14);
    let (mut verdicts, mut told) = ([0; 2], 0);
    for round in 0..20_000 {
        let size = 3 + choices.below(4);
        // Pieces that are no prefixes of each other, or that are: then some strings can be cut in two ways.
        let pieces =
            if round % 4 == 0 { ["a", "b", "ab", "ba", "aa", "bb", "c"] } else { ["a", "b", "c", "d", "e", "f", "g"] };
        let mut states = vec![String::new()];
        let mut calls = Vec::new();
        for piece in pieces.into_iter().take(size) {
            let held = states[states.len() - 1 - choices.below(states.len()).min(choices.below(3))].clone();
            let (f, after) = match choices.below(9) {
                0..4 => ("append", format!("{held}{piece}")),
                4..6 => ("put", piece.to_owned()),
                _ => {
                    calls.push(Call::ok("get", Value::Nil, text(&held)));
                    continue;
                }
            };
            calls.push(match choices.below(6) {
                0 => Call::info(f, text(piece)),
                1 => Call::fail(f, text(piece)),
                _ => Call::ok(f, text(piece), text(piece)),
            });
            if choices.below(5) > 0 {
                states.push(after);
            }
        }
        let (linearizable, by_specialist) = agree(&StringMap, &overlap(&calls, 1 + choices.below(4), &mut choices));
        verdicts[usize::from(linearizable)] += 1;
        told += u32::from(by_specialist);
    }
    assert!(verdicts.iter().all(|&count| count > 2_000), "{verdicts:?}");
    assert!((15_000..20_000).contains(&told), "{told}");
}

/// A step of a transaction: what it does, its key, a value.
type Step = (&'static str, i64, Value);

/// Compares thousands of histories of transactions of one or two steps.
fn random_transactions(seed: u64, step: impl Fn(&mut Choices) -> Step) {
    let mut choices = Choices::new(seed);
    let mut verdicts = [0; 2];
    for _ in 0..10_000 {
        let mut calls = Vec::new();
        for _ in 0..2 + choices.below(4) {
            let steps = (0..1 + choices.below(2)).map(|_| {
                let (f, key, value) = step(&mut choices);
                Value::list([Value::text(f), int(key), value])
            });
            let steps = Value::list(steps);
            calls.push(match choices.below(6) {
                0 => Call::info("txn", steps),
                1 => Call::fail("txn", steps),
                _ => Call::ok("txn", steps.clone(), steps),
            });
        }
        let history = overlap(&calls, 1 + choices.below(3), &mut choices);
        verdicts[usize::from(agree(&MultiRegister, &history).0)] += 1;
    }
    assert!(verdicts.iter().all(|&count| count > 500), "{verdicts:?}");
}

#[test]
fn random_multi_registers() {
    random_transactions(5, |choices| {
        let value = [Value::Nil, int(1), int(2)][choices.below(3)].clone();
        (["read", "write"][choices.below(2)], choices.below(2) as i64, value)
    });
}

/// Transactions that append to lists and read them, Elle's way.
#[test]
fn random_lists_in_multi_registers() {
    let lists = [Value::Nil, Value::list([]), Value::list([int(1)]), Value::pair(int(1), int(2)), int(3)];
    random_transactions(6, |choices| match (choices.below(20), choices.below(2) as i64) {
        (0, key) => ("w", key, lists[choices.below(lists.len())].clone()),
        (1..10, key) => ("append", key, int(1 + choices.below(2) as i64)),
        (_, key) => ("r", key, lists[choices.below(lists.len() - 1)].clone()),
    });
}

#[test]
fn what_a_transaction_does_to_lists() {
    let append = |key, element| MultiStep::Append(int(key), int(element));
    let read = |key, value: Value| MultiStep::Read(int(key), value);
    let after = |steps: &[MultiStep]| MultiRegister.step(&MultiRegister.initial(), &steps.to_vec()).into_iter().next();
    let both = Value::pair(int(1), int(2));
    assert!(after(&[append(0, 1), append(0, 2), read(0, both.clone()), read(1, Value::Nil)]).is_some());
    assert!(after(&[append(0, 2), append(0, 1), read(0, both)]).is_none(), "the order of appends");
    assert!(after(&[read(0, Value::list([]))]).is_some(), "nothing is an empty list");
    assert!(after(&[append(0, 1), read(0, Value::list([]))]).is_none());
    assert!(after(&[append(0, 1), read(0, Value::Nil)]).is_none());
    assert!(after(&[MultiStep::Write(int(0), int(7)), append(0, 1)]).is_none(), "7 is no list");
    assert!(after(&[append(0, 1), MultiStep::Write(int(0), Value::Nil), read(0, Value::list([]))]).is_some());
}

#[test]
fn random_sequential_registers() {
    let mut calls = vec![Call::ok("read", Value::Nil, Value::Nil)];
    for value in 1..=2 {
        calls.push(Call::ok("read", Value::Nil, int(value)));
        calls.push(Call::ok("write", int(value), int(value)));
        calls.push(Call::info("write", int(value)));
        calls.push(Call::ok("cas", Value::pair(int(value), int(3 - value)), Value::Nil));
        calls.push(Call::info("cas", Value::pair(int(value), int(3 - value))));
    }
    let mut choices = Choices::new(6);
    let (mut verdicts, mut weaker) = ([0; 2], 0);
    let mut sizes = Vec::new();
    for _ in 0..20_000 {
        let history = random_history(&calls, 3 + choices.below(4), 1 + choices.below(3), &mut choices);
        let model = CasRegister::default();
        let ops = Ops::All(history.len() as u32);
        let expected = brute::is_sequentially_consistent(&model, &history, ops);
        let answer = sequential::check(&model, &history, &Budget::default()).expect("it is of this model");
        assert_eq!(matches!(answer, sequential::Answer::Yes(_)), expected, "{answer:?} {history:?}");
        if let sequential::Answer::No(core) = &answer {
            sizes.push(core.len());
            assert!(core_contradicts(&model, &history, core), "{core:?} {history:?}");
        }
        let linearizable = brute::is_linearizable(&model, &history, ops);
        assert!(!linearizable || expected, "linearizability implies sequential consistency: {history:?}");
        verdicts[usize::from(expected)] += 1;
        weaker += u32::from(expected && !linearizable);
    }
    assert!(verdicts.iter().all(|&count| count > 1_000) && weaker > 100, "{verdicts:?} {weaker}");
    // Many contradictions are one read of what nobody can have written.
    assert!(sizes.contains(&1) && sizes.iter().any(|&size| size > 2), "{:?}", sizes.iter().max());
}

/// Whether a core contradicts itself when everything else may have happened or not, and each of its operations is
/// needed for that.
fn core_contradicts(model: &CasRegister, history: &History, core: &[OpId]) -> bool {
    let explained = |certain: &[OpId]| {
        let mut events: Vec<Event> = Vec::new();
        for (position, op) in history.ops().enumerate() {
            let kept = certain.contains(&op.id);
            if !kept && op.f == "read" {
                continue;
            }
            // What is no longer certain keeps no order: it gets a process of its own, and no completion.
            let process = if kept || op.outcome == Outcome::Info { op.process } else { 1_000 + position as u32 };
            let event = |kind, value: &Value| Event {
                time: 2 * position as u64,
                process,
                kind,
                f: op.f.into(),
                key: Value::Nil,
                value: value.clone(),
                node: None,
                error: None,
            };
            events.push(event(EventKind::Invoke, &op.input));
            if kept {
                events.push(event(EventKind::Ok, &op.output));
            }
        }
        let told = History::from_events(events).expect("each process has one operation at a time");
        brute::is_sequentially_consistent(model, &told, Ops::All(told.len() as u32))
    };
    let needed = |op: &OpId| {
        let rest: Vec<OpId> = core.iter().copied().filter(|other| other != op).collect();
        explained(&rest)
    };
    !explained(core) && core.iter().all(needed)
}

/// Each key alone is sequentially consistent, both together are not: the property is not local.
#[test]
fn sequential_consistency_looks_at_all_keys_together() {
    let run = |process: u32, f: &str, key: i64, value: Value| {
        let event = move |kind, f: &str, value: Value| Event {
            time: 0,
            process,
            kind,
            f: f.into(),
            key: int(key),
            value,
            node: None,
            error: None,
        };
        let input = if f == "read" { Value::Nil } else { value.clone() };
        [event(EventKind::Invoke, f, input), event(EventKind::Ok, f, value)]
    };
    let dekker = [
        run(0, "write", 1, int(1)),
        run(1, "write", 2, int(1)),
        run(0, "read", 2, Value::Nil),
        run(1, "read", 1, Value::Nil),
    ];
    let judge = |operations: &[[Event; 2]]| {
        let history = History::from_events(operations.iter().flatten().cloned()).expect("it is a history");
        sequential::check(&Register, &history, &Budget::default()).expect("it is of this model")
    };
    assert_eq!(judge(&dekker), sequential::Answer::No((0..4).map(OpId).collect()));
    for key in [1, 2] {
        let alone: Vec<_> = dekker.iter().filter(|events| events[0].key == int(key)).cloned().collect();
        assert!(matches!(judge(&alone), sequential::Answer::Yes(_)), "key {key}");
    }
}

/// With tokens that never run out a state may grow for ever; what it holds counts as memory.
#[test]
fn states_that_grow_keep_to_the_memory_budget() {
    fn shortage<M: Model>(model: &M, grow: Call, never: Call) -> Shortage {
        let history = overlap(&[grow, never], 1, &mut Choices::new(1));
        let subhistory = compile(model, &history, Ops::All(2)).expect("the test's operations are of this model");
        let budget = Budget { steps: 3_000, bytes: 2 << 20 };
        match frontier(model, &subhistory, Mode::Inexhaustible, &budget).answer {
            Answer::Unknown(shortage) => shortage,
            other => panic!("{}: {other:?}", model.name()),
        }
    }
    let queue = Container { discipline: Discipline::Fifo };
    let put = Call::info("enqueue", int(1));
    assert_eq!(shortage(&queue, put, Call::ok("dequeue", Value::Nil, int(2))), Shortage::Bytes);
    let append = Call::info("append", int(1));
    assert_eq!(shortage(&AppendList, append, Call::ok("read", Value::Nil, list(&[2]))), Shortage::Bytes);
    let append = Call::info("append", Value::text("a longer text"));
    assert_eq!(shortage(&StringMap, append, Call::ok("get", Value::Nil, Value::text("another"))), Shortage::Bytes);
}
