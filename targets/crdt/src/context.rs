//! Causal contexts: which updates a state has seen (Almeida, Shoker and Baquero, Delta State Replicated Data Types,
//! 2018, section 7.2).
//!
//! A set of dots, kept as a version vector and a cloud of the dots beyond it. A replica's own context is nearly always
//! a vector alone; a delta's is a cloud of the few dots it speaks of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::clock::VersionVector;
use crate::dot::{Actor, Dot};

/// A set of dots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    vector: VersionVector,
    /// Dots beyond the vector; none of them follows directly on it.
    cloud: BTreeSet<Dot>,
}

impl Context {
    /// Whether the dot is in it.
    pub fn contains(&self, dot: Dot) -> bool {
        self.vector.contains(dot) || self.cloud.contains(&dot)
    }

    /// Adds a dot; true when it was not in it.
    pub fn insert(&mut self, dot: Dot) -> bool {
        if self.contains(dot) {
            return false;
        }
        self.cloud.insert(dot);
        self.compact();
        true
    }

    /// Adds all dots of another; true when that changed anything.
    pub fn join(&mut self, other: &Context) -> bool {
        let mut changed = self.vector.join(&other.vector);
        for dot in &other.cloud {
            changed |= !self.contains(*dot) && self.cloud.insert(*dot);
        }
        if changed {
            self.compact();
        }
        changed
    }

    /// The largest counter of an actor, 0 when there is none.
    pub fn latest(&self, actor: Actor) -> u64 {
        let first = Dot { actor, counter: 0 };
        let last = Dot { actor, counter: u64::MAX };
        let beyond = self.cloud.range(first..=last).next_back().map_or(0, |dot| dot.counter);
        beyond.max(self.vector.get(actor))
    }

    /// The part without gaps.
    pub fn vector(&self) -> &VersionVector {
        &self.vector
    }

    /// How many dots are beyond gaps.
    pub fn cloud_len(&self) -> usize {
        self.cloud.len()
    }

    /// Moves dots from the cloud to the vector as long as they follow on it.
    fn compact(&mut self) {
        // Dots are in the order of their actors and counters, so one pass finds every run.
        let vector = &mut self.vector;
        self.cloud.retain(|dot| {
            if vector.get(dot.actor) + 1 == dot.counter {
                vector.raise(dot.actor, dot.counter);
            }
            !vector.contains(*dot)
        });
    }
}

impl FromIterator<Dot> for Context {
    fn from_iter<I: IntoIterator<Item = Dot>>(dots: I) -> Context {
        let mut context = Context { vector: VersionVector::default(), cloud: dots.into_iter().collect() };
        context.compact();
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dots() -> impl Strategy<Value = BTreeSet<Dot>> {
        let dot =
            (1_u16..4, 1_u64..6).prop_map(|(node, counter)| Dot { actor: Actor { node, incarnation: 0 }, counter });
        proptest::collection::btree_set(dot, 0..12)
    }

    proptest! {
        #[test]
        fn a_context_is_the_set_of_its_dots(a in dots(), b in dots()) {
            let mut context = Context::default();
            for dot in &a {
                prop_assert!(context.insert(*dot));
                prop_assert!(!context.insert(*dot));
            }
            prop_assert_eq!(&context, &a.iter().copied().collect::<Context>());
            let changed = context.join(&b.iter().copied().collect());
            prop_assert_eq!(changed, !b.is_subset(&a));
            for node in 1..4 {
                let actor = Actor { node, incarnation: 0 };
                for counter in 1..7 {
                    let dot = Dot { actor, counter };
                    prop_assert_eq!(context.contains(dot), a.contains(&dot) || b.contains(&dot));
                }
                let latest = a.union(&b).filter(|dot| dot.actor == actor).map(|dot| dot.counter).max();
                prop_assert_eq!(context.latest(actor), latest.unwrap_or(0));
                // Compacted: the cloud holds nothing that follows on the vector.
                let next = Dot { actor, counter: context.vector().get(actor) + 1 };
                prop_assert!(!context.contains(next));
            }
            // Equal sets have equal forms, in whatever order they came about.
            let mut other: Context = b.iter().copied().collect();
            other.join(&a.iter().copied().collect());
            prop_assert_eq!(context, other);
        }
    }
}
