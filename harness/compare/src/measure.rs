//! How fast a run was, and how the two versions compare.
//!
//! | measure | unit | what |
//! |---|---|---|
//! | `throughput` | operations a second | acknowledged under load |
//! | `latency p50`, `latency p99` | ms | of acknowledged operations under load |
//! | `outage under CLASS` | ms | time to recover: the longest time without an acknowledged operation from a fault's begin until two seconds after its heal; the median over the faults of the class |

use std::collections::BTreeMap;

use rashomon_history::{History, Outcome};
use rashomon_runs::{FaultOutcome, FaultRecord};
use rashomon_statistics::median;
use rashomon_statistics::sequential::{coin_wealth, further_pairs, median_interval, proof};
use serde::{Deserialize, Serialize};

use crate::Design;

/// Acknowledged operations a second: more is better.
pub const THROUGHPUT: &str = "throughput";
/// Median latency.
pub const LATENCY_P50: &str = "latency p50";
/// 99th percentile of latency.
pub const LATENCY_P99: &str = "latency p99";
/// How long after a fault's heal its outage may last, ns.
const AFTERMATH_NS: u64 = 2_000_000_000;

/// The name of the outage measure of a class of faults.
pub fn outage_under(class: &str) -> String {
    format!("outage under {class}")
}

/// What a run's history shows of its speed. What cannot be said (no operation was acknowledged) is left out.
pub fn of_run(history: &History, faults: &[FaultRecord], load_ns: u64) -> Vec<(String, f64)> {
    let mut acknowledged = Vec::new();
    let mut latencies = Vec::new();
    for op in history.ops().filter(|op| op.outcome == Outcome::Ok) {
        let Some(end) = op.complete_time.filter(|&end| end <= load_ns) else { continue };
        acknowledged.push(end);
        latencies.push(end.saturating_sub(op.invoke_time).max(1));
    }
    if acknowledged.is_empty() || load_ns == 0 {
        return Vec::new();
    }
    acknowledged.sort_unstable();
    latencies.sort_unstable();
    let quantile = |share: f64| latencies[((latencies.len() - 1) as f64 * share).round() as usize] as f64 / 1e6;
    let mut measures = vec![
        (THROUGHPUT.to_owned(), acknowledged.len() as f64 / (load_ns as f64 / 1e9)),
        (LATENCY_P50.to_owned(), quantile(0.5)),
        (LATENCY_P99.to_owned(), quantile(0.99)),
    ];
    let mut outages: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for fault in faults.iter().filter(|fault| fault.outcome == FaultOutcome::Installed && fault.begin_ns < load_ns) {
        let until = fault.end_ns.unwrap_or(load_ns).saturating_add(AFTERMATH_NS).min(load_ns);
        let outage = longest_gap(&acknowledged, fault.begin_ns, until);
        outages.entry(fault.class.as_str()).or_default().push(outage as f64 / 1e6);
    }
    measures.extend(outages.into_iter().filter_map(|(class, gaps)| Some((outage_under(class), median(&gaps)?))));
    measures
}

/// The longest time within a window in which nothing happened; at least 1 ns, so that ratios exist.
fn longest_gap(times: &[u64], from: u64, until: u64) -> u64 {
    let first = times.partition_point(|&time| time < from);
    let within = times[first..].iter().copied().take_while(|&time| time < until);
    let (mut last, mut longest) = (from, 1);
    for time in within.chain([until]) {
        longest = longest.max(time.saturating_sub(last));
        last = time;
    }
    longest
}

/// How the candidate's speed compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speed {
    /// It is worse, by at least the tolerance.
    Slower,
    /// It is better, by at least the tolerance.
    Faster,
    /// It is not worse by more than the tolerance.
    NoSlower,
    /// The pairs do not say.
    Undecided,
}

impl Speed {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Speed::Slower => "slower",
            Speed::Faster => "faster",
            Speed::NoSlower => "no slower",
            Speed::Undecided => "undecided",
        }
    }
}

/// A measure over all pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureSummary {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Pairs in which both runs have it.
    pub pairs: u64,
    /// The median of the base's runs.
    pub base: f64,
    /// The median of the candidate's runs.
    pub candidate: f64,
    /// The median over pairs of candidate ÷ base.
    pub ratio: f64,
    /// Where that lies with all other measures at once, at 95%, however often one looks; absent for an open end.
    pub ratio_low: Option<f64>,
    /// The upper end.
    pub ratio_high: Option<f64>,
    /// What follows.
    pub speed: Speed,
    /// After how many pairs that was certain.
    pub decided_after: Option<u64>,
    /// How many more pairs would decide, if they are like those seen.
    pub more_pairs: Option<u64>,
}

