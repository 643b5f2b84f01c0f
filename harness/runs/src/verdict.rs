//! The four verdicts.

use std::fmt;

use rashomon_checkers::Judgement;
use serde::{Deserialize, Serialize};

/// The result of a run. `violation` beats `inconclusive` beats `pass`; `broken` is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Enough was exercised and no anomaly was found.
    Pass,
    /// An anomaly, with its counterexample.
    Violation,
    /// Too little evidence to say.
    Inconclusive,
    /// The harness or its environment failed: no statement about the target.
    Broken,
}

impl Verdict {
    /// The process's exit code, as Jepsen has them.
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Pass => 0,
            Verdict::Violation => 1,
            Verdict::Inconclusive => 2,
            Verdict::Broken => 255,
        }
    }

    /// The word used in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Violation => "violation",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Broken => "broken",
        }
    }

    /// The worse of two, for a set of runs: a violation is never hidden, then comes a broken run.
    pub fn worst(self, other: Verdict) -> Verdict {
        let rank = |verdict: Verdict| match verdict {
            Verdict::Pass => 0,
            Verdict::Inconclusive => 1,
            Verdict::Broken => 2,
            Verdict::Violation => 3,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The content of `verdict.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in plain words, the most important first. For a pass: what it proves.
    pub reasons: Vec<String>,
    /// What each checker found.
    pub judgements: Vec<Judgement>,
}
