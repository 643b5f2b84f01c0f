//! The earlier micro-operations of one transaction on the same key.

use rustc_hash::FxHashMap;

use super::input::Step;

/// For each step of a transaction, the one before it on the same key.
#[derive(Default)]
pub(super) struct SameKey {
    before: Vec<u32>,
    latest: FxHashMap<u32, u32>,
}

const NONE: u32 = u32::MAX;
/// Up to this many steps, looking through them is faster than a table.
const FEW: usize = 16;

impl SameKey {
    /// Begins with the steps of a transaction.
    pub(super) fn fill(&mut self, steps: &[Step]) {
        self.before.clear();
        if steps.len() <= FEW {
            for (place, step) in steps.iter().enumerate() {
                let before = steps[..place].iter().rposition(|before| before.key == step.key);
                self.before.push(before.map_or(NONE, |before| before as u32));
            }
            return;
        }
        self.latest.clear();
        for (place, step) in steps.iter().enumerate() {
            self.before.push(self.latest.insert(step.key, place as u32).unwrap_or(NONE));
        }
    }

    /// The places before this one on the same key, the nearest first.
    pub(super) fn before(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let link = |place: usize| {
            let before = self.before[place];
            (before != NONE).then_some(before as usize)
        };
        std::iter::successors(link(place), move |&place| link(place))
    }
}
