//! What a pair of runs showed.

use rashomon_runs::{Manifest, RunDigest, Verdict, VerdictRecord};
use serde::{Deserialize, Serialize};

use crate::Failing;

/// One of the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The version that is trusted.
    Base,
    /// The version that is to be judged.
    Candidate,
}

impl Side {
    /// The word in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Base => "base",
            Side::Candidate => "candidate",
        }
    }
}

/// An anomaly that a run showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name: `stale read`. Findings of one name count as the same.
    pub name: String,
    /// The checker that found it.
    pub checker: String,
    /// The finding in one sentence.
    pub sentence: String,
    /// How many operations its minimal core has.
    pub operations: usize,
    /// Its core alone proves it. Else it rests on a bound of time, and must be seen again.
    pub certain: bool,
}

/// A run as far as versions are compared by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The run's name: its folder's.
    pub run: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, the most important reason first.
    pub reason: String,
    /// Somebody ended it before its time.
    pub interrupted: bool,
    /// The anomalies, one of each name.
    pub findings: Vec<Finding>,
    /// Processes that exited unexpectedly: `n2 was killed by SIGSEGV`.
    pub crashes: Vec<String>,
    /// Why the system did not answer to the end; absent when it did.
    pub unfinished: Option<String>,
    /// What was measured, by name (see [`crate::measure`]); positive.
    pub measures: Vec<(String, f64)>,
    /// What happened in it, by kind: faults that took effect, elections, acknowledged operations.
    pub exposure: Vec<(String, u64)>,
    /// A command that runs the same plan again.
    pub reproduce: String,
}

impl Observed {
    /// What the records of a run show; what was measured is added from its history.
    pub fn of(manifest: &Manifest, verdict: &VerdictRecord, measures: Vec<(String, f64)>) -> Observed {
        let digest = RunDigest::of(manifest, Some(verdict));
        let evidence = manifest.evidence.clone().unwrap_or_default();
        let certain = !manifest.spec.consistency.converges_later();
        let mut findings: Vec<Finding> = Vec::new();
        for anomaly in &digest.anomalies {
            if findings.iter().all(|known| known.name != anomaly.name) {
                findings.push(Finding {
                    name: anomaly.name.clone(),
                    checker: anomaly.checker.clone(),
                    sentence: anomaly.sentence.clone(),
                    operations: anomaly.operations,
                    certain: certain && anomaly.operations > 0,
                });
            }
        }
        let unexpected = evidence.unexpected_exits.iter().filter(|_| !evidence.exits_by_design);
        let unfinished = if evidence.never_served {
            Some("the cluster never served")
        } else if evidence.final_reads_unanswered {
            Some("some final reads were not answered in time")
        } else if digest.operations[0] == 0 && verdict.verdict != Verdict::Broken {
            Some("no operation was acknowledged")
        } else {
            None
        };
        let faults = evidence.faults_installed.iter().map(|(class, count)| (format!("{class} faults"), *count));
        let events = evidence.events.iter().map(|(kind, count)| (format!("{kind} events"), *count));
        let acknowledged = ("acknowledged operations".to_owned(), digest.operations[0]);
        Observed {
            run: digest.run.clone(),
            verdict: verdict.verdict,
            reason: verdict.reasons.first().cloned().unwrap_or_default(),
            interrupted: digest.interrupted,
            findings,
            crashes: unexpected.map(|exit| format!("{} {}", exit.node, exit.how)).collect(),
            unfinished: unfinished.map(str::to_owned),
            measures,
            exposure: faults.chain(events).chain([acknowledged]).collect(),
            reproduce: digest.reproduce,
        }
    }

    /// It says something about its version.
    pub fn is_usable(&self) -> bool {
        self.verdict != Verdict::Broken && !self.interrupted
    }

    /// It failed in this way.
    pub fn fails(&self, how: Failing) -> bool {
        match how {
            Failing::Violation => !self.findings.is_empty(),
            Failing::Crash => !self.crashes.is_empty(),
            Failing::Unfinished => self.unfinished.is_some(),
        }
    }

    /// It failed in any way.
    pub fn fails_somehow(&self) -> bool {
        Failing::ALL.into_iter().any(|how| self.fails(how))
    }

    /// What was measured under this name.
    pub fn measure(&self, name: &str) -> Option<f64> {
        self.measures.iter().find(|(measured, _)| measured == name).map(|&(_, value)| value)
    }
}

/// A run of each version by the same plan, beside each other or one right after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Its number, from 1, in the order in which pairs were begun.
    pub number: u64,
    /// The seed of both runs.
    pub seed: u64,
    /// What is run, without seed and version: the words that follow `run`.
    pub plan: String,
    /// The pair whose plan it repeats.
    pub repeats: Option<u64>,
    /// Which of the two was begun first.
    pub first: Side,
    /// The base's run.
    pub base: Observed,
    /// The candidate's run.
    pub candidate: Observed,
}

impl Pair {
    /// Both runs say something about their version. A pair of which one does not is left out, whatever the other shows.
    pub fn is_usable(&self) -> bool {
        self.base.is_usable() && self.candidate.is_usable()
    }
}
