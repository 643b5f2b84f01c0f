//! Adds to and reads of many counters.
//!
//! Amounts differ, so that a total says something about which adds it counts. Where the target promises less than
//! linearizability: in the end every node has the same total, the sum of all that was acknowledged and perhaps of some
//! whose outcome nobody knows; each counted once.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_checkers::eventual::EventualKind;
use rashomon_checkers::objects::ObjectKind;
use rashomon_checkers::{Budget, Judgement, ModelKind};
use rashomon_harness::client::{Completion, Operation};
use rashomon_harness::consistency::Consistency;
use rashomon_harness::draw::{Draw, Stream};
use rashomon_harness::interface::Interface;
use rashomon_harness::workload::{CheckDemand, Generator, GeneratorSpec, Workload, WorkloadOption};
use rashomon_history::{History, Value};

use crate::demands::{self, Models};
use crate::keys::{self, Keys};
use crate::mix::{self, Mix};
use crate::options;

/// The workload `counter`.
pub struct Counter;

const OPTIONS: [WorkloadOption; 4] = [
    keys::in_use("120"),
    keys::share("240"),
    mix::OPTION,
    WorkloadOption {
        name: "amounts",
        default: "positive",
        meaning: "`positive`, or `both` for a counter that can also count down",
    },
];

/// The largest amount.
const AMOUNT_MAX: u64 = 9;

fn models(demand: &CheckDemand) -> Models {
    match demand.consistency {
        Consistency::Linearizable => vec![ModelKind::Object(ObjectKind::Counter)],
        _ => [EventualKind::Counter, EventualKind::Convergence].map(ModelKind::Eventual).into(),
    }
}

impl Workload for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn summary(&self) -> &'static str {
        "add to and read many counters; what was acknowledged must be counted, and counted once"
    }

    fn interface(&self) -> Interface {
        Interface::Counter
    }

    fn model(&self, demand: &CheckDemand) -> Option<String> {
        demands::in_words(&models(demand), demand)
    }

    fn options(&self) -> &'static [WorkloadOption] {
        &OPTIONS
    }

    fn objects_are_independent(&self) -> bool {
        true
    }

    fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
        vec!["read", "add"]
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        Ok(Box::new(Counters::new(spec)?))
    }

    fn check(&self, history: &History, demand: &CheckDemand, budget: &Budget) -> Vec<Judgement> {
        demands::check(&models(demand), history, demand, budget)
    }
}

struct Counters {
    draw: Draw,
    keys: Keys<()>,
    mix: Mix,
    down_too: bool,
    read: Arc<str>,
    add: Arc<str>,
}

impl Counters {
    fn new(spec: &GeneratorSpec) -> Result<Counters, String> {
        Ok(Counters {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            mix: Mix::new(spec)?,
            down_too: options::word(&spec.options, "amounts", &["positive", "both"])? == "both",
            read: "read".into(),
            add: "add".into(),
        })
    }
}

impl Generator for Counters {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let (key, ()) = self.keys.choose(&mut self.draw);
        if self.mix.reads(client, &mut self.draw) {
            return Some(Operation { f: self.read.clone(), key, value: Value::Nil });
        }
        let amount = self.draw.between(1, AMOUNT_MAX) as i64;
        let down = self.down_too && self.draw.chance(0.5);
        Some(Operation { f: self.add.clone(), key, value: Value::Int(if down { -amount } else { amount }) })
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn closing(&mut self) -> Vec<Operation> {
        self.keys.closing()
    }
}

#[cfg(test)]
#[path = "counter_test.rs"]
mod tests;
