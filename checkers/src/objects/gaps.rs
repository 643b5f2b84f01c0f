//! The moments between events, and which of them are still free.
//!
//! Only the order of events matters, so all moments between two neighbouring events are the same moment: *gap* `g`
//! lies between positions `g` and `g + 1`. An operation invoked at `i` and completed at `c` can take effect in the gaps
//! `i .. c`.

/// A set of free gaps: begins full, loses ranges, answers "the first free gap at or after" and "the last at or before".
/// A tree of 64-way bit maps, so a million gaps fit in a processor's second-level cache; every operation costs a few
/// words on average.
#[derive(Clone, Debug)]
pub(super) struct FreeGaps {
    /// `levels[0]` has a bit per gap; a bit of `levels[k + 1]` says that a word of `levels[k]` has a bit.
    levels: Vec<Vec<u64>>,
}

impl FreeGaps {
    /// All of the gaps `0 .. count` free.
    pub(super) fn new(count: u32) -> FreeGaps {
        let mut levels = Vec::new();
        let mut bits = count as usize;
        loop {
            let words = bits.div_ceil(64).max(1);
            let mut level = vec![u64::MAX; words];
            let used = bits - (words - 1) * 64;
            if used < 64 {
                level[words - 1] = (1 << used) - 1;
            }
            levels.push(level);
            if words == 1 {
                return FreeGaps { levels };
            }
            bits = words;
        }
    }

    /// The first free gap that is not before `from`.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        let mut at = from as usize;
        for height in 0..self.levels.len() {
            let level = &self.levels[height];
            let word = at / 64;
            if word >= level.len() {
                return None;
            }
            let rest = level[word] & (u64::MAX << (at % 64));
            if rest != 0 {
                let mut found = word * 64 + rest.trailing_zeros() as usize;
                for below in self.levels[..height].iter().rev() {
                    found = found * 64 + below[found].trailing_zeros() as usize;
                }
                return Some(found as u32);
            }
            at = word + 1;
        }
        None
    }

    /// The last free gap that is not after `to`, one of the gaps of this set.
    pub(super) fn last(&self, to: u32) -> Option<u32> {
        let mut at = to as usize;
        for height in 0..self.levels.len() {
            let word = at / 64;
            let rest = self.levels[height][word] & (u64::MAX >> (63 - at % 64));
            if rest != 0 {
                let mut found = word * 64 + rest.ilog2() as usize;
                for below in self.levels[..height].iter().rev() {
                    found = found * 64 + below[found].ilog2() as usize;
                }
                return Some(found as u32);
            }
            at = word.checked_sub(1)?;
        }
        None
    }

    /// Takes the gaps `from .. to` out.
    pub(super) fn cover(&mut self, from: u32, to: u32) {
        let mut from = from;
        while let Some(first) = self.next(from)
            && first < to
        {
            let word = first as usize / 64;
            let end = ((word + 1) * 64).min(to as usize);
            let low = u64::MAX << (first % 64);
            let high = if end.is_multiple_of(64) { u64::MAX } else { (1 << (end % 64)) - 1 };
            self.clear(0, word, low & high);
            from = end as u32;
        }
    }

    fn clear(&mut self, height: usize, word: usize, mask: u64) {
        self.levels[height][word] &= !mask;
        if self.levels[height][word] == 0 && height + 1 < self.levels.len() {
            self.clear(height + 1, word / 64, 1 << (word % 64));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a plain vector of flags, with ranges that begin and end everywhere around word borders.
    #[test]
    fn free_gaps_are_those_never_covered() {
        for count in [1_u32, 63, 64, 65, 128, 5000] {
            let mut gaps = FreeGaps::new(count);
            let mut plain = vec![true; count as usize];
            let mut seed = 7_u32;
            for _ in 0..200 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let from = (seed >> 8) % count;
                let to = (from + (seed >> 4) % 90).min(count);
                gaps.cover(from, to);
                plain[from as usize..to as usize].fill(false);
                for at in [0, from, from / 2, to.min(count - 1)] {
                    let expected = (at..count).find(|&gap| plain[gap as usize]);
                    assert_eq!(gaps.next(at), expected, "count {count}, at {at}");
                    let expected = (0..=at).rev().find(|&gap| plain[gap as usize]);
                    assert_eq!(gaps.last(at), expected, "count {count}, last until {at}");
                }
            }
            assert_eq!(gaps.next(count), None);
        }
    }
}
