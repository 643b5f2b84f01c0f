//! Zones of all keys in one pass over the history, for reads and writes.
//!
//! Nothing is collected key by key: a value's cluster has its place in one table for all keys, and the zones of a key
//! come in the order of their writes' invocations, which is their own order but for writes that overlap. So each key
//! needs only the few zones that may still be overtaken. Whatever is out of the ordinary leaves the key *in doubt*, for
//! the method that looks at one key alone: it also says why.
//!
//! Threads share out the history for the clusters, a table for each chunk, and then the keys for the zones. A key is
//! in doubt or not, however many threads there are.

mod table;

use std::ops::Range;

use rashomon_history::{History, OpId, Outcome, Row};

use super::shifted;
use crate::keys::{Chunks, KeyTable};
use crate::threads::share_out;
use table::{Extent, LATE, Layout, Table, Values};

const NONE: u32 = u32::MAX;
/// A key with more zones than this waiting for others is left in doubt.
const WAITING: usize = 1000;

/// What is known of one key besides its clusters.
#[derive(Clone, Copy)]
struct Key {
    /// The end of the last forward zone.
    end: u32,
    /// The first zone that waits.
    waiting: u32,
    in_doubt: bool,
}

/// A zone that another may come before.
#[derive(Clone, Copy)]
struct Waiting {
    low: u32,
    high: u32,
    forward: bool,
    next: u32,
}

/// What an operation does here.
enum Act {
    Nothing,
    Found(u32),
    Wrote(u32),
}

/// Which keys are certainly linearizable; empty when this method does not apply.
pub(super) fn certain(history: &History, table: &KeyTable, threads: usize) -> Vec<bool> {
    let Some(writes) = writes(history).filter(|_| !table.is_empty()) else { return Vec::new() };
    certain_in(history, table, writes, Chunks::of(history, table.len(), threads))
}

/// Per function: whether it writes; `None` when one neither writes nor reads.
fn writes(history: &History) -> Option<Vec<bool>> {
    let functions = (0..history.functions()).map(|id| match &**history.function(id as u16) {
        "write" => Some(true),
        "read" => Some(false),
        _ => None,
    });
    functions.collect()
}

fn certain_in(history: &History, table: &KeyTable, writes: Vec<bool>, chunks: Chunks) -> Vec<bool> {
    let shares = table.divide(0..table.len(), chunks.count());
    let pass = Pass { history, table, writes, chunks, shares };
    let looked = pass.look();
    let Some(layout) = Layout::of(looked.iter().map(|look| &look.values)) else { return Vec::new() };
    let (tables, keys) = pass.fill(&looked, layout);
    pass.sweep(&looked, &tables, keys)
}

struct Pass<'a> {
    history: &'a History,
    table: &'a KeyTable,
    /// Per function: whether it writes.
    writes: Vec<bool>,
    chunks: Chunks,
    /// The keys of each thread, where they share out keys.
    shares: Vec<Range<usize>>,
}

/// The first look at a chunk.
struct Look {
    values: Values,
    /// The writes, for each share of the keys.
    writes: Vec<Vec<u32>>,
}

