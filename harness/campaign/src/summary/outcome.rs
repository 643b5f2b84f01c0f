//! What a campaign comes to, and its exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{End, Inputs, Summary};
use crate::shard::Shard;
use crate::spec::Expect;

/// What a campaign comes to; an earlier one of these hides no later one's rows, only its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CampaignVerdict {
    /// Something was found that is not muted.
    Violation,
    /// What was not found proves nothing: a known bug was missed, an expected violation too, or no run says anything.
    Inconclusive,
    /// The campaign could not go on: a full disk, a folder that cannot be written.
    Broken,
    /// Too many runs were inconclusive or broken.
    Noise,
    /// Nothing was found, and that means something.
    Pass,
}

impl CampaignVerdict {
    /// As of a run, but noise has a code of its own.
    pub fn exit_code(self) -> u8 {
        match self {
            CampaignVerdict::Pass => 0,
            CampaignVerdict::Violation => 1,
            CampaignVerdict::Inconclusive => 2,
            CampaignVerdict::Noise => 3,
            CampaignVerdict::Broken => 255,
        }
    }

    /// The word in files and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            CampaignVerdict::Pass => "pass",
            CampaignVerdict::Violation => "violation",
            CampaignVerdict::Inconclusive => "inconclusive",
            CampaignVerdict::Noise => "noise",
            CampaignVerdict::Broken => "broken",
        }
    }
}

impl fmt::Display for CampaignVerdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Sets verdict, exit code and reasons.
pub(super) fn decide(summary: &mut Summary, inputs: &Inputs<'_>) {
    let mut reasons = Vec::new();
    let findings: Vec<String> = summary
        .open_findings()
        .map(|finding| {
            let signature = &finding.signature;
            let state = finding.state.as_str();
            format!(
                "{state}: {} in {} ({} of {} runs)",
                signature.anomaly, signature.target, finding.runs.hits, finding.runs.trials
            )
        })
        .collect();
    let unproved = unproved(summary, inputs);
    let stopped = match &summary.end {
        End::Stopped { why } => Some(why.clone()),
        _ => None,
    };
    let silent = summary.counts.inconclusive + summary.counts.broken;
    let share = silent as f64 / (summary.counts.all().max(1)) as f64;
    let noise = (share > inputs.noise).then(|| {
        let percent = share * 100.0;
        format!("{silent} of {} runs ({percent:.1}%) are inconclusive or broken", summary.counts.all())
    });
    summary.verdict = match () {
        () if !findings.is_empty() => CampaignVerdict::Violation,
        () if !unproved.is_empty() => CampaignVerdict::Inconclusive,
        () if stopped.is_some() => CampaignVerdict::Broken,
        () if noise.is_some() => CampaignVerdict::Noise,
        () => CampaignVerdict::Pass,
    };
    reasons.extend(findings);
    reasons.extend(unproved);
    reasons.extend(stopped);
    reasons.extend(noise);
    if reasons.is_empty() {
        let bound = rashomon_statistics::upper_bound(summary.counts.pass) * 100.0;
        reasons.push(format!(
            "no unexpected violation in {} runs: a bug shows in at most {bound:.1}% of such runs (95% confidence)",
            summary.counts.pass
        ));
    }
    summary.exit_code = summary.verdict.exit_code();
    summary.reasons = reasons;
}

/// Why finding nothing proves nothing.
fn unproved(summary: &Summary, inputs: &Inputs<'_>) -> Vec<String> {
    let missed = summary.canaries.iter().filter(|canary| canary.missed());
    let mut reasons: Vec<String> = missed
        .map(|canary| {
            let (found, runs) = (canary.found.hits, canary.found.trials);
            format!("the known bug {} of {} was found in {found} of {runs} runs", canary.mutant, canary.target)
        })
        .collect();
    if summary.end == End::Unfinished {
        reasons.push("the campaign is not finished; the same command continues it".to_owned());
        return reasons;
    }
    let expected = summary.cells.iter().filter(|cell| cell.expect == Expect::Violation);
    let unseen = expected.filter(|cell| cell.counts.violation == 0 && cell.counts.pass > 0);
    reasons.extend(unseen.map(|cell| {
        format!("no violation in {} runs of {}, which loses data by design", cell.counts.all(), cell.name)
    }));
    // A part may be too small to have any of them.
    if inputs.header.shard == Shard::WHOLE {
        let unrun = summary.canaries.iter().filter(|canary| canary.found.trials == 0);
        reasons.extend(unrun.map(|canary| format!("the known bug {} of {} was not run", canary.mutant, canary.target)));
    }
    let some_cell = !inputs.cells.is_empty() && summary.counts.all() > 0;
    if some_cell && summary.counts.conclusive() == 0 {
        reasons.push("no run says anything about its target".to_owned());
    }
    reasons
}
