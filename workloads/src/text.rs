//! Inserts into, deletes from and reads of many sequences that everybody edits.
//!
//! An element is inserted after one that the same process has read or inserted, or at the beginning. Many inserts meet
//! at the beginning and at the end, where processes that work at different nodes disturb each other. Every element is
//! inserted once. In the end every node holds the same elements in the same order, nothing acknowledged is lost, and
//! one order of all elements explains what everybody read all the time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rashomon_checkers::eventual;
use rashomon_history::{Outcome, Value};
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, WorkloadOption};

use crate::demands::{self, Models};
use crate::keyed::Keyed;
use crate::keys::{self, Keys};
use crate::mix::{self, Mix};

/// The workload `text`.
pub const TEXT: Keyed = Keyed {
    name: "text",
    summary: "insert into, delete from and read many sequences; nothing is lost, and all see one order",
    interface: &interface::TEXT,
    options: &OPTIONS,
    required: |_| vec!["read", "insert", "delete"],
    models,
    generator: |spec| Ok(Box::new(Texts::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 3] = [keys::in_use("60"), keys::share("160"), mix::OPTION];

/// Of the updates, how many delete.
const DELETES: f64 = 0.25;
/// Where inserts go, in proportion: the beginning, after the last element, after any.
const PLACES: [f64; 3] = [0.3, 0.3, 0.4];
/// How many texts one client remembers.
const REMEMBERED: usize = 16;

fn models(demand: &Requirements) -> Models {
    demands::by_level(demand, Vec::new(), vec![eventual::TEXT, eventual::CONVERGENCE])
}

struct Texts {
    draw: Draw,
    keys: Keys<()>,
    mix: Mix,
    /// What each client's process knows: key and elements in order, the latest at the back, one per key.
    known: BTreeMap<u32, VecDeque<(Value, Vec<Value>)>>,
    element: i64,
    read: Arc<str>,
    insert: Arc<str>,
    delete: Arc<str>,
}

impl Texts {
    fn new(spec: &GeneratorSpec) -> Result<Texts, String> {
        Ok(Texts {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            mix: Mix::new(spec)?,
            known: BTreeMap::new(),
            element: 0,
            read: "read".into(),
            insert: "insert".into(),
            delete: "delete".into(),
        })
    }

    /// What a client's process knows of a key, newly made when it knows nothing; the oldest is forgotten.
    fn known(&mut self, client: u32, key: &Value) -> &mut Vec<Value> {
        let known = self.known.entry(client).or_default();
        let found = known.iter().position(|(of, _)| of == key).and_then(|at| known.remove(at));
        if known.len() == REMEMBERED {
            known.pop_front();
        }
        known.push_back(found.unwrap_or_else(|| (key.clone(), Vec::new())));
        &mut known.back_mut().expect("it was just put there").1
    }
}

impl Generator for Texts {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let (key, ()) = self.keys.choose(&mut self.draw);
        if self.mix.reads(client, &mut self.draw) {
            return Some(Operation { f: self.read.clone(), key, value: Value::Nil });
        }
        let known = self.known(client, &key).clone();
        if !known.is_empty() && self.draw.chance(DELETES) {
            return Some(Operation { f: self.delete.clone(), key, value: self.draw.pick(&known).clone() });
        }
        let after = match (known.last(), self.draw.weighted(&PLACES)) {
            (None, _) | (_, 0) => Value::Nil,
            (Some(last), 1) => last.clone(),
            _ => self.draw.pick(&known).clone(),
        };
        self.element += 1;
        Some(Operation { f: self.insert.clone(), key, value: Value::pair(Value::Int(self.element), after) })
    }

    fn observe(&mut self, client: u32, operation: &Operation, completion: &Completion) {
        match completion.outcome {
            Outcome::Ok => {}
            Outcome::Fail => return,
            // The client goes on as another process, which knows nothing.
            Outcome::Info => return drop(self.known.remove(&client)),
        }
        let known = self.known(client, &operation.key);
        match (&*operation.f, &completion.value) {
            ("read", Value::List(elements)) => *known = elements.to_vec(),
            ("insert", Value::List(pair)) => {
                let after = known.iter().position(|element| *element == pair[1]);
                known.insert(after.map_or(0, |at| at + 1), pair[0].clone());
            }
            ("delete", _) => known.retain(|element| *element != operation.value),
            _ => {}
        }
    }

    fn final_reads(&mut self) -> Vec<Operation> {
        self.keys.final_reads()
    }
}

#[cfg(test)]
#[path = "text_test.rs"]
mod tests;
