//! What many runs are listed, grouped and compared by: small, and without the runs' histories.

use std::collections::BTreeSet;

use rashomon_checkers::{Anomaly, Finding, Judgement};
use rashomon_spec::fault_kind::{FaultClass, FaultKind};
use serde::{Deserialize, Serialize};

use crate::{FaultOutcome, FaultRecord, Manifest, Verdict, VerdictRecord};

/// A run in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunDigest {
    /// The run's name: its folder's.
    pub run: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// The version of Rashomon that made it.
    pub version: String,
    /// The system under test.
    pub target: String,
    /// What its program says of its own version.
    pub target_version: String,
    /// The known bug that was switched on.
    pub mutant: Option<String>,
    /// The workload.
    pub workload: String,
    /// What its checkers demanded: `linearizable cas-register`.
    pub model: String,
    /// How many nodes.
    pub nodes: u16,
    /// The seed of every choice.
    pub seed: u64,
    /// Length of the load that was planned, ms.
    pub time_ms: u64,
    /// The kinds of faults that were requested.
    pub fault_kinds: Vec<FaultKind>,
    /// The verdict; absent when the run was never judged.
    pub verdict: Option<Verdict>,
    /// Why, the most important first.
    pub reasons: Vec<String>,
    /// What contradicts, in the checkers' order.
    pub anomalies: Vec<AnomalyDigest>,
    /// Operations that ended ok, fail and info.
    pub operations: [u64; 3],
    /// Faults that took effect, by class.
    pub faults_installed: Vec<(FaultClass, u64)>,
    /// Protocol events by kind; empty for a target that reports none.
    #[serde(default)]
    pub events: Vec<(String, u64)>,
    /// The user stopped the run early.
    pub interrupted: bool,
    /// From the command to the verdict without the time between phases, ms of wall time.
    pub wall_ms: f64,
    /// A command line that runs the same plan again.
    pub reproduce: String,
}

/// An anomaly in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AnomalyDigest {
    /// The checker that found it.
    pub checker: String,
    /// Its name: `stale read`.
    pub name: String,
    /// The object; empty where there is only one.
    pub key: String,
    /// The finding in one sentence.
    pub sentence: String,
    /// How many operations its minimal core has.
    pub operations: usize,
    /// When its first operation began and its last one ended, ns on the run's clock.
    pub window_ns: (u64, u64),
    /// The kinds of reasons that order its operations, each once, by name: `real-time`, `wr`.
    #[serde(default)]
    pub edges: Vec<String>,
    /// The classes of the faults that lasted within its window, each once, by name; known of runs read from their
    /// folder.
    #[serde(default)]
    pub active: Vec<FaultClass>,
}

impl RunDigest {
    /// The digest of a run from its records.
    pub fn of(manifest: &Manifest, verdict: Option<&VerdictRecord>) -> RunDigest {
        let evidence = manifest.evidence.as_ref();
        let timings = &manifest.timings;
        RunDigest {
            run: manifest.run.clone(),
            started: manifest.started.clone(),
            version: manifest.version.clone(),
            target: manifest.target.name.clone(),
            target_version: manifest.target.version.clone(),
            mutant: manifest.target.mutant.as_ref().map(|mutant| mutant.name.clone()),
            workload: manifest.target.workload.clone(),
            model: manifest.target.model.clone(),
            nodes: manifest.spec.nodes,
            seed: manifest.spec.seed,
            time_ms: manifest.spec.time_ms,
            fault_kinds: manifest.spec.faults.clone(),
            verdict: verdict.map(|record| record.verdict).or(manifest.verdict),
            reasons: verdict.map_or_else(Vec::new, |record| record.reasons.clone()),
            anomalies: verdict.map_or_else(Vec::new, |record| anomalies(&record.judgements)),
            operations: evidence.map_or([0; 3], |evidence| evidence.outcomes()),
            faults_installed: evidence.map_or_else(Vec::new, |evidence| evidence.faults_installed.clone()),
            events: evidence.map_or_else(Vec::new, |evidence| evidence.events.clone()),
            interrupted: evidence.is_some_and(|evidence| evidence.interrupted),
            wall_ms: timings.first_operation_ms + timings.load_ms + timings.lab_down_ms + timings.check_ms,
            reproduce: manifest.reproduce.clone(),
        }
    }

    /// The digest with the faults that were active while each anomaly came about.
    pub(crate) fn with_faults(mut self, faults: &[FaultRecord]) -> RunDigest {
        for anomaly in &mut self.anomalies {
            let (first, last) = anomaly.window_ns;
            let active = faults.iter().filter(|fault| {
                fault.outcome == FaultOutcome::Installed
                    && fault.begin_ns <= last
                    && fault.end_ns.is_none_or(|end| end >= first)
            });
            let classes: BTreeSet<&FaultClass> = active.map(|fault| &fault.class).collect();
            anomaly.active = classes.into_iter().cloned().collect();
        }
        self
    }

    /// The anomaly whose contradiction was complete first.
    pub fn first_anomaly(&self) -> Option<&AnomalyDigest> {
        self.anomalies.iter().min_by_key(|anomaly| anomaly.window_ns.1)
    }
}

fn anomalies(judgements: &[Judgement]) -> Vec<AnomalyDigest> {
    let short = |judgement: &Judgement, anomaly: &Anomaly| AnomalyDigest {
        checker: judgement.checker.clone(),
        name: anomaly.name.clone(),
        key: anomaly.key.clone(),
        sentence: anomaly.sentence.clone(),
        operations: anomaly.operations.len(),
        window_ns: anomaly.window,
        edges: BTreeSet::from_iter(anomaly.edges.iter().map(|edge| edge.kind.to_string())).into_iter().collect(),
        active: Vec::new(),
    };
    let invalid = judgements.iter().filter(|judgement| judgement.finding == Finding::Invalid);
    invalid.flat_map(|judgement| judgement.anomalies.iter().map(move |anomaly| short(judgement, anomaly))).collect()
}
