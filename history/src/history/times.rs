//! The time of each event: 4 bytes instead of 8.

use rustc_hash::FxHashMap;

/// Events that share one base.
const BLOCK: usize = 64;
/// In the offset column: too far from the base, look into the table.
const FAR: u32 = u32::MAX;

/// Nanoseconds per event, never decreasing: each as its distance from the first event of its block.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    bases: Vec<u64>,
    offsets: Vec<u32>,
    far: FxHashMap<u32, u64>,
    last: u64,
}

impl Times {
    /// How many events there are.
    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, more: usize) {
        self.bases.reserve_exact(more / BLOCK);
        self.offsets.reserve_exact(more);
    }

    /// The time of the last event.
    pub(super) fn last(&self) -> Option<u64> {
        (!self.offsets.is_empty()).then_some(self.last)
    }

    /// Adds the next event, not before the last one.
    #[inline]
    pub(super) fn push(&mut self, time: u64) {
        let position = self.offsets.len();
        if position.is_multiple_of(BLOCK) {
            self.bases.push(time);
        }
        let distance = time - self.bases[position / BLOCK];
        match u32::try_from(distance) {
            Ok(offset) if offset != FAR => self.offsets.push(offset),
            _ => {
                self.far.insert(position as u32, time);
                self.offsets.push(FAR);
            }
        }
        self.last = time;
    }

    /// The time of an event. Panics when there is none at this position.
    pub(super) fn at(&self, position: u32) -> u64 {
        match self.offsets[position as usize] {
            FAR => self.far[&position],
            offset => self.bases[position as usize / BLOCK] + u64::from(offset),
        }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        (self.bases.len() * 8 + self.offsets.len() * 4 + self.far.len() * 24) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_comes_back() {
        let steps = [0, 1, u64::from(u32::MAX) - 1, 1, 1, u64::from(u32::MAX) * 5, 7];
        let mut expected = Vec::new();
        let mut times = Times::default();
        assert_eq!(times.last(), None);
        let mut now = 3;
        for round in 0..200 {
            now += steps[round % steps.len()];
            expected.push(now);
            times.push(now);
        }
        assert_eq!(times.last(), Some(now));
        let found: Vec<u64> = (0..200).map(|position| times.at(position)).collect();
        assert_eq!(found, expected);
    }
}
