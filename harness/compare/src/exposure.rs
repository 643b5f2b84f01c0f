//! Whether both versions met the same: a candidate that was exposed to less proves less.

use std::collections::BTreeMap;

use rashomon_statistics::sequential::{coin_wealth, proof};
use serde::{Deserialize, Serialize};

use crate::Pair;

/// Less than this share of what the base met is too little.
const ENOUGH: f64 = 0.8;
/// The level at which "less often than the base" must be proved.
const ALPHA: f64 = 0.05;

/// How often something happened in the runs of both versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureSummary {
    /// What: `kill faults`, `leader events`, `acknowledged operations`.
    pub kind: String,
    /// How often in the base's runs.
    pub base: u64,
    /// How often in the candidate's.
    pub candidate: u64,
    /// The candidate met less of it than the base: in total less than 80%, and in more pairs than chance explains.
    pub lacking: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Met {
    base: u64,
    candidate: u64,
    pairs_less: u64,
    pairs_more: u64,
}

/// Counts what happened in pairs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exposure {
    kinds: BTreeMap<String, Met>,
}

impl Exposure {
    pub(crate) fn count(&mut self, pair: &Pair) {
        let mut here: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (kind, count) in &pair.base.exposure {
            here.entry(kind).or_default().0 += count;
        }
        for (kind, count) in &pair.candidate.exposure {
            here.entry(kind).or_default().1 += count;
        }
        for (kind, (base, candidate)) in here {
            let met = self.kinds.entry(kind.to_owned()).or_default();
            met.base += base;
            met.candidate += candidate;
            met.pairs_less += u64::from(candidate < base);
            met.pairs_more += u64::from(candidate > base);
        }
    }

    pub(crate) fn summary(&self) -> Vec<ExposureSummary> {
        let needed = proof(ALPHA / self.kinds.len().max(1) as f64);
        let one = |(kind, met): (&String, &Met)| ExposureSummary {
            kind: kind.clone(),
            base: met.base,
            candidate: met.candidate,
            lacking: (met.candidate as f64) < ENOUGH * met.base as f64
                && coin_wealth(met.pairs_less, met.pairs_more) >= needed,
        };
        self.kinds.iter().map(one).collect()
    }
}
