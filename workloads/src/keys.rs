//! Which object the next operation works on.
//!
//! Keys are chosen unevenly: a few are hot, so that processes meet on them (a stale read needs an update just before
//! it), and many are cold, so that what went wrong on them is not overwritten at once and still there when every node
//! is read at the end. When a key has had its share of operations it is retired and a new one takes its place, so that
//! each key's history stays short enough to be checked exactly, whatever the length of the run.

use std::collections::{BTreeMap, VecDeque};

use rashomon_history::Value;
use rashomon_spec::draw::Draw;
use rashomon_spec::operation::Operation;
use rashomon_spec::workload::{GeneratorSpec, WorkloadOption};

use crate::options;

/// How many retired keys the final reads visit besides those in use: so many of the latest ones, and as many of all
/// others, drawn alike, since what was lost early must be missed as well.
pub(crate) const RETIRED_REMEMBERED: usize = 64;

/// The option that says how many keys are in use.
pub(crate) const fn in_use(default: &'static str) -> WorkloadOption {
    WorkloadOption { name: "keys", default, meaning: "how many objects are in use at a time, a few of them hot" }
}

/// The option that says how long a key is used.
pub(crate) const fn share(default: &'static str) -> WorkloadOption {
    WorkloadOption { name: "ops-per-key", default, meaning: "operations after which an object is retired" }
}

/// The keys in use, with what the generator believes of each.
pub(crate) struct Keys<S> {
    slots: Vec<Slot<S>>,
    /// Where each key in use is.
    index: BTreeMap<i64, usize>,
    /// The latest retired keys.
    retired: VecDeque<i64>,
    /// A sample of those retired before, and how many there were.
    earlier: (Vec<i64>, u64),
    next: i64,
    share: u64,
}

struct Slot<S> {
    key: i64,
    operations: u64,
    state: S,
}

impl<S: Default> Keys<S> {
    /// As the options `keys` and `ops-per-key` say.
    pub(crate) fn new(spec: &GeneratorSpec) -> Result<Keys<S>, String> {
        let keys = options::number(&spec.options, "keys", 1, 100_000)? as i64;
        let share = options::number(&spec.options, "ops-per-key", 1, 1_000_000_000)?;
        let slots = (0..keys).map(|key| Slot { key, operations: 0, state: S::default() }).collect();
        let index = (0..keys).map(|key| (key, key as usize)).collect();
        Ok(Keys { slots, index, retired: VecDeque::new(), earlier: (Vec::new(), 0), next: keys, share })
    }

    /// The key of the next operation, and what is believed of it. Of `n` keys the first is chosen about twice as often
    /// as the second, and so on by powers of two (first how many take part: 1, 2, 4, … up to all; then one of those).
    pub(crate) fn choose(&mut self, draw: &mut Draw) -> (Value, &mut S) {
        let all = self.slots.len() as u64;
        let levels = u64::from(all.next_power_of_two().trailing_zeros()) + 1;
        let taking_part = (1 << draw.below(levels)).min(all);
        let slot = draw.below(taking_part) as usize;
        if self.slots[slot].operations >= self.share {
            self.retire(slot, draw);
        }
        self.used(slot)
    }

    /// The same for a given key; `None` when it is not in use any more.
    pub(crate) fn choose_again(&mut self, key: &Value) -> Option<(Value, &mut S)> {
        let slot = *self.index.get(&key.as_int()?)?;
        (self.slots[slot].operations < self.share).then(|| self.used(slot))
    }

    fn used(&mut self, slot: usize) -> (Value, &mut S) {
        let slot = &mut self.slots[slot];
        slot.operations += 1;
        (Value::Int(slot.key), &mut slot.state)
    }

