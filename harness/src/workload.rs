//! What a workload is: what clients do, and what must hold afterwards.

use std::collections::BTreeMap;

use rashomon_checkers::{Budget, Judgement};
use rashomon_history::History;

use crate::client::{Completion, Operation};
use crate::interface::Interface;

/// An option that `-o NAME=VALUE` understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkloadOption {
    /// Its name.
    pub name: &'static str,
    /// Its value when the user does not say.
    pub default: &'static str,
    /// What it means, and the values it takes.
    pub meaning: &'static str,
}

/// What a generator is told about the run it feeds.
#[derive(Clone, Debug)]
pub struct GeneratorSpec {
    /// The run's seed: the same seed and the same answers give the same operations.
    pub seed: u64,
    /// How many processes run at once.
    pub clients: u32,
    /// Options by name, defaults filled in.
    pub options: BTreeMap<String, String>,
}

/// What clients do, and what must hold afterwards.
pub trait Workload: Send + Sync {
    /// The name given on the command line.
    fn name(&self) -> &'static str;

    /// What it does, in one line.
    fn summary(&self) -> &'static str;

    /// The interface it speaks.
    fn interface(&self) -> Interface;

    /// What it demands, as `linearizable cas-register`.
    fn model(&self) -> &'static str;

    /// The options it understands.
    fn options(&self) -> &'static [WorkloadOption] {
        &[]
    }

    /// Functions of which at least one must have been acknowledged, or the run is no evidence.
    fn required(&self) -> &'static [&'static str];

    /// True when every operation works on the object its key names and objects are judged one by one, so that a part of
    /// a history with all operations of some keys can be judged alone.
    fn objects_are_independent(&self) -> bool {
        false
    }

    /// Makes the generator, or says which option is wrong.
    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String>;

    /// Judges a finished history.
    fn check(&self, history: &History, budget: &Budget) -> Judgement;
}

/// Says what each process does next: a pure function of its seed, its state and the completions it was shown.
pub trait Generator: Send {
    /// The next operation of one client (numbered from 0); `None` when the workload is done.
    fn next(&mut self, client: u32) -> Option<Operation>;

    /// A completion of an operation it generated.
    fn observe(&mut self, client: u32, operation: &Operation, completion: &Completion);

    /// What to ask each node after everything has been healed: the closing reads.
    fn closing(&mut self) -> Vec<Operation>;
}
