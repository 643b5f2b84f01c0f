//! Takes of unknown outcome as tokens: alike but for the time of their invocation, each for one value at most.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which takes a value may get: those from `from` to `to`, counted in order of invocation. `to` is the number of takes
/// where it may do without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Range {
    /// The first take it may get, given the first ones to spare.
    pub(super) fn first(self, earliest: &[u32]) -> u32 {
        self.from.max(earliest[self.to as usize])
    }
}

/// A take for each value, `count` for none, so that no two get the same; `None` when there are too few. The value that
/// must have its take soonest goes first and gets the earliest one that is left, which decides intervals (Glover,
/// *Maximum matching in a convex bipartite graph*, 1967). What is left over goes to values that may do without.
pub(super) fn assign(ranges: &[Range], count: u32) -> Option<Vec<u32>> {
    let mut by_from: Vec<u32> = (0..ranges.len() as u32).collect();
    by_from.sort_by_key(|&value| ranges[value as usize].from);
    let mut next = by_from.into_iter().peekable();
    let mut waiting = BinaryHeap::new();
    let mut assigned = vec![count; ranges.len()];
    for take in 0..count {
        while let Some(value) = next.next_if(|&value| ranges[value as usize].from <= take) {
            waiting.push(Reverse((ranges[value as usize].to, value)));
        }
        match waiting.pop() {
            Some(Reverse((to, _))) if to < take => return None,
            Some(Reverse((_, value))) => assigned[value as usize] = take,
            None if next.peek().is_none() => break,
            None => {}
        }
    }
    let without = |value: u32| assigned[value as usize] == count && ranges[value as usize].to < count;
    (!(0..ranges.len() as u32).any(without)).then_some(assigned)
}

/// For each place in the order of takes, the first take that a value may move to without taking one from those that
/// must have theirs by then: `earliest[to]` is for a value whose own range ends at `to`. Never too late: values' own
/// first takes are ignored.
pub(super) fn earliest(ranges: &[Range], count: u32) -> Vec<u32> {
    let mut due = vec![0_u32; count as usize + 1];
    for range in ranges {
        due[range.to as usize] += 1;
    }
    let mut earliest = Vec::with_capacity(count as usize + 1);
    let (mut first, mut needed) = (0, 0);
    for take in 0..=count {
        earliest.push(first);
        needed += due[take as usize];
        if needed > take {
            first = take + 1;
        }
    }
    earliest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether some distinct takes suit all values, by trying them all.
    fn possible(ranges: &[Range], count: u32, used: u32) -> bool {
        let Some((range, rest)) = ranges.split_first() else { return true };
        (range.to == count && possible(rest, count, used))
            || (range.from..=range.to.min(count.wrapping_sub(1)))
                .any(|take| take < count && used & 1 << take == 0 && possible(rest, count, used | 1 << take))
    }

    fn every_ranges(values: usize, count: u32, each: &mut impl FnMut(&[Range])) {
        let all: Vec<Range> = (0..=count).flat_map(|from| (from..=count).map(move |to| Range { from, to })).collect();
        let mut lists: Vec<Vec<Range>> = vec![Vec::new()];
        for _ in 0..values {
            lists = lists.iter().flat_map(|list| all.iter().map(|&range| [&list[..], &[range]].concat())).collect();
        }
        lists.iter().for_each(|list| each(list));
    }

    #[test]
    fn takes_are_assigned_when_they_can_be() {
        for (values, count) in [(1, 3), (2, 3), (3, 2), (3, 3)] {
            every_ranges(values, count, &mut |ranges| match assign(ranges, count) {
                None => assert!(!possible(ranges, count, 0), "{ranges:?}"),
                Some(assigned) => {
                    for (value, (&take, range)) in assigned.iter().zip(ranges).enumerate() {
                        assert!((range.from..=range.to).contains(&take), "{ranges:?}: {assigned:?}");
                        assert!(take == count || !assigned[..value].contains(&take), "{ranges:?}: {assigned:?}");
                    }
                }
            });
        }
    }

    /// No value can have a take earlier than what is said, and where nothing is held back it can have that one.
    #[test]
    fn nothing_comes_before_the_earliest_take() {
        for (values, count) in [(1, 3), (2, 3), (3, 2), (3, 3)] {
            every_ranges(values, count, &mut |ranges| {
                let earliest = earliest(ranges, count);
                for value in 0..ranges.len() {
                    let first = earliest[ranges[value].to as usize];
                    let with = |take: u32| {
                        let mut ranges = ranges.to_vec();
                        ranges[value] = Range { from: take, to: take };
                        possible(&ranges, count, 0)
                    };
                    assert!(!(0..first.min(ranges[value].to)).any(with), "{ranges:?}: {value} before {first}");
                    let free = possible(ranges, count, 0) && ranges.iter().all(|range| range.from == 0);
                    assert!(!free || with(first), "{ranges:?}: {value} at {first}");
                }
            });
        }
    }
}