    fn retire(&mut self, slot: usize, draw: &mut Draw) {
        if self.retired.len() == RETIRED_REMEMBERED
            && let Some(key) = self.retired.pop_front()
        {
            self.sample(key, draw);
        }
        self.retired.push_back(self.slots[slot].key);
        self.index.remove(&self.slots[slot].key);
        self.index.insert(self.next, slot);
        self.slots[slot] = Slot { key: self.next, operations: 0, state: S::default() };
        self.next += 1;
    }

    /// Reservoir sampling (Vitter, 1985, algorithm R): each key seen so far is remembered with the same probability.
    fn sample(&mut self, key: i64, draw: &mut Draw) {
        let (sample, seen) = &mut self.earlier;
        *seen += 1;
        if sample.len() < RETIRED_REMEMBERED {
            return sample.push(key);
        }
        if let Some(place) = sample.get_mut(draw.below(*seen) as usize) {
            *place = key;
        }
    }

    /// What is believed of a key; `None` when it is not in use any more.
    pub(crate) fn state(&mut self, key: &Value) -> Option<&mut S> {
        let slot = *self.index.get(&key.as_int()?)?;
        Some(&mut self.slots[slot].state)
    }

    /// A read of each key that was used and is in use, of the latest retired ones, and of a sample of the others.
    pub(crate) fn final_reads(&self) -> Vec<Operation> {
        let used = self.slots.iter().filter(|slot| slot.operations > 0).map(|slot| slot.key);
        let keys = used.chain(self.retired.iter().rev().copied()).chain(self.earlier.0.iter().copied());
        keys.map(|key| Operation { f: "read".into(), key: Value::Int(key), value: Value::Nil }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rashomon_spec::draw::Stream;

    use super::*;

    fn keys(count: &str, share: &str) -> (Keys<()>, Draw) {
        let options = [("keys", count), ("ops-per-key", share)];
        let options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let keys = Keys::new(&GeneratorSpec { seed: 1, clients: 3, options }).unwrap();
        (keys, Draw::new(1, Stream::Generator))
    }

    fn used(keys: &mut Keys<()>, draw: &mut Draw, count: usize) -> BTreeMap<Value, u64> {
        let mut used = BTreeMap::new();
        for _ in 0..count {
            *used.entry(keys.choose(draw).0).or_default() += 1;
        }
        used
    }

    #[test]
    fn keys_are_retired_after_their_share_of_operations() {
        let (mut keys, mut draw) = keys("3", "20");
        let used = used(&mut keys, &mut draw, 5000);
        assert!(used.values().all(|&count| count <= 20));
        assert!(used.len() >= 250);
        assert!(keys.state(&Value::Int(0)).is_none(), "it is retired");
        assert!(keys.choose_again(&Value::Int(0)).is_none());
        assert!(keys.state(&Value::Int(keys.next - 1)).is_some());
    }

    #[test]
    fn some_keys_are_hot_and_most_are_cold() {
        let (mut keys, mut draw) = keys("500", "100000");
        let used = used(&mut keys, &mut draw, 10_000);
        assert!(used[&Value::Int(0)] > 1500);
        assert!(used.values().filter(|&&count| count < 10).count() > 200);
    }

    #[test]
    fn final_reads_visit_the_keys_in_use_the_latest_retired_ones_and_some_of_all_others() {
        let (mut keys, mut draw) = keys("2", "5");
        used(&mut keys, &mut draw, 5001);
        let reads: Vec<i64> = keys.final_reads().iter().map(|read| read.key.as_int().unwrap()).collect();
        assert_eq!(reads.len(), 2 + 2 * RETIRED_REMEMBERED);
        assert_eq!(reads.iter().collect::<BTreeSet<_>>().len(), reads.len());
        assert_eq!(reads.iter().max(), Some(&(keys.next - 1)));
        // A thousand keys were retired: of each quarter of them some are visited.
        for quarter in 0..4 {
            let visited = reads.iter().filter(|&&key| key / 250 == quarter).count();
            assert!(visited >= 5, "{visited} of quarter {quarter}");
        }
    }
}
