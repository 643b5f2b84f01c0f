//! The clusters of the values that were written in one chunk of a history, for all keys.
//!
//! A value has its place by its number, so nothing is searched for. What belongs to a value of another chunk goes
//! astray, until [`reconcile`] brings it to its cluster.

use rustc_hash::FxHashMap;

use crate::threads::share_out;

/// Nobody found the value and left it: after everything.
pub(super) const LATE: u32 = u32::MAX >> 1;
/// Set in [`Cluster::owner`] once the write was seen.
const WRITTEN: u32 = 1 << 31;
/// There may be so many places for each write.
const SPARSE: u64 = 2;
/// Or these, if that is more.
const PLACES: u64 = 64;

/// The least and the greatest of no values.
const NO_VALUES: (u32, u32) = (u32::MAX, 0);

/// The values written in a chunk.
pub(super) struct Values {
    /// Per key, the least and the greatest.
    borders: Vec<(u32, u32)>,
    /// How many writes there are.
    writes: u64,
}

impl Values {
    /// None of any of so many keys.
    pub(super) fn none(keys: usize) -> Values {
        Values { borders: vec![NO_VALUES; keys], writes: 0 }
    }

    #[inline(always)]
    pub(super) fn add(&mut self, key: u32, value: u32) {
        let (low, high) = &mut self.borders[key as usize];
        (*low, *high) = ((*low).min(value), (*high).max(value));
        self.writes += 1;
    }
}

fn join((low, high): (u32, u32), other: (u32, u32)) -> (u32, u32) {
    (low.min(other.0), high.max(other.1))
}

fn width((low, high): (u32, u32)) -> u32 {
    if low > high { 0 } else { (high - low).saturating_add(1) }
}

/// How tables are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Places for each key of its own.
    Own,
    /// No two keys share a value: the same places for all.
    Shared,
}

impl Layout {
    /// The layout for all chunks; `None` when values are too far apart, or most are written again and again.
    pub(super) fn of<'a>(chunks: impl Iterator<Item = &'a Values> + Clone) -> Option<Layout> {
        let writes: u64 = chunks.clone().map(|values| values.writes).sum();
        let mut borders: Vec<(u32, u32)> = Vec::new();
        for values in chunks {
            borders.resize(values.borders.len(), NO_VALUES);
            borders.iter_mut().zip(&values.borders).for_each(|(all, &one)| *all = join(*all, one));
        }
        let own: u64 = borders.iter().map(|&border| u64::from(width(border))).sum();
        let shared = u64::from(width(borders.into_iter().fold(NO_VALUES, join)));
        let limit = (SPARSE * writes).max(PLACES);
        match (own, shared) {
            _ if own < writes / 2 => None,
            _ if own <= limit => Some(Layout::Own),
            _ if shared <= limit => Some(Layout::Shared),
            _ => None,
        }
    }
}

/// One value of one key.
#[derive(Clone, Copy)]
struct Cluster {
    /// The number of the first key that asked for it, and one; 0 before anybody does. With [`WRITTEN`].
    owner: u32,
    extent: Extent,
}

impl Cluster {
    const EMPTY: Cluster = Cluster { owner: 0, extent: Extent { first: LATE, last: 0 } };

    fn key(self) -> Option<u32> {
        (self.owner & !WRITTEN).checked_sub(1)
    }

    fn is_written(self) -> bool {
        self.owner & WRITTEN != 0
    }
}

/// How far operations reach.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// The first completion.
    pub(super) first: u32,
    /// The last invocation.
    pub(super) last: u32,
}

impl Extent {
    #[inline(always)]
    fn join(&mut self, other: Extent) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Where the values of a key, or of all keys, have their clusters.
#[derive(Clone, Copy)]
struct Site {
    low: u32,
    width: u32,
    base: u32,
}

impl Site {
    #[inline(always)]
    fn of(self, value: u32) -> Option<usize> {
        let offset = value.wrapping_sub(self.low);
        (offset < self.width).then_some(self.base as usize + offset as usize)
    }
}

/// The clusters of a chunk.
pub(super) struct Table {
    layout: Layout,
    /// One for each key, or just one.
    places: Vec<Site>,
    clusters: Vec<Cluster>,
    /// By key and value: what found a value that was not written in this chunk.
    astray: FxHashMap<(u32, u32), Extent>,
    /// Per key.
    in_doubt: Vec<bool>,
}

impl Table {
    /// With room for some values.
    pub(super) fn new(values: &Values, layout: Layout) -> Table {
        let mut base = 0;
        let mut place = |border: (u32, u32)| {
            let place = Site { low: border.0, width: width(border), base };
            base += place.width;
            place
        };
        let borders = values.borders.iter().copied();
        let places: Vec<Site> = match layout {
            Layout::Own => borders.map(place).collect(),
            Layout::Shared => vec![place(borders.fold(NO_VALUES, join))],
        };
        let in_doubt = vec![false; values.borders.len()];
        Table { layout, places, clusters: vec![Cluster::EMPTY; base as usize], astray: FxHashMap::default(), in_doubt }
    }