/// A measure, counted pair by pair.
#[derive(Clone, Debug)]
pub(crate) struct Ratios {
    pub(crate) name: String,
    /// The base's and the candidate's values.
    values: [Vec<f64>; 2],
    /// Logarithms of ratios, turned so that above 0 the candidate is worse; ascending.
    worse_by: Vec<f64>,
    pub(crate) decided: Option<(Speed, u64)>,
}

impl Ratios {
    pub(crate) fn new(name: String) -> Ratios {
        Ratios { name, values: [Vec::new(), Vec::new()], worse_by: Vec::new(), decided: None }
    }

    /// Counts a pair; `level` is the error that one side of the interval of this measure may have.
    pub(crate) fn count(&mut self, base: f64, candidate: f64, design: &Design, level: f64) {
        let ratio = (candidate / base).ln();
        if !ratio.is_finite() {
            return;
        }
        self.values[0].push(base);
        self.values[1].push(candidate);
        let worse_by = if self.more_is_better() { -ratio } else { ratio };
        let at = self.worse_by.partition_point(|&other| other < worse_by);
        self.worse_by.insert(at, worse_by);
        let pairs = self.worse_by.len() as u64;
        // "No slower" may still turn into one of the others, which say more.
        let before = self.decided.map(|(speed, _)| speed);
        if matches!(before, None | Some(Speed::NoSlower)) {
            let speed = self.speed(pairs, design, level);
            if speed != Speed::Undecided && Some(speed) != before {
                self.decided = Some((speed, pairs));
            }
        }
    }

    fn more_is_better(&self) -> bool {
        self.name == THROUGHPUT
    }

    /// What as many pairs in the proportions of those seen decide.
    fn speed(&self, pairs: u64, design: &Design, level: f64) -> Speed {
        let tolerance = design.tolerance.ln_1p();
        let scale = pairs as f64 / self.worse_by.len() as f64;
        let scaled = |count: usize| (count as f64 * scale) as u64;
        let proves = |beyond: usize, short: usize| coin_wealth(scaled(beyond), scaled(short)) >= proof(level);
        let below = |limit: f64| self.worse_by.partition_point(|&value| value < limit);
        let above = |limit: f64| self.worse_by.len() - self.worse_by.partition_point(|&value| value <= limit);
        let count = self.worse_by.len();
        let middle = f64::midpoint(self.worse_by[(count - 1) / 2], self.worse_by[count / 2]);
        if middle >= tolerance && proves(above(0.0), below(0.0)) {
            Speed::Slower
        } else if middle <= -tolerance && proves(below(0.0), above(0.0)) {
            Speed::Faster
        } else if proves(below(tolerance), above(tolerance)) {
            Speed::NoSlower
        } else {
            Speed::Undecided
        }
    }

    pub(crate) fn summary(&self, design: &Design, level: f64) -> Option<MeasureSummary> {
        let pairs = self.worse_by.len() as u64;
        let middle = median(&self.worse_by)?;
        let (low, high) = median_interval(&self.worse_by, 2.0 * level);
        let (middle, low, high) = if self.more_is_better() { (-middle, -high, -low) } else { (middle, low, high) };
        let end = |value: f64| value.is_finite().then(|| value.exp());
        let (speed, decided_after) = match self.decided {
            Some((speed, after)) => (speed, Some(after)),
            None => (Speed::Undecided, None),
        };
        let decides = |pairs| self.speed(pairs, design, level) != Speed::Undecided;
        Some(MeasureSummary {
            name: self.name.clone(),
            unit: if self.more_is_better() { "/s" } else { "ms" }.to_owned(),
            pairs,
            base: median(&self.values[0])?,
            candidate: median(&self.values[1])?,
            ratio: middle.exp(),
            ratio_low: end(low),
            ratio_high: end(high),
            speed,
            decided_after,
            more_pairs: if decided_after.is_none() { further_pairs(pairs, decides) } else { None },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_is_sought_within_the_window() {
        assert_eq!(longest_gap(&[1, 5, 20, 90], 5, 50), 30);
        assert_eq!(longest_gap(&[1, 5, 20, 90], 6, 30), 14);
        assert_eq!(longest_gap(&[], 3, 10), 7);
        assert_eq!(longest_gap(&[4], 4, 4), 1);
    }
}
