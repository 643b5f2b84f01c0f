//! Set.

use std::collections::BTreeSet;

use rashomon_history::{OpId, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::reading::{Verbs, calls, decision, observations};
use crate::model::{Model, Nature, Unusable};
use crate::objects::set::{SetAct, set};
use crate::specialist::{Decision, Rows, Scratch, Specialist};

/// A set, empty at first: `add` and `remove` an element, ask whether it `contains` one, `read` all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set;

/// An operation on a set with what it returned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOp {
    /// It added this element, which may have been inside.
    Add(Value),
    /// It removed this element, if it was inside.
    Remove(Value),
    /// It asked for this element and got this answer.
    Contains(Value, bool),
    /// It returned these elements.
    Read(BTreeSet<Value>),
}

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Remove,
    Contains,
    Read,
}

fn verb(name: &str) -> Result<Verb, Unusable> {
    match name {
        "add" => Ok(Verb::Add),
        "remove" => Ok(Verb::Remove),
        "contains" => Ok(Verb::Contains),
        "read" => Ok(Verb::Read),
        _ => Err(Unusable(format!("`{name}` is not an operation of a set; it knows add, remove, contains and read"))),
    }
}

fn answer(output: &Value) -> Result<bool, Unusable> {
    match output {
        Value::Bool(answer) => Ok(*answer),
        other => Err(Unusable(format!("contains returns true or false, not {other}"))),
    }
}

fn elements(output: &Value) -> Result<BTreeSet<Value>, Unusable> {
    match output.as_list() {
        Some(elements) => Ok(elements.iter().cloned().collect()),
        None => Err(Unusable(format!("a read returns a list of elements, not {output}"))),
    }
}

impl Model for Set {
    type State = BTreeSet<Value>;
    type Op = SetOp;

    fn name(&self) -> &str {
        "set"
    }

    fn initial(&self) -> BTreeSet<Value> {
        BTreeSet::new()
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<SetOp>, Unusable> {
        Ok(match (verb(op.f)?, op.outcome) {
            (_, Outcome::Fail) | (Verb::Contains | Verb::Read, Outcome::Info) => None,
            (Verb::Add, _) => Some(SetOp::Add(op.input.clone())),
            (Verb::Remove, _) => Some(SetOp::Remove(op.input.clone())),
            (Verb::Contains, Outcome::Ok) => Some(SetOp::Contains(op.input.clone(), answer(&op.output)?)),
            (Verb::Read, Outcome::Ok) => Some(SetOp::Read(elements(&op.output)?)),
        })
    }

    fn step(&self, state: &BTreeSet<Value>, op: &SetOp) -> impl IntoIterator<Item = BTreeSet<Value>> {
        let mut next = state.clone();
        let allowed = match op {
            SetOp::Add(element) => {
                next.insert(element.clone());
                true
            }
            SetOp::Remove(element) => {
                next.remove(element);
                true
            }
            SetOp::Contains(element, inside) => state.contains(element) == *inside,
            SetOp::Read(elements) => state == elements,
        };
        allowed.then_some(next)
    }

    fn nature(&self, op: &SetOp) -> Nature {
        match op {
            SetOp::Contains(..) | SetOp::Read(_) => Nature::Observer,
            SetOp::Add(_) | SetOp::Remove(_) => Nature::Update,
        }
    }

    fn held(&self, state: &BTreeSet<Value>) -> usize {
        // A tree's nodes are about two thirds full.
        state.len() * size_of::<Value>() * 3 / 2
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(self)
    }

    fn describe(&self, op: &SetOp) -> String {
        match op {
            SetOp::Add(element) => format!("add {element}"),
            SetOp::Remove(element) => format!("remove {element}"),
            SetOp::Contains(element, inside) => format!("contains {element} → {inside}"),
            SetOp::Read(elements) if elements.len() <= 8 => {
                let listed: Vec<String> = elements.iter().map(Value::to_string).collect();
                format!("read → {{{}}}", listed.join(" "))
            }
            SetOp::Read(elements) => format!("read → {} elements", elements.len()),
        }
    }
}

impl Specialist for Set {
    fn method(&self) -> &'static str {
        "by element"
    }

    fn why(&self) -> &'static str {
        "each element is added and removed at most once"
    }

    fn unobserved(&self) -> Option<&'static str> {
        Some("no element was asked for, nor the set read")
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let history = rows.history();
        let mut verbs = Verbs::new();
        scratch.reset(history);
        let mut reads: Vec<Vec<u32>> = Vec::new();
        let mut read_of: FxHashMap<u32, u32> = FxHashMap::default();
        // Elements are values within reads, which have no number of their own in the history.
        let mut local: FxHashMap<Value, u32> = FxHashMap::default();
        let whole = (0..history.functions()).any(|id| history.function(id as u16).as_ref() == "read");
        // The ids of true and false, once they were seen.
        let mut truths: [Option<(u32, bool)>; 2] = [None; 2];
        let calls = calls(rows, |row| {
            let mut element = |id: u32| {
                if !whole {
                    return scratch.local(id);
                }
                let next = local.len() as u32;
                *local.entry(history.value(id)).or_insert(next)
            };
            Ok(match (verbs.of(history, row, verb)?, row.outcome) {
                (_, Outcome::Fail) | (Verb::Contains | Verb::Read, Outcome::Info) => None,
                (Verb::Add, _) => Some(SetAct::Add(element(row.input))),
                (Verb::Remove, _) => Some(SetAct::Remove(element(row.input))),
                (Verb::Contains, Outcome::Ok) => {
                    let known = truths.iter().flatten().find(|&&(id, _)| id == row.output);
                    let inside = match known {
                        Some(&(_, inside)) => inside,
                        None => {
                            let inside = answer(&history.value(row.output))?;
                            truths[usize::from(inside)] = Some((row.output, inside));
                            inside
                        }
                    };
                    Some(SetAct::Contains(element(row.input), inside))
                }
                (Verb::Read, Outcome::Ok) => {
                    let next = reads.len() as u32;
                    let read = *read_of.entry(row.output).or_insert(next);
                    if read == next {
                        let mut known: Vec<u32> = elements(&history.value(row.output))?
                            .into_iter()
                            .map(|element| {
                                let next = local.len() as u32;
                                *local.entry(element).or_insert(next)
                            })
                            .collect();
                        known.sort_unstable();
                        reads.push(known);
                    }
                    Some(SetAct::Read(read))
                }
            })
        })?;
        scratch.observe(observations(&calls, |act| matches!(act, SetAct::Contains(..) | SetAct::Read(_))));
        Ok(decision(rows, &calls, set(&calls, &reads, prove), prove, false))
    }
}
