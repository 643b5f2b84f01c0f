//! Which operations belong to which key.

mod chunks;
mod sorter;

use std::ops::Range;
use std::sync::OnceLock;

use rashomon_history::{History, OpId};
use rustc_hash::FxHashMap;

use crate::specialist::Ops;
pub(crate) use chunks::Chunks;
pub(crate) use sorter::{Sorted, Sorter};

/// No key.
const NONE: u32 = u32::MAX;

/// The keys of a history, numbered in order of their first operation, and how many operations each has.
#[derive(Clone, Debug)]
pub struct KeyTable {
    numbers: Numbers,
    /// Per key: how many operations it and those before it have.
    ends: Vec<u32>,
}

impl KeyTable {
    /// Counts a history's operations by key. The same for any number of threads.
    pub fn of(history: &History, threads: usize) -> KeyTable {
        let ids = key_ids(history, threads);
        let counted = Chunks::of(history, ids.len(), threads).each(|chunk| {
            let mut counts = Counts { numbers: Numbers::among(&ids, history), keys: Vec::new() };
            chunk.for_each(|id| counts.add(history.key_of(OpId(id)), 1));
            counts
        });
        // Whatever is first in an earlier chunk is first.
        let counts = counted.into_iter().reduce(|mut counts, later| {
            later.keys.iter().for_each(|&(key, count)| counts.add(key, count));
            counts
        });
        let counts = counts.expect("there is a chunk");
        let mut total = 0;
        let ends = counts.keys.iter().map(|&(_, count)| {
            total += count;
            total
        });
        KeyTable { ends: ends.collect(), numbers: counts.numbers }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of a key, which must be one of the history's, by its value id.
    #[inline]
    pub fn number(&self, key: u32) -> u32 {
        self.numbers.get(key)
    }

    /// Takes keys out, with their operations. The others keep their numbers.
    pub(crate) fn remove(&mut self, keys: &[bool]) {
        self.numbers.forget(keys);
        let mut before = 0;
        let mut total = 0;
        for (end, &removed) in self.ends.iter_mut().zip(keys) {
            let count = *end - before;
            before = *end;
            total += if removed { 0 } else { count };
            *end = total;
        }
    }

    /// How many operations some keys have.
    pub(crate) fn operations(&self, keys: Range<usize>) -> usize {
        (self.start(keys.end) - self.start(keys.start)) as usize
    }

    /// Where a key's operations begin when all are in order of their keys.
    fn start(&self, key: usize) -> u32 {
        if key == 0 { 0 } else { self.ends[key - 1] }
    }

    /// Divides some keys into so many chunks, or fewer, of about as many operations each.
    pub(crate) fn divide(&self, keys: Range<usize>, chunks: usize) -> Vec<Range<usize>> {
        let (first, total) = (self.start(keys.start) as usize, self.operations(keys.clone()));
        let mut begin = keys.start;
        let mut divided = Vec::new();
        for chunk in 1..=chunks {
            let aim = first + total * chunk / chunks;
            let end = begin + self.ends[begin..keys.end].partition_point(|&end| end as usize <= aim);
            if end > begin {
                divided.push(begin..end);
                begin = end;
            }
        }
        divided
    }
}

/// Which operations belong to which key: a counting sort, so nothing is copied but operation ids, and with one key not
/// even those.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Operation ids, key by key, each key's in order of invocation.
    ops: Vec<u32>,
    /// The end of each key's range in `ops`.
    ends: Vec<u32>,
    /// With one key: how many operations it has, and `ops` is empty.
    single: Option<u32>,
    /// Its operations as a list, once somebody asked for it.
    all: OnceLock<Vec<u32>>,
}

impl Keys {
    /// Groups a history's operations by key; keys in order of their first operation.
    pub fn of(history: &History) -> Keys {
        Keys::in_table(history, &KeyTable::of(history, 1))
    }

    pub(crate) fn in_table(history: &History, table: &KeyTable) -> Keys {
        let ends = table.ends.clone();
        if let [count] = ends[..] {
            return Keys { ops: Vec::new(), ends, single: Some(count), all: OnceLock::new() };
        }
        let mut next: Vec<u32> = (0..table.len()).map(|key| table.start(key)).collect();
        let mut ops = vec![0; table.operations(0..table.len())];
        for id in 0..history.len() as u32 {
            if let Some(place) = next.get_mut(table.number(history.key_of(OpId(id))) as usize) {
                ops[*place as usize] = id;
                *place += 1;
            }
        }
        Keys { ops, ends, single: None, all: OnceLock::new() }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One key's operations in order of invocation; takes no memory when there is only one key.
    pub fn of_key(&self, key: usize) -> Ops<'_> {
        match self.single {
            Some(count) => Ops::All(count),
            None => Ops::Listed(self.ops(key)),
        }
    }

    /// The same as a list.
    pub fn ops(&self, key: usize) -> &[u32] {
        if let Some(count) = self.single {
            return self.all.get_or_init(|| (0..count).collect());
        }
        let start = if key == 0 { 0 } else { self.ends[key - 1] };
        &self.ops[start as usize..self.ends[key] as usize]
    }
}

/// The value ids of all keys lie between these.
fn key_ids(history: &History, threads: usize) -> Range<usize> {
    let join = |(low, high): (u32, u32), other: (u32, u32)| (low.min(other.0), high.max(other.1));
    let borders = Chunks::of(history, 0, threads).each(|chunk| {
        chunk.map(|op| history.key_of(OpId(op))).fold((u32::MAX, 0), |border, id| join(border, (id, id)))
    });
    let (low, high) = borders.into_iter().fold((u32::MAX, 0), join);
    if low > high { 0..0 } else { low as usize..high as usize + 1 }
}

/// Operations counted by key.
struct Counts {
    numbers: Numbers,
    /// By number: the key's value id, and how many operations it has.
    keys: Vec<(u32, u32)>,
}

impl Counts {
    #[inline]
    fn add(&mut self, key: u32, count: u32) {
        let number = self.numbers.number(key) as usize;
        if number == self.keys.len() {
            self.keys.push((key, 0));
        }
        self.keys[number].1 += count;
    }
}

/// Numbers keys in the order in which they are first asked for: directly where their ids are close together.
#[derive(Clone, Debug)]
struct Numbers {
    first: u32,
    near: Vec<u32>,
    far: FxHashMap<u32, u32>,
    known: u32,
}

impl Numbers {
    /// Knows no key yet; all have these ids.
    fn among(ids: &Range<usize>, history: &History) -> Numbers {
        let near = if ids.len() <= history.len() { vec![NONE; ids.len()] } else { Vec::new() };
        Numbers { first: ids.start as u32, near, far: FxHashMap::default(), known: 0 }
    }

    /// The number of a key that may be new.
    #[inline]
    fn number(&mut self, id: u32) -> u32 {
        let number = match self.near.get_mut((id - self.first) as usize) {
            Some(number) => number,
            None => self.far.entry(id).or_insert(NONE),
        };
        if *number == NONE {
            *number = self.known;
            self.known += 1;
        }
        *number
    }

    /// Numbers to which no key maps any more.
    fn forget(&mut self, numbers: &[bool]) {
        for number in self.near.iter_mut().chain(self.far.values_mut()) {
            if numbers.get(*number as usize) == Some(&true) {
                *number = NONE;
            }
        }
    }

    /// The number of a key of the history.
    #[inline]
    fn get(&self, id: u32) -> u32 {
        match self.near.get((id - self.first) as usize) {
            Some(&number) => number,
            None => self.far[&id],
        }
    }
}
