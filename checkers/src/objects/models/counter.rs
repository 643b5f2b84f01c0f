//! Counter.

use rashomon_history::{OpId, OpView, Outcome, Value};

use super::reading::{Verbs, calls, decision, observations};
use crate::model::{Model, Nature, Unusable};
use crate::objects::counter::{CounterAct, counter};
use crate::specialist::{Decision, Rows, Scratch, Specialist};

/// A counter, 0 at first: `add` an amount (1 where none is given), `read` the value, `fetch-add` an amount and return
/// the value before it, `add-fetch` an amount and return the value after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Counter {
    /// Whether there are additions that return nothing; without them it is a fetch-and-add object.
    pub blind: bool,
}

/// An operation on a counter with what it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CounterOp(pub CounterAct);

#[derive(Clone, Copy)]
enum Verb {
    Add,
    FetchAdd,
    AddFetch,
    Read,
}

impl Counter {
    fn verb(self, name: &str) -> Result<Verb, Unusable> {
        match name {
            "add" if self.blind => Ok(Verb::Add),
            "fetch-add" => Ok(Verb::FetchAdd),
            "add-fetch" => Ok(Verb::AddFetch),
            "read" => Ok(Verb::Read),
            _ => Err(Unusable(format!(
                "`{name}` is not an operation of a {}; it knows {}read, fetch-add and add-fetch",
                self.name(),
                if self.blind { "add, " } else { "" }
            ))),
        }
    }
}

fn act(verb: Verb, outcome: Outcome, input: &Value, output: &Value) -> Result<Option<CounterAct>, Unusable> {
    let amount = || match input {
        Value::Nil => Ok(1),
        Value::Int(amount) => Ok(*amount),
        other => Err(Unusable(format!("a counter adds an integer, not {other}"))),
    };
    let result = || output.as_int().ok_or_else(|| Unusable(format!("a counter holds an integer, not {output}")));
    Ok(match (verb, outcome) {
        (_, Outcome::Fail) | (Verb::Read, Outcome::Info) => None,
        (Verb::Add, _) | (Verb::FetchAdd | Verb::AddFetch, Outcome::Info) => Some(CounterAct::Add(amount()?)),
        (Verb::Read, Outcome::Ok) => Some(CounterAct::Read(result()?)),
        (Verb::FetchAdd, Outcome::Ok) => Some(CounterAct::FetchAdd { amount: amount()?, found: result()? }),
        (Verb::AddFetch, Outcome::Ok) => {
            let amount = amount()?;
            let found = result()?.checked_sub(amount);
            let found = found.ok_or_else(|| Unusable("the counter exceeds 64 bits".to_owned()))?;
            Some(CounterAct::FetchAdd { amount, found })
        }
    })
}

impl Model for Counter {
    type State = i64;
    type Op = CounterOp;

    fn name(&self) -> &str {
        if self.blind { "counter" } else { "fetch-and-add" }
    }

    fn initial(&self) -> i64 {
        0
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<CounterOp>, Unusable> {
        Ok(act(self.verb(op.f)?, op.outcome, &op.input, &op.output)?.map(CounterOp))
    }

    fn step(&self, &value: &i64, &CounterOp(act): &CounterOp) -> impl IntoIterator<Item = i64> {
        match act {
            CounterAct::Add(amount) => value.checked_add(amount),
            CounterAct::FetchAdd { amount, found } if found == value => value.checked_add(amount),
            CounterAct::Read(read) => (read == value).then_some(value),
            CounterAct::FetchAdd { .. } => None,
        }
    }

    fn nature(&self, op: &CounterOp) -> Nature {
        match op.0 {
            CounterAct::Read(_) => Nature::Observer,
            CounterAct::Add(_) | CounterAct::FetchAdd { .. } => Nature::Update,
        }
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(self)
    }

    fn describe(&self, op: &CounterOp) -> String {
        match op.0 {
            CounterAct::Add(amount) => format!("add {amount}"),
            CounterAct::FetchAdd { amount, found } => format!("add {amount} to {found}"),
            CounterAct::Read(value) => format!("read → {value}"),
        }
    }
}

impl Specialist for Counter {
    fn method(&self) -> &'static str {
        "smallest value"
    }

    fn why(&self) -> &'static str {
        "all increments are equal, or each says what it found"
    }

    fn unobserved(&self) -> Option<&'static str> {
        Some("the counter was never read")
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let history = rows.history();
        let mut verbs = Verbs::new();
        let calls = calls(rows, |row| {
            let verb = verbs.of(history, row, |name| self.verb(name))?;
            act(verb, row.outcome, &history.value(row.input), &history.value(row.output))
        })?;
        scratch.observe(observations(&calls, |act| !matches!(act, CounterAct::Add(_))));
        Ok(decision(rows, &calls, counter(&calls), prove, true))
    }
}
