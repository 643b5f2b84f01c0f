//! What a target is known by, to a lab and to a simulator: its configuration, its time constants and its known bugs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What a user chose about the target of a run.
#[derive(Clone, Debug, Default)]
pub struct TargetConfig {
    /// The known bug to switch on.
    pub mutant: Option<String>,
    /// Another build of the node program.
    pub node_binary: Option<PathBuf>,
    /// Settings by name, as given with `--set`.
    pub settings: BTreeMap<String, String>,
    /// The run's seed, for targets that draw random numbers.
    pub seed: u64,
}

/// The system's own time constants: faults last multiples of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetTiming {
    /// How long a silent leader (or peer) is missed at the least before the system reacts.
    pub election_timeout: Duration,
    /// How long a restarted or healed cluster may need until it serves again.
    pub recovery: Duration,
    /// Within this time after the last heal and the last update all replicas agree (where the target promises less than
    /// linearizability, and therefore that at least).
    pub convergence: Duration,
}

/// A named known bug of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutantInfo {
    /// The name given to `--mutant`.
    pub name: &'static str,
    /// Its number in the catalogue of known bugs: `R26`.
    pub id: &'static str,
    /// What is wrong, in one line.
    pub summary: &'static str,
    /// What a run against it shows: `stale read`.
    pub exposes: &'static str,
    /// How to find it; `None` while no fault that this version has can expose it.
    pub recipe: Option<Recipe>,
}

/// How a mutant is found: the flags of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The workload.
    pub workload: &'static str,
    /// `--nodes`.
    pub nodes: u16,
    /// `--faults`: classes and kinds.
    pub faults: &'static [&'static str],
    /// `--time`, seconds.
    pub seconds: u32,
    /// Further flags; each may be several words.
    pub more: &'static [&'static str],
}

impl Recipe {
    /// The words that follow `rashomon run`.
    pub fn flags(&self, target: &str, mutant: &str) -> Vec<String> {
        let mut words = vec![target.to_owned(), format!("--mutant={mutant}")];
        words.push(format!("--workload={}", self.workload));
        words.push(format!("--nodes={}", self.nodes));
        words.push(format!("--faults={}", self.faults.join(",")));
        words.push(format!("--time={}s", self.seconds));
        words.extend(self.more.iter().flat_map(|more| more.split_whitespace()).map(str::to_owned));
        words
    }
}
