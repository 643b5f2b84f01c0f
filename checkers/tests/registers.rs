//! Every engine that judges registers, against the brute-force reference.

use rashomon_checkers::engine::{Answer, Mode, frontier, search};
use rashomon_checkers::model::Model;
use rashomon_checkers::models::{CasRegister, FailedCas, Register};
use rashomon_checkers::part::compile;
use rashomon_checkers::small::{Call, Choices, each_history, random_history};
use rashomon_checkers::{Budget, brute, certificate};
use rashomon_history::{History, OpId, Value};

/// Judges a history by every engine and compares each with the reference; returns the verdict.
fn agree<M: Model>(model: &M, history: &History) -> bool {
    let ops: Vec<u32> = (0..history.len() as u32).collect();
    let expected = brute::is_linearizable(model, history, &ops);
    let part = compile(model, history, &ops).expect("the test's operations are of this model");
    check_answer(model, history, &ops, expected, search(model, &part, &Budget::default()).answer, "search");
    check_answer(
        model,
        history,
        &ops,
        expected,
        frontier(model, &part, Mode::Exact, &Budget::default()).answer,
        "frontier",
    );
    for mode in [Mode::Inexhaustible, Mode::Beam { width: 1, reach: 2 }] {
        match frontier(model, &part, mode, &Budget::default()).answer {
            Answer::Unknown(_) => {}
            certain => check_answer(model, history, &ops, expected, certain, "approximation"),
        }
    }
    expected
}

fn check_answer<M: Model>(model: &M, history: &History, ops: &[u32], expected: bool, answer: Answer, engine: &str) {
    match answer {
        Answer::Yes(order) => {
            assert!(expected, "{engine} says yes, the reference no: {}", show(history));
            let verified = certificate::verify(model, history, ops, &order);
            assert_eq!(verified, Ok(()), "{engine} proves it by {order:?}: {}", show(history));
        }
        Answer::No { at } => {
            assert!(!expected, "{engine} says no, the reference yes: {}", show(history));
            assert!(history.ops().any(|op| op.completed == Some(at)), "{engine} blames event {at}: {}", show(history));
        }
        Answer::Unknown(shortage) => panic!("{engine} ran out of {shortage:?}: {}", show(history)),
    }
}

fn show(history: &History) -> String {
    let lines = history
        .ops()
        .map(|op| format!("{} {} → {} {} [{}, {:?}]", op.f, op.input, op.output, op.outcome, op.invoked, op.completed));
    lines.collect::<Vec<_>>().join("; ")
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn pair(from: i64, to: i64) -> Value {
    Value::pair(int(from), int(to))
}

/// Everything that can be done with a register of `values` values, in every mixture of outcomes.
fn calls(values: i64, cas: bool) -> Vec<Call> {
    let mut calls = vec![Call::ok("read", Value::Nil, Value::Nil), Call::info("read", Value::Nil)];
    for value in 0..values {
        calls.push(Call::ok("read", Value::Nil, int(value)));
        calls.push(Call::ok("write", int(value), int(value)));
        calls.push(Call::info("write", int(value)));
        if value == 0 {
            calls.push(Call::fail("write", int(value)));
            calls.push(Call::open("write", int(value)));
        }
        for to in (0..values).filter(|_| cas) {
            calls.push(Call::ok("cas", pair(value, to), pair(value, to)));
            calls.push(Call::info("cas", pair(value, to)));
            if value != to {
                calls.push(Call::fail("cas", pair(value, to)));
            }
        }
    }
    calls
}

#[test]
fn all_register_histories_of_up_to_three_operations() {
    for size in 0..=3 {
        let mut verdicts = [0u32; 2];
        each_history(&calls(2, false), size, |history| verdicts[usize::from(agree(&Register, history))] += 1);
        assert!(size == 0 || verdicts[0] > 0 && verdicts[1] > 0, "{verdicts:?}");
    }
}

#[test]
fn all_cas_register_histories_of_up_to_three_operations() {
    for failed_cas in [FailedCas::Nothing, FailedCas::Compared] {
        for size in 0..=3 {
            each_history(&calls(2, true), size, |history| {
                agree(&CasRegister { failed_cas }, history);
            });
        }
    }
}

#[test]
fn random_cas_register_histories() {
    let mut choices = Choices::new(1);
    let mut verdicts = [0u32; 2];
    for round in 0..30_000 {
        let calls = calls(1 + round % 3, round % 2 == 0);
        let history = random_history(&calls, 4 + choices.below(4), 1 + choices.below(5), &mut choices);
        let failed_cas = if choices.below(2) == 0 { FailedCas::Nothing } else { FailedCas::Compared };
        verdicts[usize::from(agree(&CasRegister { failed_cas }, &history))] += 1;
    }
    assert!(verdicts.iter().all(|&count| count > 1_000), "{verdicts:?}");
}

#[test]
fn the_verifier_refuses_what_is_not_a_linearization() {
    let events = [("write", 1), ("write", 2), ("read", 2)];
    let calls: Vec<Call> = events
        .iter()
        .map(|&(f, value)| Call::ok(f, if f == "read" { Value::Nil } else { int(value) }, int(value)))
        .collect();
    // One after the other.
    let history = {
        let mut found = None;
        each_history(&calls, 3, |history| {
            let in_order = history.ops().zip([1, 2, 2]).all(|(op, value)| op.output == int(value));
            let fs: Vec<String> = history.ops().map(|op| op.f.to_owned()).collect();
            if in_order && fs == ["write", "write", "read"] && (0..3).all(|op| history.row(OpId(op)).invoked == 2 * op)
            {
                found = Some(history.clone());
            }
        });
        found.expect("it is one of them")
    };
    let verify = |order: &[u32]| {
        let order: Vec<OpId> = order.iter().map(|&id| OpId(id)).collect();
        certificate::verify(&Register, &history, &[0, 1, 2], &order)
    };
    use certificate::Flaw;
    assert_eq!(verify(&[0, 1, 2]), Ok(()));
    assert_eq!(verify(&[0, 1]), Err(Flaw::Missing(OpId(2))));
    assert_eq!(verify(&[0, 0, 1, 2]), Err(Flaw::Twice(OpId(0))));
    assert_eq!(verify(&[1, 0, 2]), Err(Flaw::RealTime { late: OpId(0), early: OpId(1) }));
    assert_eq!(verify(&[0, 2, 1]), Err(Flaw::Illegal(OpId(2))));
    assert_eq!(
        certificate::verify(&Register, &history, &[0, 1], &[OpId(0), OpId(1), OpId(2)]),
        Err(Flaw::Foreign(OpId(2)))
    );
}
