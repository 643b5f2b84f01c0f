//! Reads, writes and compare-and-sets on many registers, each of which must be linearizable.
//!
//! Keys are chosen unevenly: a few are hot, so that processes meet on them (a stale read needs a write just before it),
//! and many are cold, so that what went wrong on them is not overwritten at once and still there when every node is
//! read at the end. When a key has had its share of operations it is retired and a new one takes its place, so that
//! each key's history stays short enough to be checked exactly, whatever the length of the run. Half of the clients
//! mostly read: a client that waits for its write at a node that is cut off sees nothing of what that node says.
//! Written values are unique by default: a read then names the write that it saw. `values=small` draws them from 0…4
//! instead, as Jepsen does, which exercises the general search.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rashomon_checkers::{Budget, Judgement, ModelKind};
use rashomon_harness::client::{Completion, Operation};
use rashomon_harness::consistency::Consistency;
use rashomon_harness::draw::{Draw, Stream};
use rashomon_harness::interface::Interface;
use rashomon_harness::workload::{CheckDemand, Generator, GeneratorSpec, Workload, WorkloadOption};
use rashomon_history::{History, Outcome, Value};

use crate::options;

/// The workload `register`.
pub struct Register;

const OPTIONS: [WorkloadOption; 5] = [
    WorkloadOption {
        name: "keys",
        default: "500",
        meaning: "how many registers are in use at a time, a few of them hot",
    },
    WorkloadOption { name: "ops-per-key", default: "400", meaning: "operations after which a register is retired" },
    WorkloadOption { name: "values", default: "unique", meaning: "`unique`, or `small`: 0 to 4 as in Jepsen's tests" },
    WorkloadOption {
        name: "mix",
        default: "roles",
        meaning: "`roles`: half of the clients mostly read, half mostly write; for all alike: `even`, `reads`, `writes`",
    },
    WorkloadOption {
        name: "cas",
        default: "yes",
        meaning: "`yes`, or `no` for a store without compare-and-set: writes take its share",
    },
];

impl Workload for Register {
    fn name(&self) -> &'static str {
        "register"
    }

    fn summary(&self) -> &'static str {
        "read, write and compare-and-set on many registers; each must be linearizable"
    }

    fn interface(&self) -> Interface {
        Interface::Register
    }

    fn model(&self, demand: &CheckDemand) -> Option<String> {
        (demand.consistency == Consistency::Linearizable).then(|| format!("linearizable {}", model(demand).name()))
    }

    fn options(&self) -> &'static [WorkloadOption] {
        &OPTIONS
    }

    fn objects_are_independent(&self) -> bool {
        true
    }

    fn required(&self, options: &BTreeMap<String, String>) -> Vec<&'static str> {
        let cas = options.get("cas").is_none_or(|word| word != "no");
        ["read", "write"].into_iter().chain(cas.then_some("cas")).collect()
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        Ok(Box::new(Registers::new(spec)?))
    }

    fn check(&self, history: &History, demand: &CheckDemand, budget: &Budget) -> Vec<Judgement> {
        vec![rashomon_checkers::check(history, model(demand), budget)]
    }
}

/// The model of a history with or without compare-and-sets.
fn model(demand: &CheckDemand) -> ModelKind {
    if demand.option("cas") == "no" { ModelKind::Register } else { ModelKind::CasRegister }
}

/// Weights of read, write and cas.
const EVEN: [f64; 3] = [0.45, 0.33, 0.22];
const MOSTLY_READ: [f64; 3] = [0.88, 0.07, 0.05];
const MOSTLY_WRITE: [f64; 3] = [0.2, 0.48, 0.32];

/// How many retired keys the closing reads visit besides those in use: the latest ones.
const RETIRED_REMEMBERED: usize = 96;

struct Registers {
    draw: Draw,
    in_use: Vec<Slot>,
    retired: VecDeque<i64>,
    next_key: i64,
    next_value: i64,
    ops_per_key: u64,
    unique: bool,
    /// The store has compare-and-set.
    compares: bool,
    /// Weights of read, write, cas, for the first and the second half of the clients.
    mix: [[f64; 3]; 2],
    clients: u32,
    read: Arc<str>,
    write: Arc<str>,
    cas: Arc<str>,
}

/// A register in use.
struct Slot {
    key: i64,
    operations: u64,
    /// What it is believed to hold: the latest value acknowledged as read or written.
    believed: Value,
}

