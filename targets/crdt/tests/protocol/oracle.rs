//! What replicas must answer, from the graph of all updates and what each replica has heard.
//!
//! The oracle keeps sets of updates where the replicas keep states: a replica that joined what a peer had at a certain
//! sequence number has heard of all that the peer had heard of then. What a reader must see follows from these sets and
//! from what each update had heard of; dots and contexts play no part in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rashomon_crdt::types::{MapOperation, RgaOperation, SetOperation};
use rashomon_crdt::{Actor, Key, Query, Reading, SetKind, Update};

/// Numbers of updates.
pub(crate) type Heard = BTreeSet<usize>;

/// A place in the order of times.
pub(crate) type Time = (i64, u32, Actor);

pub(crate) struct Made {
    pub(crate) key: Key,
    pub(crate) update: Update,
    pub(crate) heard: Heard,
    /// Its place among the updates of its register or set, or the insertions of its text.
    pub(crate) time: Option<Time>,
    /// What a put to siblings supersedes.
    pub(crate) supersedes: Heard,
}

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) updates: Vec<Made>,
    /// What a replica had heard of at each of its sequence numbers.
    at: BTreeMap<(Actor, u64), Heard>,
}

impl Oracle {
    /// What a replica had heard of when it had joined this many deltas.
    pub(crate) fn heard(&self, actor: Actor, sequence: u64) -> Heard {
        let range = self.at.range((actor, 0)..=(actor, sequence));
        range.into_iter().next_back().map(|(_, heard)| heard.clone()).unwrap_or_default()
    }

    /// A replica has joined this many deltas and heard of these updates.
    pub(crate) fn note(&mut self, actor: Actor, sequence: u64, heard: Heard) {
        self.at.entry((actor, sequence)).or_default().extend(heard);
    }

    /// A replica starts again with this many deltas: what it had joined beyond was never durable, and never told.
    pub(crate) fn forget_beyond(&mut self, actor: Actor, sequence: u64) {
        self.at.retain(|(other, number), _| *other != actor || *number <= sequence);
    }

    fn about<'a>(&'a self, key: &'a str, heard: &'a Heard) -> impl Iterator<Item = (usize, &'a Made)> + 'a {
        heard.iter().map(|at| (*at, &self.updates[*at])).filter(move |(_, made)| &*made.key == key)
    }

    /// What must be read by who has heard of these; siblings without their dots.
    pub(crate) fn expected(&self, key: &str, query: Query, kind: SetKind, heard: &Heard) -> Reading {
        let superseded = |at: usize, by: &dyn Fn(&Update) -> bool| {
            self.about(key, heard).any(|(_, later)| later.heard.contains(&at) && by(&later.update))
        };
        match query {
            Query::Counter => Reading::Total(
                self.about(key, heard)
                    .map(|(_, made)| if let Update::CounterAdd(amount) = made.update { amount } else { 0 })
                    .sum(),
            ),
            Query::Register => {
                let writes = self.about(key, heard).filter_map(|(_, made)| match made.update {
                    Update::RegisterWrite(value) => Some((made.time, value)),
                    _ => None,
                });
                Reading::Register(writes.max().map(|(_, value)| value))
            }
            Query::Siblings => {
                let gone: Heard =
                    self.about(key, heard).flat_map(|(_, made)| made.supersedes.iter().copied()).collect();
                let left = self.about(key, heard).filter(|(at, _)| !gone.contains(at));
                let mut values: Vec<i64> = left
                    .filter_map(|(_, made)| match made.update {
                        Update::SiblingsPut { value, .. } => Some(value),
                        _ => None,
                    })
                    .collect();
                values.sort_unstable();
                Reading::Elements(values)
            }
            Query::Set => Reading::Elements(match kind {
                SetKind::ObservedRemove => {
                    let adds = self.about(key, heard).filter_map(|(at, made)| match made.update {
                        Update::Set(SetOperation::Add(element)) => Some((at, element)),
                        _ => None,
                    });
                    let there = adds.filter(|(at, element)| {
                        !superseded(*at, &|later| *later == Update::Set(SetOperation::Remove(*element)))
                    });
                    there.map(|(_, element)| element).collect::<BTreeSet<_>>().into_iter().collect()
                }
                SetKind::LastWriterWins => {
                    let mut latest = BTreeMap::new();
                    for (_, made) in self.about(key, heard) {
                        let (element, present) = match made.update {
                            Update::Set(SetOperation::Add(element)) => (element, true),
                            Update::Set(SetOperation::Remove(element)) => (element, false),
                            _ => continue,
                        };
                        let known = latest.entry(element).or_insert((made.time, present));
                        *known = (*known).max((made.time, present));
                    }
                    latest.into_iter().filter(|(_, (_, present))| *present).map(|(element, _)| element).collect()
                }
            }),
            Query::Map => {
                let field = |update: &Update| match update {
                    Update::Map(MapOperation::Put(field, _) | MapOperation::Remove(field)) => Some(field.clone()),
                    _ => None,
                };
                let mut fields: BTreeMap<Arc<str>, BTreeSet<i64>> = BTreeMap::new();
                for (at, made) in self.about(key, heard) {
                    if let Update::Map(MapOperation::Put(name, value)) = &made.update
                        && !superseded(at, &|later| field(later).as_ref() == Some(name))
                    {
                        fields.entry(name.clone()).or_default().insert(*value);
                    }
                }
                Reading::Fields(fields.into_iter().map(|(name, values)| (name, values.into_iter().collect())).collect())
            }
            Query::Text => Reading::Elements(self.text(key, heard)),
        }
    }

    /// Roh's insertion as the tree that it makes: latest first among those with the same anchor.
    fn text(&self, key: &str, heard: &Heard) -> Vec<i64> {
        let mut anchored: BTreeMap<Option<i64>, Vec<(Option<Time>, i64)>> = BTreeMap::new();
        let mut deleted = BTreeSet::new();
        for (_, made) in self.about(key, heard) {
            match made.update {
                Update::Text(RgaOperation::Insert(element, after)) => {
                    anchored.entry(after).or_default().push((made.time, element));
                }
                Update::Text(RgaOperation::Delete(element)) => {
                    deleted.insert(element);
                }
                _ => {}
            }
        }
        let (mut text, mut ahead) = (Vec::new(), vec![None]);
        while let Some(element) = ahead.pop() {
            text.extend(element);
            let mut next = anchored.remove(&element).unwrap_or_default();
            next.sort_unstable();
            ahead.extend(next.into_iter().map(|(_, element)| Some(element)));
        }
        text.retain(|element| !deleted.contains(element));
        text
    }
}
