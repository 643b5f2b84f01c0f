//! What a comparison comes to, in figures and sentences.

use rashomon_statistics::sequential::further_pairs;
use serde::{Deserialize, Serialize};

use crate::exposure::ExposureSummary;
use crate::finding::FindingSummary;
use crate::judge::{Design, Judge};
use crate::measure::{MeasureSummary, Speed};
use crate::pair::Pair;
use crate::rate::RateSummary;

/// What the pairs say of the candidate, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComparisonVerdict {
    /// It fails more often than the base: proved at the level of the comparison.
    Worse,
    /// It has a confirmed anomaly that the base has not shown. Whether the base has it too, and rarely, is not proved.
    Violates,
    /// It is slower by more than the tolerance.
    Slower,
    /// Too few pairs, or the candidate was exposed to less than the base.
    Inconclusive,
    /// Fewer than a stated share of its runs can fail where the base's do not.
    NoWorse,
    /// No worse, and faster by more than the tolerance.
    Faster,
}

impl ComparisonVerdict {
    /// The words on pages and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            ComparisonVerdict::Worse => "worse",
            ComparisonVerdict::Violates => "violates",
            ComparisonVerdict::Slower => "slower",
            ComparisonVerdict::Inconclusive => "inconclusive",
            ComparisonVerdict::NoWorse => "no worse",
            ComparisonVerdict::Faster => "faster",
        }
    }

    /// The exit code of `rashomon compare`.
    pub fn exit_code(self) -> u8 {
        match self {
            ComparisonVerdict::NoWorse | ComparisonVerdict::Faster => 0,
            ComparisonVerdict::Worse | ComparisonVerdict::Violates => 1,
            ComparisonVerdict::Inconclusive => 2,
            ComparisonVerdict::Slower => 3,
        }
    }
}

/// One of the two versions, as a person knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// What it is called: a path, a revision, `mutant stale-read`.
    pub label: String,
    /// What its program says of its own version.
    pub version: String,
}

/// Known bugs, built into the base and run by plans that the comparison ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// Each of them.
    pub mutants: Vec<Caught>,
    /// Those for which there was no time, or that the base's program does not have.
    pub untried: Vec<String>,
}

impl Power {
    /// What is proved, in one sentence.
    pub fn sentence(&self) -> String {
        let missed = self.mutants.iter().filter(|mutant| !mutant.caught).map(|mutant| mutant.mutant.as_str());
        let missed = missed.collect::<Vec<&str>>().join(", ");
        let missed = if missed.is_empty() { String::new() } else { format!(" (not {missed})") };
        let untried = match self.untried.len() {
            0 => String::new(),
            untried => format!("; not tried: {untried} more"),
        };
        let (caught, all) = (self.caught(), self.mutants.len());
        format!("this comparison would have caught {caught} of {all} known bugs{missed}{untried}")
    }

    /// How many were caught.
    pub fn caught(&self) -> usize {
        self.mutants.iter().filter(|mutant| mutant.caught).count()
    }
}

/// A known bug, and whether the comparison's plans show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Caught {
    /// Its name.
    pub mutant: String,
    /// A run showed a confirmed anomaly that the base has not shown.
    pub caught: bool,
    /// How many runs of it were made.
    pub runs: u64,
    /// What it showed: `stale read`.
    pub shown_as: String,
}

/// A comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`Summary::FORMAT`] in what this version writes.
    pub format: u32,
    /// The system under test.
    pub target: String,
    /// The version that is trusted.
    pub base: Version,
    /// The version that is judged.
    pub candidate: Version,
    /// How both were run: `beside each other`, or a further mode.
    pub mode: String,
    /// When it began, RFC 3339 in UTC.
    pub started: String,
    /// How long it took, s.
    pub took_s: f64,
    /// The command line.
    pub command: String,
    /// What was decided before.
    pub design: Design,
    /// What the pairs say.
    pub verdict: ComparisonVerdict,
    /// The exit code of that.
    pub exit_code: u8,
    /// Why, the most important first.
    pub reasons: Vec<String>,
    /// After how many usable pairs the verdict was certain; absent where it rests on the end of the budget.
    pub decided_after: Option<u64>,
    /// How many more pairs would decide what is open, if they are like those seen.
    pub more_pairs: Option<u64>,
    /// Pairs that count.
    pub usable_pairs: u64,
    /// Pairs of which a run broke or was interrupted.
    pub dropped_pairs: u64,
    /// Fewer than this share of the candidate's runs can fail where the base's do not, at 95%.
    pub bound: f64,
    /// Failures by kind.
    pub rates: Vec<RateSummary>,
    /// Anomalies by name: those of the candidate alone first.
    pub findings: Vec<FindingSummary>,
    /// Speed.
    pub measures: Vec<MeasureSummary>,
    /// What both met.
    pub exposure: Vec<ExposureSummary>,
    /// Detection power; absent where it was not measured.
    pub power: Option<Power>,
    /// The pairs, in the order in which they ended.
    pub pairs: Vec<Pair>,
}

/// What a summary needs besides the pairs.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The system under test.
    pub target: String,
    /// The version that is trusted.
    pub base: Version,
    /// The version that is judged.
    pub candidate: Version,
    /// How both were run.
    pub mode: String,
    /// When it began.
    pub started: String,
    /// How long it took, s.
    pub took_s: f64,
    /// The command line.
    pub command: String,
    /// Detection power.
    pub power: Option<Power>,
}

