//! Of all intervals that begin at some place or later, the one that ends first.

use super::super::call::NEVER;

/// A binary indexed tree over fixed places (Fenwick, *A new data structure for cumulative frequency tables*, 1994);
/// both operations cost O(log n).
pub(in super::super) struct Soonest {
    /// The end, and whose it is.
    nodes: Vec<(u32, u32)>,
}

impl Soonest {
    /// No interval, for places below `count`.
    pub(in super::super) fn new(count: u32) -> Soonest {
        Soonest { nodes: vec![(NEVER, 0); count as usize + 1] }
    }

    /// Adds an interval.
    pub(in super::super) fn add(&mut self, begin: u32, end: u32, whose: u32) {
        let mut node = self.nodes.len() - 1 - begin as usize;
        while node < self.nodes.len() {
            self.nodes[node] = self.nodes[node].min((end, whose));
            node += node & node.wrapping_neg();
        }
    }

    /// Whose interval, of those that begin at `from` or later, ends first.
    pub(in super::super) fn beginning_at(&self, from: u32) -> Option<(u32, u32)> {
        let mut node = (self.nodes.len() - 1).saturating_sub(from as usize);
        let mut soonest = (NEVER, 0);
        while node > 0 {
            soonest = soonest.min(self.nodes[node]);
            node &= node - 1;
        }
        (soonest.0 != NEVER).then_some(soonest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soonest_end_is_found() {
        for count in [1_u32, 2, 7, 64] {
            let mut soonest = Soonest::new(count);
            let mut plain: Vec<(u32, u32, u32)> = Vec::new();
            let mut seed = 3_u32;
            for whose in 0..50 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let begin = (seed >> 8) % count;
                let end = begin + (seed >> 20);
                soonest.add(begin, end, whose);
                plain.push((begin, end, whose));
                for from in 0..=count {
                    let of = plain.iter().filter(|&&(begin, ..)| begin >= from);
                    assert_eq!(soonest.beginning_at(from), of.map(|&(_, end, whose)| (end, whose)).min());
                }
            }
        }
    }
}
