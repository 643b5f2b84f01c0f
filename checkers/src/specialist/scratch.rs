//! What a specialist keeps from one object to the next.

use rashomon_history::History;
use rustc_hash::FxHashMap;

/// Set in a history's value ids for integers that are their own id.
const INTEGER: u32 = 1 << 31;

/// Small numbers for the values of one object, in tables that are used again from one object to the next; and how much
/// was observed of all. Each thread has its own.
#[derive(Debug, Default)]
pub struct Scratch {
    /// For integers from zero on, as workloads write them: one more than their number; 0 for none.
    dense: Vec<u32>,
    /// `dense` never grows beyond this.
    limit: usize,
    /// For all other values, by id.
    sparse: FxHashMap<u32, u32>,
    /// The values that have a number, in order of their numbers.
    used: Vec<u32>,
    observed: u64,
}

impl Scratch {
    /// Notes so many operations whose result says something about the object.
    pub fn observe(&mut self, operations: u64) {
        self.observed += operations;
    }

    /// Whether there was one.
    pub fn has_observed(&self) -> bool {
        self.observed > 0
    }

    /// What two threads have, as far as it outlives the objects.
    pub(crate) fn join(mut self, other: Scratch) -> Scratch {
        self.observed += other.observed;
        self
    }

    /// Forgets all numbers, for the next object of a history.
    pub(crate) fn reset(&mut self, history: &History) {
        for value in self.used.drain(..) {
            if let Some(known) = self.dense.get_mut((value ^ INTEGER) as usize) {
                *known = 0;
            }
        }
        self.sparse.clear();
        self.limit = 4 * history.len() + 1024;
    }

    /// A small number for a value id, the same each time until [`Scratch::reset`].
    pub(crate) fn local(&mut self, value: u32) -> u32 {
        // Which ids are dense only matters for speed: equal ids are equal values whatever they stand for.
        let slot = (value ^ INTEGER) as usize;
        let known = if slot < self.limit {
            if self.dense.len() <= slot {
                self.dense.resize((slot + 1).next_power_of_two(), 0);
            }
            &mut self.dense[slot]
        } else {
            self.sparse.entry(value).or_insert(0)
        };
        if *known == 0 {
            self.used.push(value);
            *known = self.used.len() as u32;
        }
        *known - 1
    }

    /// The values that have a number, in order of their numbers.
    pub(crate) fn values(&self) -> &[u32] {
        &self.used
    }
}
