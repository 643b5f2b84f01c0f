//! Transactions: steps on many objects that take effect at one moment, all of them or none.
//!
//! A transaction is one log entry, so its place in the log is its place in time. One that only reads needs no entry: it
//! is a read at one applied state, as any other ([`Query::Many`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Command, Machine, Query, Response, Update, Value};

/// A step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Answers a register's value.
    Read(Arc<str>),
    /// Answers a list's elements.
    ReadList(Arc<str>),
    /// Answers a counter's value.
    ReadCounter(Arc<str>),
    /// Sets a register.
    Write(Arc<str>, Value),
    /// Appends to a list.
    Append(Arc<str>, Value),
    /// Adds to a counter. Where it would then be below `at_least`, the whole transaction is refused and changes
    /// nothing.
    Add {
        /// The counter.
        key: Arc<str>,
        /// What is added.
        amount: i64,
        /// What it must be afterwards, at least.
        at_least: Option<i64>,
    },
}

impl Step {
    /// What is asked by a step that only reads.
    pub fn query(&self) -> Option<Query> {
        match self {
            Step::Read(key) => Some(Query::Register(key.clone())),
            Step::ReadList(key) => Some(Query::List(key.clone())),
            Step::ReadCounter(key) => Some(Query::Counter(key.clone())),
            Step::Write(..) | Step::Append(..) | Step::Add { .. } => None,
        }
    }
}

impl Machine {
    /// Carries out a transaction: an answer for each step, or [`Response::Refused`].
    pub(super) fn transact(&mut self, steps: &[Step]) -> Response {
        if self.refuses(steps) {
            return Response::Refused;
        }
        Response::Many(steps.iter().map(|step| self.step(step)).collect())
    }

    /// Whether a condition does not hold.
    pub(crate) fn refuses(&self, steps: &[Step]) -> bool {
        let mut counters: BTreeMap<&str, i64> = BTreeMap::new();
        steps.iter().any(|step| {
            let Step::Add { key, amount, at_least } = step else { return false };
            let counter = counters.entry(key).or_insert_with(|| self.counters.get(key).copied().unwrap_or_default());
            *counter = counter.wrapping_add(*amount);
            at_least.is_some_and(|least| *counter < least)
        })
    }

    /// What a transaction would answer now; it is not carried out.
    pub(crate) fn look(&self, steps: &[Step]) -> Response {
        // A machine with the objects that it names is enough.
        let mut part = Machine::default();
        for step in steps {
            match step {
                Step::Read(key) | Step::Write(key, _) => {
                    part.registers
                        .extend(self.registers.get_key_value(key).map(|(key, value)| (key.clone(), value.clone())));
                }
                Step::ReadList(key) | Step::Append(key, _) => {
                    part.lists.extend(self.lists.get_key_value(key).map(|(key, list)| (key.clone(), list.clone())));
                }
                Step::ReadCounter(key) | Step::Add { key, .. } => {
                    part.counters.extend(self.counters.get_key_value(key).map(|(key, count)| (key.clone(), *count)));
                }
            }
        }
        part.transact(steps)
    }

    pub(super) fn step(&mut self, step: &Step) -> Response {
        if let Some(query) = step.query() {
            return self.query(&query);
        }
        let (key, update) = match step {
            Step::Write(key, value) => (key, Update::Write(value.clone())),
            Step::Append(key, element) => (key, Update::ListAppend(element.clone())),
            Step::Add { key, amount, .. } => (key, Update::CounterAdd(*amount)),
            Step::Read(_) | Step::ReadList(_) | Step::ReadCounter(_) => return Response::Done,
        };
        self.update(&Command { session: None, key: key.clone(), update })
    }
}

/// A transaction with what would be asked of the state taken out, as `judged-when-proposed` logs it.
pub(crate) fn without_conditions(steps: &[Step]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    for step in &mut steps {
        if let Step::Add { at_least, .. } = step {
            *at_least = None;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(key: &str, amount: i64, at_least: Option<i64>) -> Step {
        Step::Add { key: key.into(), amount, at_least }
    }

    #[test]
    fn a_transaction_sees_its_own_steps() {
        let mut machine = Machine::default();
        let steps = [Step::Append("a".into(), Value::Int(1)), Step::ReadList("a".into()), Step::Read("b".into())];
        let expected = vec![Response::Done, Response::Elements(vec![Value::Int(1)]), Response::Value(Value::Null)];
        assert_eq!(machine.transact(&steps), Response::Many(expected));
    }

    #[test]
    fn a_refused_transaction_changes_nothing() {
        let mut machine = Machine::default();
        let steps = [Step::Write("r".into(), Value::Int(1)), add("a", 3, None), add("a", -5, Some(0))];
        assert_eq!(machine.transact(&steps), Response::Refused);
        assert_eq!(machine, Machine::default());
        assert_eq!(
            machine.transact(&[add("a", 5, None), add("a", -5, Some(0))]),
            Response::Many(vec![Response::Done; 2])
        );
    }
}
