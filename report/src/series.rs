//! A whole run in a bounded number of points: rates, latency quantiles, and a density of all latencies.
//!
//! One pass over the history, then one sort per bucket. However long the run, there are at most [`BUCKETS_MAX`]
//! buckets and [`COLUMNS`] × [`ROWS`] density cells per outcome. No operation is dropped: each one is in its cell, so
//! an outlier cannot vanish.

use rashomon_history::{History, Outcome};

/// Buckets at most.
pub(crate) const BUCKETS_MAX: u64 = 240;
/// Columns of the density.
pub(crate) const COLUMNS: usize = 260;
/// Rows of the density per tenfold of latency.
pub(crate) const ROWS_PER_DECADE: usize = 12;
/// Tenfolds of latency from 1 µs: up to 1,000 s.
pub(crate) const DECADES: usize = 9;
/// Rows of the density.
pub(crate) const ROWS: usize = ROWS_PER_DECADE * DECADES;

/// Lengths a bucket may have, ms.
const NICE_MS: [u64; 20] = [
    10, 20, 50, 100, 200, 250, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
    1_800_000, 3_600_000, 21_600_000,
];

/// A run's load in bounded form.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// Length of a bucket, ns.
    pub(crate) bucket_ns: u64,
    /// Length of the run, ns.
    pub(crate) end_ns: u64,
    /// The buckets, from time 0.
    pub(crate) buckets: Vec<Bucket>,
    /// How many operations of each outcome are in each density cell: `[outcome][column * ROWS + row]`.
    pub(crate) density: [Vec<u32>; 3],
    /// Operations without a completion.
    pub(crate) unfinished: u64,
}

/// One bucket of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Operations that ended in it, by outcome; those without a completion count as info where they began.
    pub(crate) ended: [u64; 3],
    /// Latency of the ok operations that began in it.
    pub(crate) latency: Option<Quantiles>,
}

/// Quantiles of latency, ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quantiles {
    /// Median.
    pub(crate) p50: u64,
    /// 95th percentile.
    pub(crate) p95: u64,
    /// 99th percentile.
    pub(crate) p99: u64,
    /// The slowest.
    pub(crate) max: u64,
}

/// An outcome's place in arrays.
pub(crate) fn slot(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Fail => 1,
        Outcome::Info => 2,
    }
}

impl Series {
    /// Summarises a history; `least_end_ns` is how far the time axis must reach at least.
    pub(crate) fn of(history: &History, least_end_ns: u64) -> Series {
        let end_ns = history.end_time().max(least_end_ns).max(1_000_000);
        let bucket_ns = bucket_length(end_ns);
        let count = end_ns.div_ceil(bucket_ns) as usize;
        let place = |time: u64| ((time / bucket_ns) as usize).min(count - 1);
        let mut buckets = vec![Bucket::default(); count];
        let mut density = [(); 3].map(|()| vec![0_u32; COLUMNS * ROWS]);
        let mut latencies: Vec<Vec<u64>> = vec![Vec::new(); count];
        let mut unfinished = 0;
        for op in history.ops() {
            let slot = slot(op.outcome);
            let began = place(op.invoke_time);
            let Some(end) = op.complete_time else {
                unfinished += 1;
                buckets[began].ended[slot] += 1;
                continue;
            };
            buckets[place(end)].ended[slot] += 1;
            let latency = end.saturating_sub(op.invoke_time);
            let column = (op.invoke_time as u128 * COLUMNS as u128 / (end_ns as u128 + 1)) as usize;
            density[slot][column * ROWS + row(latency)] += 1;
            if op.outcome == Outcome::Ok {
                latencies[began].push(latency);
            }
        }
        for (bucket, latencies) in buckets.iter_mut().zip(&mut latencies) {
            bucket.latency = quantiles(latencies);
        }
        Series { bucket_ns, end_ns, buckets, density, unfinished }
    }

    /// A bucket's count as a rate, operations per second; the last bucket may be shorter than the others.
    pub(crate) fn rate(&self, bucket: usize, slot: usize) -> f64 {
        let from = bucket as u64 * self.bucket_ns;
        let length = self.bucket_ns.min(self.end_ns.saturating_sub(from)).max(self.bucket_ns / 4);
        self.buckets[bucket].ended[slot] as f64 * 1e9 / length as f64
    }
}

/// The shortest nice bucket length that needs at most [`BUCKETS_MAX`] buckets.
fn bucket_length(end_ns: u64) -> u64 {
    let fits = |ms: &&u64| end_ns.div_ceil(**ms * 1_000_000) <= BUCKETS_MAX;
    NICE_MS.iter().find(fits).map_or(end_ns.div_ceil(BUCKETS_MAX), |ms| ms * 1_000_000)
}

/// The density row of a latency.
fn row(latency_ns: u64) -> usize {
    let micros = (latency_ns as f64 / 1_000.0).max(1.0);
    ((micros.log10() * ROWS_PER_DECADE as f64) as usize).min(ROWS - 1)
}

/// Quantiles by the nearest rank; sorts its argument.
fn quantiles(latencies: &mut [u64]) -> Option<Quantiles> {
    latencies.sort_unstable();
    let max = *latencies.last()?;
    let rank = |percent: usize| latencies[(latencies.len() * percent).div_ceil(100).max(1) - 1];
    Some(Quantiles { p50: rank(50), p95: rank(95), p99: rank(99), max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let mut values: Vec<u64> = (1..=200).rev().collect();
        assert_eq!(quantiles(&mut values), Some(Quantiles { p50: 100, p95: 190, p99: 198, max: 200 }));
        assert_eq!(quantiles(&mut [7]), Some(Quantiles { p50: 7, p95: 7, p99: 7, max: 7 }));
        assert_eq!(quantiles(&mut []), None);
    }

    #[test]
    fn any_length_fits_into_the_buckets() {
        for end in [1, 999, 1_000_000_000, 30_000_000_000, 86_400_000_000_000, u64::MAX / 4] {
            assert!(end.div_ceil(bucket_length(end)) <= BUCKETS_MAX, "{end}");
        }
        assert_eq!(bucket_length(30_000_000_000), 200_000_000);
    }

    #[test]
    fn rows_are_logarithmic_and_bounded() {
        assert_eq!([row(0), row(1_000), row(10_000), row(1_000_000)], [0, 0, 12, 36]);
        assert_eq!(row(u64::MAX), ROWS - 1);
    }

    #[test]
    fn an_empty_history_has_an_axis() {
        let series = Series::of(&History::default(), 0);
        assert_eq!((series.buckets.len(), series.end_ns), (1, 1_000_000));
    }
}
