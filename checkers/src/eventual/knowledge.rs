//! What a place certainly knows, and since when: the parts of visibility that follow from a history alone.
//!
//! An operation that was acknowledged is known where it was acknowledged. Where each node is one replica
//! ([`Promise::Replica`]), a node that showed an element knows all that the node which added it had acknowledged before
//! it did, and all that *that* node knew then: visibility is transitive (Burckhardt et al., *Replicated data types*,
//! 2014, section 3). All moments are positions in the history.

use std::collections::BTreeMap;

use rashomon_history::OpView;
use rustc_hash::FxHashMap;

use super::Promise;
use super::closing::Place;

/// A moment that never comes.
pub(super) const NEVER: u32 = u32::MAX;

/// With more places than this, what one place knows of another is not followed.
const FOLLOWED: usize = 16;

/// Who knows what, of one object.
pub(super) struct Knowledge {
    promise: Promise,
    /// The place of each operation.
    place: Vec<u32>,
    /// How many places there are.
    places: usize,
    /// At `[q][p]`: since which moment q knows all that p had acknowledged before which moment; both rise.
    learned: Vec<Vec<Vec<(u32, u32)>>>,
    /// The first moment at which a place had shown an element that only one add explains.
    shown: FxHashMap<(u32, u32), u32>,
}

impl Knowledge {
    /// Nothing is known yet but who acknowledged what.
    pub(super) fn new(ops: &[OpView<'_>], promise: Promise) -> Knowledge {
        let mut numbers: BTreeMap<Place, u32> = BTreeMap::new();
        let places = ops.iter().map(|op| match promise {
            Promise::Replica => Place::of(op),
            Promise::Session | Promise::Eventual => Place::Process(op.process),
        });
        let place = places
            .map(|place| {
                let next = numbers.len() as u32;
                *numbers.entry(place).or_insert(next)
            })
            .collect();
        let places = numbers.len();
        let followed = if promise == Promise::Replica && places <= FOLLOWED { places } else { 0 };
        let learned = vec![vec![Vec::new(); followed]; followed];
        Knowledge { promise, place, places, learned, shown: FxHashMap::default() }
    }

    /// The place of an operation.
    pub(super) fn place(&self, op: usize) -> u32 {
        self.place[op]
    }

    /// The places at which an operation of this place may be known for certain.
    pub(super) fn reach(&self, place: u32) -> std::ops::Range<u32> {
        match self.promise {
            Promise::Eventual => 0..0,
            _ if self.learned.is_empty() => place..place + 1,
            _ => 0..self.places as u32,
        }
    }

    /// A place has shown, by this moment, an element that only one add explains: one of this place, begun at `begun`.
    pub(super) fn shows(&mut self, place: u32, element: u32, moment: u32, add_place: u32, begun: u32) {
        self.shown.entry((place, element)).or_insert(moment);
        if place == add_place || self.learned.is_empty() {
            return;
        }
        self.learn(place, add_place, moment, begun);
        for other in 0..self.places as u32 {
            let known = &self.learned[add_place as usize][other as usize];
            let count = known.partition_point(|&(since, _)| since < begun);
            if other != place && count > 0 {
                let (_, before) = known[count - 1];
                self.learn(place, other, moment, before);
            }
        }
    }

    fn learn(&mut self, place: u32, other: u32, moment: u32, before: u32) {
        let known = &mut self.learned[place as usize][other as usize];
        if known.last().is_none_or(|&(_, last)| last < before) {
            known.push((moment, before));
        }
    }

    /// Since when a place certainly knows what another (or the same) acknowledged at `acknowledged`.
    pub(super) fn since(&self, place: u32, other: u32, acknowledged: u32) -> u32 {
        if self.promise == Promise::Eventual || acknowledged == NEVER {
            return NEVER;
        }
        if place == other {
            return acknowledged;
        }
        let Some(known) = self.learned.get(place as usize).map(|known| &known[other as usize]) else { return NEVER };
        let first = known.partition_point(|&(_, before)| before <= acknowledged);
        known.get(first).map_or(NEVER, |&(since, _)| since)
    }

    /// Since when a place has certainly shown an element that only one add explains.
    pub(super) fn shown(&self, place: u32, element: u32) -> u32 {
        self.shown.get(&(place, element)).copied().unwrap_or(NEVER)
    }
}
