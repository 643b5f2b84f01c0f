//! A run's specification: everything a user can choose, with every default resolved.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::consistency::Level;
use crate::fault_kind::FaultKind;
use crate::target::TargetConfig;
use crate::workload::Requirements;

/// Everything that determines a run, except its schedule (which is drawn from it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunSpec {
    /// The system under test.
    pub target: String,
    /// The known bug to switch on.
    pub mutant: Option<String>,
    /// Another build of the node program.
    pub node_binary: Option<PathBuf>,
    /// The target's settings.
    pub settings: BTreeMap<String, String>,
    /// What the clients do.
    pub workload: String,
    /// The workload's options.
    pub options: BTreeMap<String, String>,
    /// What the history must satisfy.
    #[serde(default)]
    pub consistency: Level,
    /// How long after the last heal and the last update replicas may still disagree, milliseconds; of no account when
    /// the run demands linearizability.
    #[serde(default)]
    pub convergence_ms: u64,
    /// How many nodes.
    pub nodes: u16,
    /// How many processes run at once.
    pub clients: u32,
    /// Operations a second over all clients (open loop); 0: each client sends as soon as it has its answer (closed
    /// loop).
    pub rate: f64,
    /// Length of the load, milliseconds.
    pub time_ms: u64,
    /// Which kinds of faults are drawn, in order.
    pub faults: Vec<FaultKind>,
    /// The seed of every choice.
    pub seed: u64,
    /// An operation's hard deadline, milliseconds.
    pub deadline_ms: u64,
    /// Where the nodes keep their data.
    pub data: DataPlacement,
    /// In which way clock faults set the nodes' clocks.
    #[serde(default, skip_serializing_if = "ClockWay::is_auto")]
    pub clock: ClockWay,
    /// The history is checked while it grows, and the run ends at the first certain violation.
    pub stop_on_violation: bool,
    /// A second version of the target in the same cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<OtherVersion>,
}

/// A second version of a target, which runs beside the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherVersion {
    /// Where it runs.
    pub runs: OtherRuns,
    /// The known bug to switch on in it.
    pub mutant: Option<String>,
    /// Its build of the node program.
    pub node_binary: Option<PathBuf>,
    /// Settings in which it differs from the first version.
    pub settings: BTreeMap<String, String>,
}

/// Where a second version runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OtherRuns {
    /// On n2, n4, …: both versions serve in one cluster, as during an upgrade node by node.
    EveryOtherNode,
    /// From each node's second start on, on the data that the first version left: as after an upgrade.
    Restarts,
}

impl OtherRuns {
    /// All of them.
    pub const ALL: [OtherRuns; 2] = [OtherRuns::EveryOtherNode, OtherRuns::Restarts];

    /// The word used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            OtherRuns::EveryOtherNode => "every-other-node",
            OtherRuns::Restarts => "restarts",
        }
    }

    /// What this word stands for; `None` when it is no such word.
    pub fn named(word: &str) -> Option<OtherRuns> {
        OtherRuns::ALL.into_iter().find(|runs| runs.as_str() == word)
    }
}

impl RunSpec {
    /// What its history is judged by; `quiet_since_ns` is when all was healed and no client updated anything any more.
    pub fn demand(&self, quiet_since_ns: Option<u64>) -> Requirements {
        Requirements {
            consistency: self.consistency,
            options: self.options.clone(),
            quiet_since_ns,
            convergence_ns: self.convergence_ms * 1_000_000,
        }
    }

    /// What it says about the target's second version, and where that runs.
    pub fn other_config(&self) -> Option<(TargetConfig, OtherRuns)> {
        let other = self.other.as_ref()?;
        let settings = self.settings.clone().into_iter().chain(other.settings.clone()).collect();
        let (mutant, node_binary) = (other.mutant.clone(), other.node_binary.clone());
        Some((TargetConfig { mutant, node_binary, settings, seed: self.seed }, other.runs))
    }

    /// What it says about the target.
    pub fn target_config(&self) -> TargetConfig {
        TargetConfig {
            mutant: self.mutant.clone(),
            node_binary: self.node_binary.clone(),
            settings: self.settings.clone(),
            seed: self.seed,
        }
    }
}

/// In which way clock faults set the nodes' clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockWay {
    /// As it suits each program.
    #[default]
    Auto,
    /// Through the vDSO of every program.
    Vdso,
    /// By libfaketime, preloaded into every program.
    Libfaketime,
}

impl ClockWay {
    /// All of them.
    pub const ALL: [ClockWay; 3] = [ClockWay::Auto, ClockWay::Vdso, ClockWay::Libfaketime];

    /// The word used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            ClockWay::Auto => "auto",
            ClockWay::Vdso => "vdso",
            ClockWay::Libfaketime => "libfaketime",
        }
    }

    /// The way of this word; `None` when there is none.
    pub fn named(word: &str) -> Option<ClockWay> {
        ClockWay::ALL.into_iter().find(|way| way.as_str() == word)
    }

    /// Whether nothing else was chosen.
    pub fn is_auto(&self) -> bool {
        *self == ClockWay::Auto
    }
}

/// Where the nodes keep their data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataPlacement {
    /// In memory, inside the lab: fast, and gone with the run.
    #[default]
    Tmpfs,
    /// In the run's folder, on its disk: fsync costs what it costs there.
    Disk,
}

impl DataPlacement {
    /// All of them.
    pub const ALL: [DataPlacement; 2] = [DataPlacement::Tmpfs, DataPlacement::Disk];

    /// The word used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            DataPlacement::Tmpfs => "tmpfs",
            DataPlacement::Disk => "disk",
        }
    }

    /// The placement of this word; `None` when there is none.
    pub fn named(word: &str) -> Option<DataPlacement> {
        DataPlacement::ALL.into_iter().find(|placement| placement.as_str() == word)
    }
}
