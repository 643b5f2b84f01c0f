//! What many runs come to: the content of a campaign's page, of its JUnit file and of `summary.json`.
//!
//! A summary is a pure function of a campaign's plan, its records and the summaries of earlier campaigns of its name.

mod canaries;
mod cells;
mod coverage;
mod findings;
mod noise;
mod outcome;

use rashomon_runs::{RunDigest, Verdict};
use rashomon_statistics::Share;
use serde::{Deserialize, Serialize};

use crate::cell::{CanaryCell, Cell};
use crate::plan::Header;
use crate::record::{NodeProgram, RunRecord};
use crate::signature::Signature;
use crate::spec::{Day, Expect, Mute};

pub use findings::needs_repetition;
pub use outcome::CampaignVerdict;

/// What a summary is made from.
pub struct Inputs<'a> {
    /// What was recorded when the campaign began.
    pub header: &'a Header,
    /// Its combinations.
    pub cells: &'a [Cell],
    /// Its known bugs.
    pub canaries: &'a [CanaryCell],
    /// Known findings.
    pub mutes: &'a [Mute],
    /// The share of runs that may be inconclusive or broken.
    pub noise: f64,
    /// How many runs were planned (of this part), where that is bounded.
    pub planned: Option<u64>,
    /// Every run, in the order in which they ended.
    pub records: &'a [RunRecord],
    /// The summaries of earlier campaigns of this name, the latest last.
    pub earlier: &'a [Summary],
    /// How it ended.
    pub end: End,
    /// What else was not covered, in plain words: targets and faults that the specification does not name.
    pub not_covered: &'a [String],
}

/// How a campaign ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", rename_all = "kebab-case")]
pub enum End {
    /// It has not ended: it runs, or was interrupted and can go on.
    Unfinished,
    /// Every planned run was made.
    Complete,
    /// Its time was up.
    TimeUp,
    /// It was to end at the first violation, and there was one.
    FirstViolation,
    /// It could not go on.
    Stopped {
        /// Why, and what to do.
        why: String,
    },
}

/// What many runs come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The format of this file.
    pub format: u32,
    /// What was recorded when the campaign began.
    pub campaign: Header,
    /// How it ended.
    #[serde(flatten)]
    pub end: End,
    /// What it comes to.
    pub verdict: CampaignVerdict,
    /// The exit code of that.
    pub exit_code: u8,
    /// Why, the most important first.
    pub reasons: Vec<String>,
    /// How many runs were planned, where that is bounded.
    pub planned: Option<u64>,
    /// Runs by verdict, without canaries and repetitions.
    pub counts: Counts,
    /// Runs that were starved.
    pub starved: u64,
    /// Processor-independent time that the runs took, one after the other, s.
    pub runs_s: f64,
    /// Violations, equal ones together: new ones first.
    pub findings: Vec<CampaignFinding>,
    /// What the last campaign found and this one did not.
    pub gone: Vec<GoneFinding>,
    /// Known bugs, and whether they were found.
    pub canaries: Vec<CanarySummary>,
    /// Each combination.
    pub cells: Vec<CellSummary>,
    /// What was not found is bounded by this, for each class of faults.
    pub classes: Vec<ClassSummary>,
    /// Runs that prove nothing, by cause.
    pub noise: Vec<NoiseSummary>,
    /// What this campaign says nothing about.
    pub not_covered: Vec<String>,
}

/// Runs by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Nothing was found, and enough was exercised.
    pub pass: u64,
    /// Something was found.
    pub violation: u64,
    /// Too little evidence.
    pub inconclusive: u64,
    /// The harness or its environment failed.
    pub broken: u64,
}

impl Counts {
    /// Counts runs.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a RunRecord>) -> Counts {
        let mut counts = Counts::default();
        for record in records {
            match record.verdict {
                Verdict::Pass => counts.pass += 1,
                Verdict::Violation => counts.violation += 1,
                Verdict::Inconclusive => counts.inconclusive += 1,
                Verdict::Broken => counts.broken += 1,
            }
        }
        counts
    }

    /// All of them.
    pub fn all(self) -> u64 {
        self.pass + self.violation + self.inconclusive + self.broken
    }

    /// Those that say something about the target.
    pub fn conclusive(self) -> u64 {
        self.pass + self.violation
    }
}

/// Whether a finding was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingState {
    /// No earlier campaign has it.
    New,
    /// Earlier ones have it, but not the last one.
    Rare,
    /// The last one has it too.
    Ongoing,
}

impl FindingState {
    /// The word on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingState::New => "new",
            FindingState::Rare => "rare",
            FindingState::Ongoing => "ongoing",
        }
    }
}

/// Equal violations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CampaignFinding {
    /// The short name of the signature.
    pub id: String,
    /// What they have in common.
    pub signature: Signature,
    /// Whether it was there before.
    pub state: FindingState,
    /// Why it is muted, and until when.
    pub muted: Option<Mute>,
    /// The runs that show it, of all of its target and workload that say something.
    pub runs: Share,
    /// Where it was seen first.
    pub first_seen: Sighting,
    /// The smallest example.
    pub example: Example,
    /// How often its plan showed a violation when it was repeated.
    pub repetition: Option<Share>,
    /// Names of further anomalies in these runs.
    pub also: Vec<String>,
}

/// Where a finding was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The day of the campaign.
    pub date: Day,
    /// The run.
    pub run: String,
    /// The node program.
    pub program: Option<NodeProgram>,
}

