//! Workloads that one checker judges whatever the consistency: what they have in common.

use std::collections::BTreeMap;

use rashomon_checkers::{Budget, Checker, Judgement};
use rashomon_history::{History, Value};
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface::Interface;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, Workload, WorkloadOption};

/// A workload that one checker judges: a table of what differs.
#[derive(Clone, Copy)]
pub struct Single {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) interface: &'static Interface,
    pub(crate) options: &'static [WorkloadOption],
    /// Functions of each of which one must have been acknowledged.
    pub(crate) functions: &'static [&'static str],
    pub(crate) checker: Checker,
    pub(crate) generator: fn(&GeneratorSpec) -> Result<Box<dyn Generator>, String>,
}

impl Workload for Single {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn interface(&self) -> &'static Interface {
        self.interface
    }

    fn model(&self, _: &Requirements) -> Option<String> {
        Some(self.checker.name.to_owned())
    }

    fn options(&self) -> &'static [WorkloadOption] {
        self.options
    }

    fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
        self.functions.to_vec()
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        (self.generator)(spec)
    }

    fn check(&self, history: &History, _: &Requirements, budget: &Budget) -> Vec<Judgement> {
        vec![self.checker.check(history, budget)]
    }
}

/// Asks the same thing all the time.
pub(crate) struct Asking {
    function: &'static str,
    /// What is asked next; the number is unique.
    value: fn(&mut Draw, u64) -> Value,
    draw: Draw,
    asked: u64,
}

impl Asking {
    pub(crate) fn new(spec: &GeneratorSpec, function: &'static str, value: fn(&mut Draw, u64) -> Value) -> Asking {
        Asking { function, value, draw: Draw::new(spec.seed, Stream::Generator), asked: 0 }
    }

    fn ask(&mut self) -> Operation {
        self.asked += 1;
        let value = (self.value)(&mut self.draw, self.asked);
        Operation { f: self.function.into(), key: Value::Nil, value }
    }
}

impl Generator for Asking {
    fn next(&mut self, _: u32) -> Option<Operation> {
        Some(self.ask())
    }

    fn observe(&mut self, _: u32, _: &Operation, _: &Completion) {}

    fn final_reads(&mut self) -> Vec<Operation> {
        vec![self.ask()]
    }
}
