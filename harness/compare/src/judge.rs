//! Pairs as they come: what is proved, and which run should come next.

use rashomon_statistics::sequential::{excess_bound, excess_is_below, log_sum, proof};
use rashomon_statistics::upper_bound;
use serde::{Deserialize, Serialize};

use crate::exposure::Exposure;
use crate::finding::Findings;
use crate::measure::{self, Ratios, Speed};
use crate::pair::{Observed, Pair};
use crate::rate::{Counts, Failing, RateSummary};
use crate::summary::ComparisonVerdict;

/// How often a plan is repeated in a row without showing again what it once showed.
const FRUITLESS_MAX: u64 = 5;

/// After so many pairs of which none was usable, none is expected any more.
const HOPELESS: usize = 5;

/// What is decided before the first pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// The error of each statement: "worse" of equal versions, "slower or faster" of equally fast ones, "no worse" of
    /// worse ones.
    pub alpha: f64,
    /// "No worse" is said, and the comparison may end, when fewer than this share of the candidate's runs can fail
    /// where the base's do not.
    pub bound: f64,
    /// Differences of speed below this are of no interest: 0.1 is 10%.
    pub tolerance: f64,
    /// Classes of faults that are injected: each has a measure of its own.
    pub classes: Vec<String>,
    /// The most pairs; absent where time alone ends it.
    pub most_pairs: Option<u64>,
}

impl Design {
    /// The design with the usual levels.
    pub fn new(classes: Vec<String>) -> Design {
        Design { alpha: 0.05, bound: 0.1, tolerance: 0.1, classes, most_pairs: None }
    }

    /// The error that one side of the interval of one measure may have, so that all of them hold together.
    fn level(&self) -> f64 {
        self.alpha / (2.0 * (3 + self.classes.len()) as f64)
    }
}

/// What should be run next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A pair of a plan that has not been run.
    Fresh,
    /// The plan of the pair of this number again: it showed something of the candidate that the base has not shown.
    Repeat(u64),
    /// Nothing: everything is decided.
    Stop,
}

/// Counts pairs and judges.
#[derive(Clone, Debug)]
pub struct Judge {
    pub(crate) design: Design,
    pub(crate) pairs: Vec<Pair>,
    pub(crate) usable: u64,
    rates: [Counts; 3],
    /// Failures of any kind.
    any: Counts,
    pub(crate) findings: Findings,
    pub(crate) exposure: Exposure,
    pub(crate) ratios: Vec<Ratios>,
    /// After how many usable pairs "worse" was proved.
    pub(crate) worse_after: Option<u64>,
    /// After how many usable pairs the bound was reached, and which it is then.
    pub(crate) bounded_after: Option<u64>,
    /// The pair whose plan is to be repeated, and how often that was fruitless.
    suspect: Option<(u64, u64)>,
}

impl Judge {
    /// Before the first pair.
    pub fn new(design: Design) -> Judge {
        let always = [measure::THROUGHPUT, measure::LATENCY_P50, measure::LATENCY_P99].map(str::to_owned);
        let outages = design.classes.iter().map(|class| measure::outage_under(class));
        let ratios = always.into_iter().chain(outages).map(Ratios::new).collect();
        Judge {
            design,
            pairs: Vec::new(),
            usable: 0,
            rates: Default::default(),
            any: Counts::default(),
            findings: Findings::default(),
            exposure: Exposure::default(),
            ratios,
            worse_after: None,
            bounded_after: None,
            suspect: None,
        }
    }

    /// Counts a pair. What was proved once stays proved: the tests are valid whenever one looks.
    pub fn count(&mut self, pair: Pair) {
        if pair.is_usable() {
            self.count_usable(&pair);
        }
        self.pairs.push(pair);
    }

    fn count_usable(&mut self, pair: &Pair) {
        self.usable += 1;
        for (counts, how) in self.rates.iter_mut().zip(Failing::ALL) {
            counts.count(pair.base.fails(how), pair.candidate.fails(how));
        }
        self.any.count(pair.base.fails_somehow(), pair.candidate.fails_somehow());
        self.findings.count(pair);
        // What repeats a plan may end at its first violation, so it says nothing of speed and exposure.
        if pair.repeats.is_none() {
            self.exposure.count(pair);
            self.measure(pair);
        }
        if self.worse_after.is_none() && self.wealth(&|counts| counts) >= proof(self.design.alpha) {
            self.worse_after = Some(self.usable);
        }
        if self.bounded_after.is_none() && self.is_bounded(self.any) {
            self.bounded_after = Some(self.usable);
        }
        self.look_for_suspect(pair);
    }

    fn measure(&mut self, pair: &Pair) {
        let level = self.design.level();
        for ratios in &mut self.ratios {
            let of = |observed: &Observed| observed.measure(&ratios.name);
            if let (Some(base), Some(candidate)) = (of(&pair.base), of(&pair.candidate)) {
                ratios.count(base, candidate, &self.design, level);
            }
        }
    }

    /// The logarithm of the wealth of who bets that the candidate fails more often in any way.
    fn wealth(&self, of: &dyn Fn(Counts) -> Counts) -> f64 {
        let ways = self.rates.iter().zip(Failing::ALL);
        let ways = ways.map(|(&counts, how)| how.weight().ln() + of(counts).wealth());
        log_sum(&ways.chain(self.findings.wealth(of)).collect::<Vec<f64>>())
    }

