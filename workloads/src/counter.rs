//! Adds to and reads of many counters.
//!
//! Amounts differ, so that a total says something about which adds it counts. Where the target promises less than
//! linearizability: in the end every node has the same total, the sum of all that was acknowledged and perhaps of some
//! whose outcome nobody knows; each counted once.

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
use crate::options;

/// The workload `counter`.
pub const COUNTER: Keyed = Keyed {
    name: "counter",
    summary: "add to and read many counters; what was acknowledged must be counted, and counted once",
    interface: &interface::COUNTER,
    options: &OPTIONS,
    required: |_| vec!["read", "add"],
    models,
    generator: |spec| Ok(Box::new(Counters::new(spec)?)),
};

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

fn models(demand: &Requirements) -> Models {
    let later = vec![eventual::EVENTUAL_COUNTER, eventual::CONVERGENCE];
    demands::by_level(demand, vec![objects::LINEARIZABLE_COUNTER], later)
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

    fn final_reads(&mut self) -> Vec<Operation> {
        self.keys.final_reads()
    }
}

#[cfg(test)]
#[path = "counter_test.rs"]
mod tests;
