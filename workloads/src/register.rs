//! Reads, writes and compare-and-sets on many registers.
//!
//! Written values are unique by default: a read then names the write that it saw. `values=small` draws them from 0…4
//! instead, as Jepsen does, which exercises the general search.
//!
//! Each register must be linearizable where the target promises that. Where it promises less: in the end every node
//! holds the same, the last write in real time (`last-write=any` does not ask for that, for a store that orders
//! concurrent writes otherwise), and until then what sessions or causality guarantee, where they are promised. How old
//! reads are is measured.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_checkers::{eventual, models};
use rashomon_history::{Outcome, Value};
use rashomon_spec::consistency::Level;
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, WorkloadOption};

use crate::demands::{self, Models};
use crate::keyed::Keyed;
use crate::keys::{self, Keys};
use crate::mix::{self, Mix};
use crate::options;

/// The workload `register`.
pub const REGISTER: Keyed = Keyed {
    name: "register",
    summary: "read, write and compare-and-set on many registers; no acknowledged write may be lost",
    interface: &interface::REGISTER,
    options: &OPTIONS,
    required,
    models,
    generator: |spec| Ok(Box::new(Registers::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 6] = [
    keys::in_use("500"),
    keys::share("400"),
    WorkloadOption { name: "values", default: "unique", meaning: "`unique`, or `small`: 0 to 4 as in Jepsen's tests" },
    mix::OPTION,
    WorkloadOption {
        name: "cas",
        default: "yes",
        meaning: "`yes`, or `no` for a store without compare-and-set: writes take its share",
    },
    WorkloadOption {
        name: "last-write",
        default: "real-time",
        meaning: "what remains in the end, where less than linearizability is promised: the last write in `real-time`, \
                  or `any`",
    },
];

/// Of the updates, how many compare.
const COMPARES: f64 = 0.4;

fn models(demand: &Requirements) -> Models {
    let unique = demand.option("values") != "small";
    let level = demand.consistency;
    let remains =
        if demand.option("last-write") == "any" { eventual::UNORDERED_REGISTER } else { eventual::EVENTUAL_REGISTER };
    let mut later = vec![remains];
    // Which write a read saw is known only where values are unique.
    if unique && level.implies(Level::CAUSAL) {
        later.push(eventual::CAUSAL_CONVERGENCE);
    }
    if unique && level.implies(Level::SESSION) {
        later.push(eventual::SESSION_GUARANTEES);
    }
    later.push(eventual::CONVERGENCE);
    if unique {
        later.push(eventual::STALENESS);
    }
    let linearizable = if demand.option("cas") == "no" { models::REGISTER } else { models::CAS_REGISTER };
    demands::by_level(demand, vec![linearizable], later)
}

fn required(options: &BTreeMap<String, String>) -> Vec<&'static str> {
    let cas = options.get("cas").is_none_or(|word| word != "no");
    ["read", "write"].into_iter().chain(cas.then_some("cas")).collect()
}

struct Registers {
    draw: Draw,
    /// With what each is believed to hold: the latest value acknowledged as read or written.
    keys: Keys<Value>,
    mix: Mix,
    /// The latest value.
    value: i64,
    unique: bool,
    /// The store has compare-and-set.
    compares: bool,
    read: Arc<str>,
    write: Arc<str>,
    cas: Arc<str>,
}

impl Registers {
    fn new(spec: &GeneratorSpec) -> Result<Registers, String> {
        options::word(&spec.options, "last-write", &["real-time", "any"])?;
        Ok(Registers {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            mix: Mix::new(spec)?,
            value: 0,
            unique: options::word(&spec.options, "values", &["unique", "small"])? == "unique",
            compares: options::word(&spec.options, "cas", &["yes", "no"])? == "yes",
            read: "read".into(),
            write: "write".into(),
            cas: "cas".into(),
        })
    }

    fn new_value(&mut self) -> Value {
        if self.unique {
            self.value += 1;
            return Value::Int(self.value);
        }
        Value::Int(self.draw.below(5) as i64)
    }
}

impl Generator for Registers {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let (key, believed) = self.keys.choose(&mut self.draw);
        if self.mix.reads(client, &mut self.draw) {
            return Some(Operation { f: self.read.clone(), key, value: Value::Nil });
        }
        let believed = believed.clone();
        let value = self.new_value();
        if !self.compares || !self.draw.chance(COMPARES) {
            return Some(Operation { f: self.write.clone(), key, value });
        }
        let from = match believed {
            Value::Nil if !self.unique => Value::Int(self.draw.below(5) as i64),
            believed => believed,
        };
        Some(Operation { f: self.cas.clone(), key, value: Value::pair(from, value) })
    }

    fn observe(&mut self, _: u32, operation: &Operation, completion: &Completion) {
        if completion.outcome != Outcome::Ok {
            return;
        }
        let held = match (&*operation.f, &completion.value) {
            ("cas", Value::List(pair)) => pair[1].clone(),
            (_, value) => value.clone(),
        };
        if let Some(believed) = self.keys.state(&operation.key) {
            *believed = held;
        }
    }

    fn final_reads(&mut self) -> Vec<Operation> {
        self.keys.final_reads()
    }
}

#[cfg(test)]
#[path = "register_test.rs"]
mod tests;
