//! One object as elements that are added, removed and read, in small integers.

use rashomon_history::{OpView, Outcome, Value};

use crate::eventual::final_reads::is_answered;
use crate::findings::last_moment;
use crate::names::Names;

/// No element.
pub(in crate::eventual) const NONE: u32 = u32::MAX;

/// Something that may remove elements.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::eventual) struct Removal {
    /// Its index among the object's operations.
    pub(in crate::eventual) op: u32,
    /// The element that the same operation adds, which it therefore spares; [`NONE`] if it only removes.
    pub(in crate::eventual) own: u32,
    /// Whether it removes for certain where it was acknowledged. If not, it may have found nothing.
    pub(in crate::eventual) found: bool,
}

/// Lists of numbers, one list after the other.
#[derive(Default)]
pub(in crate::eventual) struct Lists<T> {
    items: Vec<T>,
    ends: Vec<u32>,
}

impl<T: Copy + Default> Lists<T> {
    /// `count` lists from pairs of a list's number and an item, which keep their order.
    pub(in crate::eventual) fn of(count: usize, pairs: impl Iterator<Item = (u32, T)> + Clone) -> Lists<T> {
        let mut ends = vec![0_u32; count];
        for (list, _) in pairs.clone() {
            ends[list as usize] += 1;
        }
        let mut total = 0;
        for end in &mut ends {
            // For now the start of its list.
            (*end, total) = (total, total + *end);
        }
        let mut items = vec![T::default(); total as usize];
        for (list, item) in pairs {
            items[ends[list as usize] as usize] = item;
            ends[list as usize] += 1;
        }
        Lists { items, ends }
    }

    /// One more list.
    pub(in crate::eventual) fn push(&mut self, items: impl IntoIterator<Item = T>) {
        self.items.extend(items);
        self.ends.push(self.items.len() as u32);
    }

    pub(in crate::eventual) fn get(&self, list: usize) -> &[T] {
        let start = if list == 0 { 0 } else { self.ends[list - 1] };
        &self.items[start as usize..self.ends[list] as usize]
    }

    pub(in crate::eventual) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The object. Operations are indices among its operations; what failed is left out.
pub(in crate::eventual) struct Object<'a> {
    pub(in crate::eventual) ops: &'a [OpView<'a>],
    pub(in crate::eventual) names: Names,
    /// Per element, its adds in order of invocation.
    pub(in crate::eventual) adds: Lists<u32>,
    /// Per element, which group of removals concerns it.
    pub(in crate::eventual) group: Vec<u32>,
    /// Per group, its removals in order of invocation.
    pub(in crate::eventual) removals: Lists<Removal>,
    /// The reads that returned, in order of invocation.
    pub(in crate::eventual) reads: Vec<u32>,
    /// Per read, the elements in it, each once.
    pub(in crate::eventual) found: Lists<u32>,
    /// Elements that a read returned more than once, with the read.
    pub(in crate::eventual) twice: Vec<(u32, u32)>,
}

/// Collects an object operation by operation.
pub(in crate::eventual) struct Builder<'a> {
    ops: &'a [OpView<'a>],
    names: Names,
    groups: Option<Names>,
    adds: Vec<(u32, u32)>,
    removals: Vec<(u32, Removal)>,
}

impl<'a> Builder<'a> {
    /// Of these operations; `expected` are the elements that will be added, where they are plain values.
    pub(in crate::eventual) fn new(ops: &'a [OpView<'a>]) -> Builder<'a> {
        let expected = ops.iter().filter(|op| op.f != "read").map(|op| match &op.input {
            Value::List(items) if !items.is_empty() => &items[0],
            value => value,
        });
        Builder { ops, names: Names::expecting(expected), groups: None, adds: Vec::new(), removals: Vec::new() }
    }

    /// Lets removals concern whole groups of elements, which have names of their own.
    pub(in crate::eventual) fn grouped(mut self) -> Builder<'a> {
        self.groups = Some(Names::default());
        self
    }

    /// The number of an element.
    pub(in crate::eventual) fn element(&mut self, name: &Value) -> u32 {
        self.names.number(name)
    }

    /// The number of a group.
    pub(in crate::eventual) fn group(&mut self, name: &Value) -> u32 {
        match &mut self.groups {
            Some(groups) => groups.number(name),
            None => self.names.number(name),
        }
    }

    /// An operation that may have happened adds an element.
    pub(in crate::eventual) fn add(&mut self, element: u32, op: usize) {
        self.adds.push((element, op as u32));
    }

    /// An operation that may have happened removes elements of a group.
    pub(in crate::eventual) fn remove(&mut self, group: u32, op: usize, own: u32) {
        self.removals.push((group, Removal { op: op as u32, own, found: true }));
    }

    /// The same of one that may have found nothing to remove, though it was acknowledged.
    pub(in crate::eventual) fn may_remove(&mut self, group: u32, op: usize, own: u32) {
        self.removals.push((group, Removal { op: op as u32, own, found: false }));
    }

    /// The object; `elements` calls its second argument with the name of each element in an answer, and `group` names
    /// an element's group where there are groups.
    pub(in crate::eventual) fn build(
        mut self,
        elements: impl Fn(&Value, &mut dyn FnMut(&Value)),
        group: impl Fn(&Value) -> Value,
    ) -> Object<'a> {
        let mut found: Lists<u32> = Lists::default();
        let (mut reads, mut twice) = (Vec::new(), Vec::new());
        // The last read in which an element was seen, plus one.
        let mut stamps: Vec<u32> = Vec::new();
        let mut row = Vec::new();
        for (index, op) in self.ops.iter().enumerate().filter(|(_, op)| is_answered(op)) {
            reads.push(index as u32);
            let stamp = reads.len() as u32;
            row.clear();
            elements(&op.output, &mut |name| {
                let element = self.names.number(name);
                if element as usize >= stamps.len() {
                    stamps.resize(self.names.len(), 0);
                }
                if stamps[element as usize] == stamp {
                    twice.push((element, index as u32));
                } else {
                    stamps[element as usize] = stamp;
                    row.push(element);
                }
            });
            found.push(row.iter().copied());
        }
        let count = self.names.len();
        let (group, groups) = match self.groups {
            None => ((0..count as u32).collect(), count),
            Some(mut groups) => {
                let group = (0..count as u32).map(|element| groups.number(&group(self.names.name(element)))).collect();
                (group, groups.len())
            }
        };
        Object {
            ops: self.ops,
            adds: Lists::of(count, self.adds.iter().copied()),
            removals: Lists::of(groups, self.removals.iter().copied()),
            names: self.names,
            group,
            reads,
            found,
            twice,
        }
    }
}

impl Object<'_> {
    /// Per element, the reads that have it, as numbers by rank, in rising order. `order[rank]` is a read.
    pub(in crate::eventual) fn present(&self, order: &[u32]) -> Lists<u32> {
        let of_rank = |(rank, &read): (usize, &u32)| {
            self.found.get(read as usize).iter().map(move |&element| (element, rank as u32))
        };
        Lists::of(self.names.len(), order.iter().enumerate().flat_map(of_rank))
    }

    /// When an operation began, as a position.
    pub(in crate::eventual) fn begun(&self, op: u32) -> u32 {
        self.ops[op as usize].invoked
    }

    /// The last position at which an operation can have taken effect.
    pub(in crate::eventual) fn end(&self, op: u32) -> u32 {
        last_moment(&self.ops[op as usize])
    }

    /// Whether an operation was acknowledged.
    pub(in crate::eventual) fn is_acknowledged(&self, op: u32) -> bool {
        self.ops[op as usize].outcome == Outcome::Ok
    }
}
