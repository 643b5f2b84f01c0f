//! What a target is known by, to a lab and to a simulator: its name, its settings, its configuration, its time
//! constants and its known bugs.
//!
//! Everything here is owned, so that a target can come from a program as well as from a file.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::interface::Interface;

/// What a target is known by.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetInfo {
    /// The name given on the command line.
    pub name: String,
    /// What it is, in one line.
    pub summary: String,
    /// The interfaces it serves.
    pub interfaces: Vec<&'static Interface>,
    /// Settings that `--set NAME=VALUE` understands.
    pub settings: Vec<Setting>,
    /// Known bugs that can be switched on.
    pub mutants: Vec<MutantInfo>,
    /// The workload of a run whose user did not choose one.
    pub default_workload: String,
    /// How many nodes a run has when the user does not choose.
    pub default_nodes: u16,
    /// Whether a node leads (or is the primary). Where none does, no fault is aimed at a leader.
    pub has_leader: bool,
    /// Whether its processes may exit on their own, by design (a supervisor would start them again). Elsewhere an
    /// unexpected exit is a violation.
    pub exits_by_design: bool,
    /// Whether it breaks by design what any user would expect of it (it loses acknowledged writes): a campaign expects
    /// violations of it.
    pub wrong_by_design: bool,
    /// The text that defines it, for a target that was read from a file: the manifest keeps it, so that the run can be
    /// replayed without the file.
    pub definition: Option<String>,
    /// The file that it was read from: what the command line names it by, in the place of its name.
    pub file: Option<PathBuf>,
}

impl TargetInfo {
    /// A target with a leader, five nodes and the workload `register`, that serves nothing yet: change what differs.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> TargetInfo {
        TargetInfo {
            name: name.into(),
            summary: summary.into(),
            interfaces: Vec::new(),
            settings: Vec::new(),
            mutants: Vec::new(),
            default_workload: "register".to_owned(),
            default_nodes: 5,
            has_leader: true,
            exits_by_design: false,
            wrong_by_design: false,
            definition: None,
            file: None,
        }
    }

    /// The value of a setting: what the user chose, or its default; `None` if there is no such setting.
    pub fn setting<'a>(&'a self, config: &'a TargetConfig, name: &str) -> Option<&'a str> {
        let known = self.settings.iter().find(|setting| setting.name == name)?;
        Some(config.settings.get(name).map_or(&known.default, |chosen| chosen))
    }
}

/// A setting of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name: `election-timeout-ms`.
    pub name: String,
    /// Its value when the user does not choose one.
    pub default: String,
    /// What it means, in one line.
    pub meaning: String,
}

impl Setting {
    /// A setting.
    pub fn new(name: impl Into<String>, default: impl Into<String>, meaning: impl Into<String>) -> Setting {
        Setting { name: name.into(), default: default.into(), meaning: meaning.into() }
    }
}

/// What a user chose about the target of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    pub name: String,
    /// Its number in the catalogue of known bugs: `R26`.
    pub id: String,
    /// What is wrong, in one line.
    pub summary: String,
    /// What a run against it shows: `stale read`.
    pub exposes: String,
    /// How to find it; `None` while no fault that this version has can expose it.
    pub recipe: Option<Recipe>,
}

/// How a mutant is found: the flags of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The workload.
    pub workload: String,
    /// `--nodes`.
    pub nodes: u16,
    /// `--faults`: classes and kinds.
    pub faults: Vec<String>,
    /// `--time`, seconds.
    pub seconds: u32,
    /// Further flags; each may be several words.
    pub more: Vec<String>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_what_the_user_chose_or_its_default() {
        let mut info = TargetInfo::new("t", "a target");
        info.settings.push(Setting::new("timeout-ms", "300", "how long"));
        let mut config = TargetConfig::default();
        assert_eq!(info.setting(&config, "timeout-ms"), Some("300"));
        config.settings.insert("timeout-ms".to_owned(), "50".to_owned());
        assert_eq!(info.setting(&config, "timeout-ms"), Some("50"));
        assert_eq!(info.setting(&config, "timeout"), None);
    }
}
