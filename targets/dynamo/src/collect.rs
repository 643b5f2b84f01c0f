//! Forgetting tombstones.
//!
//! A tombstone may go only when nothing older than it can come back: a state without the deletion, on a replica, in a
//! hint, in an operation or on its way. Age alone does not show that; a node may be cut off or stopped for longer than
//! any grace period (that was the bug behind many a resurrected row in stores that rely on it). So when the grace
//! period is over, the first replica of a key asks *every* node, in three phases, each begun when all have answered the
//! one before:
//!
//! 1. Every replica has this very tombstone, and nobody else has the key or keeps a hint for it. From here on whoever
//!    reads the key finds the tombstone.
//! 2. The same, and nobody has an operation on the key under way. So whatever carries an older state has been sent.
//! 3. The same, and the answering node takes a new epoch. States are sent under the epoch of their receiver as the
//!    sender knows it, and refused under another; so whatever was sent before phase 2 ended is refused from now on.
//!
//! Then all forget. Who refuses in a phase keeps the tombstone for everyone; so does a node that is down.

use std::collections::BTreeSet;

use rashomon_protocol::NodeId;

use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::Node;
use crate::object::Key;
use crate::output::Event;
use crate::ring::{Stage, place};

/// Tombstones in one round at most.
const ROUND: usize = 256;

/// Phases of a round.
const PHASES: u8 = 3;

/// The round that this node has begun.
#[derive(Clone, Debug)]
struct Round {
    id: u64,
    phase: u8,
    keys: Vec<(Key, u64)>,
    waiting: BTreeSet<NodeId>,
    until: u64,
}

/// When tombstones are looked at next, and the round under way.
#[derive(Clone, Debug)]
pub(crate) struct Collector {
    pub(crate) next_at: u64,
    round: Option<Round>,
}

impl Collector {
    pub(crate) fn new(now: u64) -> Collector {
        Collector { next_at: now, round: None }
    }

    /// Ends the round under way without a result.
    pub(crate) fn abandon(&mut self) {
        self.round = None;
    }
}

impl Node {
    /// Begins a round for tombstones that are old enough.
    pub(crate) fn collect_tombstones(&mut self) {
        let now = self.now();
        if now < self.collector.next_at || now < self.config.grace_ms {
            return;
        }
        self.collector.next_at = now + (self.config.grace_ms / 4).max(10);
        let old = self.store.tombstones_before(now - self.config.grace_ms);
        // D10: a tombstone goes when it is old, whoever has it or not.
        if self.is(Mutant::CollectedByAge) {
            let keys: Vec<Key> = old.cloned().collect();
            return self.forget(&keys);
        }
        if self.collector.round.as_ref().is_some_and(|round| now < round.until)
            || self.places.ring().stage != Stage::Stable
        {
            return;
        }
        let is_first = |key: &&Key| {
            let plan = self.places.plan(place(key).0, self.config.quorum.n);
            plan.read.first() == Some(&self.config.id)
        };
        let keys = old.filter(is_first).filter_map(|key| Some((key.clone(), self.store.get(key)?.digest)));
        let keys: Vec<(Key, u64)> = keys.take(ROUND).collect();
        let Some(id) = (if keys.is_empty() { None } else { self.birth() }) else { return };
        let until = now + self.config.grace_ms.max(100);
        self.collector.round = Some(Round { id, phase: 0, keys, waiting: BTreeSet::new(), until });
        self.next_phase();
    }

    fn next_phase(&mut self) {
        let ring = self.places.ring().version;
        let Some(round) = &mut self.collector.round else { return };
        if round.phase == PHASES {
            let keys = std::mem::take(&mut round.keys);
            self.collector.round = None;
            for node in self.config.nodes.clone() {
                self.send(node, Message::Collect { ring, keys: keys.clone() });
            }
            return;
        }
        round.phase += 1;
        round.waiting = self.config.nodes.iter().copied().collect();
        let (id, phase, keys) = (round.id, round.phase, round.keys.clone());
        for node in self.config.nodes.clone() {
            self.send(node, Message::CollectAsk { round: id, phase, ring, keys: keys.clone() });
        }
    }

    pub(crate) fn take_collect_ask(&mut self, from: NodeId, round: u64, phase: u8, ring: u64, keys: Vec<(Key, u64)>) {
        let is_settled = ring == self.places.ring().version && self.places.ring().stage == Stage::Stable;
        let refused = keys.into_iter().filter(|(key, digest)| !is_settled || !self.may_go(key, *digest, phase));
        let refused: Vec<Key> = refused.map(|(key, _)| key).collect();
        if phase == PHASES {
            let Some(epoch) = self.birth() else { return };
            self.new_epoch(epoch);
        }
        self.send_durable(from, Message::CollectAnswer { round, phase, refused });
    }

    fn may_go(&self, key: &Key, digest: u64, phase: u8) -> bool {
        let same = match self.store.get(key) {
            Some(held) => held.digest == digest,
            None => !self.is_replica(key),
        };
        // D9: hints that are still kept are not thought of.
        let no_hint = self.is(Mutant::HintOutlivesTombstone) || self.store.hints_for(key).next().is_none();
        let at_rest = phase == 1 || self.ops.values().all(|op| op.key != *key);
        same && no_hint && at_rest
    }

    pub(crate) fn take_collect_answer(&mut self, from: NodeId, id: u64, phase: u8, refused: Vec<Key>) {
        let Some(round) = self.collector.round.as_mut().filter(|round| (round.id, round.phase) == (id, phase)) else {
            return;
        };
        let refused: BTreeSet<Key> = refused.into_iter().collect();
        round.keys.retain(|(key, _)| !refused.contains(key));
        round.waiting.remove(&from);
        if round.keys.is_empty() {
            self.collector.round = None;
        } else if round.waiting.is_empty() {
            self.next_phase();
        }
    }

    pub(crate) fn take_collect(&mut self, ring: u64, keys: Vec<(Key, u64)>) {
        if ring != self.places.ring().version {
            return;
        }
        let same = |(key, digest): &(Key, u64)| self.store.get(key).is_some_and(|held| held.digest == *digest);
        let keys: Vec<Key> = keys.into_iter().filter(same).map(|(key, _)| key).collect();
        self.forget(&keys);
    }

    fn forget(&mut self, keys: &[Key]) {
        for key in keys {
            let dropped = self.store.drop_key(key);
            dropped.into_iter().for_each(|record| self.durability.record(record));
        }
        if !keys.is_empty() {
            self.event(Event::Collected { keys: keys.len() });
        }
    }
}
