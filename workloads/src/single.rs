//! Workloads on one thing without keys, whose demand is the same under every consistency: what they have in common.

use std::collections::BTreeMap;

use rashomon_checkers::{Budget, Checker, Judgement};
use rashomon_history::{History, Value};
use rashomon_spec::draw::{Draw, Stream};
use rashomon_spec::interface::Interface;
use rashomon_spec::operation::{Completion, Operation};
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, Workload};

/// A workload of one function: a table of what differs.
#[derive(Clone, Copy)]
pub struct Single {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) interface: &'static Interface,
    pub(crate) function: &'static str,
    pub(crate) checker: Checker,
    /// What is asked next; the number is unique.
    pub(crate) value: fn(&mut Draw, u64) -> Value,
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

    fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
        vec![self.function]
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        Ok(Box::new(Asking { workload: *self, draw: Draw::new(spec.seed, Stream::Generator), asked: 0 }))
    }

    fn check(&self, history: &History, _: &Requirements, budget: &Budget) -> Vec<Judgement> {
        vec![self.checker.check(history, budget)]
    }
}

struct Asking {
    workload: Single,
    draw: Draw,
    asked: u64,
}

impl Asking {
    fn ask(&mut self) -> Operation {
        self.asked += 1;
        let value = (self.workload.value)(&mut self.draw, self.asked);
        Operation { f: self.workload.function.into(), key: Value::Nil, value }
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