    #[inline(always)]
    fn place(&self, key: u32) -> Site {
        self.places[if self.layout == Layout::Own { key as usize } else { 0 }]
    }

    /// Leaves a key in doubt.
    pub(super) fn doubt(&mut self, key: u32) {
        self.in_doubt[key as usize] = true;
    }

    /// Takes in an operation that wrote or found a value; those written must be among the values of this table.
    #[inline(always)]
    pub(super) fn add(&mut self, key: u32, value: u32, writes: bool, extent: Extent) {
        let Some(index) = self.place(key).of(value) else {
            self.astray.entry((key, value)).or_insert(Cluster::EMPTY.extent).join(extent);
            return;
        };
        let cluster = &mut self.clusters[index];
        let (mine, flag) = (key + 1, if writes { WRITTEN } else { 0 });
        let owner = cluster.owner & !WRITTEN;
        if (owner == 0 || owner == mine) && cluster.owner & flag == 0 {
            cluster.owner |= mine | flag;
            cluster.extent.join(extent);
        } else {
            self.clash(key, index);
        }
    }

    /// Leaves in doubt a key that asks for a cluster that it may not have, and whoever has it.
    #[cold]
    fn clash(&mut self, key: u32, index: usize) {
        self.doubt(key);
        self.clusters[index].key().into_iter().for_each(|other| self.doubt(other));
    }

    /// The extent of a value that was written.
    #[inline(always)]
    pub(super) fn extent(&self, key: u32, value: u32) -> Extent {
        self.clusters[self.place(key).of(value).expect("it is one of the values written")].extent
    }

    /// To be called when all operations of the chunk are in: what was not written goes astray too.
    pub(super) fn finish(&mut self) {
        for (index, cluster) in self.clusters.iter().enumerate() {
            if let Some(key) = cluster.key().filter(|_| !cluster.is_written()) {
                let place = self.place(key);
                self.astray.insert((key, place.low + (index as u32 - place.base)), cluster.extent);
            }
        }
    }

    /// Takes in what went astray elsewhere; false when its value was not written here.
    fn take_in(&mut self, key: u32, value: u32, extent: Extent) -> bool {
        let Some(index) = self.place(key).of(value) else { return false };
        let cluster = &mut self.clusters[index];
        if cluster.owner == 0 || cluster.owner == key + 1 {
            return false;
        }
        if cluster.owner & !WRITTEN == key + 1 {
            cluster.extent.join(extent);
        } else {
            self.clash(key, index);
        }
        true
    }

    /// The keys that wrote a value here that was written there too.
    fn twice(&self, other: &Table) -> Vec<u32> {
        let mut keys = Vec::new();
        for (mine, theirs) in self.places.iter().zip(&other.places) {
            for value in mine.low.max(theirs.low)..(mine.low + mine.width).min(theirs.low + theirs.width) {
                let cluster = |place: &Site, table: &Table| table.clusters[(place.base + value - place.low) as usize];
                let clusters = [cluster(mine, self), cluster(theirs, other)];
                let [first, second] = clusters.map(|cluster| cluster.owner);
                if first != 0 && second != 0 && (first & second & WRITTEN != 0 || (first ^ second) & !WRITTEN != 0) {
                    keys.extend(clusters.into_iter().filter_map(Cluster::key));
                }
            }
        }
        keys
    }
}

/// Brings what went astray to its clusters, and tells which keys are in doubt: a value was written twice or never, or
/// is another key's too.
pub(super) fn reconcile(tables: &mut [Table]) -> Vec<bool> {
    for from in 0..tables.len() {
        // In any order: extents only grow, and doubts stay.
        for ((key, value), extent) in std::mem::take(&mut tables[from].astray) {
            let others = tables.iter_mut().enumerate().filter(|&(number, _)| number != from);
            let taken = others.fold(false, |taken, (_, table)| table.take_in(key, value, extent) | taken);
            if !taken {
                tables[from].doubt(key);
            }
        }
    }
    let pairs = (1..tables.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
    let tables_ref = &*tables;
    let twice = share_out(tables.len(), pairs, |(first, second), keys: &mut Vec<u32>| {
        keys.extend(tables_ref[first].twice(&tables_ref[second]));
    });
    let mut in_doubt = vec![false; tables.first().map_or(0, |table| table.in_doubt.len())];
    for table in tables {
        in_doubt.iter_mut().zip(&table.in_doubt).for_each(|(all, one)| *all |= one);
    }
    twice.into_iter().flatten().for_each(|key| in_doubt[key as usize] = true);
    in_doubt
}
