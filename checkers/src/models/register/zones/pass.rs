//! Zones of all keys in one pass over the history, for reads and writes.
//!
//! Nothing is collected key by key: a value's cluster has its place in one table for all keys, and the zones of a key
//! come in the order of their writes' invocations, which is their own order but for writes that overlap. So each key
//! needs only the few zones that may still be overtaken. Whatever is out of the ordinary leaves the key *in doubt*, for
//! the method that looks at one key alone: it also says why.
//!
//! Threads share out the keys. Which keys are in doubt does not depend on how many threads there are.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rashomon_history::{History, OpId, Outcome, Row};

use super::shifted;
use crate::keys::KeyTable;
use crate::threads::share_out;

/// Nobody found the value and left it: after everything.
const LATE: u32 = u32::MAX >> 1;
/// Set in [`Cluster::last`] once the write was seen.
const WRITTEN: u32 = 1 << 31;
const NONE: u32 = u32::MAX;
/// Instead of a key: several have this value.
const MANY: u32 = u32::MAX - 1;
/// A key with more zones than this waiting for others is left in doubt.
const WAITING: usize = 1000;
/// The table may have so many places for each write.
const SPARSE: u64 = 2;
/// Or these, if that is more.
const PLACES: u64 = 64;

/// One value of one key. Threads share the table of clusters, but a cluster belongs to the first key that asks for it,
/// and so to one thread.
struct Cluster {
    /// The key, or [`NONE`], or [`MANY`].
    key: AtomicU32,
    /// The first completion.
    first: AtomicU32,
    /// The last invocation.
    last: AtomicU32,
}

impl Cluster {
    fn new() -> Cluster {
        Cluster { key: AtomicU32::new(NONE), first: AtomicU32::new(LATE), last: AtomicU32::new(0) }
    }

    /// Whether it belongs to a key now. If it belonged to another, both are in doubt: whichever thread came first.
    #[inline]
    fn belongs_to(&self, key: u32, alone: bool, in_doubt: &mut Vec<u32>) -> bool {
        let mut owner = self.key.load(Relaxed);
        if owner == NONE {
            owner = if alone {
                // Nobody else can be quicker.
                self.key.store(key, Relaxed);
                key
            } else {
                self.key.compare_exchange(NONE, key, Relaxed, Relaxed).map_or_else(|owner| owner, |_| key)
            };
        }
        if owner != key {
            in_doubt.extend([key, self.key.swap(MANY, Relaxed)]);
        }
        owner == key
    }
}

/// Where the values of a key have their clusters.
#[derive(Clone, Copy)]
struct Place {
    low: u32,
    width: u32,
    base: u32,
}

impl Place {
    const NOWHERE: Place = Place { low: 0, width: 0, base: 0 };

    #[inline]
    fn of(self, value: u32) -> Option<usize> {
        let offset = value.wrapping_sub(self.low);
        (offset < self.width).then_some(self.base as usize + offset as usize)
    }
}

/// The places of all keys.
enum Places {
    /// No two keys share a value: one stretch for all.
    Shared(Place),
    /// A stretch for each.
    Own(Vec<Place>),
}

impl Places {
    #[inline]
    fn of(&self, key: u32, value: u32) -> Option<usize> {
        match self {
            Places::Shared(place) => place.of(value),
            Places::Own(places) => places[key as usize].of(value),
        }
    }
}

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
    let functions: Option<Vec<bool>> = (0..history.functions())
        .map(|id| match &**history.function(id as u16) {
            "write" => Some(true),
            "read" => Some(false),
            _ => None,
        })
        .collect();
    let Some(writes) = functions.filter(|_| !table.is_empty()) else { return Vec::new() };
    let mut shares: Vec<Share> = table.divide(0..table.len(), threads.max(1)).into_iter().map(Share::of).collect();
    let ids = if shares.len() > 1 { Some(Ids::of(history, table, &shares)) } else { None };
    let pass = Pass { history, table, writes, ids };
    let Some((places, width)) = pass.places(&mut shares) else { return Vec::new() };
    let clusters: Vec<Cluster> = (0..width).map(|_| Cluster::new()).collect();
    pass.fill(&places, &clusters, &mut shares);
    share_out(threads, shares.iter_mut().enumerate(), |(number, share), _: &mut ()| {
        pass.sweep(&places, &clusters, number, share);
    });
    shares.iter().flat_map(|share| share.keys.iter().map(|key| !key.in_doubt)).collect()
}

