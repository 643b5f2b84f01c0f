//! What a run exercised: without enough of it, a clean history proves nothing.

use rashomon_spec::fault_kind::FaultClass;
use serde::{Deserialize, Serialize};

/// What a run exercised.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Operations by function.
    pub functions: Vec<FunctionCounts>,
    /// Length of the load, ns on the run's clock.
    pub load_ns: u64,
    /// Operations acknowledged during the load, final reads left out, by function; absent in runs of earlier
    /// versions.
    #[serde(default)]
    pub load_ok: Option<Vec<(String, u64)>>,
    /// Some final reads were not answered in time.
    #[serde(default, rename = "closing_unanswered")]
    pub final_reads_unanswered: bool,
    /// When the last fault was healed, ns; absent when none was installed.
    pub last_heal_ns: Option<u64>,
    /// Acknowledged reads after the last heal, by node (index 0 is node 1).
    pub reads_after_heal: Vec<u64>,
    /// Faults that took effect, by class.
    pub faults_installed: Vec<(FaultClass, u64)>,
    /// Faults that were skipped, by class.
    pub faults_skipped: Vec<(FaultClass, u64)>,
    /// Faults that were injected without an observed effect, by class. (Version 0.1.0 wrote `faults_indeterminate`.)
    #[serde(alias = "faults_indeterminate")]
    pub faults_unconfirmed: Vec<(FaultClass, u64)>,
    /// Node processes that exited unexpectedly.
    pub unexpected_exits: Vec<NodeExit>,
    /// Processes of this target end on their own by design.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exits_by_design: bool,
    /// The cluster never served: its nodes ended before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_served: bool,
    /// Protocol events by kind; empty for a target that reports none, and in runs of earlier versions.
    #[serde(default)]
    pub events: Vec<(String, u64)>,
    /// How the system reacted to the faults that were aimed at its leader; absent where nothing is known about that.
    #[serde(default)]
    pub leader_reactions: Option<LeaderReactions>,
    /// Arrivals that found every client busy (open-loop load only).
    pub late_arrivals: u64,
    /// Since when every fault was healed and no client updated anything, ns; absent when the run ended before.
    #[serde(default)]
    pub quiet_since_ns: Option<u64>,
    /// How replicas came to agree; absent where they have to agree at any time, and when the run ended before.
    #[serde(default)]
    pub convergence: Option<Convergence>,
    /// The user stopped the run early.
    pub interrupted: bool,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

impl Evidence {
    /// How many operations ended ok, fail and info, final reads included.
    pub fn outcomes(&self) -> [u64; 3] {
        let sum = |pick: fn(&FunctionCounts) -> u64| self.functions.iter().map(pick).sum();
        [sum(|counts| counts.ok), sum(|counts| counts.fail), sum(|counts| counts.info)]
    }

    /// How many faults took effect.
    pub fn faults(&self) -> u64 {
        self.faults_installed.iter().map(|&(_, count)| count).sum()
    }

    /// Operations acknowledged during the load, by function.
    pub fn acknowledged_under_load(&self) -> Vec<(String, u64)> {
        let all = || self.functions.iter().map(|counts| (counts.f.clone(), counts.ok)).collect();
        self.load_ok.clone().unwrap_or_else(all)
    }
}

/// What rounds of final reads showed about replicas that may differ for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convergence {
    /// How long after the last heal and the last update they may differ, ns.
    pub bound_ns: u64,
    /// Rounds of reads.
    pub rounds: u32,
    /// How long after the last heal and the last update all nodes were seen to agree on everything, ns (an upper bound:
    /// when the last read that showed it was answered); absent when they did not.
    pub after_ns: Option<u64>,
    /// Objects on which nodes differed in the last round, the first twenty.
    pub apart: Vec<String>,
    /// Every read was answered; else the time was over before.
    pub complete: bool,
}

/// How often one function was called and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCounts {
    /// The function: `read`.
    pub f: String,
    /// How often it took effect.
    pub ok: u64,
    /// How often it did not and never will.
    pub fail: u64,
    /// How often its outcome is indeterminate.
    pub info: u64,
    /// Latency of those that ended ok.
    pub latency: LatencySummary,
}

/// Latency of acknowledged operations, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencySummary {
    /// Median.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// The slowest.
    pub max_us: u64,
}

/// How the system reacted to the faults that were aimed at its leader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaderReactions {
    /// How often a node became the leader after the load had begun.
    pub leader_changes: u64,
    /// Faults aimed at the leader that took effect.
    pub faults: u64,
    /// Those of them during or soon after which a node became the leader.
    pub answered: u64,
    /// Those of the others that lasted less than the system needs to miss its leader.
    pub too_short: u64,
    /// How long the system needs to miss its leader at the least, milliseconds.
    pub detection_ms: u64,
}

/// A node's process that exited unexpectedly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeExit {
    /// The node's name.
    pub node: String,
    /// When, ns on the run's clock.
    pub at_ns: u64,
    /// How: `exited with code 101`, `was killed by SIGSEGV`.
    pub how: String,
    /// Which of the node's processes.
    #[serde(default)]
    pub process: String,
    /// The limit of the lab that it reached, if that is why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The process's log, within the node's folder.
    #[serde(default)]
    pub log: String,
    /// The last lines that it printed before.
    #[serde(default)]
    pub last_lines: Vec<String>,
}

/// How long each phase of a run took, milliseconds of wall time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Making the lab.
    pub lab_up_ms: f64,
    /// From starting the nodes until each one was ready.
    pub nodes_ready_ms: f64,
    /// From the command to the first client operation.
    pub first_operation_ms: f64,
    /// The load.
    pub load_ms: f64,
    /// Taking the lab down.
    pub lab_down_ms: f64,
    /// Checking the history.
    pub check_ms: f64,
}
