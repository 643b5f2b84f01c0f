//! Workloads of transactions: what they have in common.
//!
//! An operation is a whole transaction, a list of micro-operations, and all objects are judged together: a cycle of
//! dependencies leads through many of them. The level that the target promises is demanded, or the one that the user
//! names.

mod append;
mod keys;
mod long_fork;
mod micro;
mod mixed;
mod rw_register;
mod write_skew;

use std::collections::BTreeMap;

use rashomon_checkers::transactions::{self, Objects, Options};
use rashomon_checkers::{Budget, Judgement};
use rashomon_history::History;
use rashomon_spec::consistency::Level;
use rashomon_spec::interface::Interface;
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, Workload, WorkloadOption};

pub use append::APPEND;
pub use long_fork::LONG_FORK;
pub use rw_register::RW_REGISTER;
pub use write_skew::WRITE_SKEW;

/// A workload of transactions: a table of what differs between them.
#[derive(Clone, Copy)]
pub struct Transactional {
    name: &'static str,
    summary: &'static str,
    interface: &'static Interface,
    objects: Objects,
    options: &'static [WorkloadOption],
    generator: fn(&GeneratorSpec) -> Result<Box<dyn Generator>, String>,
}

impl Transactional {
    /// The level that is judged, where it says something of transactions.
    fn level(demand: &Requirements) -> Option<Level> {
        Some(demand.consistency).filter(|level| level.isolation().is_some())
    }
}

impl Workload for Transactional {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn interface(&self) -> &'static Interface {
        self.interface
    }

    fn model(&self, demand: &Requirements) -> Option<String> {
        Transactional::level(demand).map(|level| format!("{level} {}", self.objects.name()))
    }

    fn options(&self) -> &'static [WorkloadOption] {
        self.options
    }

    fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
        vec![micro::TXN]
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        (self.generator)(spec)
    }

    fn check(&self, history: &History, demand: &Requirements, budget: &Budget) -> Vec<Judgement> {
        let judge = |level| transactions::judge(history, &Options { objects: self.objects, level }, budget);
        Transactional::level(demand).map(judge).into_iter().collect()
    }
}

#[cfg(test)]
#[path = "transactions/test.rs"]
mod tests;
