//! Adds to, removes from and reads of many carts: sets in which few elements come and go again and again.
//!
//! That is where replicated sets go wrong: an element added here while it is removed there, removed and added again,
//! merged by way of a third replica. So each cart has few elements and the hot carts are everybody's. Most removes name
//! an element that is believed to be there; some do not, since removing what is not there must do nothing.
//!
//! In the end every node holds the same elements, and the updates explain them: by default as an observed-remove set,
//! where of a concurrent add and remove the add wins.

use std::collections::BTreeSet;
use std::sync::Arc;

use rashomon_checkers::{eventual, objects};
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

/// The workload `cart`.
pub const CART: Keyed = Keyed {
    name: "cart",
    summary: "add to, remove from and read many carts; nothing is lost, and nothing removed comes back",
    interface: &interface::CART,
    options: &OPTIONS,
    required: |_| vec!["read", "add", "remove"],
    models,
    generator: |spec| Ok(Box::new(Carts::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 5] = [
    keys::in_use("120"),
    keys::share("240"),
    mix::OPTION,
    WorkloadOption { name: "elements", default: "5", meaning: "how many elements come and go in each cart" },
    WorkloadOption {
        name: "wins",
        default: "add",
        meaning: "of an add and a remove of one element: `add` when they are concurrent (an observed-remove set), or \
                  `last` by real time (a set whose last update wins)",
    },
];

/// Of the updates, how many remove.
const REMOVES: f64 = 0.4;
/// Of the removes, how many name any element, there or not.
const REMOVES_ANY: f64 = 0.15;

fn models(demand: &Requirements) -> Models {
    let explains = if demand.option("wins") == "last" { eventual::LWW_SET } else { eventual::OR_SET };
    demands::by_level(demand, vec![objects::LINEARIZABLE_SET], vec![explains, eventual::CONVERGENCE])
}

struct Carts {
    draw: Draw,
    /// With the elements that are believed to be there.
    keys: Keys<BTreeSet<Value>>,
    mix: Mix,
    elements: u64,
    read: Arc<str>,
    add: Arc<str>,
    remove: Arc<str>,
}

impl Carts {
    fn new(spec: &GeneratorSpec) -> Result<Carts, String> {
        options::word(&spec.options, "wins", &["add", "last"])?;
        Ok(Carts {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            mix: Mix::new(spec)?,
            elements: options::number(&spec.options, "elements", 1, 1000)?,
            read: "read".into(),
            add: "add".into(),
            remove: "remove".into(),
        })
    }
}

impl Generator for Carts {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let (key, there) = self.keys.choose(&mut self.draw);
        if self.mix.reads(client, &mut self.draw) {
            return Some(Operation { f: self.read.clone(), key, value: Value::Nil });
        }
        let any = Value::Int(self.draw.between(1, self.elements) as i64);
        if !self.draw.chance(REMOVES) {
            return Some(Operation { f: self.add.clone(), key, value: any });
        }
        let nth = if there.is_empty() { 0 } else { self.draw.below(there.len() as u64) as usize };
        let value = match there.iter().nth(nth) {
            Some(element) if !self.draw.chance(REMOVES_ANY) => element.clone(),
            _ => any,
        };
        Some(Operation { f: self.remove.clone(), key, value })
    }

    fn observe(&mut self, _: u32, operation: &Operation, completion: &Completion) {
        let Some(there) = self.keys.state(&operation.key) else { return };
        if completion.outcome != Outcome::Ok {
            return;
        }
        match (&*operation.f, &completion.value) {
            ("read", Value::List(elements)) => *there = elements.iter().cloned().collect(),
            ("add", _) => drop(there.insert(operation.value.clone())),
            ("remove", _) => drop(there.remove(&operation.value)),
            _ => {}
        }
    }

    fn final_reads(&mut self) -> Vec<Operation> {
        self.keys.final_reads()
    }
}

#[cfg(test)]
#[path = "cart_test.rs"]
mod tests;