/// The keys of one thread: their numbers follow each other.
struct Share {
    first: u32,
    keys: Vec<Key>,
}

impl Share {
    fn of(keys: Range<usize>) -> Share {
        Share { first: keys.start as u32, keys: vec![Key { end: 0, waiting: NONE, in_doubt: false }; keys.len()] }
    }
}

/// The operations of each share, by stretches of the history.
struct Ids {
    /// Per stretch, per share.
    stretches: Vec<Vec<Vec<u32>>>,
}

impl Ids {
    fn of(history: &History, table: &KeyTable, shares: &[Share]) -> Ids {
        let count = shares.len();
        let firsts: Vec<u32> = shares[1..].iter().map(|share| share.first).collect();
        let mut stretches = vec![vec![Vec::new(); count]; count];
        share_out(count, stretches.iter_mut().enumerate(), |(stretch, ids), _: &mut ()| {
            let border = |stretch: usize| (history.len() * stretch / count) as u32;
            for ids in ids.iter_mut() {
                ids.reserve_exact(history.len() / count / count * 5 / 4);
            }
            for id in border(stretch)..border(stretch + 1) {
                let key = table.number(history.key_of(OpId(id)));
                let share: usize = firsts.iter().map(|&first| usize::from(key >= first)).sum();
                ids[share].push(id);
            }
        });
        Ids { stretches }
    }
}

struct Pass<'a> {
    history: &'a History,
    table: &'a KeyTable,
    /// Per function: whether it writes.
    writes: Vec<bool>,
    /// With more than one share: which operations are whose.
    ids: Option<Ids>,
}

