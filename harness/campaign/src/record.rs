//! What is kept of each run of a campaign.

use std::collections::BTreeMap;

use rashomon_runs::{RunDigest, Verdict};
use serde::{Deserialize, Serialize};

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A round over the combinations.
    Main,
    /// A seed that found something before.
    Corpus,
    /// A known bug that must be found.
    Canary,
    /// A violating plan again, for its reproduction rate.
    Repetition,
}

impl Role {
    /// Whether a violation of it is a finding of the campaign.
    pub fn seeks(self) -> bool {
        matches!(self, Role::Main | Role::Corpus)
    }
}

/// A run of a campaign: one line of its journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its identity within the campaign.
    pub id: String,
    /// What it was for.
    pub role: Role,
    /// The run it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<String>,
    /// The name of its cell, or of its canary.
    pub cell: String,
    /// Its seed.
    pub seed: u64,
    /// The command line that runs it again.
    pub command: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// How long its process lived, s.
    pub wall_s: f64,
    /// Its verdict, as the campaign counts it: a run that was starved is no pass.
    pub verdict: Verdict,
    /// Why it is inconclusive or broken, without what differs from run to run: what equal runs are grouped by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The run in short; absent when it left nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<RunDigest>,
    /// How long its processes waited for a processor; absent where the kernel does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starvation: Option<Starvation>,
    /// The node program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<NodeProgram>,
    /// Only manifest and digest of it were kept.
    #[serde(default)]
    pub reduced: bool,
}

impl RunRecord {
    /// Protocol events by kind.
    pub fn exposure(&self) -> BTreeMap<String, u64> {
        self.digest.iter().flat_map(|digest| digest.events.iter().cloned()).collect()
    }
}

/// How long a run's processes (harness and nodes) waited for a processor while they could have run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Starvation {
    /// Seconds of the run that were looked at, one by one.
    pub seconds: u32,
    /// Those in which some thread waited for [`Starvation::STALL_MS`] or longer in all.
    pub stalled: u32,
    /// The longest that a thread waited within one second, ms.
    pub longest_ms: u32,
    /// Of the time in which threads ran or could have run, the share in which they waited.
    pub waiting: f64,
}

impl Starvation {
    /// A thread that waits this long within one second is late for an election timeout.
    pub const STALL_MS: u32 = 300;
    /// A run of which more seconds than this share were stalled is no evidence.
    pub const SHARE: f64 = 0.25;

    /// Whether the run was starved.
    pub fn starved(&self) -> bool {
        self.seconds > 0 && f64::from(self.stalled) > Starvation::SHARE * f64::from(self.seconds)
    }
}

/// A node program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProgram {
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// The revision of the Git working tree that it lies in, if it lies in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_starved_when_too_many_of_its_seconds_were_stalled() {
        let run = |seconds, stalled| Starvation { seconds, stalled, ..Starvation::default() };
        assert!(run(20, 6).starved() && !run(20, 5).starved() && !run(0, 0).starved());
    }
}
