//! Anomalies by name: which version showed them, and whether that is confirmed.

use serde::{Deserialize, Serialize};

use crate::pair::{Finding, Pair};
use crate::rate::{BY_NAME, Counts};

/// An anomaly that at least one run showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingSummary {
    /// Its name.
    pub name: String,
    /// The checker that found it.
    pub checker: String,
    /// The smallest example, in one sentence.
    pub sentence: String,
    /// How many operations the core of the example has.
    pub operations: usize,
    /// The run of the example.
    pub run: String,
    /// A command that runs its plan again.
    pub reproduce: String,
    /// The base's runs that showed it.
    pub base: u64,
    /// The candidate's runs that showed it.
    pub candidate: u64,
    /// Usable pairs.
    pub pairs: u64,
    /// Seen again, or certain by its core.
    pub confirmed: bool,
}

impl FindingSummary {
    /// The base has it too.
    pub fn is_known(&self) -> bool {
        self.base > 0
    }
}

/// An anomaly, counted.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    example: Finding,
    /// Of the candidate, where it showed any.
    run: String,
    reproduce: String,
    by_candidate: bool,
    certain: bool,
    pub(crate) counts: Counts,
}

impl Named {
    /// The candidate has it, and the base did not show it.
    pub(crate) fn only_candidate(&self) -> bool {
        self.counts.candidate > 0 && self.counts.base == 0
    }

    pub(crate) fn confirmed(&self) -> bool {
        self.certain || self.counts.candidate.max(self.counts.base) > 1
    }

    pub(crate) fn name(&self) -> &str {
        &self.example.name
    }

    pub(crate) fn summary(&self) -> FindingSummary {
        FindingSummary {
            name: self.example.name.clone(),
            checker: self.example.checker.clone(),
            sentence: self.example.sentence.clone(),
            operations: self.example.operations,
            run: self.run.clone(),
            reproduce: self.reproduce.clone(),
            base: self.counts.base,
            candidate: self.counts.candidate,
            pairs: self.counts.pairs,
            confirmed: self.confirmed(),
        }
    }
}

/// All anomalies, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    pub(crate) named: Vec<Named>,
    pairs: u64,
}

impl Findings {
    pub(crate) fn count(&mut self, pair: &Pair) {
        for (observed, by_candidate) in [(&pair.base, false), (&pair.candidate, true)] {
            for finding in &observed.findings {
                self.example(finding, &observed.run, &observed.reproduce, by_candidate);
            }
        }
        for named in &mut self.named {
            let shows = |findings: &[Finding]| findings.iter().any(|finding| finding.name == named.example.name);
            named.counts.count(shows(&pair.base.findings), shows(&pair.candidate.findings));
        }
        self.pairs += 1;
    }

    fn example(&mut self, finding: &Finding, run: &str, reproduce: &str, by_candidate: bool) {
        let known = self.named.iter_mut().find(|named| named.example.name == finding.name);
        let Some(known) = known else {
            let counts = Counts { pairs: self.pairs, ..Counts::default() };
            self.named.push(Named {
                example: finding.clone(),
                run: run.to_owned(),
                reproduce: reproduce.to_owned(),
                by_candidate,
                certain: finding.certain,
                counts,
            });
            return;
        };
        known.certain |= finding.certain;
        let smaller = finding.operations < known.example.operations;
        if (by_candidate, smaller) == (known.by_candidate, true) || (by_candidate && !known.by_candidate) {
            known.example = finding.clone();
            (known.run, known.reproduce) = (run.to_owned(), reproduce.to_owned());
            known.by_candidate = by_candidate;
        }
    }

    /// The wealth of the bets on single names, each as the logarithm of its weighted share.
    pub(crate) fn wealth(&self, of: &dyn Fn(Counts) -> Counts) -> Vec<f64> {
        let mut share = BY_NAME;
        let mut logs = Vec::new();
        for named in &self.named {
            share /= 2.0;
            logs.push(share.ln() + of(named.counts).wealth());
        }
        // What is not bet yet is kept.
        logs.push(share.ln());
        logs
    }
}
