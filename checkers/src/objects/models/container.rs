//! Queue, bag, stack and priority queue.

use rashomon_history::{History, OpId, OpView, Outcome, Row, Value};

use super::reading::{Verbs, calls, decision, observations};
use crate::model::{Model, Nature, Unusable};
use crate::objects::call::{Answer, Call};
use crate::objects::container::{Act, shrink};
use crate::objects::{bag, fifo, priority_queue, stack};
use crate::specialist::{Decision, Rows, Scratch, Specialist};

/// Which value a take returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discipline {
    /// The one that has been inside longest.
    Fifo,
    /// Any.
    Any,
    /// The one that has been inside shortest.
    Lifo,
    /// The smallest integer.
    Least,
}

/// A container of values, empty at first: `enqueue`, `push` or `insert` puts one in; `dequeue`, `pop` or `extract`
/// takes one out and returns it, or returns nil when it is empty; `peek` returns it and leaves it inside. A failed
/// take or peek says nothing, and so does a peek of unknown outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Container {
    /// Which value a take returns.
    pub discipline: Discipline,
}

/// An operation on a container with what it returned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContainerOp {
    /// It put this value in.
    Put(Value),
    /// It took this value out.
    Take(Value),
    /// It found that this value would be taken next.
    Peek(Value),
    /// It found the container empty.
    Empty,
    /// Nobody knows whether it took anything, and what.
    Unknown,
}

#[derive(Clone, Copy)]
enum Verb {
    Put,
    Take,
    Peek,
}

impl Container {
    fn verb(self, name: &str) -> Result<Verb, Unusable> {
        match name {
            "enqueue" | "push" | "insert" => Ok(Verb::Put),
            "dequeue" | "pop" | "extract" => Ok(Verb::Take),
            "peek" => Ok(Verb::Peek),
            "drain" => Err(Unusable(
                "`drain` takes several values at different moments; judge this history with total-queue".to_owned(),
            )),
            _ => Err(Unusable(format!(
                "`{name}` is not an operation of a {}; it knows enqueue and dequeue, push and pop, insert and extract, and \
                 peek",
                self.name()
            ))),
        }
    }

    fn allow(self, value: &Value) -> Result<(), Unusable> {
        match (self.discipline, value) {
            (_, Value::Nil) => {
                Err(Unusable("nil cannot be put in: it is what a take from an empty one returns".to_owned()))
            }
            (Discipline::Least, value) if value.as_int().is_none() => {
                Err(Unusable(format!("a priority queue holds integers, smallest first; {value} is none")))
            }
            _ => Ok(()),
        }
    }

    fn algorithm(self) -> fn(&[Call<Act>]) -> Answer<Act> {
        match self.discipline {
            Discipline::Fifo => fifo,
            Discipline::Any => bag,
            Discipline::Lifo => stack,
            Discipline::Least => priority_queue,
        }
    }
}

impl Model for Container {
    /// In order of age; sorted where age does not matter.
    type State = Vec<Value>;
    type Op = ContainerOp;

    fn name(&self) -> &str {
        match self.discipline {
            Discipline::Fifo => "fifo-queue",
            Discipline::Any => "unordered-queue",
            Discipline::Lifo => "stack",
            Discipline::Least => "priority-queue",
        }
    }

