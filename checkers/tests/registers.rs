//! Every engine that judges registers, against the brute-force reference.

use rashomon_checkers::engine::{Answer, Mode, decide, frontier, search};
use rashomon_checkers::keys::KeyTable;
use rashomon_checkers::linearizable::{Options, check_with};
use rashomon_checkers::model::Model;
use rashomon_checkers::models::{CasRegister, FailedCas, Register};
use rashomon_checkers::simulated::Simulation;
use rashomon_checkers::small::{Call, Choices, each_history, overlap, random_history};
use rashomon_checkers::specialist::{Decision, Ops, Rows, Scratch};
use rashomon_checkers::subhistory::compile;
use rashomon_checkers::{Budget, Finding, brute, certificate};
use rashomon_history::{History, OpId, Value};

/// Judges a history by every engine and compares each with the reference; returns the verdict.
fn agree<M: Model>(model: &M, history: &History, decided: &mut u32) -> bool {
    let ops = Ops::All(history.len() as u32);
    let expected = brute::is_linearizable(model, history, ops);
    let specialist = model.specialist().expect("registers have one");
    let decision = specialist.decide(&Rows::of(history, ops), true, &mut Scratch::default());
    if let Ok(Decision::Decided(answered)) = decision {
        check_answer(model, history, ops, expected, answered.answer, specialist.method());
        *decided += 1;
    }
    if specialist.certain(history, &KeyTable::of(history, 1), 1) == [true] {
        assert!(expected, "certain in one pass, but the reference says no: {}", show(history));
    }
    let subhistory = compile(model, history, ops).expect("the test's operations are of this model");
    check_answer(model, history, ops, expected, search(model, &subhistory, &Budget::default()).answer, "search");
    check_answer(
        model,
        history,
        ops,
        expected,
        frontier(model, &subhistory, Mode::Exact, &Budget::default()).answer,
        "frontier",
    );
    let narrow = Mode::Beam { width: 1, reach: 2, lazy: false };
    let lazy = Mode::Beam { width: 1, reach: u32::MAX, lazy: true };
    for mode in [Mode::Inexhaustible, narrow, lazy] {
        match frontier(model, &subhistory, mode, &Budget::default()).answer {
            Answer::Unknown(_) => {}
            certain => check_answer(model, history, ops, expected, certain, "approximation"),
        }
    }
    expected
}

