//! The manifest: everything needed to understand and repeat a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Evidence, Timings, Verdict};

/// All inputs of a run, its plan and its outcome. Written when the run begins (without evidence and verdict), again
/// when its load ends, and again when it has been judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file's layout; [`Manifest::FORMAT`].
    pub format: u32,
    /// Version of Rashomon.
    pub version: String,
    /// The run's name: its folder's.
    pub run: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// The command line that started it.
    pub command: Vec<String>,
    /// A command line that runs the same plan again.
    pub reproduce: String,
    /// The run's specification, every default resolved (see the harness' `RunSpec`).
    pub spec: serde_json::Value,
    /// The plan of faults drawn from the seed (see the harness' `Schedule`).
    pub schedule: serde_json::Value,
    /// The system under test.
    pub target: TargetRecord,
    /// The machine.
    pub host: HostFacts,
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
    /// The layout that this version writes.
    pub const FORMAT: u32 = 1;
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
}