impl Registers {
    fn new(spec: &GeneratorSpec) -> Result<Registers, String> {
        let keys = options::number(&spec.options, "keys", 1, 100_000)?;
        let ops_per_key = options::number(&spec.options, "ops-per-key", 1, 1_000_000_000)?;
        let unique = options::word(&spec.options, "values", &["unique", "small"])? == "unique";
        let mix = match options::word(&spec.options, "mix", &["roles", "even", "reads", "writes"])? {
            "even" => [EVEN, EVEN],
            "reads" => [MOSTLY_READ, MOSTLY_READ],
            "writes" => [MOSTLY_WRITE, MOSTLY_WRITE],
            _ => [MOSTLY_WRITE, MOSTLY_READ],
        };
        let compares = options::word(&spec.options, "cas", &["yes", "no"])? == "yes";
        let slot = |key| Slot { key, operations: 0, believed: Value::Nil };
        Ok(Registers {
            draw: Draw::new(spec.seed, Stream::Generator),
            in_use: (0..keys as i64).map(slot).collect(),
            retired: VecDeque::new(),
            next_key: keys as i64,
            next_value: 0,
            ops_per_key,
            unique,
            compares,
            mix,
            clients: spec.clients,
            read: "read".into(),
            write: "write".into(),
            cas: "cas".into(),
        })
    }

    /// A register in use: with `n` of them the first is chosen about twice as often as the second, and so on by powers
    /// of two (first how many take part: 1, 2, 4, … up to all; then one of those).
    fn choose_slot(&mut self) -> usize {
        let all = self.in_use.len() as u64;
        let levels = u64::from(all.next_power_of_two().trailing_zeros()) + 1;
        let taking_part = (1 << self.draw.below(levels)).min(all);
        self.draw.below(taking_part) as usize
    }

    fn retire(&mut self, slot: usize) {
        if self.retired.len() == RETIRED_REMEMBERED {
            self.retired.pop_front();
        }
        self.retired.push_back(self.in_use[slot].key);
        self.in_use[slot] = Slot { key: self.next_key, operations: 0, believed: Value::Nil };
        self.next_key += 1;
    }

    fn new_value(&mut self) -> Value {
        if self.unique {
            self.next_value += 1;
            return Value::Int(self.next_value);
        }
        Value::Int(self.draw.below(5) as i64)
    }
}

impl Generator for Registers {
    fn next(&mut self, client: u32) -> Option<Operation> {
        let chosen = self.choose_slot();
        if self.in_use[chosen].operations >= self.ops_per_key {
            self.retire(chosen);
        }
        self.in_use[chosen].operations += 1;
        let key = Value::Int(self.in_use[chosen].key);
        // Clients are spread over the nodes in order, so each half of them reaches every node.
        let half = usize::from(self.clients > 1 && client >= self.clients / 2);
        let operation = match self.draw.weighted(&self.mix[half]) {
            0 => Operation { f: self.read.clone(), key, value: Value::Nil },
            choice if choice == 1 || !self.compares => {
                Operation { f: self.write.clone(), key, value: self.new_value() }
            }
            _ => {
                let from = match &self.in_use[chosen].believed {
                    Value::Nil if !self.unique => Value::Int(self.draw.below(5) as i64),
                    believed => believed.clone(),
                };
                let to = self.new_value();
                Operation { f: self.cas.clone(), key, value: Value::pair(from, to) }
            }
        };
        Some(operation)
    }

    fn observe(&mut self, _client: u32, operation: &Operation, completion: &Completion) {
        if completion.outcome != Outcome::Ok {
            return;
        }
        let held = match (&*operation.f, &completion.value) {
            ("cas", Value::List(pair)) => pair[1].clone(),
            (_, value) => value.clone(),
        };
        if let Some(slot) = self.in_use.iter_mut().find(|slot| operation.key == Value::Int(slot.key)) {
            slot.believed = held;
        }
    }

