//! Who is responsible for which key: consistent hashing with virtual nodes, and how the ring changes.
//!
//! The space of hashes is cut into [`PARTITIONS`] equal parts (strategy 3 of section 6.2 of the Dynamo paper). Every
//! member has several places on the ring, its virtual nodes; a partition's *preference list* is the first N distinct
//! members met clockwise from its beginning (section 4.2), and the members met after those stand in when a quorum is
//! sloppy.
//!
//! A member joins or leaves in stages. In each stage it is fixed to whom one writes and from whom one reads, and the
//! next begins only when every node knows the present one, so that at any moment nodes are at most one stage apart:
//!
//! | stage | writes go to | reads come from |
//! |---|---|---|
//! | (before) | old replicas | old replicas |
//! | [`Stage::Announced`] | old and new replicas | old replicas |
//! | [`Stage::Streaming`] | old and new replicas | old replicas |
//! | [`Stage::Settling`] | old and new replicas | new replicas |
//! | [`Stage::Stable`] | new replicas | new replicas |
//!
//! In any two neighbouring stages, the replicas written to in one include those read from in the other. While
//! streaming, when nobody writes to the old replicas alone any more, the new replicas fetch what the old ones have.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::hash::hash;
use crate::object::Key;

/// How many equal parts the space of hashes has.
pub const PARTITIONS: u16 = 64;

/// How far a change of members has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// No change is under way.
    Stable,
    /// Writes go to old and new replicas.
    Announced,
    /// The new replicas fetch what the old ones have.
    Streaming,
    /// New replicas have everything and are read from.
    Settling,
}

/// Who is in the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// Grows with every stage.
    pub version: u64,
    /// How far the change from `before` to `members` has come.
    pub stage: Stage,
    /// The members.
    pub members: BTreeSet<NodeId>,
    /// The members before the change; the same as `members` when no change is under way.
    pub before: BTreeSet<NodeId>,
}

impl Ring {
    /// The first ring.
    pub fn new(members: impl IntoIterator<Item = NodeId>) -> Ring {
        let members: BTreeSet<NodeId> = members.into_iter().collect();
        Ring { version: 1, stage: Stage::Stable, before: members.clone(), members }
    }

    /// The ring with the change to `members` begun.
    pub(crate) fn change(&self, members: BTreeSet<NodeId>) -> Ring {
        Ring { version: self.version + 1, stage: Stage::Announced, members, before: self.members.clone() }
    }

    /// The ring one stage later.
    pub(crate) fn next_stage(&self) -> Ring {
        let mut next = Ring { version: self.version + 1, ..self.clone() };
        match self.stage {
            Stage::Announced => next.stage = Stage::Streaming,
            Stage::Streaming => next.stage = Stage::Settling,
            Stage::Settling | Stage::Stable => {
                next.stage = Stage::Stable;
                next.before = next.members.clone();
            }
        }
        next
    }

    /// Who decides about changes: the lowest member of the ring as it was before the change.
    pub fn claimant(&self) -> Option<NodeId> {
        self.before.first().copied()
    }
}

/// A ring with the order of nodes worked out for every partition.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    ring: Ring,
    /// For every partition all members in the order in which they are met.
    members: Vec<Vec<NodeId>>,
    /// The same for the members before the change.
    before: Vec<Vec<NodeId>>,
}

/// To whom an operation on a key turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Replicas to read from.
    pub(crate) read: Vec<NodeId>,
    /// Groups of replicas; a write needs its W in each of them.
    pub(crate) write: Vec<Vec<NodeId>>,
    /// Members that can stand in for one of them, in order.
    pub(crate) others: Vec<NodeId>,
}

impl Plan {
    /// All replicas that are written to, each once.
    pub(crate) fn preference_list(&self) -> Vec<NodeId> {
        let mut replicas = self.write[0].clone();
        for group in &self.write[1..] {
            replicas.extend(group.iter().filter(|node| !self.write[0].contains(node)));
        }
        replicas
    }
}