fn check_answer<M: Model>(model: &M, history: &History, ops: Ops<'_>, expected: bool, answer: Answer, engine: &str) {
    match answer {
        Answer::Yes(order) => {
            assert!(expected, "{engine} says yes, the reference no: {}", show(history));
            let verified = certificate::verify(model, history, ops, &order);
            assert_eq!(verified, Ok(()), "{engine} proves it by {order:?}: {}", show(history));
        }
        Answer::No { at, .. } => {
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
            calls.push(Call::pending("write", int(value)));
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
        let (mut verdicts, mut decided) = ([0u32; 2], 0);
        each_history(&calls(2, false), size, |history| {
            verdicts[usize::from(agree(&Register, history, &mut decided))] += 1
        });
        assert!(size == 0 || verdicts[0] > 0 && verdicts[1] > 0, "{verdicts:?}");
    }
}

#[test]
fn all_cas_register_histories_of_up_to_three_operations() {
    for failed_cas in [FailedCas::Nothing, FailedCas::Compared] {
        for size in 0..=3 {
            let mut decided = 0;
            each_history(&calls(2, true), size, |history| {
                agree(&CasRegister { failed_cas }, history, &mut decided);
            });
        }
    }
}

/// One operation more, minutes instead of seconds: run it after changing an engine.
#[test]
#[ignore = "takes minutes"]
fn all_register_and_cas_register_histories_of_four_operations() {
    let (mut verdicts, mut decided) = ([0u32; 2], 0);
    each_history(&calls(2, false), 4, |history| verdicts[usize::from(agree(&Register, history, &mut decided))] += 1);
    for failed_cas in [FailedCas::Nothing, FailedCas::Compared] {
        each_history(&calls(2, true), 4, |history| {
            verdicts[usize::from(agree(&CasRegister { failed_cas }, history, &mut decided))] += 1
        });
    }
    println!("not linearizable, linearizable: {verdicts:?}; by zones: {decided}");
}

#[test]
fn random_cas_register_histories() {
    let mut choices = Choices::new(1);
    let (mut verdicts, mut decided) = ([0u32; 2], 0);
    for round in 0..30_000 {
        let calls = calls(1 + round % 3, round % 2 == 0);
        let history = random_history(&calls, 4 + choices.below(4), 1 + choices.below(5), &mut choices);
        let failed_cas = if choices.below(2) == 0 { FailedCas::Nothing } else { FailedCas::Compared };
        verdicts[usize::from(agree(&CasRegister { failed_cas }, &history, &mut decided))] += 1;
    }
    assert!(verdicts.iter().all(|&count| count > 1_000), "{verdicts:?}");
    assert!(decided > 1_000, "zones decided {decided}");
}

#[test]
fn random_histories_with_unique_values() {
    let mut choices = Choices::new(2);
    let (mut verdicts, mut decided) = ([0u32; 2], 0);
    let rounds = 60_000;
    for round in 0..rounds {
        let size = 3 + choices.below(5);
        let mut written = 0;
        let mut calls = Vec::new();
        for _ in 0..size {
            let old = |choices: &mut Choices, written: i64| choices.below(written as usize + 1) as i64;
            let value = |number: i64| if number == 0 { Value::Nil } else { int(number) };
            let end = choices.below(8);
            calls.push(match choices.below(if round % 2 == 0 { 2 } else { 4 }) {
                0 => {
                    written += 1;
                    match end {
                        0 => Call::fail("write", int(written)),
                        1 | 2 => Call::info("write", int(written)),
                        _ => Call::ok("write", int(written), int(written)),
                    }
                }
                1 => Call::ok("read", Value::Nil, value(old(&mut choices, written + i64::from(end == 0)))),
                _ => {
                    let from = value(old(&mut choices, written));
                    written += i64::from(end != 7);
                    let pair = Value::pair(from, int(written));
                    match end {
                        0 | 1 => Call::fail("cas", pair),
                        2 | 3 => Call::info("cas", pair),
                        _ => Call::ok("cas", pair.clone(), pair),
                    }
                }
            });
        }
        let history = overlap(&calls, 1 + choices.below(4), &mut choices);
        let failed_cas = if choices.below(2) == 0 { FailedCas::Nothing } else { FailedCas::Compared };
        verdicts[usize::from(agree(&CasRegister { failed_cas }, &history, &mut decided))] += 1;
    }
    assert!(verdicts.iter().all(|&count| count > 1_000), "{verdicts:?}");
    assert!(decided > rounds * 8 / 10, "zones decided {decided} of {rounds}");
}

/// Long histories have no reference, but what is proved is replayed, and what is planted must be found.
#[test]
fn simulated_histories_are_judged_as_they_were_made() {
    for seed in 0..40 {
        let simulation = Simulation {
            operations: 400,
            clients: 1 + seed as usize % 12,
            values: seed % 7,
            info: [0.0, 0.02, 0.1][seed as usize % 3],
            late: 0.3,
            impossible: seed as usize / 20,
            seed,
            ..Simulation::default()
        };
        let history = simulation.run();
        let options = Options { certify: true, ..Options::default() };
        let judgement = check_with(&CasRegister::default(), &history, &options);
        let expected = if simulation.impossible == 0 { Finding::Valid } else { Finding::Invalid };
        assert_eq!(judgement.finding, expected, "{simulation:?} {judgement:?}");
        let subhistory = compile(&CasRegister::default(), &history, Ops::All(400)).expect("it is of this model");
        match decide(&CasRegister::default(), &subhistory, &Budget::default()).0.answer {
            Answer::Yes(order) => {
                assert_eq!(expected, Finding::Valid);
                let model = CasRegister::default();
                assert_eq!(certificate::verify(&model, &history, Ops::All(400), &order), Ok(()), "{simulation:?}");
            }
            Answer::No { .. } => assert_eq!(expected, Finding::Invalid, "{simulation:?}"),
            Answer::Unknown(shortage) => panic!("out of {shortage:?}: {simulation:?}"),
        }
    }
}

#[test]
fn judgements_do_not_depend_on_the_number_of_threads() {
    for impossible in [0, 3] {
        let simulation = Simulation { operations: 25_000, keys: 40, info: 0.02, impossible, ..Simulation::default() };
        let history = simulation.run();
        let judge = |threads| check_with(&CasRegister::default(), &history, &Options { threads, ..Options::default() });
        assert_eq!(judge(1), judge(3));
        assert_eq!(judge(1).finding == Finding::Valid, impossible == 0);
    }
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
        certificate::verify(&Register, &history, Ops::All(3), &order)
    };
    use certificate::Flaw;
    assert_eq!(verify(&[0, 1, 2]), Ok(()));
    assert_eq!(verify(&[0, 1]), Err(Flaw::Missing(OpId(2))));
    assert_eq!(verify(&[0, 0, 1, 2]), Err(Flaw::Twice(OpId(0))));
    assert_eq!(verify(&[1, 0, 2]), Err(Flaw::RealTime { late: OpId(0), early: OpId(1) }));
    assert_eq!(verify(&[0, 2, 1]), Err(Flaw::Illegal(OpId(2))));
    assert_eq!(
        certificate::verify(&Register, &history, Ops::Listed(&[0, 1]), &[OpId(0), OpId(1), OpId(2)]),
        Err(Flaw::Foreign(OpId(2)))
    );
}
