//! Messages under way in a simulation: lost, late, repeated, reordered.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_protocol::{Envelope, NodeId};

use crate::Rng;

/// What becomes of messages. All shares are of a hundred.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    /// How many are lost.
    pub loss: u64,
    /// How many arrive twice.
    pub repeated: u64,
    /// How many are late.
    pub late: u64,
    /// By how much a late one is late at least and at most, ms.
    pub lateness: (u64, u64),
    /// How long any other is under way at most, ms.
    pub delay: u64,
}

impl Links {
    /// Links that lose, repeat and delay nothing beyond their usual delay.
    pub fn calm(self) -> Links {
        Links { loss: 0, repeated: 0, late: 0, ..self }
    }
}

/// Messages under way.
#[derive(Clone, Debug)]
pub struct Network<M> {
    /// What becomes of them.
    pub links: Links,
    /// Links that lose everything, as (from, to).
    pub cut: BTreeSet<(NodeId, NodeId)>,
    under_way: BTreeMap<(u64, u64), M>,
    /// How many were sent, with those that were sent twice.
    pub sent: u64,
}

impl<M: Envelope> Network<M> {
    /// Nothing is under way.
    pub fn new(links: Links) -> Network<M> {
        Network { links, cut: BTreeSet::new(), under_way: BTreeMap::new(), sent: 0 }
    }

    /// Sends a message.
    pub fn send(&mut self, now: u64, envelope: M, rng: &mut Rng) {
        if rng.chance(self.links.loss) {
            return;
        }
        let copies = if rng.chance(self.links.repeated) { 2 } else { 1 };
        for _ in 0..copies {
            let (least, most) = self.links.lateness;
            let delay = if rng.chance(self.links.late) {
                least + rng.below(most.saturating_sub(least).max(1))
            } else {
                rng.below(self.links.delay)
            };
            self.sent += 1;
            self.under_way.insert((now + delay, self.sent), envelope.clone());
        }
    }

    /// Takes what arrives by now, in order; what is on a link that is cut is lost.
    pub fn arrived(&mut self, now: u64) -> Vec<M> {
        let later = self.under_way.split_off(&(now + 1, 0));
        let due = std::mem::replace(&mut self.under_way, later);
        due.into_values().filter(|envelope| !self.cut.contains(&(envelope.from(), envelope.to()))).collect()
    }

    /// Loses those messages under way of which this holds.
    pub fn lose(&mut self, is_lost: impl Fn(&M) -> bool) {
        self.under_way.retain(|_, envelope| !is_lost(envelope));
    }

    /// Puts a message back that nobody can take before `until`.
    pub fn postpone(&mut self, envelope: M, until: u64) {
        self.sent += 1;
        self.under_way.insert((until, self.sent), envelope);
    }

    /// Cuts the links between these nodes and all others of `all`; in one direction only where `out` or `back` is
    /// false.
    pub fn separate(&mut self, all: &[NodeId], side: &BTreeSet<NodeId>, out: bool, back: bool) {
        for a in all {
            for b in all.iter().filter(|b| side.contains(a) && !side.contains(b)) {
                if out {
                    self.cut.insert((*a, *b));
                }
                if back {
                    self.cut.insert((*b, *a));
                }
            }
        }
    }
}