impl Summary {
    /// The format of today.
    pub const FORMAT: u32 = 1;

    /// Sums up.
    pub fn of(judge: &Judge, about: About) -> Summary {
        let verdict = judge.verdict();
        let mut findings: Vec<FindingSummary> = judge.findings.named.iter().map(|named| named.summary()).collect();
        findings.sort_by_key(|finding| (finding.is_known(), std::cmp::Reverse(finding.candidate)));
        let mut summary = Summary {
            format: Summary::FORMAT,
            target: about.target,
            base: about.base,
            candidate: about.candidate,
            mode: about.mode,
            started: about.started,
            took_s: about.took_s,
            command: about.command,
            design: judge.design.clone(),
            verdict,
            exit_code: verdict.exit_code(),
            reasons: Vec::new(),
            decided_after: None,
            more_pairs: None,
            usable_pairs: judge.usable,
            dropped_pairs: judge.pairs.len() as u64 - judge.usable,
            bound: judge.bound(),
            rates: judge.rate_summaries(),
            findings,
            measures: judge.measure_summaries(),
            exposure: judge.exposure.summary(),
            power: about.power,
            pairs: judge.pairs.clone(),
        };
        summary.decided_after = summary.certain_after(judge);
        summary.more_pairs = summary.missing_pairs(judge);
        summary.reasons = summary.say();
        summary
    }

    fn certain_after(&self, judge: &Judge) -> Option<u64> {
        let measured = |speed: Speed| {
            let of_speed = self.measures.iter().filter(move |measure| measure.speed == speed);
            of_speed.filter_map(|measure| measure.decided_after).min()
        };
        match self.verdict {
            ComparisonVerdict::Worse => judge.worse_after,
            ComparisonVerdict::Slower => measured(Speed::Slower),
            ComparisonVerdict::Faster => judge.bounded_after.max(measured(Speed::Faster)),
            ComparisonVerdict::NoWorse => judge.bounded_after,
            ComparisonVerdict::Violates | ComparisonVerdict::Inconclusive => None,
        }
    }

    fn missing_pairs(&self, judge: &Judge) -> Option<u64> {
        match self.verdict {
            ComparisonVerdict::Violates | ComparisonVerdict::Inconclusive => {
                further_pairs(judge.usable, |pairs| judge.would_decide(pairs))
            }
            _ => None,
        }
    }

    /// The reasons of the verdict.
    fn say(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        self.say_failures(&mut reasons);
        for measure in self.measures.iter().filter(|measure| measure.speed == Speed::Slower) {
            reasons.push(format!("slower: {}", measure.sentence()));
        }
        for kind in self.exposure.iter().filter(|kind| kind.lacking) {
            reasons.push(format!(
                "the candidate met less than the base: {} {} against {}; what needs more of them may have been missed",
                kind.candidate, kind.kind, kind.base
            ));
        }
        if !matches!(self.verdict, ComparisonVerdict::Worse | ComparisonVerdict::Violates) && self.usable_pairs > 0 {
            reasons.push(format!(
                "no worse than p < {:.1}%: fewer of the candidate's runs can fail where the base's do not \
                 ({} pairs, 95% confidence)",
                self.bound * 100.0,
                self.usable_pairs
            ));
        }
        for measure in self.measures.iter().filter(|measure| measure.speed == Speed::Faster) {
            reasons.push(format!("faster: {}", measure.sentence()));
        }
        if self.usable_pairs == 0 {
            reasons.push("no pair of runs is usable; see the reasons of its runs".to_owned());
        }
        match (self.verdict, self.more_pairs) {
            (ComparisonVerdict::Violates | ComparisonVerdict::Inconclusive, Some(more)) => {
                reasons.push(format!("{more} more pairs like these would decide; use a longer --budget"));
            }
            (ComparisonVerdict::Violates | ComparisonVerdict::Inconclusive, None) if self.usable_pairs > 0 => {
                reasons.push("10,000 more pairs like these would not decide".to_owned());
            }
            _ => {}
        }
        reasons
    }

    fn say_failures(&self, reasons: &mut Vec<String>) {
        let worse = self.verdict == ComparisonVerdict::Worse;
        for finding in self.findings.iter().filter(|finding| !finding.is_known() && finding.candidate > 0) {
            let strength = match (worse, finding.confirmed) {
                (true, _) => "",
                (false, true) => "; that the base does not have it, too, is not proved",
                (false, false) => "; it was not seen again",
            };
            reasons.push(format!(
                "{}: {} (in {} of {} runs of the candidate, in none of the base{strength})",
                finding.name, finding.sentence, finding.candidate, finding.pairs
            ));
        }
        for rate in self.rates.iter().filter(|rate| worse && rate.only_candidate > rate.only_base) {
            reasons.push(format!(
                "{} in {} of {} runs of the candidate, in {} of the base",
                rate.failing.as_str(),
                rate.candidate,
                rate.pairs,
                rate.base
            ));
        }
    }
}

impl MeasureSummary {
    /// The measure in one sentence.
    pub fn sentence(&self) -> String {
        let change = (self.ratio - 1.0) * 100.0;
        let end = |end: Option<f64>| end.map_or("open".to_owned(), |ratio| format!("{:+.1}%", (ratio - 1.0) * 100.0));
        format!(
            "{} {change:+.1}% ({} to {}), {:.3} {unit} against {:.3} {unit}",
            self.name,
            end(self.ratio_low),
            end(self.ratio_high),
            self.candidate,
            self.base,
            unit = self.unit
        )
    }
}
