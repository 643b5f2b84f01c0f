//! Operations sorted by key.
//!
//! A history's columns are in order of invocation, so the operations of one key among many lie far apart, and to
//! collect them key by key would fetch every stretch of the columns again and again. They are sorted for many keys at a
//! time instead: each thread goes through a stretch of the history, and knows for each key where what it finds belongs,
//! because all were counted before.

use std::ops::Range;

use rashomon_history::{History, OpId, Row};

use super::KeyTable;
use crate::threads::share_out;

/// A thread that shares the work has at least so many operations for each key that it counts.
const WORTHWHILE: usize = 4;

/// Sorts a history's operations by key.
pub(crate) struct Sorter<'a> {
    history: &'a History,
    table: &'a KeyTable,
    threads: usize,
    /// Per stretch of the history, per key: how many operations.
    counts: Vec<Vec<u32>>,
}

/// The operations of some keys, each key's together and in order of invocation.
pub(crate) struct Sorted {
    first: usize,
    starts: Vec<u32>,
    rows: Vec<(OpId, Row)>,
}

impl Sorted {
    /// Those of one key. Panics when it is not among these.
    pub(crate) fn of(&self, key: usize) -> &[(OpId, Row)] {
        let index = key - self.first;
        &self.rows[self.starts[index] as usize..self.starts[index + 1] as usize]
    }
}

impl<'a> Sorter<'a> {
    /// Gets ready: counts.
    pub(crate) fn new(history: &'a History, table: &'a KeyTable, threads: usize) -> Sorter<'a> {
        let stretches = threads.min(history.len() / (WORTHWHILE * table.len().max(1))).max(1);
        let mut counts = vec![vec![0; table.len()]; stretches];
        if stretches == 1 {
            for (key, count) in counts[0].iter_mut().enumerate() {
                *count = table.operations(key..key + 1) as u32;
            }
        } else {
            share_out(threads, counts.iter_mut().enumerate(), |(number, counts), _: &mut ()| {
                for id in stretch(history, number, stretches) {
                    if let Some(count) = counts.get_mut(table.number(history.key_of(OpId(id))) as usize) {
                        *count += 1;
                    }
                }
            });
        }
        Sorter { history, table, threads, counts }
    }

    /// Sorts the operations of some keys, using the memory of what was sorted before.
    pub(crate) fn sort(&self, keys: Range<usize>, before: Option<Sorted>) -> Sorted {
        let mut starts = vec![0];
        for key in keys.clone() {
            starts.push(starts[key - keys.start] + self.counts.iter().map(|counts| counts[key]).sum::<u32>());
        }
        let total = starts[keys.len()] as usize;
        let mut rows = before.map_or_else(Vec::new, |before| before.rows);
        // All of them are written below.
        let any = (OpId(0), self.history.row(OpId(0)));
        rows.resize(total, any);
        let mut places: Vec<Vec<std::slice::IterMut<'_, _>>> = self.counts.iter().map(|_| Vec::new()).collect();
        let mut rest = &mut rows[..];
        for key in keys.clone() {
            for (counts, places) in self.counts.iter().zip(&mut places) {
                let (mine, others) = rest.split_at_mut(counts[key] as usize);
                places.push(mine.iter_mut());
                rest = others;
            }
        }
        let stretches = places.len();
        share_out(self.threads, places.into_iter().enumerate(), |(number, mut places), _: &mut ()| {
            for id in stretch(self.history, number, stretches) {
                let key = self.table.number(self.history.key_of(OpId(id))) as usize;
                if let Some(places) = places.get_mut(key.wrapping_sub(keys.start)) {
                    *places.next().expect("they were counted") = (OpId(id), self.history.row(OpId(id)));
                }
            }
        });
        Sorted { first: keys.start, starts, rows }
    }
}

/// One of so many stretches of a history.
fn stretch(history: &History, number: usize, stretches: usize) -> Range<u32> {
    let border = |number: usize| (history.len() * number / stretches) as u32;
    border(number)..border(number + 1)
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
        let mut table = KeyTable::of(&history);
        let removed: Vec<bool> = (0..table.len()).map(|key| key == 2).collect();
        table.remove(&removed);
        let (keys, count) = (Keys::of(&history), table.len());
        for threads in 1..4 {
            let sorter = Sorter::new(&history, &table, threads);
            assert_eq!(sorter.counts.len(), threads);
            let mut before = None;
            for range in [0..count, 1..count, 2..4, 3..3, 0..1] {
                let sorted = sorter.sort(range.clone(), before.take());
                for key in range {
                    let ids: Vec<u32> = sorted.of(key).iter().map(|(op, _)| op.0).collect();
                    assert_eq!(ids, if removed[key] { &[] } else { keys.ops(key) }, "key {key}, {threads} threads");
                    assert!(sorted.of(key).iter().all(|&(op, row)| row == history.row(op)));
                }
                before = Some(sorted);
            }
        }
    }
}
