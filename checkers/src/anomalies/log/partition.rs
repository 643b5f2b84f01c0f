//! What is at each offset of a partition.

use std::collections::BTreeMap;

use rashomon_history::OpId;

/// A message at an offset, and who said so first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) message: u32,
    pub(super) by: OpId,
}

/// The offsets of a partition that are known to hold a message. Where they lie close together they need no search.
#[derive(Default)]
pub(super) struct Partition {
    first: i64,
    near: Vec<Option<Held>>,
    far: BTreeMap<i64, Held>,
}

impl Partition {
    /// For so many offsets, or fewer, between these two.
    pub(super) fn expecting(first: i64, last: i64, count: u64) -> Partition {
        let width = last.abs_diff(first).saturating_add(1);
        let near = if width <= 4 * count { vec![None; width as usize] } else { Vec::new() };
        Partition { first, near, far: BTreeMap::new() }
    }

    /// What is at an offset: this, if nothing else is known to be.
    pub(super) fn hold(&mut self, offset: i64, held: Held) -> Held {
        match self.near.get_mut(offset.abs_diff(self.first) as usize) {
            Some(known) => *known.get_or_insert(held),
            None => *self.far.entry(offset).or_insert(held),
        }
    }

    /// What is between two offsets, both not included, in order. Panics when the second is not the larger one.
    pub(super) fn between(&self, after: i64, before: i64) -> impl Iterator<Item = (i64, Held)> + '_ {
        let place = |offset: i64| (offset.saturating_sub(self.first).max(0) as usize).min(self.near.len());
        let near = place(after + 1)..place(before);
        let near = near.filter_map(|place| Some((self.first + place as i64, self.near[place]?)));
        near.chain(self.far.range(after + 1..before).map(|(&offset, &held)| (offset, held)))
    }

    /// How many offsets between the known ones hold no known message.
    pub(super) fn gaps(&self) -> u64 {
        let holes = self.near.iter().filter(|held| held.is_none()).count() as u64;
        let (first, last) = (self.far.first_key_value(), self.far.last_key_value());
        let far =
            first.zip(last).map_or(0, |((first, _), (last, _))| last.abs_diff(*first) - (self.far.len() as u64 - 1));
        holes + far
    }
}
