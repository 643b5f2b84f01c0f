//! Lamport clocks (Lamport, Time, Clocks, and the Ordering of Events in a Distributed System, CACM 1978).
//!
//! If an event happened before another, its time is smaller. The converse does not hold: times are totally ordered
//! together with the names of their actors, events are not.

use serde::{Deserialize, Serialize};

/// A clock, and the time it shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lamport(pub u64);

impl Lamport {
    /// The time of a new event here: later than everything this clock has shown or seen.
    pub fn tick(&mut self) -> Lamport {
        self.0 += 1;
        *self
    }

    /// Takes notice of another clock's time.
    pub fn observe(&mut self, other: Lamport) {
        self.0 = self.0.max(other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::vector::tests::{Step, execution};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_happened_before_has_a_smaller_time(steps in execution()) {
            let mut clocks = [Lamport::default(); 3];
            let mut times = Vec::new();
            for step in &steps.steps {
                match *step {
                    Step::Local(process) => times.push(clocks[process].tick()),
                    Step::Receive { process, from } => {
                        clocks[process].observe(times[from]);
                        times.push(clocks[process].tick());
                    }
                }
            }
            for (before, after) in steps.happened_before() {
                prop_assert!(times[before] < times[after]);
            }
        }
    }
}
