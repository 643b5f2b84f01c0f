//! What a type means, said by brute force over the graph of its updates.
//!
//! An update is known by its replica, what it did, and which updates were visible there: no dots, no contexts, no
//! states. What a reader sees follows from the updates visible to it alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use rashomon_crdt::state::DataType;
use rashomon_crdt::types::{
    GCounter, LwwRegister, LwwSet, MapOperation, MvPut, MvRegister, OrMap, OrSet, PnCounter, Rga, RgaOperation,
    SetOperation,
};

/// A set of updates, one bit each.
pub(crate) type Updates = u32;

/// An update as the graph knows it.
#[derive(Clone, Debug)]
pub(crate) struct Node<O> {
    /// Where it was made.
    pub(crate) replica: usize,
    /// What was done.
    pub(crate) operation: O,
    /// What was visible there, everything before it at the same replica included.
    pub(crate) visible: Updates,
    /// What the wall clock there said, µs.
    pub(crate) wall_us: i64,
}

/// The updates in the set, by number.
pub(crate) fn members(set: Updates) -> impl Iterator<Item = usize> {
    (0..Updates::BITS as usize).filter(move |at| set & (1 << at) != 0)
}

/// A type with its meaning.
pub(crate) trait Meaning: DataType<Operation: Clone + Debug, Value: PartialEq + Debug> {
    /// How many of the choices an exhaustive exploration can afford.
    const EXPLORED: usize = usize::MAX;

    /// The updates to be tried at a replica with this state; `next` is the number the update will have.
    fn choices(&self, next: usize) -> Vec<Self::Operation>;

    /// What a reader who sees these updates reads.
    fn meaning(graph: &[Node<Self::Operation>], visible: Updates) -> Self::Value;
}

/// The updates in `visible` that no other one there supersedes, where one supersedes what it has seen.
fn not_superseded<O>(graph: &[Node<O>], visible: Updates, supersedes: impl Fn(&O, &O) -> bool) -> Vec<usize> {
    let survives = |at: &usize| {
        let later = |other: usize| graph[other].visible & (1 << at) != 0;
        !members(visible).any(|other| later(other) && supersedes(&graph[other].operation, &graph[*at].operation))
    };
    members(visible).filter(survives).collect()
}

/// Hybrid logical times of all updates, with their replicas.
fn hybrid<O>(graph: &[Node<O>]) -> Vec<(i64, u32, usize)> {
    let mut times: Vec<(i64, u32, usize)> = Vec::new();
    for node in graph {
        let known = members(node.visible).map(|at| (times[at].0, times[at].1)).max().unwrap_or((0, 0));
        let (wall_us, count) = if node.wall_us > known.0 { (node.wall_us, 0) } else { (known.0, known.1 + 1) };
        times.push((wall_us, count, node.replica));
    }
    times
}

impl Meaning for GCounter {
    fn choices(&self, next: usize) -> Vec<u64> {
        vec![1 << next]
    }

    fn meaning(graph: &[Node<u64>], visible: Updates) -> u64 {
        members(visible).map(|at| graph[at].operation).sum()
    }
}

impl Meaning for PnCounter {
    fn choices(&self, next: usize) -> Vec<i64> {
        vec![1 << next, -(1 << next)]
    }

    fn meaning(graph: &[Node<i64>], visible: Updates) -> i64 {
        members(visible).map(|at| graph[at].operation).sum()
    }
}

impl Meaning for LwwRegister {
    fn choices(&self, next: usize) -> Vec<i64> {
        vec![next as i64]
    }

    fn meaning(graph: &[Node<i64>], visible: Updates) -> Option<i64> {
        let times = hybrid(graph);
        members(visible).max_by_key(|at| times[*at]).map(|at| graph[at].operation)
    }
}

impl Meaning for MvRegister {
    fn choices(&self, next: usize) -> Vec<MvPut> {
        let all: BTreeSet<_> = self.siblings().map(|(dot, _)| dot).collect();
        let value = next as i64;
        // With the context of a read just made, and blind.
        let mut choices = vec![MvPut { value, seen: all.clone() }];
        if !all.is_empty() {
            choices.push(MvPut { value, seen: BTreeSet::new() });
        }
        choices
    }

