//! What a node holds: objects by partition, with a hash tree for each, and hints for other nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use rashomon_protocol::NodeId;

use crate::hash::hash;
use crate::merkle::Tree;
use crate::mutant::Mutant;
use crate::object::{Key, Object, Space};
use crate::output::Record;
use crate::ring::{PARTITIONS, place};

/// A key's state on this node.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) object: Object,
    /// This node's present stay with the key, once it has written there.
    pub(crate) birth: Option<u64>,
    /// Equal on two replicas when the object is.
    pub(crate) digest: u64,
}

#[derive(Clone, Debug, Default)]
struct Partition {
    /// By leaf, then by key.
    keys: BTreeMap<(u16, Key), Held>,
    tree: Tree,
}

/// All objects and hints of a node.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    partitions: Vec<Partition>,
    /// Tombstones, and since when they have been here in their present form.
    tombstones: BTreeMap<Key, u64>,
    /// The highest stamp of a register that was forgotten.
    floor: u64,
    /// What is kept for others, by key and replica.
    hints: BTreeMap<(Key, NodeId), Object>,
    mutant: Option<Mutant>,
}

impl Store {
    pub(crate) fn new(floor: u64, mutant: Option<Mutant>) -> Store {
        let partitions = vec![Partition::default(); usize::from(PARTITIONS)];
        Store { partitions, tombstones: BTreeMap::new(), floor, hints: BTreeMap::new(), mutant }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Held> {
        let (partition, leaf) = place(key);
        self.partitions[usize::from(partition)].keys.get(&(leaf, key.clone()))
    }

    pub(crate) fn floor(&self) -> u64 {
        self.floor
    }

    /// Replaces a key's state.
    pub(crate) fn put(&mut self, key: &Key, object: Object, birth: Option<u64>, now: u64) -> Record {
        let (place, leaf) = place(key);
        let partition = &mut self.partitions[usize::from(place)];
        let digest = digest(key, &object);
        if object.is_tombstone() {
            self.tombstones.insert(key.clone(), now);
        } else {
            self.tombstones.remove(key);
        }
        partition.tree.toggle(leaf, digest);
        let held = Held { object: object.clone(), birth, digest };
        if let Some(old) = partition.keys.insert((leaf, key.clone()), held) {
            partition.tree.toggle(leaf, old.digest);
        }
        Record::Put { key: key.clone(), object, birth }
    }

    /// Takes a state in. `None` when it brings nothing new.
    pub(crate) fn merge(&mut self, key: &Key, object: &Object, now: u64) -> Option<Record> {
        let Some(held) = self.get(key) else {
            return Some(self.put(key, object.clone(), None, now));
        };
        let mut merged = held.object.clone();
        merged.merge(object, self.mutant);
        if merged == held.object {
            return None;
        }
        let birth = held.birth;
        Some(self.put(key, merged, birth, now))
    }

    /// Forgets a key.
    pub(crate) fn drop_key(&mut self, key: &Key) -> Option<Record> {
        let (place, leaf) = place(key);
        let partition = &mut self.partitions[usize::from(place)];
        let held = partition.keys.remove(&(leaf, key.clone()))?;
        partition.tree.toggle(leaf, held.digest);
        self.tombstones.remove(key);
        self.floor = self.floor.max(held.object.stamp());
        Some(Record::Drop { key: key.clone(), floor: self.floor })
    }

    pub(crate) fn tree(&self, partition: u16) -> &Tree {
        &self.partitions[usize::from(partition)].tree
    }

    /// The keys of a leaf, with their digests.
    pub(crate) fn leaf(&self, partition: u16, leaf: u16) -> impl Iterator<Item = (&Key, u64)> {
        let first = (leaf, Key { space: Space::Register, name: "".into() });
        let keys = self.partitions[usize::from(partition)].keys.range(first..);
        keys.take_while(move |((at, _), _)| *at == leaf).map(|((_, key), held)| (key, held.digest))
    }

    /// The keys of a partition after this one, at most `count`, and whether there are no more.
    pub(crate) fn after(&self, partition: u16, after: Option<&Key>, count: usize) -> (Vec<(Key, Object)>, bool) {
        let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded((place(key).1, key.clone())));
        let mut rest = self.partitions[usize::from(partition)].keys.range((from, Bound::Unbounded));
        let taken = rest.by_ref().take(count).map(|((_, key), held)| (key.clone(), held.object.clone())).collect();
        (taken, rest.next().is_none())
    }

    /// All keys of a partition.
    pub(crate) fn keys(&self, partition: u16) -> Vec<Key> {
        self.partitions[usize::from(partition)].keys.keys().map(|(_, key)| key.clone()).collect()
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.partitions.iter().map(|partition| partition.keys.len()).sum()
    }

    /// All keys with what they hold, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Held)> {
        self.partitions.iter().flat_map(|partition| &partition.keys).map(|((_, key), held)| (key, held))
    }

    /// Tombstones that have been as they are since before `since`.
    pub(crate) fn tombstones_before(&self, since: u64) -> impl Iterator<Item = &Key> {
        self.tombstones.iter().filter(move |(_, at)| **at <= since).map(|(key, _)| key)
    }

    /// Keeps a state for another node.
    pub(crate) fn add_hint(&mut self, replica: NodeId, key: &Key, object: &Object) -> Option<Record> {
        let mutant = self.mutant;
        let kept = self.hints.entry((key.clone(), replica)).or_insert_with(|| object.clone());
        kept.merge(object, mutant);
        // D8: hints are in memory only.
        if mutant == Some(Mutant::HintsInMemory) {
            return None;
        }
        Some(Record::Hint { replica, key: key.clone(), object: kept.clone() })
    }

    /// A hint was handed over in this state; it goes unless it has changed meanwhile.
    pub(crate) fn hint_done(&mut self, replica: NodeId, key: &Key, object: &Object) -> Option<Record> {
        let at = (key.clone(), replica);
        if self.hints.get(&at) != Some(object) {
            return None;
        }
        self.hints.remove(&at);
        Some(Record::HintDone { replica, key: key.clone() })
    }

    /// The hints, in order of their keys.
    pub(crate) fn hints(&self) -> impl Iterator<Item = (NodeId, &Key, &Object)> {
        self.hints.iter().map(|((key, replica), object)| (*replica, key, object))
    }

    /// The hints for a key.
    pub(crate) fn hints_for(&self, key: &Key) -> impl Iterator<Item = (NodeId, &Object)> {
        self.hints.range((key.clone(), 0)..=(key.clone(), NodeId::MAX)).map(|((_, replica), object)| (*replica, object))
    }

    /// The nodes for which there are hints.
    pub(crate) fn hinted_replicas(&self) -> BTreeSet<NodeId> {
        self.hints.keys().map(|(_, replica)| *replica).collect()
    }
}

/// What stands for a key's state where replicas compare.
pub(crate) fn digest(key: &Key, object: &Object) -> u64 {
    hash(&(key, object))
}