impl Pass<'_> {
    /// An operation's key and row, and what it does.
    #[inline(always)]
    fn act(&self, op: u32) -> (u32, Row, Act) {
        let row = self.history.row(OpId(op));
        let act = match (self.writes[row.function as usize], row.outcome) {
            (true, Outcome::Ok | Outcome::Info) => Act::Wrote(row.input),
            (false, Outcome::Ok) => Act::Found(row.output),
            _ => Act::Nothing,
        };
        (self.table.number(row.key), row, act)
    }

    /// Looks which values are written.
    fn look(&self) -> Vec<Look> {
        self.chunks.each(|chunk| {
            // As many as there may be: memory that is not written to takes none.
            let writes = self.shares.iter().map(|_| Vec::with_capacity(chunk.len())).collect();
            let mut look = Look { values: Values::none(self.table.len()), writes };
            for op in chunk {
                let (key, _, act) = self.act(op);
                if let Act::Wrote(value) = act {
                    look.values.add(key, value);
                    look.writes[self.share_of(key)].push(op);
                }
            }
            look
        })
    }

    fn share_of(&self, key: u32) -> usize {
        self.shares[1..].iter().map(|share| usize::from(key as usize >= share.start)).sum()
    }

    /// Fills the clusters, a table for each chunk.
    fn fill(&self, looked: &[Look], layout: Layout) -> (Vec<Table>, Vec<Key>) {
        let filled = self.chunks.each_with(looked, |look, chunk| {
            let mut table = Table::new(&look.values, layout);
            let mut ends = vec![0; self.table.len()];
            for op in chunk {
                self.fill_in(op, &mut table, &mut ends);
            }
            table.finish();
            (table, ends)
        });
        let (mut tables, ends): (Vec<Table>, Vec<Vec<u32>>) = filled.into_iter().unzip();
        let in_doubt = table::reconcile(&mut tables);
        let keys = in_doubt.into_iter().enumerate().map(|(number, in_doubt)| {
            let end = ends.iter().map(|ends| ends[number]).max().unwrap_or(0);
            Key { end, waiting: NONE, in_doubt }
        });
        (tables, keys.collect())
    }

    #[inline(always)]
    fn fill_in(&self, op: u32, table: &mut Table, ends: &mut [u32]) {
        let (key, row, act) = self.act(op);
        let last = shifted(row.invoked);
        let (value, writes) = match act {
            Act::Nothing => return,
            Act::Found(History::NIL) => {
                let end = &mut ends[key as usize];
                *end = last.max(*end);
                return;
            }
            Act::Wrote(History::NIL) => return table.doubt(key),
            Act::Found(value) => (value, false),
            Act::Wrote(value) => (value, true),
        };
        let first = row.completed.filter(|_| !writes || row.outcome == Outcome::Ok).map_or(LATE, shifted);
        table.add(key, value, writes, Extent { first, last });
    }

    /// Which keys have no value found before it was written and no zones that contradict each other.
    fn sweep(&self, looked: &[Look], tables: &[Table], mut keys: Vec<Key>) -> Vec<bool> {
        let mut rest = &mut keys[..];
        let shares = self.shares.iter().map(|share| {
            let (mine, others) = std::mem::take(&mut rest).split_at_mut(share.len());
            rest = others;
            (share, mine)
        });
        let shares: Vec<(&Range<usize>, &mut [Key])> = shares.collect();
        share_out(shares.len(), shares.into_iter().enumerate(), |(number, (share, keys)), _: &mut ()| {
            let mut sweep = Sweep { first: share.start as u32, keys, queue: Queue { zones: Vec::new(), vacant: NONE } };
            for (look, table) in looked.iter().zip(tables) {
                look.writes[number].iter().for_each(|&op| sweep.take(self.act(op), table));
            }
            sweep.end();
        });
        keys.iter().map(|key| !key.in_doubt).collect()
    }
}

/// Goes through the zones of some keys.
struct Sweep<'a> {
    /// The number of the first key.
    first: u32,
    keys: &'a mut [Key],
    queue: Queue,
}

impl Sweep<'_> {
    #[inline(always)]
    fn take(&mut self, (number, row, act): (u32, Row, Act), table: &Table) {
        let Act::Wrote(value) = act else { return };
        let key = &mut self.keys[(number - self.first) as usize];
        if key.in_doubt {
            return;
        }
        // No operation of this cluster or a later one was invoked or completed before this write's invocation, unless
        // its value was found too early.
        let invoked = shifted(row.invoked);
        self.queue.settle(key, invoked);
        let Extent { first, last } = table.extent(number, value);
        if first < invoked {
            key.in_doubt = true;
        } else if first != LATE {
            let (low, high) = (first.min(last), first.max(last));
            self.queue.wait(key, Waiting { low, high, forward: first < last, next: NONE });
        }
    }

    /// Looks at the zones that still wait.
    fn end(mut self) {
        for key in self.keys {
            self.queue.settle(key, NONE);
        }
    }
}

/// The zones that wait, a list for each key in order of their beginnings.
struct Queue {
    zones: Vec<Waiting>,
    /// The first of those that can be used again.
    vacant: u32,
}

impl Queue {
    fn wait(&mut self, key: &mut Key, zone: Waiting) {
        let (mut before, mut after, mut passed) = (NONE, key.waiting, 0);
        while after != NONE && self.zones[after as usize].low < zone.low {
            (before, after, passed) = (after, self.zones[after as usize].next, passed + 1);
        }
        key.in_doubt |= passed > WAITING;
        let zone = Waiting { next: after, ..zone };
        let place = self.vacant;
        let place = if place == NONE {
            self.zones.push(zone);
            self.zones.len() as u32 - 1
        } else {
            self.vacant = std::mem::replace(&mut self.zones[place as usize], zone).next;
            place
        };
        match before {
            NONE => key.waiting = place,
            before => self.zones[before as usize].next = place,
        }
    }

