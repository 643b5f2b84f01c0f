//! How a configuration came about, and the linearization that this proves.

use rashomon_history::OpId;

use super::super::space::{Next, Space};
use super::config::Config;
use crate::model::Nature;
use crate::subhistory::Item;

const NONE: u32 = u32::MAX;
/// Traces are tidied up when there are this many, and then whenever they have doubled.
const COMPACT_AT: usize = 1 << 14;

/// One placement.
#[derive(Clone, Copy)]
struct Trace {
    /// The placement before.
    before: u32,
    item: u32,
    /// The position of the completion at which it was made.
    at: u32,
    /// The state it led to.
    state: u32,
}

/// The placements of all configurations, as a tree.
#[derive(Default)]
pub(super) struct Traces {
    traces: Vec<Trace>,
    limit: usize,
}

impl Traces {
    pub(super) fn push(&mut self, before: u32, item: u32, at: u32, state: u32) -> u32 {
        self.traces.push(Trace { before, item, at, state });
        self.traces.len() as u32 - 1
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.traces.capacity() * size_of::<Trace>()) as u64
    }

    /// Forgets what led to no living configuration.
    pub(super) fn compact<const W: usize>(&mut self, configs: &mut [Config<W>]) {
        if self.traces.len() < self.limit.max(COMPACT_AT) {
            return;
        }
        let mut place = vec![NONE; self.traces.len()];
        for config in configs.iter().filter(|config| config.trace != NONE) {
            place[config.trace as usize] = 0;
        }
        // A placement comes after the one before it, so one pass backwards reaches all.
        for index in (0..self.traces.len()).rev() {
            let before = self.traces[index].before;
            if place[index] != NONE && before != NONE {
                place[before as usize] = 0;
            }
        }
        let mut kept = 0;
        for index in 0..self.traces.len() {
            if place[index] != NONE {
                let mut trace = self.traces[index];
                if trace.before != NONE {
                    trace.before = place[trace.before as usize];
                }
                self.traces[kept] = trace;
                place[index] = kept as u32;
                kept += 1;
            }
        }
        self.traces.truncate(kept);
        for config in configs.iter_mut().filter(|config| config.trace != NONE) {
            config.trace = place[config.trace as usize];
        }
        self.limit = 2 * kept;
    }

    /// The linearization that a configuration stands for: its placements, with each observer where it was allowed and
    /// each free operation just before the one that overwrote it.
    pub(super) fn proof<const W: usize>(&self, config: &Config<W>, items: &[Item], space: &mut Space<'_>) -> Vec<OpId> {
        let mut placed = Vec::new();
        let mut trace = config.trace;
        while trace != NONE {
            placed.push(self.traces[trace as usize]);
            trace = self.traces[trace as usize].before;
        }
        placed.reverse();
        let mut is_placed = vec![false; items.len()];
        for trace in &placed {
            is_placed[trace.item as usize] = true;
        }
        // What goes just before each placement, in two sorts: observers first, then what it overwrote unseen.
        let mut unseen: Vec<(u32, bool, u32)> = Vec::new();
        // Placements are in order of `at`, items in order of invocation, so the first candidate only moves forward.
        let mut first = 0;
        for (index, item) in items.iter().enumerate() {
            while first < placed.len() && placed[first].at <= item.invoked {
                first += 1;
            }
            if !item.is_certain() || is_placed[index] {
                continue;
            }
            let observes = space.nature(item.class) == Nature::Observer;
            let gap = (first..=placed.len()).find(|&gap| {
                if observes {
                    let state = if gap == 0 { 0 } else { placed[gap - 1].state };
                    !matches!(space.step(state, item.class), Next::None)
                } else {
                    let class = placed.get(gap).map(|trace| items[trace.item as usize].class);
                    class.is_some_and(|class| space.nature(class) == Nature::Overwrite)
                }
            });
            unseen.push((gap.unwrap_or(placed.len()) as u32, !observes, index as u32));
        }
        unseen.sort_unstable();
        let mut order = Vec::with_capacity(placed.len() + unseen.len());
        let mut next = unseen.into_iter().peekable();
        for gap in 0..=placed.len() {
            while let Some((_, _, index)) = next.next_if(|entry| entry.0 as usize == gap) {
                order.push(items[index as usize].op);
            }
            order.extend(placed.get(gap).map(|trace| items[trace.item as usize].op));
        }
        order
    }
}
