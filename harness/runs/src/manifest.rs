//! The manifest: everything needed to understand and repeat a run.

use std::collections::BTreeMap;

use rashomon_spec::run::RunSpec;
use rashomon_spec::schedule::Schedule;
use serde::{Deserialize, Serialize};

use crate::{Evidence, Timings, Verdict};

/// What determines a run: its specification and the schedule that was drawn from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Everything a user can choose, every default resolved.
    pub spec: RunSpec,
    /// The faults.
    pub schedule: Schedule,
    /// The text that defines the target, where it was read from a file.
    pub definition: Option<String>,
}

/// All inputs of a run, its plan and its outcome. Written when the run begins (without evidence and verdict), again
/// when its load ends, and again when it has been judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the run's files; [`Manifest::FORMAT`] in what this version writes.
    pub format: u32,
    /// The version of Rashomon that wrote it.
    pub version: String,
    /// The run's name: its folder's.
    pub run: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// The command line that started it.
    pub command: Vec<String>,
    /// A command line that runs the same plan again.
    pub reproduce: String,
    /// The run's specification, every default resolved.
    pub spec: RunSpec,
    /// The schedule of faults, drawn from the seed.
    pub schedule: Schedule,
    /// The system under test.
    pub target: TargetRecord,
    /// The machine.
    pub host: HostFacts,
    /// How the nodes were isolated and what each might use (see the harness' `Isolation`); absent while no lab was up,
    /// and in runs of versions that did not isolate them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<IsolationRecord>,
    /// The nodes, in order.
    pub nodes: Vec<NodeRecord>,
    /// How long each phase took.
    pub timings: Timings,
    /// What was exercised; absent while the run is under way, or when it broke.
    pub evidence: Option<Evidence>,
    /// The verdict; absent until it has been judged.
    pub verdict: Option<Verdict>,
}

impl Manifest {
    /// The format that this version writes, and the newest that it reads.
    pub const FORMAT: u32 = 2;

    /// What determines the run.
    pub fn plan(&self) -> Plan {
        Plan { spec: self.spec.clone(), schedule: self.schedule.clone(), definition: self.target.definition.clone() }
    }
}

/// The system under test.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetRecord {
    /// Its name: `raft-kv`.
    pub name: String,
    /// What it is, in one line.
    pub summary: String,
    /// What its program says of its own version.
    pub version: String,
    /// The known bug that was switched on.
    pub mutant: Option<MutantRecord>,
    /// The workload.
    pub workload: String,
    /// What the workload's checker demands: `linearizable cas-register`.
    pub model: String,
    /// The consistency that is demanded: `linearizable`, `eventual`, ….
    #[serde(default)]
    pub consistency: String,
    /// The settings its nodes were started with.
    pub settings: BTreeMap<String, String>,
    /// The text that defines it, for a target that was read from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// A known bug built into a target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MutantRecord {
    /// The name given to `--mutant`.
    pub name: String,
    /// Its number in the catalogue of known bugs: `R26`.
    pub id: String,
    /// What is wrong, in one line.
    pub summary: String,
}

/// The machine a run was made on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// Kernel release.
    pub kernel: String,
    /// Processors available.
    pub cpus: u32,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// `root` or `user`.
    pub privilege: String,
}

/// How the nodes were isolated from the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationRecord {
    /// As whom their processes ran, inside: `unprivileged` or `root`.
    pub user: String,
    /// The user id they had outside.
    pub host_uid: u32,
    /// What each of them could use.
    pub limits: NodeLimits,
    /// Where their data was: `memory` (with a limit) or `disk` (without).
    pub data: String,
}

/// What one node could use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLimits {
    /// Memory of its processes, bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// What it could print, bytes.
    pub log_bytes: u64,
    /// Each of its private folders in memory, bytes.
    pub scratch_bytes: u64,
    /// Its data directory, where that is in memory, bytes.
    pub data_bytes: u64,
}

/// A node of the cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Its number, from 1.
    pub id: u16,
    /// Its name: `n1`.
    pub name: String,
    /// Its address in the lab.
    pub address: String,
    /// Its command line.
    pub command: Vec<String>,
    /// How its wall clock could be set; absent when no fault could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockRecord>,
}

/// How the wall clock of a node could be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRecord {
    /// In which way, and why in that one, by process: `vdso (statically linked: nothing can be preloaded)`.
    pub processes: BTreeMap<String, String>,
    /// What has shown a jump: `the node's status`, `a process in the node`; empty when there was none to show.
    pub shown_by: Vec<String>,
}
