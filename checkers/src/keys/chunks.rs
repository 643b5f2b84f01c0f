//! A history divided into chunks of equal length, so that each thread can go through one.

use std::ops::Range;

use rashomon_history::History;

use crate::threads::share_out;

/// A thread that makes a table of all keys for its chunk has at least so many operations for each of them.
const WORTHWHILE: usize = 4;

/// How a history is divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    operations: usize,
    count: usize,
}

impl Chunks {
    /// One chunk for each thread, or fewer where there are many keys.
    pub(crate) fn of(history: &History, keys: usize, threads: usize) -> Chunks {
        Chunks::new(history, threads.min(history.len() / keys.saturating_mul(WORTHWHILE).max(1)))
    }

    /// So many chunks, at least one.
    pub(crate) fn new(history: &History, count: usize) -> Chunks {
        Chunks { operations: history.len(), count: count.max(1) }
    }

    /// How many there are; at least one.
    pub(crate) fn count(self) -> usize {
        self.count
    }

    /// Goes through each chunk, on a thread of its own. Returns what was made of each, in order.
    pub(crate) fn each<M: Send>(self, work: impl Fn(Range<u32>) -> M + Sync) -> Vec<M> {
        self.each_with(0..self.count, |_, chunk| work(chunk))
    }

    /// The same with something for each chunk; there must be as many.
    pub(crate) fn each_with<T: Send, M: Send>(
        self,
        items: impl IntoIterator<Item = T>,
        work: impl Fn(T, Range<u32>) -> M + Sync,
    ) -> Vec<M> {
        let border = |number: usize| (self.operations * number / self.count) as u32;
        let mut slots: Vec<(Option<T>, Option<M>)> = items.into_iter().map(|item| (Some(item), None)).collect();
        assert_eq!(slots.len(), self.count, "one for each chunk");
        share_out(self.count, slots.iter_mut().enumerate(), |(number, (item, made)), _: &mut ()| {
            *made = item.take().map(|item| work(item, border(number)..border(number + 1)));
        });
        slots.into_iter().filter_map(|(_, made)| made).collect()
    }
}