impl Places {
    pub(crate) fn new(ring: Ring, virtual_nodes: u16) -> Places {
        let members = order(&ring.members, virtual_nodes);
        let before = if ring.before == ring.members { members.clone() } else { order(&ring.before, virtual_nodes) };
        Places { ring, members, before }
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// To whom to turn for a key, with N replicas.
    pub(crate) fn plan(&self, partition: u16, n: u16) -> Plan {
        let first = |order: &Vec<NodeId>| -> Vec<NodeId> { order.iter().take(usize::from(n)).copied().collect() };
        let new = &self.members[usize::from(partition)];
        let others = new.iter().skip(usize::from(n)).copied().collect();
        match self.ring.stage {
            Stage::Stable => Plan { read: first(new), write: vec![first(new)], others },
            stage => {
                let (old, new) = (first(&self.before[usize::from(partition)]), first(new));
                let others = others_of(others, &old);
                let read = if stage == Stage::Settling { new.clone() } else { old.clone() };
                let write = if old == new { vec![new] } else { vec![old, new] };
                Plan { read, write, others }
            }
        }
    }

    /// Whether a node is a replica of a partition, or about to be, or was just now.
    pub(crate) fn is_replica(&self, node: NodeId, partition: u16, n: u16) -> bool {
        self.plan(partition, n).write.iter().any(|group| group.contains(&node))
    }

    /// The partitions that a node must fetch, and from whom, before the change can go on.
    pub(crate) fn to_fetch(&self, node: NodeId, n: u16) -> BTreeMap<u16, Vec<NodeId>> {
        let mut missing = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let place = usize::from(partition);
            let takes = |order: &[Vec<NodeId>]| order[place].iter().take(usize::from(n)).any(|other| *other == node);
            if takes(&self.members) && !takes(&self.before) {
                missing.insert(partition, self.before[place].iter().take(usize::from(n)).copied().collect());
            }
        }
        missing
    }
}

fn others_of(others: Vec<NodeId>, replicas: &[NodeId]) -> Vec<NodeId> {
    others.into_iter().filter(|node| !replicas.contains(node)).collect()
}

/// For every partition, all nodes in the order in which they are met clockwise from its beginning.
fn order(nodes: &BTreeSet<NodeId>, virtual_nodes: u16) -> Vec<Vec<NodeId>> {
    let mut tokens: Vec<(u64, NodeId)> =
        nodes.iter().flat_map(|node| (0..virtual_nodes).map(|place| (hash(&(*node, place)), *node))).collect();
    tokens.sort_unstable();
    (0..PARTITIONS)
        .map(|partition| {
            let begin = u64::from(partition) << (64 - PARTITIONS.trailing_zeros());
            let from = tokens.partition_point(|(token, _)| *token < begin);
            let mut met = Vec::new();
            for (_, node) in tokens[from..].iter().chain(&tokens[..from]) {
                if !met.contains(node) {
                    met.push(*node);
                }
            }
            met
        })
        .collect()
}

/// A key's place: its partition, and which leaf of the partition's tree it falls into.
pub(crate) fn place(key: &Key) -> (u16, u16) {
    let hash = hash(key);
    let partition = (hash >> (64 - PARTITIONS.trailing_zeros())) as u16;
    (partition, (hash % u64::from(crate::merkle::LEAVES)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_all_members_in_some_order_and_shares_are_fair() {
        let places = Places::new(Ring::new(1..=5), 16);
        let mut first = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let plan = places.plan(partition, 3);
            assert_eq!(plan.read.len(), 3);
            assert_eq!(plan.others.len(), 2);
            assert_eq!(plan.write, vec![plan.read.clone()]);
            *first.entry(plan.read[0]).or_insert(0) += 1;
        }
        assert!(first.len() == 5 && first.values().all(|count| (4..=26).contains(count)), "{first:?}");
    }

    #[test]
    fn a_join_moves_little_and_each_stage_reads_where_its_neighbours_write() {
        let stable = Ring::new(1..=4);
        let announced = stable.change((1..=5).collect());
        let streaming = announced.next_stage();
        let settling = streaming.next_stage();
        let after = settling.next_stage();
        assert_eq!(after.stage, Stage::Stable);
        let stages: Vec<Places> =
            [stable, announced, streaming, settling, after].into_iter().map(|ring| Places::new(ring, 16)).collect();
        let mut moved = 0;
        for partition in 0..PARTITIONS {
            for pair in stages.windows(2) {
                let (one, two) = (pair[0].plan(partition, 3), pair[1].plan(partition, 3));
                assert!(one.write.contains(&two.read) && two.write.contains(&one.read));
            }
            let (old, new) = (stages[0].plan(partition, 3).read, stages[4].plan(partition, 3).read);
            moved += usize::from(old != new);
            assert!(old.iter().filter(|node| !new.contains(node)).count() <= 1, "only the newcomer takes a place");
        }
        assert_eq!(stages[1].to_fetch(5, 3).len(), moved);
        assert!((10..60).contains(&moved), "{moved}");
    }
}
