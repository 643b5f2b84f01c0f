//! Puts into, removes from and reads of many maps, each with a few fields.
//!
//! A field keeps concurrent puts side by side; a remove takes away what it has observed. As in the carts, few fields
//! come and go again and again. Every value is written once, so that a read says which puts it saw. In the end every
//! node holds the same, and the updates explain it as an observed-remove map of registers with siblings.

use std::collections::BTreeSet;
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
use crate::options;

/// The workload `map`.
pub const MAP: Keyed = Keyed {
    name: "map",
    summary: "put into, remove from and read many maps; no put is lost, and nothing removed comes back",
    interface: &interface::MAP,
    options: &OPTIONS,
    required: |_| vec!["read", "put", "remove"],
    models,
    generator: |spec| Ok(Box::new(Maps::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 4] = [
    keys::in_use("80"),
    keys::share("240"),
    mix::OPTION,
    WorkloadOption { name: "fields", default: "4", meaning: "how many fields come and go in each map" },
];

/// Of the updates, how many remove.
const REMOVES: f64 = 0.35;

fn models(demand: &Requirements) -> Models {
    demands::by_level(demand, Vec::new(), vec![eventual::OR_MAP, eventual::CONVERGENCE])
}

struct Maps {
    draw: Draw,
    /// With the fields that are believed to be there.
    keys: Keys<BTreeSet<Value>>,
    mix: Mix,
    fields: Vec<Value>,
    value: i64,
    read: Arc<str>,
    put: Arc<str>,
    remove: Arc<str>,
}

impl Maps {
    fn new(spec: &GeneratorSpec) -> Result<Maps, String> {
        let fields = options::number(&spec.options, "fields", 1, 1000)?;
        Ok(Maps {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            mix: Mix::new(spec)?,
            fields: (1..=fields).map(|number| Value::text(&format!("f{number}"))).collect(),
            value: 0,
            read: "read".into(),
            put: "put".into(),
            remove: "remove".into(),
        })
    }
}

impl Generator for Maps {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let (key, there) = self.keys.choose(&mut self.draw);
        if self.mix.reads(client, &mut self.draw) {
            return Some(Operation { f: self.read.clone(), key, value: Value::Nil });
        }
        if !there.is_empty() && self.draw.chance(REMOVES) {
            let there: Vec<&Value> = there.iter().collect();
            let field = (*self.draw.pick(&there)).clone();
            return Some(Operation { f: self.remove.clone(), key, value: field });
        }
        self.value += 1;
        let field = self.draw.pick(&self.fields).clone();
        Some(Operation { f: self.put.clone(), key, value: Value::pair(field, Value::Int(self.value)) })
    }

    fn observe(&mut self, _: u32, operation: &Operation, completion: &Completion) {
        let Some(there) = self.keys.state(&operation.key) else { return };
        if completion.outcome != Outcome::Ok {
            return;
        }
        match (&*operation.f, &completion.value) {
            ("read", Value::Map(fields)) => *there = fields.iter().map(|(field, _)| field.clone()).collect(),
            ("put", Value::List(pair)) => drop(there.insert(pair[0].clone())),
            ("remove", _) => drop(there.remove(&operation.value)),
            _ => {}
        }
    }

    fn final_reads(&mut self) -> Vec<Operation> {
        self.keys.final_reads()
    }
}

#[cfg(test)]
#[path = "map_test.rs"]
mod tests;
