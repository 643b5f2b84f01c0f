//! A model of one's own: a register that keeps the larger value.
//!
//! `raise v` sets the register to the larger of `v` and what it holds; `read` returns it. `cargo run -p
//! rashomon-custom-model` judges two small histories, one right and one wrong. With arguments it is the whole program,
//! with one checker more: `cargo run -p rashomon-custom-model -- check FILE --model max-register`.

use std::process::ExitCode;

use rashomon_checkers::checker::{Function, Shape};
use rashomon_checkers::model::{Model, Nature, Unusable, known_result};
use rashomon_checkers::small::{Call, Choices, overlap};
use rashomon_checkers::{Budget, Checker, Judgement, Level, linearizable};
use rashomon_harness::registry::Registry;
use rashomon_history::{OpView, Value};

/// The checker, as `check --model` and `list models` know it.
const MAX_REGISTER: Checker = Checker::new(
    "max-register",
    "linearizable register per key that keeps the larger value: raise, read; 0 at first",
    |history, request| linearizable::check(&MaxRegister, history, &request.budget),
)
.with_functions(&[Function::update("raise", Shape::INT), Function::observer("read", Shape::Any, Shape::INT)])
.with_levels(&[Level::LINEARIZABLE]);

struct MaxRegister;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Op {
    Raise(i64),
    Read(i64),
}

impl Model for MaxRegister {
    type State = i64;
    type Op = Op;

    fn name(&self) -> &str {
        "max-register"
    }

    fn initial(&self) -> i64 {
        0
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<Op>, Unusable> {
        let number = |value: &Value| value.as_int().ok_or_else(|| Unusable(format!("{value} is not a number")));
        match (op.f, known_result(op)) {
            (_, None) | ("read", Some(false)) => Ok(None),
            ("raise", Some(_)) => Ok(Some(Op::Raise(number(&op.input)?))),
            ("read", Some(true)) => Ok(Some(Op::Read(number(&op.output)?))),
            (other, _) => Err(Unusable(format!("`{other}` is not an operation of a max-register"))),
        }
    }

    fn step(&self, state: &i64, op: &Op) -> impl IntoIterator<Item = i64> {
        match op {
            Op::Raise(value) => Some(*state.max(value)),
            Op::Read(value) => (state == value).then_some(*state),
        }
    }

    // Optional: it lets the engines prune.
    fn nature(&self, op: &Op) -> Nature {
        if matches!(op, Op::Read(_)) { Nature::Observer } else { Nature::Update }
    }
}

fn judge(calls: &[Call]) -> Judgement {
    let history = overlap(calls, 1, &mut Choices::new(1));
    MAX_REGISTER.check(&history, &Budget::default())
}

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        return rashomon_harness::cli::main(Registry::new().checker(MAX_REGISTER));
    }
    let raise = |value| Call::ok("raise", Value::Int(value), Value::Int(value));
    let read = |value| Call::ok("read", Value::Nil, Value::Int(value));
    for calls in [[raise(3), raise(1), read(3)], [raise(3), raise(1), read(1)]] {
        let judgement = judge(&calls);
        println!("{}: {:?}", judgement.checker, judgement.finding);
        for anomaly in &judgement.anomalies {
            println!("  {}: {}", anomaly.name, anomaly.sentence);
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use rashomon_checkers::Finding;
    use rashomon_checkers::engine::{Answer, decide};
    use rashomon_checkers::small::each_history;
    use rashomon_checkers::specialist::Ops;
    use rashomon_checkers::subhistory::compile;
    use rashomon_checkers::{brute, certificate};

    #[test]
    fn it_is_listed_and_refuses_what_it_cannot_read() {
        let registry = Registry::new().checker(MAX_REGISTER);
        assert_eq!(registry.checkers().find("max-register"), Ok(MAX_REGISTER));
        assert_eq!(registry.checkers().iter().last(), Some(&MAX_REGISTER));
        let lower = Call::ok("lower", Value::Int(1), Value::Int(1));
        let judgement = judge(&[lower, Call::ok("read", Value::Nil, Value::Int(1))]);
        assert_eq!(judgement.finding, Finding::Unknown);
        assert!(judgement.unknown[0].contains("`lower` is not an operation of max-register"), "{judgement:?}");
    }

    #[test]
    fn all_small_histories_agree_with_brute_force() {
        let int = Value::Int;
        let mut calls = vec![Call::ok("read", Value::Nil, int(0)), Call::info("read", Value::Nil)];
        for value in 1..3 {
            calls.push(Call::ok("raise", int(value), int(value)));
            calls.push(Call::info("raise", int(value)));
            calls.push(Call::ok("read", Value::Nil, int(value)));
        }
        each_history(&calls, 3, |history| {
            let ops = Ops::All(3);
            let subhistory = compile(&MaxRegister, history, ops).expect("it is of this model");
            let (answered, _) = decide(&MaxRegister, &subhistory, &Budget::default());
            let linearizable = brute::is_linearizable(&MaxRegister, history, ops);
            assert_eq!(matches!(answered.answer, Answer::Yes(_)), linearizable);
            if let Answer::Yes(order) = answered.answer {
                assert_eq!(certificate::verify(&MaxRegister, history, ops, &order), Ok(()));
            }
        });
    }
}
