//! Hinted handoff (section 4.6 of the Dynamo paper): what was kept for a node goes to it when it is back.

use std::collections::BTreeMap;

use rashomon_protocol::NodeId;

use crate::message::Cause;
use crate::node::Node;
use crate::object::{Key, Object};
use crate::output::Event;

/// The most hints that are under way to one node at a time.
const BATCH: usize = 128;

/// How many times the node's patience a hint may be under way before it is sent again.
const PATIENCE: u64 = 10;

/// What is being handed over.
#[derive(Clone, Debug)]
pub(crate) struct Handoff {
    pub(crate) next_at: u64,
    /// By the number of the write: for whom, which key, in which state, since when.
    sent: BTreeMap<u64, (NodeId, Key, Object, u64)>,
}

impl Handoff {
    pub(crate) fn new(now: u64) -> Handoff {
        Handoff { next_at: now, sent: BTreeMap::new() }
    }
}

impl Node {
    /// Sends hints to replicas that are back.
    pub(crate) fn hand_over(&mut self) {
        let now = self.now();
        if now < self.handoff.next_at {
            return;
        }
        self.handoff.next_at = now + self.config.handoff_ms;
        let patience = PATIENCE * self.config.patience_ms;
        self.handoff.sent.retain(|_, (.., at)| *at + patience > now);
        for replica in self.store.hinted_replicas() {
            if !self.reachable.contains(&replica) {
                continue;
            }
            let under_way = |key: &Key| self.handoff.sent.values().any(|(to, sent, ..)| *to == replica && sent == key);
            let hints = self.store.hints().filter(|(to, key, _)| *to == replica && !under_way(key));
            let batch: Vec<(Key, Object)> =
                hints.take(BATCH).map(|(_, key, object)| (key.clone(), object.clone())).collect();
            for (key, object) in batch {
                let Some(op) = self.birth() else { return };
                self.handoff.sent.insert(op, (replica, key.clone(), object.clone(), now));
                self.send_write(replica, op, key, object, Cause::Repair, None);
            }
        }
    }

    /// A write was refused for its fence; if it was a hint's, the hint is sent again in its turn.
    pub(crate) fn not_handed_over(&mut self, op: u64) {
        self.handoff.sent.remove(&op);
    }

    /// A write was acknowledged; if it was a hint's, the hint is done.
    pub(crate) fn handed_over(&mut self, from: NodeId, op: u64) {
        let Some((replica, key, object, _)) = self.handoff.sent.remove(&op) else { return };
        if replica != from {
            return;
        }
        if let Some(record) = self.store.hint_done(replica, &key, &object) {
            self.durability.record(record);
        }
        if self.handoff.sent.values().all(|(to, ..)| *to != replica) {
            let left = self.store.hints().filter(|(to, ..)| *to == replica).count();
            self.event(Event::HandedOver { replica, left });
            self.handoff.next_at = self.now();
        }
    }
}
