//! Vector clocks and version vectors (Mattern, Virtual Time and Global States, 1989; Parker et al., Detection of Mutual
//! Inconsistency in Distributed Systems, 1983).
//!
//! One counter per actor. As the clock of events, vectors are ordered exactly as the events are by "happened before";
//! as a summary of updates, a vector stands for all updates of each actor up to its counter.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dot::{Actor, Dot};

/// A vector; an actor that is not in it counts 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VersionVector {
    /// Never holds a 0, so that equal vectors are equal maps.
    counters: BTreeMap<Actor, u64>,
}

impl VersionVector {
    /// The counter of an actor.
    pub fn get(&self, actor: Actor) -> u64 {
        self.counters.get(&actor).copied().unwrap_or(0)
    }

    /// Counts a new event of an actor and names it.
    pub fn tick(&mut self, actor: Actor) -> Dot {
        let counter = self.counters.entry(actor).or_insert(0);
        *counter += 1;
        Dot { actor, counter: *counter }
    }

    /// Raises the counter of an actor to at least this; true when that changed it.
    pub fn raise(&mut self, actor: Actor, counter: u64) -> bool {
        if self.get(actor) >= counter {
            return false;
        }
        self.counters.insert(actor, counter);
        true
    }

    /// Whether the update is among those that the vector stands for.
    pub fn contains(&self, dot: Dot) -> bool {
        dot.counter <= self.get(dot.actor)
    }

    /// The least vector that is at least both; true when that changed this one.
    pub fn join(&mut self, other: &VersionVector) -> bool {
        let mut changed = false;
        for (actor, counter) in other.iter() {
            changed |= self.raise(actor, counter);
        }
        changed
    }

    /// The counters that are not 0, by actor.
    pub fn iter(&self) -> impl Iterator<Item = (Actor, u64)> + '_ {
        self.counters.iter().map(|(actor, counter)| (*actor, *counter))
    }

    fn covers(&self, other: &VersionVector) -> bool {
        other.iter().all(|(actor, counter)| self.get(actor) >= counter)
    }
}

/// `a < b` when b has counted everything a has and more; incomparable vectors are concurrent.
impl PartialOrd for VersionVector {
    fn partial_cmp(&self, other: &VersionVector) -> Option<Ordering> {
        match (self.covers(other), other.covers(self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An event of an execution of three processes.
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Step {
        /// Something happens.
        Local(usize),
        /// A process hears of an earlier event of another, as that event's message arrives: any event may have sent
        /// any number of messages.
        Receive {
            /// Who hears.
            process: usize,
            /// The number of the event.
            from: usize,
        },
    }

    /// An execution.
    #[derive(Clone, Debug)]
    pub(crate) struct Execution {
        /// Its events, in an order in which they may have taken place.
        pub(crate) steps: Vec<Step>,
    }

    pub(crate) fn execution() -> impl Strategy<Value = Execution> {
        proptest::collection::vec((0_usize..3, any::<bool>(), any::<prop::sample::Index>()), 1..16).prop_map(|raw| {
            let steps = raw.iter().enumerate().map(|(at, (process, local, from))| {
                if *local || at == 0 {
                    Step::Local(*process)
                } else {
                    Step::Receive { process: *process, from: from.index(at) }
                }
            });
            Execution { steps: steps.collect() }
        })
    }

    impl Execution {
        /// All pairs of which the first happened before the second: the transitive closure, by brute force.
        pub(crate) fn happened_before(&self) -> Vec<(usize, usize)> {
            let process = |step: &Step| match step {
                Step::Local(process) | Step::Receive { process, .. } => *process,
            };
            let count = self.steps.len();
            let mut before = vec![vec![false; count]; count];
            for (at, step) in self.steps.iter().enumerate() {
                for (earlier, step_before) in self.steps[..at].iter().enumerate() {
                    before[earlier][at] |= process(step_before) == process(step);
                }
                if let Step::Receive { from, .. } = step {
                    before[*from][at] = true;
                }
            }
            for middle in 0..count {
                for first in 0..count {
                    for last in 0..count {
                        before[first][last] |= before[first][middle] && before[middle][last];
                    }
                }
            }
            let pairs = (0..count).flat_map(|first| (0..count).map(move |last| (first, last)));
            pairs.filter(|(first, last)| before[*first][*last]).collect()
        }
    }

    pub(crate) fn actor(node: u16) -> Actor {
        Actor { node, incarnation: 7 }
    }

    proptest! {
        #[test]
        fn vectors_are_ordered_as_events_are(execution in execution()) {
            let mut clocks = vec![VersionVector::default(); 3];
            let mut times: Vec<VersionVector> = Vec::new();
            for step in &execution.steps {
                let process = match *step {
                    Step::Local(process) => process,
                    Step::Receive { process, from } => {
                        let heard = times[from].clone();
                        clocks[process].join(&heard);
                        process
                    }
                };
                clocks[process].tick(actor(process as u16));
                times.push(clocks[process].clone());
            }
            let before = execution.happened_before();
            for first in 0..times.len() {
                for last in 0..times.len() {
                    let expected = before.contains(&(first, last));
                    prop_assert_eq!(times[first] < times[last], expected, "events {} and {}", first, last);
                }
            }
        }

        #[test]
        fn join_is_the_least_upper_bound(a in vector(), b in vector(), c in vector()) {
            let joined = |a: &VersionVector, b: &VersionVector| {
                let mut sum = a.clone();
                let changed = sum.join(b);
                assert_eq!(changed, sum != *a);
                sum
            };
            let ab = joined(&a, &b);
            prop_assert!(ab >= a && ab >= b);
            prop_assert_eq!(&ab, &joined(&b, &a));
            prop_assert_eq!(joined(&ab, &c), joined(&a, &joined(&b, &c)));
            prop_assert_eq!(joined(&a, &a), a.clone());
            if c >= a && c >= b {
                prop_assert!(c >= ab);
            }
        }
    }

    fn vector() -> impl Strategy<Value = VersionVector> {
        proptest::collection::vec(0_u64..4, 3).prop_map(|counters| {
            let mut vector = VersionVector::default();
            for (node, counter) in counters.into_iter().enumerate() {
                vector.raise(actor(node as u16), counter);
            }
            vector
        })
    }

    #[test]
    fn an_actor_that_never_counted_makes_no_difference() {
        let mut vector = VersionVector::default();
        assert!(!vector.raise(actor(1), 0));
        assert_eq!(vector, VersionVector::default());
        assert_eq!(vector.tick(actor(1)), Dot { actor: actor(1), counter: 1 });
        assert!(vector.contains(Dot { actor: actor(1), counter: 1 }));
        assert!(!vector.contains(Dot { actor: actor(1), counter: 2 }));
    }
}