impl Pass<'_> {
    /// Does something with each operation of a share in order of invocation: its key, the operation, what it does.
    #[inline(always)]
    fn each(&self, share: usize, mut work: impl FnMut(u32, Row, Act)) {
        // One loop for both cases, so that the work is compiled into it.
        let stretches = self.ids.as_ref().map_or(1, |ids| ids.stretches.len());
        for stretch in 0..stretches {
            let ids = self.ids.as_ref().map(|ids| &ids.stretches[stretch][share][..]);
            for index in 0..ids.map_or(self.history.len(), <[u32]>::len) {
                let row = self.history.row(OpId(ids.map_or(index as u32, |ids| ids[index])));
                let act = match (self.writes[row.function as usize], row.outcome) {
                    (true, Outcome::Ok | Outcome::Info) => Act::Wrote(row.input),
                    (false, Outcome::Ok) => Act::Found(row.output),
                    _ => Act::Nothing,
                };
                work(self.table.number(row.key), row, act);
            }
        }
    }

    /// Where clusters go, and how many places that takes; `None` when the values are too far apart.
    fn places(&self, shares: &mut [Share]) -> Option<(Places, usize)> {
        let mut seen: Vec<Vec<(u32, u32)>> = shares.iter().map(|share| vec![(u32::MAX, 0); share.keys.len()]).collect();
        let counts = share_out(shares.len(), seen.iter_mut().enumerate(), |(number, seen), count: &mut u64| {
            let first = shares[number].first;
            self.each(number, |key, _, act| {
                if let Act::Wrote(value) = act {
                    let (low, high) = &mut seen[(key - first) as usize];
                    (*low, *high) = ((*low).min(value), (*high).max(value));
                    *count += 1;
                }
            });
        });
        let count: u64 = counts.iter().sum();
        let seen = || seen.iter().flatten().copied();
        let width = |(low, high): (u32, u32)| if low > high { 0 } else { u64::from(high - low) + 1 };
        let limit = (SPARSE * count).max(PLACES);
        let own = seen().map(width).sum::<u64>();
        if own < count / 2 {
            // Most values are written again and again.
            return None;
        }
        if own <= limit {
            let mut base = 0;
            let places = seen().map(|(low, high)| {
                let place = Place { low, width: width((low, high)) as u32, base };
                base += place.width;
                if place.width == 0 { Place::NOWHERE } else { place }
            });
            return Some((Places::Own(places.collect()), base as usize));
        }
        let all = seen().fold((u32::MAX, 0), |all, seen| (all.0.min(seen.0), all.1.max(seen.1)));
        (width(all) <= limit).then(|| {
            let place = Place { low: all.0, width: width(all) as u32, base: 0 };
            (Places::Shared(place), place.width as usize)
        })
    }

    /// Fills the clusters. A key is in doubt when a value of it was written twice or never, or found before it was
    /// written, or is another key's too.
    fn fill(&self, places: &Places, clusters: &[Cluster], shares: &mut [Share]) {
        let threads = shares.len();
        let mut in_doubt = share_out(threads, shares.iter_mut().enumerate(), |(number, share), in_doubt| {
            self.fill_share(places, clusters, number, share, in_doubt);
        });
        let stretches = clusters.chunks((clusters.len() / threads).max(1));
        in_doubt.extend(share_out(threads, stretches, |stretch, in_doubt: &mut Vec<u32>| {
            let unwritten = stretch.iter().filter(|cluster| cluster.last.load(Relaxed) & WRITTEN == 0);
            in_doubt.extend(unwritten.map(|cluster| cluster.key.load(Relaxed)));
        }));
        for key in in_doubt.into_iter().flatten().filter(|&key| key < MANY) {
            let share = shares.iter_mut().rfind(|share| share.first <= key).expect("the first begins at 0");
            share.keys[(key - share.first) as usize].in_doubt = true;
        }
    }

    fn fill_share(
        &self,
        places: &Places,
        clusters: &[Cluster],
        number: usize,
        share: &mut Share,
        in_doubt: &mut Vec<u32>,
    ) {
        // Whether no other thread asks for the same clusters.
        let alone = self.ids.is_none() || matches!(places, Places::Own(_));
        self.each(number, |key_number, row, act| {
            let key = &mut share.keys[(key_number - share.first) as usize];
            let value = match act {
                Act::Nothing => return,
                Act::Found(History::NIL) => {
                    key.end = key.end.max(shifted(row.invoked));
                    return;
                }
                Act::Found(value) | Act::Wrote(value) => value,
            };
            let Some(cluster) = places.of(key_number, value).map(|place| &clusters[place]) else {
                key.in_doubt = true;
                return;
            };
            if !cluster.belongs_to(key_number, alone, in_doubt) {
                return;
            }
            let invoked = shifted(row.invoked);
            let mut completed = row.completed.map_or(LATE, shifted);
            let (first, mut last) = (cluster.first.load(Relaxed), cluster.last.load(Relaxed));
            if let Act::Wrote(value) = act {
                if last & WRITTEN != 0 || first < invoked || value == History::NIL {
                    key.in_doubt = true;
                    return;
                }
                last |= WRITTEN;
                if row.outcome != Outcome::Ok {
                    completed = LATE;
                }
            }
            cluster.first.store(first.min(completed), Relaxed);
            cluster.last.store((last & WRITTEN) | (last & !WRITTEN).max(invoked), Relaxed);
        });
    }

    /// Leaves in doubt every key of a share with zones that contradict each other.
    fn sweep(&self, places: &Places, clusters: &[Cluster], number: usize, share: &mut Share) {
        let mut queue = Queue { zones: Vec::new(), vacant: NONE };
        self.each(number, |key_number, row, act| {
            let key = &mut share.keys[(key_number - share.first) as usize];
            let Act::Wrote(value) = act else { return };
            if key.in_doubt {
                return;
            }
            // No operation of this cluster or a later one was invoked or completed before this write's invocation.
            queue.settle(key, shifted(row.invoked));
            let cluster = &clusters[places.of(key_number, value).expect("it has a cluster")];
            let (first, last) = (cluster.first.load(Relaxed), cluster.last.load(Relaxed) & !WRITTEN);
            if first != LATE {
                let (low, high) = (first.min(last), first.max(last));
                queue.wait(key, Waiting { low, high, forward: first < last, next: NONE });
            }
        });
        for key in &mut share.keys {
            queue.settle(key, NONE);
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
