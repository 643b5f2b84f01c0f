//! Random choices that replay for years.
//!
//! A run is repeated from its seed, perhaps by a later version, so nothing here may depend on how a library draws from
//! a range: ChaCha8 is a named algorithm with test vectors, and the few derivations below are ours.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of random choices.
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

/// Independent streams of one seed, so that drawing more in one place does not change another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The schedule of faults.
    Schedule = 1,
    /// The workload's generator.
    Generator = 2,
    /// When operations arrive.
    Arrivals = 3,
}

impl Draw {
    /// A stream of a seed.
    pub fn new(seed: u64, stream: Stream) -> Draw {
        Draw::numbered(seed, stream, 0)
    }

    /// One of many streams of a seed, as for each client.
    pub fn numbered(seed: u64, stream: Stream, number: u32) -> Draw {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream((stream as u64) << 32 | u64::from(number));
        Draw(rng)
    }

    /// A number below `bound`, which is not 0. (Multiply-shift; the bias is below 2^-32 for bounds below 2^32.)
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a choice among nothing");
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// A fraction in `[0, 1)`.
    pub fn fraction(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.fraction() < p
    }

    /// One of some, which are not none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// An index, chosen in proportion to the weights (not all 0).
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.fraction() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }

    /// A random order of `items` (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// A waiting time with this mean, exponentially distributed (arrivals of a Poisson process).
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.fraction()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_for_ever() {
        let mut draw = Draw::new(7, Stream::Schedule);
        let drawn: Vec<u64> = (0..6).map(|_| draw.below(1000)).collect();
        assert_eq!(drawn, GOLDEN, "seeds in old manifests would no longer replay");
    }

    const GOLDEN: [u64; 6] = [367, 366, 425, 333, 648, 459];

    #[test]
    fn streams_of_a_seed_differ() {
        let first = Draw::new(7, Stream::Schedule).below(u64::MAX);
        assert_ne!(first, Draw::new(7, Stream::Generator).below(u64::MAX));
        assert_ne!(first, Draw::numbered(7, Stream::Schedule, 1).below(u64::MAX));
    }

    #[test]
    fn choices_stay_within_their_bounds_and_reach_them() {
        let mut draw = Draw::new(1, Stream::Arrivals);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[draw.below(5) as usize] = true;
            assert!((3..=4).contains(&draw.between(3, 4)));
            assert!(draw.exponential(2.0) >= 0.0);
        }
        assert!(seen.iter().all(|&hit| hit));
        assert!((0..50).all(|_| draw.weighted(&[0.0, 1.0, 0.0]) == 1));
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..20).collect();
        Draw::new(3, Stream::Schedule).shuffle(&mut items);
        assert_ne!(items, (0..20).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..20).collect::<Vec<_>>());
    }
}
