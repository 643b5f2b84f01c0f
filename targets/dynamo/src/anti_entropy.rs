//! Replicas compare their hash trees and send each other what differs (section 4.7 of the Dynamo paper).
//!
//! One exchange, each message only if there is a difference: roots, the hashes below them, the leaves below those that
//! differ, the keys with their digests in leaves that differ, and then states, both ways. No side remembers anything
//! between messages.

use std::collections::BTreeMap;

use rashomon_protocol::NodeId;

use crate::message::{Cause, Message};
use crate::node::Node;
use crate::object::Key;
use crate::output::Event;
use crate::ring::PARTITIONS;

/// When the next comparison is due and with whom.
#[derive(Clone, Debug)]
pub(crate) struct AntiEntropy {
    pub(crate) next_at: u64,
    turn: usize,
}

impl AntiEntropy {
    pub(crate) fn new(now: u64) -> AntiEntropy {
        AntiEntropy { next_at: now, turn: 0 }
    }
}

impl Node {
    /// Sends the roots of all shared partitions to the next node in turn.
    pub(crate) fn compare_trees(&mut self) {
        let now = self.now();
        if self.config.anti_entropy_ms == 0 || now < self.anti_entropy.next_at {
            return;
        }
        self.anti_entropy.next_at = now + self.config.anti_entropy_ms;
        let others = self.config.nodes.iter().filter(|node| **node != self.config.id && self.reachable.contains(node));
        let others: Vec<NodeId> = others.copied().collect();
        if others.is_empty() {
            return;
        }
        self.anti_entropy.turn = (self.anti_entropy.turn + 1) % others.len();
        let with = others[self.anti_entropy.turn];
        let shared = (0..PARTITIONS).filter(|partition| self.both_replicas(with, *partition));
        let roots: Vec<(u16, u64)> =
            shared.map(|partition| (partition, self.store.tree(partition).root(self.config.mutant))).collect();
        if !roots.is_empty() {
            self.send(with, Message::Roots { roots });
        }
    }

    fn both_replicas(&self, other: NodeId, partition: u16) -> bool {
        let n = self.config.quorum.n;
        self.places.is_replica(self.config.id, partition, n) && self.places.is_replica(other, partition, n)
    }

    pub(crate) fn take_roots(&mut self, from: NodeId, roots: &[(u16, u64)]) {
        for (partition, root) in roots {
            let mutant = self.config.mutant;
            if *partition < PARTITIONS
                && self.both_replicas(from, *partition)
                && self.store.tree(*partition).root(mutant) != *root
            {
                let hashes = self.store.tree(*partition).inner(mutant);
                self.send(from, Message::Inner { partition: *partition, hashes });
            }
        }
    }

    pub(crate) fn take_inner(&mut self, from: NodeId, partition: u16, hashes: &[u64]) {
        if partition >= PARTITIONS {
            return;
        }
        let mine = self.store.tree(partition).inner(self.config.mutant);
        let differing = mine.iter().zip(hashes).enumerate().filter(|(_, (mine, theirs))| mine != theirs);
        let differing: Vec<u16> = differing.map(|(at, _)| at as u16).collect();
        let tree = self.store.tree(partition);
        let leaves: Vec<(u16, u64)> = differing.into_iter().flat_map(|inner| tree.leaves_below(inner)).collect();
        if !leaves.is_empty() {
            self.send(from, Message::Leaves { partition, leaves });
        }
    }

    pub(crate) fn take_leaves(&mut self, from: NodeId, partition: u16, leaves: &[(u16, u64)]) {
        if partition >= PARTITIONS {
            return;
        }
        let tree = self.store.tree(partition);
        let differs = |(leaf, hash): &&(u16, u64)| tree.leaf(*leaf).is_some_and(|mine| mine != *hash);
        let differing: Vec<u16> = leaves.iter().filter(differs).map(|(leaf, _)| *leaf).collect();
        if differing.is_empty() {
            return;
        }
        let keys = differing.iter().flat_map(|leaf| self.store.leaf(partition, *leaf));
        let keys = keys.map(|(key, digest)| (key.clone(), digest)).collect();
        self.send(from, Message::Keys { partition, leaves: differing, keys });
    }

    pub(crate) fn take_keys(&mut self, from: NodeId, partition: u16, leaves: &[u16], keys: Vec<(Key, u64)>) {
        if partition >= PARTITIONS || !self.both_replicas(from, partition) {
            return;
        }
        let theirs: BTreeMap<Key, u64> = keys.into_iter().collect();
        let mine = leaves.iter().flat_map(|leaf| self.store.leaf(partition, *leaf));
        let mine: BTreeMap<Key, u64> = mine.map(|(key, digest)| (key.clone(), digest)).collect();
        let send: Vec<Key> =
            mine.iter().filter(|(key, digest)| theirs.get(*key) != Some(*digest)).map(|(key, _)| key.clone()).collect();
        let want: Vec<Key> =
            theirs.iter().filter(|(key, digest)| mine.get(*key) != Some(*digest)).map(|(key, _)| key.clone()).collect();
        self.event(Event::Synced { with: from, partition, sent: send.len(), wanted: want.len() });
        for key in &send {
            self.send_state(from, key);
        }
        if !want.is_empty() {
            self.send(from, Message::Want { keys: want });
        }
    }

    /// Sends this node's state of a key.
    pub(crate) fn send_state(&mut self, to: NodeId, key: &Key) {
        if let Some(held) = self.store.get(key) {
            let object = held.object.clone();
            self.send_write(to, 0, key.clone(), object, Cause::Repair, None);
        }
    }
}
