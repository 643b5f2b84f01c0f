//! What a site certainly knows, and since when: the parts of visibility that follow from a history alone.
//!
//! An operation that was acknowledged is known where it was acknowledged. Where each node is one replica
//! ([`Level::REPLICA`]), a node that showed an element knows all that the node which added it had acknowledged before
//! it did, and all that *that* node knew then: visibility is transitive (Burckhardt et al., *Replicated data types*,
//! 2014, section 3). All moments are positions in the history.

use std::collections::BTreeMap;

use rashomon_history::OpView;
use rustc_hash::FxHashMap;

use super::final_reads::Site;
use crate::level::Level;

/// A moment that never comes.
pub(super) const NEVER: u32 = u32::MAX;

/// With more sites than this, what one site knows of another is not followed.
const FOLLOWED: usize = 16;

/// Who knows what, of one object.
pub(super) struct Knowledge {
    /// The site of each operation. Those of which nothing is promised have numbers of their own, behind the others.
    site: Vec<u32>,
    /// How many sites there are of which something is promised.
    sites: u32,
    /// At `[q][p]`: since which moment q knows all that p had acknowledged before which moment; both rise.
    learned: Vec<Vec<Vec<(u32, u32)>>>,
    /// The first moment at which a site had shown an element that only one add explains.
    shown: FxHashMap<(u32, u32), u32>,
}

impl Knowledge {
    /// Nothing is known yet but who acknowledged what.
    pub(super) fn new(ops: &[OpView<'_>], promise: Level) -> Knowledge {
        let mut numbers: BTreeMap<Site, u32> = BTreeMap::new();
        let sites: Vec<Option<u32>> = ops
            .iter()
            .map(|op| {
                let next = numbers.len() as u32;
                Site::promised(op, promise).map(|site| *numbers.entry(site).or_insert(next))
            })
            .collect();
        let count = numbers.len() as u32;
        let mut alone = count;
        let site = sites.into_iter().map(|site| {
            site.unwrap_or_else(|| {
                alone += 1;
                alone - 1
            })
        });
        let site = site.collect();
        let followed = if promise.implies(Level::REPLICA) && count as usize <= FOLLOWED { count as usize } else { 0 };
        let learned = vec![vec![Vec::new(); followed]; followed];
        Knowledge { site, sites: count, learned, shown: FxHashMap::default() }
    }

    /// The site of an operation.
    pub(super) fn site(&self, op: usize) -> u32 {
        self.site[op]
    }

    /// Whether anything is promised of a site.
    pub(super) fn is_promised(&self, site: u32) -> bool {
        site < self.sites
    }

    /// The sites at which an operation of this site may be known for certain.
    pub(super) fn reach(&self, site: u32) -> std::ops::Range<u32> {
        if !self.is_promised(site) {
            0..0
        } else if self.learned.is_empty() {
            site..site + 1
        } else {
            0..self.sites
        }
    }

    /// A site has shown, by this moment, an element that only one add explains: one of this site, begun at `begun`.
    pub(super) fn shows(&mut self, site: u32, element: u32, moment: u32, add_site: u32, begun: u32) {
        self.shown.entry((site, element)).or_insert(moment);
        if site == add_site || self.learned.is_empty() || !self.is_promised(site) || !self.is_promised(add_site) {
            return;
        }
        self.learn(site, add_site, moment, begun);
        for other in 0..self.sites {
            let known = &self.learned[add_site as usize][other as usize];
            let count = known.partition_point(|&(since, _)| since < begun);
            if other != site && count > 0 {
                let (_, before) = known[count - 1];
                self.learn(site, other, moment, before);
            }
        }
    }

    fn learn(&mut self, site: u32, other: u32, moment: u32, before: u32) {
        let known = &mut self.learned[site as usize][other as usize];
        if known.last().is_none_or(|&(_, last)| last < before) {
            known.push((moment, before));
        }
    }

    /// Since when a site certainly knows what another (or the same) acknowledged at `acknowledged`.
    pub(super) fn since(&self, site: u32, other: u32, acknowledged: u32) -> u32 {
        if !self.is_promised(site) || acknowledged == NEVER {
            return NEVER;
        }
        if site == other {
            return acknowledged;
        }
        let Some(known) = self.learned.get(site as usize).and_then(|known| known.get(other as usize)) else {
            return NEVER;
        };
        let first = known.partition_point(|&(_, before)| before <= acknowledged);
        known.get(first).map_or(NEVER, |&(since, _)| since)
    }

    /// Since when a site has certainly shown an element that only one add explains.
    pub(super) fn shown(&self, site: u32, element: u32) -> u32 {
        self.shown.get(&(site, element)).copied().unwrap_or(NEVER)
    }
}
