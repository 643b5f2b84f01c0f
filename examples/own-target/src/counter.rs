//! A workload of its own: clients add 1 to counters and read them; every counter must be linearizable.

use std::collections::BTreeMap;

use rashomon_checkers::{Budget, Judgement, objects};
use rashomon_harness::client::{Completion, Operation};
use rashomon_harness::consistency::Level;
use rashomon_harness::draw::{Draw, Stream};
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::workload::{Generator, GeneratorSpec, Requirements, Workload};
use rashomon_history::{History, Value};

const COUNTERS: i64 = 10;

/// The workload `counter`.
pub(crate) struct Counter;

impl Workload for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn summary(&self) -> &'static str {
        "add 1 to counters and read them; each must be linearizable"
    }

    fn interface(&self) -> &'static Interface {
        &interface::COUNTER
    }

    fn model(&self, demand: &Requirements) -> Option<String> {
        (demand.consistency == Level::LINEARIZABLE).then(|| "linearizable counter".to_owned())
    }

    fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
        vec!["add", "read"]
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        Ok(Box::new(Additions { draw: Draw::new(spec.seed, Stream::Generator) }))
    }

    fn objects_are_independent(&self) -> bool {
        true
    }

    fn check(&self, history: &History, _: &Requirements, budget: &Budget) -> Vec<Judgement> {
        vec![rashomon_checkers::check(history, objects::LINEARIZABLE_COUNTER, budget)]
    }
}

/// Half of the operations add, half read.
struct Additions {
    draw: Draw,
}

impl Generator for Additions {
    fn next(&mut self, _: u32) -> Option<Operation> {
        let key = self.draw.below(COUNTERS as u64) as i64;
        Some(if self.draw.chance(0.5) {
            operation("add", key, Value::Int(1))
        } else {
            operation("read", key, Value::Nil)
        })
    }

    // What to ask next depends on no answer.
    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        (0..COUNTERS).map(|key| operation("read", key, Value::Nil)).collect()
    }
}

fn operation(f: &str, key: i64, value: Value) -> Operation {
    Operation { f: f.into(), key: Value::Int(key), value }
}