    /// Looks at all zones of a key that begin before a position. No two forward zones may overlap, and no backward zone
    /// may lie inside a forward one.
    fn settle(&mut self, key: &mut Key, position: u32) {
        while let Some(&zone) = self.zones.get(key.waiting as usize)
            && zone.low < position
        {
            key.in_doubt |= if zone.forward { zone.low < key.end } else { zone.high < key.end };
            if zone.forward {
                key.end = zone.high;
            }
            self.zones[key.waiting as usize].next = self.vacant;
            self.vacant = key.waiting;
            key.waiting = zone.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use rashomon_history::{EventKind, EventRef, HistoryBuilder, Value};

    use super::*;
    use crate::small::Choices;

    /// A history of few keys and values, most of them written once: by anyone if `together`, so that the values of a
    /// key lie close together only as a whole.
    fn history(choices: &mut Choices, together: bool) -> History {
        let mut builder = HistoryBuilder::default();
        let (keys, values) = (1 + choices.below(4), 2 + choices.below(12) as i64);
        let mut current = vec![0; keys];
        let mut next = vec![0; keys];
        let mut open: Vec<Option<(usize, bool, i64)>> = vec![None; 1 + choices.below(4)];
        for time in 0..10 + choices.below(150) as u64 {
            let process = choices.below(open.len());
            let mut push = |kind, (key, writes, value): (usize, bool, i64)| {
                let (f, key) = (if writes { "write" } else { "read" }, Value::Int(key as i64));
                let value = if value < 0 { Value::Nil } else { Value::Int(value) };
                let process = process as u32;
                let event = EventRef { time, process, kind, f, key: &key, value: &value, node: None, error: None };
                builder.push_ref(event).expect("a process waits for its answer");
            };
            open[process] = match open[process].take() {
                None => {
                    let key = choices.below(keys);
                    let writes = choices.below(2) == 0;
                    let fresh = if together { (next[key] * keys + key) as i64 } else { next[key] as i64 };
                    next[key] += usize::from(writes);
                    let value = if choices.below(30) == 0 { values - fresh % values } else { fresh };
                    let call = (key, writes, if writes { value } else { -1 });
                    push(EventKind::Invoke, call);
                    Some(call)
                }
                Some((key, true, value)) => {
                    let kind = [EventKind::Info, EventKind::Fail, EventKind::Ok][choices.below(12).min(2)];
                    push(kind, (key, true, value));
                    current[key] = value;
                    None
                }
                Some((key, false, _)) => {
                    let value = if choices.below(30) == 0 { current[key] - 1 } else { current[key] };
                    push(EventKind::Ok, (key, false, value));
                    None
                }
            };
        }
        builder.finish()
    }

    #[test]
    fn keys_are_certain_however_many_chunks_there_are() {
        let mut choices = Choices::new(3);
        for together in [false, true] {
            let mut found = [0; 2];
            for _ in 0..400 {
                let history = history(&mut choices, together);
                let table = KeyTable::of(&history, 1);
                let Some(writes) = writes(&history) else { continue };
                let certain =
                    [1, 2, 5].map(|count| certain_in(&history, &table, writes.clone(), Chunks::new(&history, count)));
                assert_eq!(certain[0], certain[1], "{history:?}");
                assert_eq!(certain[0], certain[2], "{history:?}");
                certain[0].iter().for_each(|&certain| found[usize::from(certain)] += 1);
            }
            assert!(found.iter().all(|&count| count > 120), "{found:?}");
        }
    }

    /// What one pass says of calls, each with its process: invoked where its process has none open, else completed.
    fn assert_in_doubt(steps: &[(u32, &str, i64, EventKind)]) {
        let mut builder = HistoryBuilder::default();
        let mut open = [false; 4];
        for (time, &(process, f, value, kind)) in steps.iter().enumerate() {
            let begins = !std::mem::replace(&mut open[process as usize], true);
            let (time, key, kind) = (time as u64, Value::Nil, if begins { EventKind::Invoke } else { kind });
            open[process as usize] = begins;
            let value = if begins && f == "read" { Value::Nil } else { Value::Int(value) };
            let event = EventRef { time, process, kind, f, key: &key, value: &value, node: None, error: None };
            builder.push_ref(event).expect("each process has one call open");
        }
        let history = builder.finish();
        let table = KeyTable::of(&history, 1);
        for count in [1, 2, 3] {
            let writes = writes(&history).expect("reads and writes only");
            assert_eq!(certain_in(&history, &table, writes, Chunks::new(&history, count)), [false], "{count}");
        }
    }

    /// A value that only failed writes have written is found in both chunks, and lies among the values of both.
    #[test]
    fn a_value_from_nowhere_is_unwritten_in_every_chunk() {
        use EventKind::{Fail, Ok};
        let calls = [
            ("write", 0, Fail),
            ("write", 1, Ok),
            ("write", 2, Fail),
            ("write", 3, Ok),
            ("read", 2, Ok),
            ("write", 0, Ok),
            ("read", 0, Ok),
            ("write", 4, Ok),
            ("read", 2, Ok),
            ("read", 4, Ok),
        ];
        let steps = calls.map(|(f, value, kind)| [(0, f, value, kind); 2]);
        assert_in_doubt(steps.as_flattened());
    }

    /// Even where the writes overlap: whether a value is unique must not depend on the chunks.
    #[test]
    fn a_value_written_twice_is_not_judged_here() {
        let writes = [(0, "write", 1, EventKind::Ok), (1, "write", 1, EventKind::Ok)];
        assert_in_doubt(&[writes, writes].concat());
    }
}
