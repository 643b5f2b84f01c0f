//! An interface that the harness does not know, with a workload and a model of its own: registers that keep the largest
//! value. `raise v` sets the register to the larger of `v` and what it holds; `peak` returns what it holds.

use std::collections::BTreeMap;

use rashomon_checkers::model::{Model, Nature, Unusable, known_result};
use rashomon_checkers::{Budget, Judgement, linearizable};
use rashomon_harness::client::{Completion, Operation};
use rashomon_harness::consistency::Level;
use rashomon_harness::draw::{Draw, Stream};
use rashomon_harness::interface::{self, Function, Interface};
use rashomon_harness::workload::{Generator, GeneratorSpec, Requirements, Workload};
use rashomon_history::{History, OpView, Value};

const REGISTERS: i64 = 10;

/// What the workload and the target agree on.
pub(crate) static PEAK: Interface = Interface {
    name: "peak",
    summary: "keyed registers that keep the largest value",
    functions: &[Function::update("raise", "value"), Function::read("peak", "nil → the largest value raised, or 0")],
    canonical: interface::as_answered,
    may_err: false,
};

/// The workload `peak`.
pub(crate) struct Peak;

impl Workload for Peak {
    fn name(&self) -> &'static str {
        "peak"
    }

    fn summary(&self) -> &'static str {
        "raise registers that keep the largest value and read them; each must be linearizable"
    }

    fn interface(&self) -> &'static Interface {
        &PEAK
    }

    fn model(&self, requirements: &Requirements) -> Option<String> {
        (requirements.consistency == Level::LINEARIZABLE).then(|| "linearizable max-register".to_owned())
    }

    fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
        vec!["raise", "peak"]
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        Ok(Box::new(Climbers { draw: Draw::new(spec.seed, Stream::Generator), raised: 0 }))
    }

    fn objects_are_independent(&self) -> bool {
        true
    }

    fn check(&self, history: &History, _: &Requirements, budget: &Budget) -> Vec<Judgement> {
        vec![linearizable::check(&MaxRegister, history, budget)]
    }
}

/// Raises go up by and by, but not always: a lower one must change nothing.
struct Climbers {
    draw: Draw,
    raised: u64,
}

impl Generator for Climbers {
    fn next(&mut self, _: u32) -> Option<Operation> {
        let key = self.draw.below(REGISTERS as u64) as i64;
        if self.draw.chance(0.5) {
            return Some(operation("peak", key, Value::Nil));
        }
        self.raised += 1;
        let value = self.raised - self.draw.below(self.raised.min(20));
        Some(operation("raise", key, Value::Int(value as i64)))
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        (0..REGISTERS).map(|key| operation("peak", key, Value::Nil)).collect()
    }
}

fn operation(f: &str, key: i64, value: Value) -> Operation {
    Operation { f: f.into(), key: Value::Int(key), value }
}

/// What one register does when nothing happens at the same time.
struct MaxRegister;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Op {
    Raise(i64),
    Peak(i64),
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
            (_, None) | ("peak", Some(false)) => Ok(None),
            ("raise", Some(_)) => Ok(Some(Op::Raise(number(&op.input)?))),
            ("peak", Some(true)) => Ok(Some(Op::Peak(number(&op.output)?))),
            (other, _) => Err(Unusable(format!("`{other}` is not an operation of a max-register"))),
        }
    }

    fn step(&self, state: &i64, op: &Op) -> impl IntoIterator<Item = i64> {
        match op {
            Op::Raise(value) => Some(*state.max(value)),
            Op::Peak(value) => (state == value).then_some(*state),
        }
    }

    fn nature(&self, op: &Op) -> Nature {
        if matches!(op, Op::Peak(_)) { Nature::Observer } else { Nature::Update }
    }

    fn describe(&self, op: &Op) -> String {
        match op {
            Op::Raise(value) => format!("raise {value}"),
            Op::Peak(value) => format!("peak → {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use rashomon_checkers::Finding;
    use rashomon_checkers::small::{Call, Choices, overlap};

    use super::*;

    #[test]
    fn a_lower_value_changes_nothing() {
        let raise = |value| Call::ok("raise", Value::Int(value), Value::Int(value));
        let peak = |value| Call::ok("peak", Value::Nil, Value::Int(value));
        let judge = |last| {
            let history = overlap(&[raise(3), raise(1), peak(last)], 1, &mut Choices::new(1));
            Peak.check(&history, &Requirements::new(Level::LINEARIZABLE, BTreeMap::new()), &Budget::default())
        };
        assert_eq!(judge(3)[0].finding, Finding::Valid);
        assert_eq!(judge(1)[0].finding, Finding::Invalid);
    }
}
