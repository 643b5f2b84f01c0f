//! Zones of all keys in one pass over the history, for reads and writes.
//!
//! Nothing is collected key by key: a value's cluster has its place in one table for all keys, and the zones of a key
//! come in the order of their writes' invocations, which is their own order but for writes that overlap. So each key
//! needs only the few zones that may still be overtaken. Whatever is out of the ordinary leaves the key *in doubt*, for
//! the method that looks at one key alone: it also says why.

use std::ops::Range;

use rashomon_history::{History, OpId, Outcome, Row};

use super::shifted;
use crate::keys::KeyTable;

/// Nobody found the value and left it: after everything.
const LATE: u32 = u32::MAX >> 1;
/// Set in [`Cluster::last`] once the write was seen.
const WRITTEN: u32 = 1 << 31;
const NONE: u32 = u32::MAX;
/// A key with more zones than this waiting for others is left in doubt.
const WAITING: usize = 1000;
/// The table may have so many places for each write.
const SPARSE: u64 = 2;
/// Or these, if that is more.
const PLACES: u64 = 64;

/// One value of one key.
#[derive(Clone, Copy)]
struct Cluster {
    key: u32,
    /// The first completion.
    first: u32,
    /// The last invocation.
    last: u32,
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
pub(super) fn certain(history: &History, table: &KeyTable) -> Vec<bool> {
    let functions: Option<Vec<bool>> = (0..history.functions())
        .map(|id| match &**history.function(id as u16) {
            "write" => Some(true),
            "read" => Some(false),
            _ => None,
        })
        .collect();
    let Some(writes) = functions else { return Vec::new() };
    let pass = Pass { history, table, writes };
    let Some((places, width)) = pass.places() else { return Vec::new() };
    let mut keys = vec![Key { end: 0, waiting: NONE, in_doubt: false }; table.len()];
    let clusters = pass.clusters(&places, width, &mut keys);
    pass.sweep(&places, &clusters, &mut keys);
    keys.iter().map(|key| !key.in_doubt).collect()
}

struct Pass<'a> {
    history: &'a History,
    table: &'a KeyTable,
    /// Per function: whether it writes.
    writes: Vec<bool>,
}

impl Pass<'_> {
    /// An operation with its key, and what it does.
    #[inline(always)]
    fn act(&self, id: u32) -> (u32, Row, Act) {
        let row = self.history.row(OpId(id));
        let act = match (self.writes[row.function as usize], row.outcome) {
            (true, Outcome::Ok | Outcome::Info) => Act::Wrote(row.input),
            (false, Outcome::Ok) => Act::Found(row.output),
            _ => Act::Nothing,
        };
        (self.table.number(row.key), row, act)
    }

    fn ids(&self) -> Range<u32> {
        0..self.history.len() as u32
    }

    /// Where clusters go, and how many places that takes; `None` when the values are too far apart.
    fn places(&self) -> Option<(Places, usize)> {
        let mut seen = vec![(u32::MAX, 0); self.table.len()];
        let mut count = 0u64;
        for id in self.ids() {
            let (key, _, act) = self.act(id);
            if let Act::Wrote(value) = act {
                let (low, high) = &mut seen[key as usize];
                (*low, *high) = ((*low).min(value), (*high).max(value));
                count += 1;
            }
        }
        let width = |(low, high): (u32, u32)| if low > high { 0 } else { u64::from(high - low) + 1 };
        let limit = (SPARSE * count).max(PLACES);
        let own = seen.iter().map(|&seen| width(seen)).sum::<u64>();
        if own < count / 2 {
            // Most values are written again and again.
            return None;
        }
        if own <= limit {
            let mut base = 0;
            let places = seen.iter().map(|&(low, high)| {
                let place = Place { low, width: width((low, high)) as u32, base };
                base += place.width;
                if place.width == 0 { Place::NOWHERE } else { place }
            });
            return Some((Places::Own(places.collect()), base as usize));
        }
        let all = seen.iter().fold((u32::MAX, 0), |all, seen| (all.0.min(seen.0), all.1.max(seen.1)));
        (width(all) <= limit).then(|| {
            let place = Place { low: all.0, width: width(all) as u32, base: 0 };
            (Places::Shared(place), place.width as usize)
        })
    }

    /// All clusters. A key is in doubt when a value of it was written twice or never, or found before it was written.
    fn clusters(&self, places: &Places, width: usize, keys: &mut [Key]) -> Vec<Cluster> {
        let mut clusters = vec![Cluster { key: NONE, first: LATE, last: 0 }; width];
        for id in self.ids() {
            let (key, row, act) = self.act(id);
            let value = match act {
                Act::Nothing => continue,
                Act::Found(History::NIL) => {
                    let end = &mut keys[key as usize].end;
                    *end = (*end).max(shifted(row.invoked));
                    continue;
                }
                Act::Found(value) | Act::Wrote(value) => value,
            };
            let cluster = places.of(key, value).map(|place| &mut clusters[place]);
            let Some(cluster) = cluster.filter(|cluster| cluster.key == key || cluster.key == NONE) else {
                keys[key as usize].in_doubt = true;
                continue;
            };
            cluster.key = key;
            let invoked = shifted(row.invoked);
            let mut completed = row.completed.map_or(LATE, shifted);
            if let Act::Wrote(value) = act {
                if cluster.last & WRITTEN != 0 || cluster.first < invoked || value == History::NIL {
                    keys[key as usize].in_doubt = true;
                    continue;
                }
                cluster.last |= WRITTEN;
                if row.outcome != Outcome::Ok {
                    completed = LATE;
                }
            }
            cluster.first = cluster.first.min(completed);
            cluster.last = (cluster.last & WRITTEN) | (cluster.last & !WRITTEN).max(invoked);
        }
        for cluster in clusters.iter().filter(|cluster| cluster.key != NONE && cluster.last & WRITTEN == 0) {
            keys[cluster.key as usize].in_doubt = true;
        }
        clusters
    }

    /// Leaves in doubt every key with zones that contradict each other.
    fn sweep(&self, places: &Places, clusters: &[Cluster], keys: &mut [Key]) {
        let mut queue = Queue { zones: Vec::new(), vacant: NONE };
        for id in self.ids() {
            let (number, row, act) = self.act(id);
            let key = &mut keys[number as usize];
            let Act::Wrote(value) = act else { continue };
            if key.in_doubt {
                continue;
            }
            // No operation of this cluster or a later one was invoked or completed before this write's invocation.
            queue.settle(key, shifted(row.invoked));
            let Cluster { first, last, .. } = clusters[places.of(number, value).expect("it has a cluster")];
            let last = last & !WRITTEN;
            if first != LATE {
                let (low, high) = (first.min(last), first.max(last));
                queue.wait(key, Waiting { low, high, forward: first < last, next: NONE });
            }
        }
        for key in keys {
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