    /// In how large a share of its runs the candidate can fail, in any way, where the base does not, at most.
    pub(crate) fn bound(&self) -> f64 {
        if self.any.candidate == 0 {
            return upper_bound(self.any.pairs);
        }
        let Counts { only_candidate, only_base, pairs, .. } = self.any;
        excess_bound(only_candidate, only_base, pairs, self.design.alpha)
    }

    /// Whether the candidate's failures are bounded as the design asks.
    fn is_bounded(&self, any: Counts) -> bool {
        let Counts { only_candidate, only_base, pairs, .. } = any;
        match any.candidate {
            0 => upper_bound(pairs) <= self.design.bound,
            _ => excess_is_below(self.design.bound, only_candidate, only_base, pairs, self.design.alpha),
        }
    }

    /// Which plan is worth repeating: one that showed something of the candidate that the base never showed.
    fn look_for_suspect(&mut self, pair: &Pair) {
        let unknown =
            |name: &str| self.findings.named.iter().any(|named| named.name() == name && named.only_candidate());
        let unmatched = |how: Failing| {
            let counts = self.rates[how as usize];
            how != Failing::Violation && counts.candidate > 0 && counts.base == 0
        };
        let open =
            self.findings.named.iter().any(|named| named.only_candidate()) || Failing::ALL.into_iter().any(unmatched);
        let shows = pair.candidate.findings.iter().any(|finding| unknown(&finding.name))
            || Failing::ALL.into_iter().any(|how| unmatched(how) && pair.candidate.fails(how));
        let again = pair.repeats.is_some() && pair.repeats == self.suspect.map(|(number, _)| number);
        self.suspect = match self.suspect {
            _ if !open => None,
            Some((number, _)) if again && shows => Some((number, 0)),
            Some((number, fruitless)) if again => (fruitless + 1 < FRUITLESS_MAX).then_some((number, fruitless + 1)),
            None if shows => Some((pair.repeats.unwrap_or(pair.number), 0)),
            other => other,
        };
    }

    /// What should be run next.
    pub fn next(&self) -> Step {
        if self.worse_after.is_some() || self.has_enough_with(0) {
            return Step::Stop;
        }
        if self.usable == 0 && self.pairs.len() >= HOPELESS {
            return Step::Stop;
        }
        match self.suspect {
            Some((number, _)) => Step::Repeat(number),
            None if self.is_decided() => Step::Stop,
            None => Step::Fresh,
        }
    }

    /// No question is open that more pairs are meant to answer: the bound is reached, and throughput and latency are
    /// compared. Outages differ much from run to run and are not waited for.
    fn is_decided(&self) -> bool {
        let waited_for = self.ratios.iter().take(3).all(|ratios| ratios.decided.is_some());
        self.bounded_after.is_some() && waited_for && self.violates().next().is_none()
    }

    /// Confirmed anomalies of the candidate that the base did not show.
    pub(crate) fn violates(&self) -> impl Iterator<Item = &crate::finding::Named> {
        self.findings.named.iter().filter(|named| named.only_candidate() && named.confirmed())
    }

    /// What the pairs say so far.
    pub fn verdict(&self) -> ComparisonVerdict {
        let any = |speed: Speed| self.ratios.iter().any(|ratios| ratios.decided.is_some_and(|(is, _)| is == speed));
        if self.worse_after.is_some() {
            ComparisonVerdict::Worse
        } else if self.violates().next().is_some() {
            ComparisonVerdict::Violates
        } else if any(Speed::Slower) {
            ComparisonVerdict::Slower
        } else if self.bounded_after.is_none() || self.exposure.summary().iter().any(|kind| kind.lacking) {
            ComparisonVerdict::Inconclusive
        } else if any(Speed::Faster) {
            ComparisonVerdict::Faster
        } else {
            ComparisonVerdict::NoWorse
        }
    }

    /// The base showed an anomaly of this name.
    pub fn base_shows(&self, name: &str) -> bool {
        self.findings.named.iter().any(|named| named.name() == name && named.counts.base > 0)
    }

    /// With so many pairs that are under way, there are as many as the design asks for.
    pub fn has_enough_with(&self, under_way: u64) -> bool {
        self.design.most_pairs.is_some_and(|most| self.usable + under_way >= most)
    }

    /// Usable pairs so far.
    pub fn usable_pairs(&self) -> u64 {
        self.usable
    }

    pub(crate) fn rate_summaries(&self) -> Vec<RateSummary> {
        let one = |(counts, failing): (&Counts, Failing)| RateSummary {
            failing,
            pairs: counts.pairs,
            base: counts.base,
            candidate: counts.candidate,
            only_base: counts.only_base,
            only_candidate: counts.only_candidate,
            excess_bound: excess_bound(counts.only_candidate, counts.only_base, counts.pairs, self.design.alpha),
        };
        self.rates.iter().zip(Failing::ALL).map(one).collect()
    }

    /// The measures that were taken.
    pub(crate) fn measure_summaries(&self) -> Vec<measure::MeasureSummary> {
        let level = self.design.level();
        self.ratios.iter().filter_map(|ratios| ratios.summary(&self.design, level)).collect()
    }

    /// Whether the versions would be told apart, or the bound be reached, if `pairs` continued as those seen.
    pub(crate) fn would_decide(&self, pairs: u64) -> bool {
        let continued = |counts: Counts| counts.continued(pairs);
        self.wealth(&continued) >= proof(self.design.alpha) || self.is_bounded(continued(self.any))
    }
}