    fn closing(&mut self) -> Vec<Operation> {
        let used = self.in_use.iter().filter(|slot| slot.operations > 0).map(|slot| slot.key);
        let keys = used.chain(self.retired.iter().rev().copied());
        keys.map(|key| Operation { f: self.read.clone(), key: Value::Int(key), value: Value::Nil }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn generator(change: &[(&str, &str)]) -> Result<Registers, String> {
        let defaults = OPTIONS.iter().map(|option| (option.name.to_owned(), option.default.to_owned()));
        let mut options: BTreeMap<String, String> = defaults.collect();
        options.extend(change.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
        Registers::new(&GeneratorSpec { seed: 1, clients: 3, options })
    }

    /// Runs the generator against a register that is always right.
    fn answered(registers: &mut Registers, count: usize) -> Vec<(Operation, Completion)> {
        let mut held: BTreeMap<Value, Value> = BTreeMap::new();
        let mut answers = Vec::new();
        for _ in 0..count {
            let operation = registers.next(0).unwrap();
            let now = held.entry(operation.key.clone()).or_default();
            let completion = match (&*operation.f, &operation.value) {
                ("read", _) => Completion::ok(now.clone()),
                ("write", value) => {
                    *now = value.clone();
                    Completion::ok(value.clone())
                }
                (_, Value::List(pair)) if pair[0] == *now => {
                    *now = pair[1].clone();
                    Completion::ok(operation.value.clone())
                }
                _ => Completion::fail(&operation, "compare: the register held another value"),
            };
            registers.observe(0, &operation, &completion);
            answers.push((operation, completion));
        }
        answers
    }

    #[test]
    fn keys_are_retired_after_their_share_of_operations() {
        let mut registers = generator(&[("keys", "3"), ("ops-per-key", "20")]).unwrap();
        let mut per_key: BTreeMap<Value, u64> = BTreeMap::new();
        for (operation, _) in answered(&mut registers, 5000) {
            *per_key.entry(operation.key).or_default() += 1;
        }
        assert!(per_key.values().all(|&count| count <= 20));
        assert!(per_key.len() >= 250);
    }

    #[test]
    fn some_keys_are_hot_and_most_are_cold() {
        let mut per_key: BTreeMap<Value, u64> = BTreeMap::new();
        for (operation, _) in answered(&mut generator(&[("ops-per-key", "100000")]).unwrap(), 10_000) {
            *per_key.entry(operation.key).or_default() += 1;
        }
        assert!(per_key[&Value::Int(0)] > 1500);
        assert!(per_key.values().filter(|&&count| count < 10).count() > 200);
    }

    #[test]
    fn written_values_are_unique_by_default_and_small_when_asked() {
        let written = |registers: &mut Registers| -> Vec<Value> {
            let operations = answered(registers, 2000).into_iter().map(|(operation, _)| operation);
            operations.filter(|operation| &*operation.f == "write").map(|operation| operation.value).collect()
        };
        let unique = written(&mut generator(&[]).unwrap());
        assert_eq!(unique.iter().collect::<BTreeSet<_>>().len(), unique.len());
        let small = written(&mut generator(&[("values", "small")]).unwrap());
        assert_eq!(small.iter().collect::<BTreeSet<_>>().len(), 5);
    }

    #[test]
    fn most_compare_and_sets_of_one_client_succeed() {
        let answers = answered(&mut generator(&[]).unwrap(), 3000);
        let cas = answers.iter().filter(|(operation, _)| &*operation.f == "cas");
        let (ok, failed): (Vec<_>, Vec<_>) = cas.partition(|(_, completion)| completion.outcome == Outcome::Ok);
        assert!(ok.len() > 9 * failed.len(), "{} ok, {} failed", ok.len(), failed.len());
    }

    #[test]
    fn closing_reads_visit_the_keys_in_use_and_the_latest_retired_ones() {
        let mut registers = generator(&[("keys", "2"), ("ops-per-key", "5")]).unwrap();
        answered(&mut registers, 5001);
        let keys: Vec<i64> = registers.closing().iter().map(|read| read.key.as_int().unwrap()).collect();
        assert_eq!(keys.len(), 2 + RETIRED_REMEMBERED);
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), keys.len());
        assert_eq!(keys.iter().max(), Some(&(registers.next_key - 1)));
    }

    #[test]
    fn a_store_without_compare_and_set_is_asked_for_none() {
        let answers = answered(&mut generator(&[("cas", "no")]).unwrap(), 3000);
        assert!(answers.iter().all(|(operation, _)| &*operation.f != "cas"));
        let options = BTreeMap::from([("cas".to_owned(), "no".to_owned())]);
        assert_eq!(Register.required(&options), ["read", "write"]);
        let model = Register.model(&CheckDemand::new(Consistency::Linearizable, options));
        assert_eq!(model.as_deref(), Some("linearizable register"));
    }

    #[test]
    fn wrong_options_are_named() {
        assert!(generator(&[("keys", "0")]).is_err_and(|error| error.contains("`keys`")));
        assert!(generator(&[("values", "odd")]).is_err_and(|error| error.contains("unique, small")));
    }
}
