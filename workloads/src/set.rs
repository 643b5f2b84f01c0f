//! Adds to and reads of many sets that only grow.
//!
//! Every element is added once, so a read says exactly which adds it saw. Where the target promises less than
//! linearizability: in the end every node holds the same elements, all that were acknowledged among them.

use std::sync::Arc;

use rashomon_checkers::{eventual, objects};
use rashomon_history::Value;
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, WorkloadOption};

use crate::demands::{self, Models};
use crate::keyed::Keyed;
use crate::keys::{self, Keys};
use crate::mix::{self, Mix};

/// The workload `set`.
pub const SET: Keyed = Keyed {
    name: "set",
    summary: "add to and read many sets; nothing that was acknowledged may be lost",
    interface: &interface::SET,
    options: &OPTIONS,
    required: |_| vec!["read", "add"],
    models,
    generator: |spec| Ok(Box::new(Sets::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 3] = [keys::in_use("60"), keys::share("240"), mix::OPTION];

fn models(demand: &Requirements) -> Models {
    let later = vec![eventual::EVENTUAL_SET, eventual::CONVERGENCE, eventual::STALENESS];
    demands::by_level(demand, vec![objects::LINEARIZABLE_SET], later)
}

struct Sets {
    draw: Draw,
    keys: Keys<()>,
    mix: Mix,
    /// The latest element; unique over all keys, so that an element of another set is known for what it is.
    element: i64,
    read: Arc<str>,
    add: Arc<str>,
}

impl Sets {
    fn new(spec: &GeneratorSpec) -> Result<Sets, String> {
        Ok(Sets {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            mix: Mix::new(spec)?,
            element: 0,
            read: "read".into(),
            add: "add".into(),
        })
    }
}

impl Generator for Sets {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let (key, ()) = self.keys.choose(&mut self.draw);
        if self.mix.reads(client, &mut self.draw) {
            return Some(Operation { f: self.read.clone(), key, value: Value::Nil });
        }
        self.element += 1;
        Some(Operation { f: self.add.clone(), key, value: Value::Int(self.element) })
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        self.keys.final_reads()
    }
}

#[cfg(test)]
#[path = "set_test.rs"]
mod tests;
