//! Transfers between accounts (Jepsen's `bank`): whatever is transferred, each read of all balances adds up to the
//! same, and nobody overdraws. That needs reads from one snapshot and updates that are not lost, so levels from
//! parallel snapshot isolation on are judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_checkers::{Budget, Judgement, anomalies};
use rashomon_history::{History, Value};
use rashomon_spec::consistency::Level;
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface::{self, BANK_ACCOUNTS, Interface};
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, Workload, WorkloadOption};

use crate::mix::{self, Mix};
use crate::options;

/// The workload `bank`.
pub struct Bank;

const OPTIONS: [WorkloadOption; 2] = [
    WorkloadOption { name: "max-transfer", default: "5", meaning: "the largest amount that is transferred" },
    mix::OPTION,
];

impl Workload for Bank {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn summary(&self) -> &'static str {
        "transfers between accounts: the total of all balances never changes"
    }

    fn interface(&self) -> &'static Interface {
        &interface::BANK
    }

    fn model(&self, demand: &Requirements) -> Option<String> {
        let level = demand.consistency;
        let least = Level::PARALLEL_SNAPSHOT_ISOLATION.isolation()?.conditions;
        level.isolation()?.conditions.includes(least).then(|| format!("{level} bank"))
    }

    fn options(&self) -> &'static [WorkloadOption] {
        &OPTIONS
    }

    fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
        vec!["transfer", "read"]
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        Ok(Box::new(Transfers {
            draw: Draw::new(spec.seed, Stream::Generator),
            most: options::number(&spec.options, "max-transfer", 1, 1_000_000)?,
            mix: Mix::new(spec)?,
            transfer: "transfer".into(),
            read: "read".into(),
        }))
    }

    fn check(&self, history: &History, _: &Requirements, budget: &Budget) -> Vec<Judgement> {
        vec![anomalies::BANK.check(history, budget)]
    }
}

struct Transfers {
    draw: Draw,
    most: u64,
    mix: Mix,
    transfer: Arc<str>,
    read: Arc<str>,
}

impl Transfers {
    fn look(&self) -> Operation {
        Operation { f: self.read.clone(), key: Value::Nil, value: Value::Nil }
    }
}

impl Generator for Transfers {
    fn next(&mut self, client: u32) -> Option<Operation> {
        if self.mix.reads(client, &mut self.draw) {
            return Some(self.look());
        }
        let accounts = BANK_ACCOUNTS as u64;
        let from = self.draw.below(accounts);
        let to = (from + 1 + self.draw.below(accounts - 1)) % accounts;
        let amount = self.draw.between(1, self.most);
        let value = Value::list([from, to, amount].map(|number| Value::Int(number as i64)));
        Some(Operation { f: self.transfer.clone(), key: Value::Nil, value })
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        vec![self.look()]
    }
}

#[cfg(test)]
#[path = "bank_test.rs"]
mod tests;