/// An example of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The run's folder.
    pub run: String,
    /// The name of its combination.
    pub cell: String,
    /// The finding in one sentence.
    pub sentence: String,
    /// How many operations its minimal core has.
    pub operations: usize,
    /// When the contradiction was complete, s into the run.
    pub after_s: f64,
    /// Its seed.
    pub seed: u64,
    /// The command that runs it again.
    pub command: String,
}

/// A finding of the last campaign that this one does not have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoneFinding {
    /// The short name of the signature.
    pub id: String,
    /// The signature.
    pub signature: Signature,
    /// Where it was seen first.
    pub first_seen: Sighting,
    /// The day of the last campaign that has it.
    pub last_seen: Day,
    /// How many runs of its target and workload passed now.
    pub passed: u64,
}

/// A known bug, and whether it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanarySummary {
    /// The target.
    pub target: String,
    /// The mutant.
    pub mutant: String,
    /// The runs in which it was found, of all.
    pub found: Share,
    /// In how many it must be.
    pub found_min: u64,
    /// When its first contradiction was complete, s into the run: the median.
    pub median_s: Option<f64>,
    /// The anomalies that it showed as.
    pub shown_as: Vec<String>,
}

impl CanarySummary {
    /// It was run, and not found often enough.
    pub fn missed(&self) -> bool {
        self.found.trials > 0 && self.found.hits < self.found_min
    }
}

/// A combination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellSummary {
    /// Its name.
    pub name: String,
    /// The target.
    pub target: String,
    /// The workload.
    pub workload: String,
    /// The faults.
    pub faults: String,
    /// How many nodes.
    pub nodes: u16,
    /// What distinguishes it besides.
    pub more: String,
    /// What is expected.
    pub expect: Expect,
    /// Its runs.
    pub counts: Counts,
    /// The bound of what was not found, where nothing was.
    pub bound: Option<f64>,
    /// The days before, the latest last, and this one.
    pub trend: Vec<Night>,
}

/// A combination on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Night {
    /// The day.
    pub date: Day,
    /// Its runs.
    pub counts: Counts,
}

/// What clean runs under a class of faults prove.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassSummary {
    /// The class; `none` for runs in which none took effect.
    pub class: String,
    /// Runs that passed in which a fault of this class took effect.
    pub passed: u64,
    /// Runs in which something was found.
    pub violations: u64,
    /// The largest share of such runs in which a bug could show and still be missed by all that passed, at 95%; 1
    /// where something was found.
    pub bound: f64,
    /// Faults that took effect.
    pub faults: u64,
    /// Protocol events in these runs, by kind.
    pub exposure: Vec<(String, u64)>,
}

/// Runs that prove nothing, of one cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseSummary {
    /// `inconclusive` or `broken`.
    pub verdict: Verdict,
    /// Why, without numbers.
    pub cause: String,
    /// How many.
    pub runs: u64,
    /// The combinations in which it occurred, the first few.
    pub cells: Vec<String>,
    /// One of the runs; empty when it left nothing.
    pub example: String,
}

impl Summary {
    /// The format of today.
    pub const FORMAT: u32 = 1;

    /// Sums up.
    pub fn of(inputs: &Inputs<'_>) -> Summary {
        let seeking = || inputs.records.iter().filter(|record| record.role.seeks());
        let mut summary = Summary {
            format: Summary::FORMAT,
            campaign: inputs.header.clone(),
            end: inputs.end.clone(),
            verdict: CampaignVerdict::Pass,
            exit_code: 0,
            reasons: Vec::new(),
            planned: inputs.planned,
            counts: Counts::of(seeking()),
            starved: inputs.records.iter().filter(|record| record.starvation.is_some_and(|one| one.starved())).count()
                as u64,
            runs_s: inputs.records.iter().map(|record| record.wall_s).sum(),
            findings: findings::findings(inputs),
            gone: findings::gone(inputs),
            canaries: canaries::canaries(inputs),
            cells: cells::cells(inputs),
            classes: coverage::classes(inputs),
            noise: noise::noise(inputs),
            not_covered: coverage::not_covered(inputs),
        };
        outcome::decide(&mut summary, inputs);
        summary
    }

    /// How many of the known bugs that were run were found: the mutation score.
    pub fn mutation_score(&self) -> Share {
        let run = self.canaries.iter().filter(|canary| canary.found.trials > 0);
        Share::new(run.clone().filter(|canary| !canary.missed()).count() as u64, run.count() as u64)
    }

    /// The findings that turn it red.
    pub fn open_findings(&self) -> impl Iterator<Item = &CampaignFinding> {
        self.findings.iter().filter(|finding| finding.muted.is_none())
    }
}

/// What a record's cell is expected to be.
fn expected(inputs: &Inputs<'_>, record: &RunRecord) -> Expect {
    inputs.cells.iter().find(|cell| cell.name == record.cell).map_or(Expect::Pass, |cell| cell.expect)
}

/// The runs whose violations are findings, each with its digest.
fn unexpected<'a>(inputs: &'a Inputs<'_>) -> impl Iterator<Item = (&'a RunRecord, &'a RunDigest)> {
    let seeking = inputs.records.iter().filter(|record| record.role.seeks());
    let unexpected = seeking.filter(|record| expected(inputs, record) == Expect::Pass);
    unexpected.filter_map(|record| Some((record, record.digest.as_ref()?)))
}

#[cfg(test)]
pub(crate) mod tests;
