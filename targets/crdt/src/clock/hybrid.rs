//! Hybrid logical clocks (Kulkarni, Demirbas, Madappa, Avva and Leone, Logical Physical Clocks and Consistent Snapshots
//! in Globally Distributed Databases, OPODIS 2014, figure 5).
//!
//! A time is a wall clock's reading and a counter. Times respect "happened before" as Lamport's do, and stay as close
//! to the wall clocks as these are to each other: the first part is always a reading that some clock has shown.

use serde::{Deserialize, Serialize};

/// A time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hybrid {
    /// The largest wall clock reading known then, µs.
    pub wall_us: i64,
    /// Tells events with the same reading apart.
    pub count: u32,
}

/// A clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HybridClock {
    latest: Hybrid,
}

impl HybridClock {
    /// The time of a new event here (figure 5, "send or local event"). The wall clock may have gone back; the hybrid
    /// clock does not.
    pub fn tick(&mut self, wall_us: i64) -> Hybrid {
        self.latest = if wall_us > self.latest.wall_us {
            Hybrid { wall_us, count: 0 }
        } else {
            Hybrid { wall_us: self.latest.wall_us, count: self.latest.count + 1 }
        };
        self.latest
    }

    /// Takes notice of another clock's time, without an event of its own: figure 5's "receive event" is this followed
    /// by [`HybridClock::tick`].
    pub fn observe(&mut self, other: Hybrid) {
        self.latest = self.latest.max(other);
    }

    /// The latest time that this clock has given or seen.
    pub fn latest(&self) -> Hybrid {
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::vector::tests::{Step, execution};
    use proptest::prelude::*;

    proptest! {
        /// Each step's process reads a wall clock that is off by up to 20 µs and may go back.
        #[test]
        fn times_respect_happened_before_and_stay_near_the_wall_clocks(
            execution in execution(),
            readings in proptest::collection::vec(-20_i64..20, 16),
        ) {
            let mut clocks = [HybridClock::default(); 3];
            let (mut times, mut shown) = (Vec::new(), Vec::new());
            for (at, step) in execution.steps.iter().enumerate() {
                let wall_us = 1_000 + at as i64 + readings[at];
                shown.push(wall_us);
                let process = match *step {
                    Step::Local(process) => process,
                    Step::Receive { process, from } => {
                        clocks[process].observe(times[from]);
                        process
                    }
                };
                let before = clocks[process].latest();
                let time = clocks[process].tick(wall_us);
                prop_assert!(time > before, "a clock went back");
                // Never behind the own wall clock, and never ahead of all that were read.
                prop_assert!(time.wall_us >= wall_us);
                prop_assert!(shown.contains(&time.wall_us));
                // The counter is bounded by how many events share a reading.
                prop_assert!((time.count as usize) <= at);
                times.push(time);
            }
            for (before, after) in execution.happened_before() {
                prop_assert!(times[before] < times[after]);
            }
        }
    }

    #[test]
    fn a_wall_clock_that_goes_on_resets_the_counter() {
        let mut clock = HybridClock::default();
        assert_eq!(clock.tick(5), Hybrid { wall_us: 5, count: 0 });
        assert_eq!(clock.tick(5), Hybrid { wall_us: 5, count: 1 });
        assert_eq!(clock.tick(3), Hybrid { wall_us: 5, count: 2 });
        clock.observe(Hybrid { wall_us: 9, count: 4 });
        assert_eq!(clock.tick(6), Hybrid { wall_us: 9, count: 5 });
        assert_eq!(clock.tick(10), Hybrid { wall_us: 10, count: 0 });
    }
}
