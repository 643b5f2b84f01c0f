//! Operations sorted by key.
//!
//! A history's columns are in order of invocation, so the operations of one key among many lie far apart, and to
//! collect them key by key would fetch every chunk of the columns again and again. They are sorted for many keys at a
//! time instead: each thread goes through a chunk of the history, and knows for each key where what it finds belongs,
//! because all were counted before.

use std::ops::Range;

use rashomon_history::{History, OpId, Row};

use super::{Chunks, KeyTable};
use crate::threads::share_out;

/// Sorts a history's operations by key.
pub(crate) struct Sorter<'a> {
    history: &'a History,
    table: &'a KeyTable,
    chunks: Chunks,
    /// Per chunk of the history, per key: how many operations.
    counts: Vec<Vec<u32>>,
}

/// The operations of some keys, each key's together and in order of invocation.
#[derive(Default)]
pub(crate) struct Sorted {
    /// In order of their keys, which follow each other.
    blocks: Vec<Block>,
}

/// The operations of a few keys.
#[derive(Default)]
struct Block {
    first: usize,
    starts: Vec<u32>,
    rows: Vec<(OpId, Row)>,
}

impl Sorted {
    /// Those of one key. Panics when it is not among these.
    pub(crate) fn of(&self, key: usize) -> &[(OpId, Row)] {
        let block = &self.blocks[self.blocks.partition_point(|block| block.first <= key) - 1];
        let index = key - block.first;
        &block.rows[block.starts[index] as usize..block.starts[index + 1] as usize]
    }
}

impl<'a> Sorter<'a> {
    /// Gets ready: counts.
    pub(crate) fn new(history: &'a History, table: &'a KeyTable, threads: usize) -> Sorter<'a> {
        let chunks = Chunks::of(history, table.len(), threads);
        let counts = chunks.each(|chunk| {
            if chunks.count() == 1 {
                return (0..table.len()).map(|key| table.operations(key..key + 1) as u32).collect();
            }
            let mut counts = vec![0; table.len()];
            for id in chunk {
                if let Some(count) = counts.get_mut(table.number(history.key_of(OpId(id))) as usize) {
                    *count += 1;
                }
            }
            counts
        });
        Sorter { history, table, chunks, counts }
    }

    /// Sorts the operations of some keys, using the memory of what was sorted before.
    pub(crate) fn sort(&self, keys: Range<usize>, before: Sorted) -> Sorted {
        let mut memory = before.blocks.into_iter().map(|block| block.rows);
        // Each thread makes a block, because the first touch of so much memory takes its time.
        let ranges = self.table.divide(keys.clone(), self.chunks.count()).into_iter();
        let mut blocks: Vec<_> =
            ranges.map(|keys| (keys, memory.next().unwrap_or_default(), Block::default())).collect();
        share_out(self.chunks.count(), blocks.iter_mut(), |(keys, rows, block), _: &mut ()| {
            *block = self.block(keys.clone(), std::mem::take(rows));
        });
        let mut blocks: Vec<Block> = blocks.into_iter().map(|(_, _, block)| block).collect();
        let mut places: Vec<Vec<std::slice::IterMut<'_, _>>> = self.counts.iter().map(|_| Vec::new()).collect();
        for block in &mut blocks {
            let mut rest = &mut block.rows[..];
            for key in block.first..block.first + block.starts.len() - 1 {
                for (counts, places) in self.counts.iter().zip(&mut places) {
                    let (mine, others) = rest.split_at_mut(counts[key] as usize);
                    places.push(mine.iter_mut());
                    rest = others;
                }
            }
        }
        self.chunks.each_with(places, |mut places, chunk| {
            for id in chunk {
                let key = self.table.number(self.history.key_of(OpId(id))) as usize;
                if let Some(places) = places.get_mut(key.wrapping_sub(keys.start)) {
                    *places.next().expect("they were counted") = (OpId(id), self.history.row(OpId(id)));
                }
            }
        });
        Sorted { blocks }
    }

    /// A block with room for the operations of some keys.
    fn block(&self, keys: Range<usize>, mut rows: Vec<(OpId, Row)>) -> Block {
        let mut starts = vec![0];
        for key in keys.clone() {
            starts.push(starts[key - keys.start] + self.counts.iter().map(|counts| counts[key]).sum::<u32>());
        }
        // All of them will be overwritten.
        rows.resize(starts[keys.len()] as usize, (OpId(0), self.history.row(OpId(0))));
        Block { first: keys.start, starts, rows }
    }
}

#[cfg(test)]
mod tests {
    use rashomon_history::{EventKind, EventRef, HistoryBuilder, Value};

    use super::*;
    use crate::keys::Keys;

    /// Each key's operations, whichever keys are asked for together and whoever sorts.
    #[test]
    fn every_key_gets_its_own_operations_in_order() {
        let mut builder = HistoryBuilder::default();
        for id in 0..200u32 {
            let key = Value::Int(i64::from(id * id % 13 % 7));
            let value = Value::Int(i64::from(id));
            let (time, kind) = (u64::from(id), EventKind::Invoke);
            let event =
                EventRef { time, process: id, kind, f: "write", key: &key, value: &value, node: None, error: None };
            builder.push_ref(event).expect("each process invokes once");
        }
        let history = builder.finish();
        let mut table = KeyTable::of(&history, 1);
        let removed: Vec<bool> = (0..table.len()).map(|key| key == 2).collect();
        table.remove(&removed);
        let (keys, count) = (Keys::of(&history), table.len());
        for threads in 1..4 {
            let counted = KeyTable::of(&history, threads);
            for key in 0..count {
                let first = history.key_of(OpId(keys.ops(key)[0]));
                assert_eq!(
                    (counted.number(first), counted.operations(key..key + 1)),
                    (key as u32, keys.ops(key).len())
                );
            }
            let sorter = Sorter::new(&history, &table, threads);
            assert_eq!(sorter.counts.len(), threads);
            let mut before = Sorted::default();
            for range in [0..count, 1..count, 2..4, 3..3, 0..1] {
                let sorted = sorter.sort(range.clone(), before);
                for key in range {
                    let ids: Vec<u32> = sorted.of(key).iter().map(|(op, _)| op.0).collect();
                    assert_eq!(ids, if removed[key] { &[] } else { keys.ops(key) }, "key {key}, {threads} threads");
                    assert!(sorted.of(key).iter().all(|&(op, row)| row == history.row(op)));
                }
                before = sorted;
            }
        }
    }
}
