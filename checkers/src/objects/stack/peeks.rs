//! Which peeks of a stack have a gap in which nothing but the value that they saw is certainly inside.

use super::super::call::{Call, NEVER};
use super::super::container::{Act, Container, Item};
use super::trees::{Covers, Largest};
use super::{Letter, pop_interval};

/// The peeks of the items that are nested, and how many items cover each gap.
pub(super) struct Peeks {
    /// By item, then by invocation.
    peeks: Vec<Peek>,
    /// Where in `peeks` each item's begin, and where the last one's end.
    begins: Vec<u32>,
    /// Completions of those that have no gap yet, in the same order.
    waiting: Largest,
    /// The places in `peeks`, by invocation.
    by_invocation: Vec<u32>,
    /// Completions of those that have no gap yet, in that order.
    waiting_by_invocation: Largest,
    /// How many peeks of each item have no gap yet.
    left: Vec<u32>,
    /// The gaps that some item covers, and those that more than one does.
    by_any: Covers,
    by_others: Covers,
    inside: Inside,
    positions: u32,
}

#[derive(Clone, Copy)]
struct Peek {
    item: u32,
    call: u32,
    invoked: u32,
    completed: u32,
    /// The place in [`Peeks::by_invocation`].
    place: u32,
    /// [`NEVER`] as long as it has none.
    gap: u32,
}

impl Peeks {
    /// The peeks of these items while all of them remain.
    pub(super) fn new(calls: &[Call<Act>], container: &Container, items: &[&Item]) -> Peeks {
        let mut peeks = Vec::new();
        let mut begins = Vec::with_capacity(items.len() + 1);
        for (index, item) in items.iter().enumerate() {
            begins.push(peeks.len() as u32);
            peeks.extend(container.peeks_of(item).iter().map(|&call| {
                let Call { invoked, completed, .. } = calls[call as usize];
                Peek { item: index as u32, call, invoked, completed, place: 0, gap: NEVER }
            }));
        }
        begins.push(peeks.len() as u32);
        let mut by_invocation: Vec<u32> = (0..peeks.len() as u32).collect();
        by_invocation.sort_unstable_by_key(|&peek| peeks[peek as usize].invoked);
        for (place, &peek) in by_invocation.iter().enumerate() {
            peeks[peek as usize].place = place as u32;
        }
        let positions = container.positions;
        let mut changes = vec![0_i32; positions as usize + 1];
        let mut inside = Inside { nodes: vec![0; positions as usize + 2] };
        for (index, item) in items.iter().enumerate() {
            let (from, to) = certain(item, positions);
            changes[from as usize] += 1;
            changes[to as usize] -= 1;
            inside.add(from, to, index as i64);
        }
        let mut number = 0;
        let numbers: Vec<u32> = changes[..positions as usize]
            .iter()
            .map(|change| {
                number += change;
                number as u32
            })
            .collect();
        let (by_any, bare) = Covers::new(numbers.iter().map(|&number| Some(number)));
        let (by_others, alone) = Covers::new(numbers.iter().map(|number| number.checked_sub(1)));
        let mut all = Peeks {
            waiting: Largest::new(peeks.iter().map(|peek| peek.completed)),
            waiting_by_invocation: Largest::new(by_invocation.iter().map(|&peek| peeks[peek as usize].completed)),
            left: begins.windows(2).map(|bounds| bounds[1] - bounds[0]).collect(),
            peeks,
            begins,
            by_invocation,
            by_any,
            by_others,
            inside,
            positions,
        };
        all.settle(&bare, &alone, &mut Vec::new());
        all
    }

    /// Whether all peeks of an item have a gap.
    pub(super) fn settled(&self, item: u32) -> bool {
        self.left[item as usize] == 0
    }

    /// The peeks of an item that is settled, in order of their gaps.
    pub(super) fn of(&self, item: u32) -> Vec<(u32, Letter)> {
        let peeks = &self.peeks[self.begins[item as usize] as usize..self.begins[item as usize + 1] as usize];
        let mut letters: Vec<(u32, Letter)> =
            peeks.iter().map(|peek| (peek.gap, Letter::Peek(item, peek.call))).collect();
        letters.sort_by_key(|&(gap, _)| gap);
        letters
    }

    /// Invocation and completion of a peek of this item that has no gap.
    pub(super) fn without_gap(&self, item: u32) -> Option<(u32, u32)> {
        let peeks = &self.peeks[self.begins[item as usize] as usize..self.begins[item as usize + 1] as usize];
        peeks.iter().find(|peek| peek.gap == NEVER).map(|peek| (peek.invoked, peek.completed))
    }

    /// The item covers nothing any longer. Adds those that are settled now to `settled`.
    pub(super) fn leave_out(&mut self, index: u32, item: &Item, settled: &mut Vec<u32>) {
        let (from, to) = certain(item, self.positions);
        self.inside.add(from, to, -i64::from(index));
        let (mut bare, mut alone) = (Vec::new(), Vec::new());
        self.by_any.uncover(from, to, &mut bare);
        self.by_others.uncover(from, to, &mut alone);
        self.settle(&bare, &alone, settled);
    }

    /// Gives gaps that nothing covers to every peek that can have one, and those that one item covers to its own.
    fn settle(&mut self, bare: &[u32], alone: &[u32], settled: &mut Vec<u32>) {
        for &gap in bare {
            let end = self.by_invocation.partition_point(|&peek| self.peeks[peek as usize].invoked <= gap) as u32;
            while let Some(place) = self.waiting_by_invocation.find(0, end, gap) {
                self.give(self.by_invocation[place as usize], gap, settled);
            }
        }
        for &gap in alone {
            let item = self.inside.at(gap) as usize;
            let Some(&[begin, end]) = self.begins.get(item..item + 2) else { continue };
            let peeks = &self.peeks[begin as usize..end as usize];
            let end = begin + peeks.partition_point(|peek| peek.invoked <= gap) as u32;
            while let Some(peek) = self.waiting.find(begin, end, gap) {
                self.give(peek, gap, settled);
            }
        }
    }

    fn give(&mut self, index: u32, gap: u32, settled: &mut Vec<u32>) {
        let peek = &mut self.peeks[index as usize];
        peek.gap = gap;
        self.waiting.set(index, 0);
        self.waiting_by_invocation.set(peek.place, 0);
        let left = &mut self.left[peek.item as usize];
        *left -= 1;
        if *left == 0 {
            settled.push(peek.item);
        }
    }
}

/// The gaps that an item covers.
fn certain(item: &Item, positions: u32) -> (u32, u32) {
    (item.put_completed, pop_interval(item).0.min(positions))
}

/// The sum of the numbers of the items that cover a gap: where there is one, its number. A binary indexed tree of
/// differences (Fenwick, *A new data structure for cumulative frequency tables*, 1994).
struct Inside {
    nodes: Vec<i64>,
}

impl Inside {
    fn add(&mut self, from: u32, to: u32, item: i64) {
        for (gap, change) in [(from, item), (to, -item)] {
            let mut node = gap as usize + 1;
            while node < self.nodes.len() {
                self.nodes[node] += change;
                node += node & node.wrapping_neg();
            }
        }
    }

    fn at(&self, gap: u32) -> i64 {
        let mut node = gap as usize + 1;
        let mut sum = 0;
        while node > 0 {
            sum += self.nodes[node];
            node &= node - 1;
        }
        sum
    }
}
