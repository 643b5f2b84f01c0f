//! A register: read, write and, for [`CasRegister`], compare-and-set. It holds nil before its first write.
//!
//! The atomic register of Lamport, *On interprocess communication* (1986), with the compare-and-set of Herlihy,
//! *Wait-free synchronization* (1991).

mod explanation;
mod zones;

use rashomon_history::{OpView, Outcome, Value};

use crate::model::{Model, Nature, Unusable};
use crate::specialist::Specialist;
use crate::story::{Explanation, Story};
use zones::Zones;

/// An operation on a register with what it returned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterOp {
    /// It returned this value.
    Read(Value),
    /// It wrote this value.
    Write(Value),
    /// It found the first value and replaced it by the second. Where the outcome is unknown it may as well have found
    /// another value and done nothing, which is the same as never having run.
    Cas(Value, Value),
    /// It found a value other than this one and changed nothing ([`FailedCas::Compared`]).
    Refused(Value),
}

/// What a compare-and-set that ended `fail` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FailedCas {
    /// Only that it did not happen, as everywhere in Jepsen: perhaps it never reached the register.
    #[default]
    Nothing,
    /// That it compared and found another value, as in histories whose client says `info` for every other failure.
    Compared,
}

/// A register with read and write.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

/// A register with read, write and compare-and-set.
#[derive(Clone, Copy, Debug, Default)]
pub struct CasRegister {
    /// What a failed compare-and-set says.
    pub failed_cas: FailedCas,
}

fn step(state: &Value, op: &RegisterOp) -> Option<Value> {
    match op {
        RegisterOp::Read(value) => (state == value).then(|| state.clone()),
        RegisterOp::Write(value) => Some(value.clone()),
        RegisterOp::Cas(from, to) => (state == from).then(|| to.clone()),
        RegisterOp::Refused(from) => (state != from).then(|| state.clone()),
    }
}

fn nature(op: &RegisterOp) -> Nature {
    match op {
        RegisterOp::Read(_) | RegisterOp::Refused(_) => Nature::Observer,
        RegisterOp::Cas(from, to) if from == to => Nature::Observer,
        RegisterOp::Write(_) => Nature::Overwrite,
        RegisterOp::Cas(..) => Nature::Update,
    }
}

fn describe(op: &RegisterOp) -> String {
    match op {
        RegisterOp::Read(value) => format!("read → {value}"),
        RegisterOp::Write(value) => format!("write {value}"),
        RegisterOp::Cas(from, to) => format!("cas {from} → {to}"),
        RegisterOp::Refused(from) => format!("cas that did not find {from}"),
    }
}

fn read_or_write(op: &OpView<'_>) -> Result<Option<RegisterOp>, Unusable> {
    match (op.f, op.outcome) {
        ("read" | "write", Outcome::Fail) | ("read", Outcome::Info) => Ok(None),
        ("read", Outcome::Ok) => Ok(Some(RegisterOp::Read(op.output.clone()))),
        ("write", _) => Ok(Some(RegisterOp::Write(op.input.clone()))),
        (other, _) => Err(Unusable(format!("`{other}` is not an operation of a register; it knows read and write"))),
    }
}

impl Model for Register {
    type State = Value;
    type Op = RegisterOp;

    fn name(&self) -> &str {
        "register"
    }

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<RegisterOp>, Unusable> {
        read_or_write(op)
    }

    fn step(&self, state: &Value, op: &RegisterOp) -> impl IntoIterator<Item = Value> {
        step(state, op)
    }

    fn nature(&self, op: &RegisterOp) -> Nature {
        nature(op)
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(&Zones { failed_cas: FailedCas::Nothing })
    }

    fn explain(&self, story: &Story<'_, RegisterOp>) -> Option<Explanation> {
        explanation::explain(story)
    }

    fn describe(&self, op: &RegisterOp) -> String {
        describe(op)
    }
}

impl Model for CasRegister {
    type State = Value;
    type Op = RegisterOp;

    fn name(&self) -> &str {
        "cas-register"
    }

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<RegisterOp>, Unusable> {
        if op.f != "cas" {
            return read_or_write(op).map_err(|_| {
                Unusable(format!("`{}` is not an operation of a cas-register; it knows read, write and cas", op.f))
            });
        }
        let Some([from, to]) = op.input.as_list() else {
            return Err(Unusable(format!("a cas is invoked with [from to], this one with {}", op.input)));
        };
        Ok(match (op.outcome, self.failed_cas) {
            (Outcome::Ok | Outcome::Info, _) => Some(RegisterOp::Cas(from.clone(), to.clone())),
            (Outcome::Fail, FailedCas::Nothing) => None,
            (Outcome::Fail, FailedCas::Compared) => Some(RegisterOp::Refused(from.clone())),
        })
    }

    fn step(&self, state: &Value, op: &RegisterOp) -> impl IntoIterator<Item = Value> {
        step(state, op)
    }

    fn nature(&self, op: &RegisterOp) -> Nature {
        nature(op)
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(match self.failed_cas {
            FailedCas::Nothing => &Zones { failed_cas: FailedCas::Nothing },
            FailedCas::Compared => &Zones { failed_cas: FailedCas::Compared },
        })
    }

    fn explain(&self, story: &Story<'_, RegisterOp>) -> Option<Explanation> {
        explanation::explain(story)
    }

    fn describe(&self, op: &RegisterOp) -> String {
        describe(op)
    }
}
