//! What a workload is: what clients do, and what must hold afterwards.

use std::collections::BTreeMap;

use rashomon_checkers::{Budget, Judgement};
use rashomon_history::History;

use crate::consistency::Level;
use crate::interface::Interface;
use crate::operation::{Completion, Operation};

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

/// What a history is to be judged by, besides itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// What the target promised.
    pub consistency: Level,
    /// The workload's options by name, defaults filled in.
    pub options: BTreeMap<String, String>,
    /// Since when (ns on the run's clock) every fault was healed and no client updated anything; `None` when that time
    /// never came, or when it is not known yet. What was recorded until then is judged, but nothing is missed that may
    /// still come.
    pub quiet_since_ns: Option<u64>,
    /// How long after that replicas may still disagree, ns.
    pub convergence_ns: u64,
}

impl Requirements {
    /// The demand on a history that has no quiet time.
    pub fn new(consistency: Level, options: BTreeMap<String, String>) -> Requirements {
        Requirements { consistency, options, quiet_since_ns: None, convergence_ns: 0 }
    }

    /// The value of an option; empty when there is none of this name.
    pub fn option(&self, name: &str) -> &str {
        self.options.get(name).map_or("", String::as_str)
    }
}

/// What clients do, and what must hold afterwards.
pub trait Workload: Send + Sync {
    /// The name given on the command line.
    fn name(&self) -> &'static str;

    /// What it does, in one line.
    fn summary(&self) -> &'static str;

    /// The interface it speaks.
    fn interface(&self) -> &'static Interface;

    /// What it demands under this consistency and these options, as `linearizable cas-register`; `None` when it has no
    /// checker for that consistency, and such a run is refused.
    fn model(&self, demand: &Requirements) -> Option<String>;

    /// The options it understands.
    fn options(&self) -> &'static [WorkloadOption] {
        &[]
    }

    /// Functions of each of which one must have been acknowledged under these options, or the run is no evidence.
    fn required(&self, options: &BTreeMap<String, String>) -> Vec<&'static str>;

    /// True when every operation works on the object its key names and objects are judged one by one, so that a part of
    /// a history with all operations of some keys can be judged alone.
    fn objects_are_independent(&self) -> bool {
        false
    }

    /// Makes the generator, or says which option is wrong.
    fn generator(&self, spec: &GeneratorSpec) -> Result<Box<dyn Generator>, String>;

    /// Judges a history by every checker that the demand calls for: at least one judgement.
    ///
    /// Without a quiet time ([`Requirements::quiet_since_ns`]) the history may be the beginning of a longer one, or all
    /// operations of some of its keys: what is called invalid then must be invalid whatever follows.
    fn check(&self, history: &History, demand: &Requirements, budget: &Budget) -> Vec<Judgement>;
}

/// Says what each process does next: a pure function of its seed, its state and the completions it was shown.
pub trait Generator: Send {
    /// The next operation of one client (numbered from 0); `None` when the workload is done.
    fn next(&mut self, client: u32) -> Option<Operation>;

    /// A completion of an operation it generated.
    fn observe(&mut self, client: u32, operation: &Operation, completion: &Completion);

    /// What to ask each node after everything has been healed: the final reads.
    fn final_reads(&mut self) -> Vec<Operation>;
}
