//! How often runs fail, and in how many pairs only one of the two does.

use rashomon_statistics::sequential::coin_wealth;
use serde::{Deserialize, Serialize};

/// A way in which a run fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Failing {
    /// Its history has an anomaly.
    Violation,
    /// A process exited unexpectedly.
    Crash,
    /// The system did not serve, or did not answer to the end.
    Unfinished,
}

impl Failing {
    /// All of them.
    pub const ALL: [Failing; 3] = [Failing::Violation, Failing::Crash, Failing::Unfinished];

    /// The share of the error that is spent on this; those of all anomalies by name get [`BY_NAME`].
    pub(crate) fn weight(self) -> f64 {
        match self {
            Failing::Violation => 0.5,
            Failing::Crash => 0.2,
            Failing::Unfinished => 0.15,
        }
    }

    /// The words in sentences and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Failing::Violation => "violations",
            Failing::Crash => "crashes",
            Failing::Unfinished => "not served to the end",
        }
    }
}

/// The share of the error that is spent on anomalies by name: half of it on the name that was seen first, half of the
/// rest on the next, …. Which name is seen first does not depend on which version showed it.
pub(crate) const BY_NAME: f64 = 0.15;

/// Counts of pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) pairs: u64,
    /// Pairs in which the base's run did.
    pub(crate) base: u64,
    /// Pairs in which the candidate's run did.
    pub(crate) candidate: u64,
    /// Pairs in which only the base's did.
    pub(crate) only_base: u64,
    /// Pairs in which only the candidate's did.
    pub(crate) only_candidate: u64,
}

impl Counts {
    pub(crate) fn count(&mut self, base: bool, candidate: bool) {
        self.pairs += 1;
        self.base += u64::from(base);
        self.candidate += u64::from(candidate);
        self.only_base += u64::from(base && !candidate);
        self.only_candidate += u64::from(candidate && !base);
    }

    /// The logarithm of the wealth of who bets that the candidate's runs do more often.
    pub(crate) fn wealth(&self) -> f64 {
        coin_wealth(self.only_candidate, self.only_base)
    }

    /// The counts if as many more pairs continue in the same proportions, rounded down.
    pub(crate) fn continued(&self, pairs: u64) -> Counts {
        let scale = |count: u64| (count as f64 * pairs as f64 / self.pairs.max(1) as f64) as u64;
        Counts {
            pairs,
            base: scale(self.base),
            candidate: scale(self.candidate),
            only_base: scale(self.only_base),
            only_candidate: scale(self.only_candidate),
        }
    }
}

/// How often the runs of each version failed in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateSummary {
    /// The way.
    pub failing: Failing,
    /// Usable pairs.
    pub pairs: u64,
    /// The base's runs that did.
    pub base: u64,
    /// The candidate's runs that did.
    pub candidate: u64,
    /// Pairs in which only the base's did.
    pub only_base: u64,
    /// Pairs in which only the candidate's did.
    pub only_candidate: u64,
    /// By how much the candidate's share exceeds the base's at most, at 95%.
    pub excess_bound: f64,
}