    fn meaning(graph: &[Node<MvPut>], visible: Updates) -> Vec<i64> {
        // A put with a context supersedes all that was visible to it, a blind one nothing.
        let left = not_superseded(graph, visible, |later, _| !later.seen.is_empty());
        left.into_iter().map(|at| graph[at].operation.value).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

impl Meaning for OrSet {
    const EXPLORED: usize = 2;

    fn choices(&self, _: usize) -> Vec<SetOperation> {
        vec![SetOperation::Add(1), SetOperation::Remove(1), SetOperation::Add(2)]
    }

    fn meaning(graph: &[Node<SetOperation>], visible: Updates) -> BTreeSet<i64> {
        let removes = |later: &SetOperation, add: &SetOperation| match (later, add) {
            (SetOperation::Remove(one), SetOperation::Add(other)) => one == other,
            _ => false,
        };
        let left = not_superseded(graph, visible, removes);
        let added = left.into_iter().filter_map(|at| match graph[at].operation {
            SetOperation::Add(element) => Some(element),
            SetOperation::Remove(_) => None,
        });
        added.collect()
    }
}

impl Meaning for LwwSet {
    fn choices(&self, _: usize) -> Vec<SetOperation> {
        vec![SetOperation::Add(1), SetOperation::Remove(1)]
    }

    fn meaning(graph: &[Node<SetOperation>], visible: Updates) -> BTreeSet<i64> {
        let times = hybrid(graph);
        let mut latest = BTreeMap::new();
        for at in members(visible) {
            let (SetOperation::Add(element) | SetOperation::Remove(element)) = graph[at].operation;
            let present = matches!(graph[at].operation, SetOperation::Add(_));
            let known = latest.entry(element).or_insert((times[at], present));
            *known = (*known).max((times[at], present));
        }
        latest.into_iter().filter(|(_, (_, present))| *present).map(|(element, _)| element).collect()
    }
}

impl Meaning for OrMap {
    const EXPLORED: usize = 2;

    fn choices(&self, next: usize) -> Vec<MapOperation> {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let value = next as i64;
        vec![MapOperation::Put(a.clone(), value), MapOperation::Remove(a), MapOperation::Put(b, value)]
    }

    fn meaning(graph: &[Node<MapOperation>], visible: Updates) -> BTreeMap<Arc<str>, Vec<i64>> {
        let field = |operation: &MapOperation| match operation {
            MapOperation::Put(field, _) | MapOperation::Remove(field) => field.clone(),
        };
        let mut fields: BTreeMap<Arc<str>, BTreeSet<i64>> = BTreeMap::new();
        for at in not_superseded(graph, visible, |later, earlier| field(later) == field(earlier)) {
            if let MapOperation::Put(field, value) = &graph[at].operation {
                fields.entry(field.clone()).or_default().insert(*value);
            }
        }
        fields.into_iter().map(|(field, values)| (field, values.into_iter().collect())).collect()
    }
}

impl Meaning for Rga {
    fn choices(&self, next: usize) -> Vec<RgaOperation> {
        let element = next as i64;
        let there = self.value();
        let mut choices = vec![RgaOperation::Insert(element, None)];
        choices.extend(there.iter().map(|after| RgaOperation::Insert(element, Some(*after))));
        choices.extend(there.iter().map(|element| RgaOperation::Delete(*element)));
        choices
    }

    /// The timestamped insertion tree: from the beginning, each element before those anchored at it, of several
    /// anchored at the same one the latest first.
    fn meaning(graph: &[Node<RgaOperation>], visible: Updates) -> Vec<i64> {
        let mut times: Vec<u64> = Vec::new();
        for node in graph {
            let known = members(node.visible).map(|at| times[at]).max().unwrap_or(0);
            times.push(known + u64::from(matches!(node.operation, RgaOperation::Insert(..))));
        }
        let mut anchored: BTreeMap<Option<i64>, Vec<(u64, usize, i64)>> = BTreeMap::new();
        let mut deleted = BTreeSet::new();
        for at in members(visible) {
            match graph[at].operation {
                RgaOperation::Insert(element, after) => {
                    anchored.entry(after).or_default().push((times[at], graph[at].replica, element));
                }
                RgaOperation::Delete(element) => {
                    deleted.insert(element);
                }
            }
        }
        let mut text = Vec::new();
        let mut ahead = vec![None];
        while let Some(element) = ahead.pop() {
            text.extend(element);
            let mut next = anchored.remove(&element).unwrap_or_default();
            next.sort_unstable();
            ahead.extend(next.into_iter().map(|(.., element)| Some(element)));
        }
        text.retain(|element| !deleted.contains(element));
        text
    }
}
