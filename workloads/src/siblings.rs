//! Puts and reads of many registers that keep concurrent writes side by side.
//!
//! A put names the values that it supersedes: those that the same process's latest read of the key returned. Most puts
//! follow a read of their key at once; some come later, when others have written in between, and some are blind. So no
//! put that was acknowledged may disappear unless a later one had seen it, and what was superseded must not come back.

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

/// The workload `siblings`.
pub const SIBLINGS: Keyed = Keyed {
    name: "siblings",
    summary: "put and read many registers with siblings; a put goes only when a later one has seen it",
    interface: &interface::SIBLINGS,
    options: &OPTIONS,
    required: |_| vec!["read", "put"],
    models,
    generator: |spec| Ok(Box::new(Registers::new(spec)?)),
};

const OPTIONS: [WorkloadOption; 3] = [keys::in_use("120"), keys::share("240"), mix::OPTION];

/// Of the puts, how many are blind.
const BLIND: f64 = 0.12;
/// Of the others, how many supersede what the client read last of all; the rest take an older read.
const LATEST: f64 = 0.8;
/// How often a read is not used again after a put has superseded it: the next put of it leaves the first one standing.
const USED_ONCE: f64 = 0.85;
/// How many reads of one client are remembered.
const REMEMBERED: usize = 16;

fn models(demand: &Requirements) -> Models {
    demands::by_level(demand, Vec::new(), vec![eventual::SIBLINGS, eventual::CONVERGENCE])
}

struct Registers {
    draw: Draw,
    keys: Keys<()>,
    mix: Mix,
    /// What each client's process read: key and values, the latest read at the back, one per key.
    reads: BTreeMap<u32, VecDeque<(Value, Value)>>,
    value: i64,
    read: Arc<str>,
    put: Arc<str>,
}

impl Registers {
    fn new(spec: &GeneratorSpec) -> Result<Registers, String> {
        Ok(Registers {
            draw: Draw::new(spec.seed, Stream::Generator),
            keys: Keys::new(spec)?,
            mix: Mix::new(spec)?,
            reads: BTreeMap::new(),
            value: 0,
            read: "read".into(),
            put: "put".into(),
        })
    }

    fn put(&mut self, key: Value, seen: Value) -> Operation {
        self.value += 1;
        Operation { f: self.put.clone(), key, value: Value::pair(Value::Int(self.value), seen) }
    }

    /// A put that supersedes what the client read before; `None` when it has read nothing that is still in use.
    fn superseding(&mut self, client: u32) -> Option<Operation> {
        let reads = self.reads.entry(client).or_default();
        let latest = reads.len().checked_sub(1)?;
        let chosen = if self.draw.chance(LATEST) { latest } else { self.draw.below(reads.len() as u64) as usize };
        let (key, seen) = reads[chosen].clone();
        let in_use = self.keys.choose_again(&key).is_some();
        if !in_use || self.draw.chance(USED_ONCE) {
            reads.remove(chosen);
        }
        in_use.then(|| self.put(key, seen))
    }
}

impl Generator for Registers {
    fn next(&mut self, client: u32) -> Option<Operation> {
        if !self.mix.reads(client, &mut self.draw) {
            if self.draw.chance(BLIND) {
                let (key, ()) = self.keys.choose(&mut self.draw);
                return Some(self.put(key, Value::list([])));
            }
            if let Some(put) = self.superseding(client) {
                return Some(put);
            }
        }
        let (key, ()) = self.keys.choose(&mut self.draw);
        Some(Operation { f: self.read.clone(), key, value: Value::Nil })
    }

    fn observe(&mut self, client: u32, operation: &Operation, completion: &Completion) {
        let reads = self.reads.entry(client).or_default();
        match completion.outcome {
            Outcome::Ok if operation.f == self.read => {
                reads.retain(|(key, _)| *key != operation.key);
                if reads.len() == REMEMBERED {
                    reads.pop_front();
                }
                reads.push_back((operation.key.clone(), completion.value.clone()));
            }
            // The client goes on as another process, which has read nothing.
            Outcome::Info => reads.clear(),
            _ => {}
        }
    }

    fn final_reads(&mut self) -> Vec<Operation> {
        self.keys.final_reads()
    }
}

#[cfg(test)]
#[path = "siblings_test.rs"]
mod tests;