    fn initial(&self) -> Vec<Value> {
        Vec::new()
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<ContainerOp>, Unusable> {
        Ok(match (self.verb(op.f)?, op.outcome) {
            (_, Outcome::Fail) => None,
            (Verb::Put, Outcome::Ok) if was_full(&op.input, &op.output) => None,
            (Verb::Put, _) => {
                self.allow(&op.input)?;
                Some(ContainerOp::Put(op.input.clone()))
            }
            (Verb::Peek, Outcome::Info) => None,
            (Verb::Take, Outcome::Info) => Some(ContainerOp::Unknown),
            (Verb::Take | Verb::Peek, Outcome::Ok) if op.output.is_nil() => Some(ContainerOp::Empty),
            (verb, Outcome::Ok) => {
                self.allow(&op.output)?;
                let found = op.output.clone();
                Some(if matches!(verb, Verb::Take) { ContainerOp::Take(found) } else { ContainerOp::Peek(found) })
            }
        })
    }

    fn step(&self, state: &Vec<Value>, op: &ContainerOp) -> impl IntoIterator<Item = Vec<Value>> {
        let takeable = match self.discipline {
            Discipline::Fifo | Discipline::Least => 0..state.len().min(1),
            Discipline::Lifo => state.len().saturating_sub(1)..state.len(),
            Discipline::Any => 0..state.len(),
        };
        let without = |index: usize| {
            let mut next = state.clone();
            next.remove(index);
            next
        };
        match op {
            ContainerOp::Put(value) => {
                let mut next = state.clone();
                let place = match self.discipline {
                    Discipline::Fifo | Discipline::Lifo => next.len(),
                    Discipline::Any | Discipline::Least => next.partition_point(|other| other < value),
                };
                next.insert(place, value.clone());
                vec![next]
            }
            ContainerOp::Peek(value) => {
                let found = takeable.filter(|&index| state[index] == *value).count() > 0;
                Vec::from_iter(found.then(|| state.clone()))
            }
            ContainerOp::Take(value) => takeable.filter(|&index| state[index] == *value).take(1).map(without).collect(),
            ContainerOp::Empty => Vec::from_iter(state.is_empty().then(Vec::new)),
            ContainerOp::Unknown => takeable.map(without).collect(),
        }
    }

    fn nature(&self, op: &ContainerOp) -> Nature {
        match op {
            ContainerOp::Peek(_) | ContainerOp::Empty => Nature::Observer,
            ContainerOp::Put(_) | ContainerOp::Take(_) | ContainerOp::Unknown => Nature::Update,
        }
    }

    fn held(&self, state: &Vec<Value>) -> usize {
        size_of_val(state.as_slice())
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(self)
    }

    fn describe(&self, op: &ContainerOp) -> String {
        match op {
            ContainerOp::Put(value) => format!("put {value}"),
            ContainerOp::Take(value) => format!("took {value}"),
            ContainerOp::Peek(value) => format!("found {value} next"),
            ContainerOp::Empty => "found it empty".to_owned(),
            ContainerOp::Unknown => "take of unknown outcome".to_owned(),
        }
    }
}

impl Specialist for Container {
    fn method(&self) -> &'static str {
        "by value"
    }

    fn why(&self) -> &'static str {
        "each value is put at most once"
    }

    fn unobserved(&self) -> Option<&'static str> {
        Some("nothing was ever taken out")
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let history = rows.history();
        let mut verbs = Verbs::new();
        scratch.reset(history);
        let mut calls = calls(rows, |row| {
            let verb = verbs.of(history, row, |name| self.verb(name))?;
            let mut value = |id: u32| {
                self.allow(&history.value(id))?;
                Ok(scratch.local(id))
            };
            Ok(match (verb, row.outcome) {
                (_, Outcome::Fail) => None,
                (Verb::Put, Outcome::Ok) if row.output != row.input && was_full_row(history, row) => None,
                (Verb::Put, _) => Some(Act::Put(value(row.input)?)),
                (Verb::Take, Outcome::Info) => Some(Act::Unknown),
                (Verb::Peek, Outcome::Info) => None,
                (Verb::Take | Verb::Peek, Outcome::Ok) if row.output == History::NIL => Some(Act::Empty),
                (Verb::Peek, Outcome::Ok) => Some(Act::Peek(value(row.output)?)),
                (Verb::Take, Outcome::Ok) => Some(Act::Take(value(row.output)?)),
            })
        })?;
        scratch.observe(observations(&calls, |act| matches!(act, Act::Take(_) | Act::Peek(_) | Act::Empty)));
        if self.discipline == Discipline::Least {
            rank(history, scratch, &mut calls);
        }
        let algorithm = self.algorithm();
        Ok(match algorithm(&calls) {
            Answer::Impossible(contradiction) => {
                let contradiction = shrink(&calls, contradiction, algorithm);
                decision(rows, &calls, Answer::Impossible(contradiction), prove, true)
            }
            answer => decision(rows, &calls, answer, prove, true),
        })
    }
}

/// Whether a put returned false: the container was full, so nothing was put in. A put of false that returns its input
/// again is none of these.
pub(crate) fn was_full(input: &Value, output: &Value) -> bool {
    *output == Value::Bool(false) && input != output
}

/// The same of a row.
fn was_full_row(history: &History, row: &Row) -> bool {
    row.output != History::NIL && was_full(&history.value(row.input), &history.value(row.output))
}

/// Replaces each value's number by its rank among all that occur.
fn rank(history: &History, scratch: &Scratch, calls: &mut [Call<Act>]) {
    let values = scratch.values();
    let mut sorted: Vec<(i64, u32)> = values
        .iter()
        .enumerate()
        .map(|(local, &id)| (history.value(id).as_int().expect("only integers are let in"), local as u32))
        .collect();
    sorted.sort_unstable();
    let mut rank = vec![0; values.len()];
    for (place, &(_, local)) in sorted.iter().enumerate() {
        rank[local as usize] = place as u32;
    }
    for call in calls {
        if let Act::Put(value) | Act::Take(value) | Act::Peek(value) = &mut call.act {
            *value = rank[*value as usize];
        }
    }
}
