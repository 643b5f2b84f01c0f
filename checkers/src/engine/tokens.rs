//! Operations of unknown outcome as interchangeable tokens.
//!
//! Such an operation may take effect at any moment after its invocation or never, so of two with the same effect it
//! does not matter which one is used: a configuration needs to know only *how many* of each kind it has used.

use rustc_hash::FxHashMap;

use crate::subhistory::Item;

/// The tokens of one subhistory, by kind, and the multisets of used ones as small integers (0 is the empty one).
pub(super) struct Tokens {
    /// Per kind: its class, and its operations (item indices) in order of invocation.
    kinds: Vec<(u32, Vec<u32>)>,
    kind_of: FxHashMap<u32, usize>,
    /// Each multiset as sorted `(kind, count)` pairs.
    used: Vec<Box<[(u32, u32)]>>,
    ids: FxHashMap<Box<[(u32, u32)]>, u32>,
    more: FxHashMap<(u32, u32, u32), u32>,
}

impl Tokens {
    /// The tokens among a subhistory's items.
    pub(super) fn of(items: &[Item]) -> Tokens {
        let mut kind_of: FxHashMap<u32, usize> = FxHashMap::default();
        let mut kinds: Vec<(u32, Vec<u32>)> = Vec::new();
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_certain()) {
            let kind = *kind_of.entry(item.class).or_insert_with(|| {
                kinds.push((item.class, Vec::new()));
                kinds.len() - 1
            });
            kinds[kind].1.push(index as u32);
        }
        let empty: Box<[(u32, u32)]> = Box::default();
        let ids = FxHashMap::from_iter([(empty.clone(), 0)]);
        Tokens { kinds, kind_of, used: vec![empty], ids, more: FxHashMap::default() }
    }

    /// The kinds of tokens: their class.
    pub(super) fn class(&self, kind: usize) -> u32 {
        self.kinds[kind].0
    }

    /// The kind of a token's class. Panics when no token is of this class.
    pub(super) fn kind_of(&self, class: u32) -> usize {
        self.kind_of[&class]
    }

    /// Whether one multiset is contained in another.
    pub(super) fn at_most(&self, less: u32, more: u32) -> bool {
        if less == more || less == 0 {
            return true;
        }
        let mut more = self.used[more as usize].iter();
        self.used[less as usize].iter().all(|&(kind, count)| {
            more.find(|entry| entry.0 >= kind).is_some_and(|&(other, enough)| other == kind && count <= enough)
        })
    }

    /// How many kinds there are.
    pub(super) fn kinds(&self) -> usize {
        self.kinds.len()
    }

    /// The next unused token of a kind (an item index) that is not before item `first`, whether or not it has been
    /// invoked yet, and how many of the kind are then used up.
    pub(super) fn next(&self, used: u32, kind: usize, first: u32) -> Option<(u32, u32)> {
        let mut count = self.count(used, kind);
        let tokens = &self.kinds[kind].1;
        while count < tokens.len() && tokens[count] < first {
            count += 1;
        }
        tokens.get(count).map(|&item| (item, count as u32 + 1))
    }

    /// The multiset with `count` of a kind.
    pub(super) fn with(&mut self, used: u32, kind: usize, count: u32) -> u32 {
        let step = (used, kind as u32, count);
        if let Some(&id) = self.more.get(&step) {
            return id;
        }
        let mut counts = self.used[used as usize].to_vec();
        match counts.binary_search_by_key(&(kind as u32), |entry| entry.0) {
            Ok(found) => counts[found].1 = count,
            Err(place) => counts.insert(place, (kind as u32, count)),
        }
        let counts = counts.into_boxed_slice();
        let id = match self.ids.get(&counts) {
            Some(&id) => id,
            None => {
                let id = self.used.len() as u32;
                self.used.push(counts.clone());
                self.ids.insert(counts, id);
                id
            }
        };
        self.more.insert(step, id);
        id
    }

    /// How many bytes this holds, roughly.
    pub(super) fn bytes(&self) -> u64 {
        let entries: usize = self.used.last().map_or(0, |counts| counts.len());
        (self.used.len() * (80 + 16 * entries) + self.more.len() * 16) as u64
    }

    fn count(&self, used: u32, kind: usize) -> usize {
        let counts = &self.used[used as usize];
        counts.binary_search_by_key(&(kind as u32), |entry| entry.0).map_or(0, |found| counts[found].1 as usize)
    }
}
