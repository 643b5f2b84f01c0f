//! Which keys transactions work on.
//!
//! A few keys are in use at a time, so that transactions meet on them; a key that has had its share of writes makes
//! room for a new one, so that lists stay short.

use rashomon_spec::draw::Draw;
use rashomon_spec::workload::{GeneratorSpec, WorkloadOption};

use crate::options;

/// Keys that the final reads visit at most: the latest half of them, and as many of all others, evenly spread.
pub(super) const FINAL_MAX: usize = 2048;

/// The option that says how many keys are in use.
pub(super) const IN_USE: WorkloadOption =
    WorkloadOption { name: "keys", default: "10", meaning: "how many keys are in use at a time" };
/// The option that says how long a key is in use.
pub(super) const SHARE: WorkloadOption =
    WorkloadOption { name: "writes-per-key", default: "64", meaning: "writes after which a new key replaces one" };
/// The option that says which of them a transaction uses.
pub(super) const DISTRIBUTION: WorkloadOption = WorkloadOption {
    name: "distribution",
    default: "exponential",
    meaning: "of the keys in use: `exponential`, each half as often as the one before, or `uniform`",
};

/// The keys in use.
pub(super) struct Keys {
    slots: Vec<Slot>,
    next: i64,
    share: i64,
    exponential: bool,
}

struct Slot {
    key: i64,
    writes: i64,
}

impl Keys {
    /// As the options `keys`, `writes-per-key` and `distribution` say.
    pub(super) fn new(spec: &GeneratorSpec) -> Result<Keys, String> {
        let count = options::number(&spec.options, IN_USE.name, 1, 10_000)? as i64;
        let share = options::number(&spec.options, SHARE.name, 1, 1_000_000)? as i64;
        let words = ["exponential", "uniform"];
        let exponential = options::word(&spec.options, DISTRIBUTION.name, &words)? == "exponential";
        let slots = (0..count).map(|key| Slot { key, writes: 0 }).collect();
        Ok(Keys { slots, next: count, share, exponential })
    }

    /// A key to read.
    pub(super) fn choose(&self, draw: &mut Draw) -> i64 {
        self.slots[self.slot(draw)].key
    }

    /// A key to write, and how many writes it has had with this one: a value that no other write of the key has.
    pub(super) fn choose_to_write(&mut self, draw: &mut Draw) -> (i64, i64) {
        let slot = self.slot(draw);
        if self.slots[slot].writes >= self.share {
            self.slots[slot] = Slot { key: self.next, writes: 0 };
            self.next += 1;
        }
        let slot = &mut self.slots[slot];
        slot.writes += 1;
        (slot.key, slot.writes)
    }

    fn slot(&self, draw: &mut Draw) -> usize {
        let all = self.slots.len();
        if !self.exponential {
            return draw.below(all as u64) as usize;
        }
        // How often a coin that is tossed again and again shows heads before it shows tails.
        let heads = (draw.below(1 << 32) as u32).trailing_ones() as usize;
        heads % all
    }

    /// The keys to read in the end.
    pub(super) fn to_read_at_last(&self) -> Vec<i64> {
        to_read_at_last(self.next)
    }
}

/// Of the keys below `next`, those to read in the end.
pub(super) fn to_read_at_last(next: i64) -> Vec<i64> {
    let most = FINAL_MAX as i64;
    if next <= most {
        return (0..next).collect();
    }
    let latest = next - most / 2;
    let spread = (0..most / 2).map(|place| place * latest / (most / 2));
    spread.chain(latest..next).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use rashomon_spec::draw::Stream;

    use super::*;

    fn keys(change: &[(&str, &str)]) -> Keys {
        Keys::new(&options::changed(&[IN_USE, SHARE, DISTRIBUTION], change)).unwrap()
    }

    #[test]
    fn no_key_is_written_more_often_than_its_share_and_no_value_is_given_twice() {
        let (mut keys, mut draw) = (keys(&[("writes-per-key", "5")]), Draw::new(1, Stream::Generator));
        let written: Vec<(i64, i64)> = (0..1000).map(|_| keys.choose_to_write(&mut draw)).collect();
        assert!(written.iter().all(|&(_, value)| value <= 5));
        assert_eq!(written.iter().collect::<BTreeSet<_>>().len(), 1000);
        let all: BTreeSet<i64> = written.iter().map(|&(key, _)| key).collect();
        assert!(all.len() >= 200 && all.iter().all(|key| keys.to_read_at_last().contains(key)));
    }

    #[test]
    fn keys_are_chosen_as_they_are_distributed() {
        let chosen = |keys: &Keys| {
            let mut draw = Draw::new(2, Stream::Generator);
            let mut times = BTreeMap::new();
            (0..10_000).for_each(|_| *times.entry(keys.choose(&mut draw)).or_insert(0_u32) += 1);
            times
        };
        let exponential = chosen(&keys(&[]));
        assert!((4_500..5_500).contains(&exponential[&0]) && (2_200..2_800).contains(&exponential[&1]));
        let uniform = chosen(&keys(&[("distribution", "uniform")]));
        assert!(uniform.len() == 10 && uniform.values().all(|times| (800..1_200).contains(times)), "{uniform:?}");
    }

    #[test]
    fn of_many_keys_the_latest_and_some_of_all_others_are_read_in_the_end() {
        assert_eq!(to_read_at_last(3), [0, 1, 2]);
        let keys = to_read_at_last(100_000);
        assert_eq!((keys.len(), keys.iter().collect::<BTreeSet<_>>().len()), (FINAL_MAX, FINAL_MAX));
        assert_eq!((keys[0], keys[FINAL_MAX - 1]), (0, 99_999));
    }
}
