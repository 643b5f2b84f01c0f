//! What counts of runs prove: bounds of what was never seen, intervals of rates, quantiles.
//!
//! Everything is a pure function of counts, so that a campaign, a comparison and a page state the same figure.

pub mod sequential;

use serde::{Deserialize, Serialize};

/// The normal quantile of a two-sided 95% interval.
const Z_95: f64 = 1.959_963_984_540_054;

/// What `runs` independent clean runs prove: the largest fraction of runs in which a bug could show and still be missed
/// by all of them in 5% of cases, `1 − 0.05^(1/n)` (about `3/n`). Without a run it is 1: nothing is excluded.
pub fn upper_bound(runs: u64) -> f64 {
    if runs == 0 { 1.0 } else { 1.0 - 0.05f64.powf(1.0 / runs as f64) }
}

/// How many of some independent trials had an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Those that had it.
    pub hits: u64,
    /// All of them.
    pub trials: u64,
}

impl Share {
    /// A share; more hits than trials count as all of them.
    pub fn new(hits: u64, trials: u64) -> Share {
        Share { hits: hits.min(trials), trials }
    }

    /// The fraction observed; 0 without a trial.
    pub fn rate(self) -> f64 {
        if self.trials == 0 { 0.0 } else { self.hits as f64 / self.trials as f64 }
    }

    /// The 95% interval of the true rate by Wilson's score (E. B. Wilson, "Probable inference, the law of succession,
    /// and statistical inference", 1927): it stays within 0 to 1 and is usable for few trials and for rates near the
    /// ends. Without a trial it is the whole range.
    pub fn wilson(self) -> (f64, f64) {
        if self.trials == 0 {
            return (0.0, 1.0);
        }
        let (n, p, z2) = (self.trials as f64, self.rate(), Z_95 * Z_95);
        let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z_95 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        // Exact at the ends, where rounding would leave a hair.
        let low = if self.hits == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if self.hits == self.trials { 1.0 } else { (centre + half).min(1.0) };
        (low, high)
    }
}

/// The median: the middle value, or the mean of the two in the middle; `None` of nothing. Values that are no numbers
/// are left out.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut values: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(values[middle - 1].midpoint(values[middle])),
        _ => Some(values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_many_clean_runs_is_about_three_over_n() {
        assert!((upper_bound(299) - 0.01).abs() < 0.0002);
        assert_eq!(upper_bound(0), 1.0);
    }

    #[test]
    fn wilson_agrees_with_published_values() {
        let near = |(low, high): (f64, f64), expected: (f64, f64)| {
            assert!((low - expected.0).abs() < 5e-5 && (high - expected.1).abs() < 5e-5, "{low} {high} {expected:?}");
        };
        // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I, method 3.
        near(Share::new(81, 263).wilson(), (0.2553, 0.3662));
        near(Share::new(15, 148).wilson(), (0.0624, 0.1605));
        near(Share::new(0, 20).wilson(), (0.0, 0.1611));
        near(Share::new(1, 29).wilson(), (0.0061, 0.1718));
    }

    #[test]
    fn shares_keep_their_bounds() {
        assert_eq!(Share::new(0, 0).wilson(), (0.0, 1.0));
        assert_eq!(Share::new(9, 5), Share::new(5, 5));
        for trials in 1..40 {
            for hits in 0..=trials {
                let share = Share::new(hits, trials);
                let (low, high) = share.wilson();
                assert!(0.0 <= low && low <= share.rate() && share.rate() <= high && high <= 1.0, "{share:?}");
            }
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, f64::NAN, 1.0]), Some(2.0));
        assert_eq!(median(&[5.0, 1.0, 2.0]), Some(2.0));
    }
}
