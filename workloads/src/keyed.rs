//! Workloads on many objects that have nothing to do with each other: what they have in common.

use std::collections::BTreeMap;

use rashomon_checkers::{Budget, Judgement};
use rashomon_history::History;
use rashomon_spec::interface::Interface;
use rashomon_spec::workload::{Generator, GeneratorSpec, Requirements, Workload, WorkloadOption};

use crate::demands::{self, Models};

/// A workload on many objects, one per key, each judged for itself: a table of what differs between them.
#[derive(Clone, Copy)]
pub struct Keyed {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) interface: &'static Interface,
    pub(crate) options: &'static [WorkloadOption],
    /// Functions of each of which one must have been acknowledged under these options.
    pub(crate) required: fn(&BTreeMap<String, String>) -> Vec<&'static str>,
    /// By what a history is judged under a consistency; by nothing when there is no checker for that.
    pub(crate) models: fn(&Requirements) -> Models,
    pub(crate) generator: fn(&GeneratorSpec) -> Result<Box<dyn Generator>, String>,
}

impl Workload for Keyed {
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
        demands::in_words(&(self.models)(demand), demand)
    }

    fn options(&self) -> &'static [WorkloadOption] {
        self.options
    }

    fn objects_are_independent(&self) -> bool {
        true
    }

    fn required(&self, options: &BTreeMap<String, String>) -> Vec<&'static str> {
        (self.required)(options)
    }

    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
        (self.generator)(spec)
    }

    fn check(&self, history: &History, demand: &Requirements, budget: &Budget) -> Vec<Judgement> {
        demands::check(&(self.models)(demand), history, demand, budget)
    }
}
