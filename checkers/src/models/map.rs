//! Registers changed several at a time.

use std::collections::BTreeMap;

use rashomon_history::{OpView, Outcome, Value};

use crate::model::{Model, Nature, Unusable};

/// Several registers, read and written together: `txn` with a list of `[read key value]`, `[write key value]` and
/// `[append key element]`, applied one after the other at one moment. All nil at first, which is an empty list to those
/// who append. Not independent, so judged as one object: this is strict serializability of the transactions.
#[derive(Clone, Copy, Debug, Default)]
pub struct MultiRegister;

/// One step of an operation on a [`MultiRegister`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MultiStep {
    /// The register held this value.
    Read(Value, Value),
    /// The register got this value.
    Write(Value, Value),
    /// The list in the register got this element at its end.
    Append(Value, Value),
}

impl Model for MultiRegister {
    type State = BTreeMap<Value, Value>;
    type Op = Vec<MultiStep>;

    fn name(&self) -> &str {
        "multi-register"
    }

    fn initial(&self) -> BTreeMap<Value, Value> {
        BTreeMap::new()
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<Vec<MultiStep>>, Unusable> {
        let refuse = || {
            Unusable(format!("a txn of a multi-register is a list of [read|write|append key value], not {}", op.input))
        };
        if op.f != "txn" {
            return Err(Unusable(format!("`{}` is not an operation of a multi-register; it knows txn", op.f)));
        }
        let known = op.outcome == Outcome::Ok;
        let steps = if known { &op.output } else { &op.input };
        let mut read = Vec::new();
        for step in steps.as_list().ok_or_else(refuse)? {
            let Some([f, key, value]) = step.as_list() else { return Err(refuse()) };
            match f.as_text() {
                Some("read" | "r") if known => read.push(MultiStep::Read(key.clone(), value.clone())),
                Some("read" | "r") => {}
                Some("write" | "w") => read.push(MultiStep::Write(key.clone(), value.clone())),
                Some("append") => read.push(MultiStep::Append(key.clone(), value.clone())),
                _ => return Err(refuse()),
            }
        }
        let says_nothing = op.outcome == Outcome::Fail || read.is_empty();
        Ok((!says_nothing).then_some(read))
    }

    fn step(
        &self,
        state: &BTreeMap<Value, Value>,
        op: &Vec<MultiStep>,
    ) -> impl IntoIterator<Item = BTreeMap<Value, Value>> {
        let mut after = state.clone();
        for step in op {
            match step {
                MultiStep::Read(key, value) => {
                    let nothing = !after.contains_key(key) && value.as_list().is_some_and(<[Value]>::is_empty);
                    if after.get(key).unwrap_or(&Value::Nil) != value && !nothing {
                        return None;
                    }
                }
                // Nil is what a register holds that was never written: the same state either way.
                MultiStep::Write(key, Value::Nil) => {
                    after.remove(key);
                }
                MultiStep::Write(key, value) => {
                    after.insert(key.clone(), value.clone());
                }
                MultiStep::Append(key, element) => {
                    let list = match after.get(key) {
                        None => &[][..],
                        Some(value) => value.as_list()?,
                    };
                    let longer = Value::list(list.iter().chain([element]).cloned());
                    after.insert(key.clone(), longer);
                }
            }
        }
        Some(after)
    }

    fn nature(&self, op: &Vec<MultiStep>) -> Nature {
        let reads = op.iter().all(|step| matches!(step, MultiStep::Read(..)));
        if reads { Nature::Observer } else { Nature::Update }
    }

    fn held(&self, state: &BTreeMap<Value, Value>) -> usize {
        // A tree's nodes are about two thirds full.
        state.len() * size_of::<(Value, Value)>() * 3 / 2
    }

    fn describe(&self, op: &Vec<MultiStep>) -> String {
        let steps: Vec<String> = op
            .iter()
            .map(|step| match step {
                MultiStep::Read(key, value) => format!("read {key} → {value}"),
                MultiStep::Write(key, value) => format!("write {key} {value}"),
                MultiStep::Append(key, element) => format!("append {key} {element}"),
            })
            .collect();
        steps.join(", ")
    }
}
