//! Changes of the ring: one at a time, in stages, decided by the claimant (as Riak calls it), the lowest member.
//!
//! Every node tells the claimant which version of the ring it knows. A stage ends when *every* node knows it and, while
//! streaming, has fetched what it needs; so a change waits for nodes that are down. A node writes a ring down before it
//! acknowledges it, and lets its operations under way follow it at once: from then on it never acts on the older one.
//!
//! A node that becomes a replica of a partition fetches it from enough old replicas to meet every write quorum. One
//! that is no longer a replica hands what it has to those who are, as hints, and forgets it.

use std::collections::{BTreeMap, BTreeSet};

use rashomon_protocol::NodeId;

use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::Node;
use crate::object::{Key, Object};
use crate::output::Event;
use crate::ring::{PARTITIONS, Places, Ring, Stage};

/// How often nodes talk about the ring, ms.
const TALK_MS: u64 = 100;

/// Keys in one message of a stream.
const CHUNK: usize = 200;

/// What a node knows beside the ring itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Membership {
    pub(crate) next_at: u64,
    /// Whether this node shall be a member, if anybody asked.
    pub(crate) wanted: Option<bool>,
    /// As claimant: the newest version that each node knows, and whether it has fetched what it needs.
    acks: BTreeMap<NodeId, (u64, bool)>,
    /// By partition and source: the last key that has come. A source that is through is gone from here.
    fetching: BTreeMap<(u16, NodeId), Option<Key>>,
    /// By partition: how many sources must still get through.
    missing: BTreeMap<u16, usize>,
}

impl Node {
    pub(crate) fn tend_ring(&mut self) {
        let now = self.now();
        if now < self.membership.next_at {
            return;
        }
        self.membership.next_at = now + TALK_MS;
        if let Some(claimant) = self.places.ring().claimant() {
            let (version, ready) = (self.places.ring().version, self.is_ready());
            self.send_durable(claimant, Message::RingAck { version, ready });
            if let Some(joins) = self.membership.wanted {
                if self.places.ring().members.contains(&self.config.id) == joins {
                    self.membership.wanted = None;
                } else {
                    self.send(claimant, Message::Change { member: self.config.id, joins });
                }
            }
        }
        self.ask_sources();
    }

    /// Lets everyone know this node's epoch, which is on every message.
    pub(crate) fn tell_epoch(&mut self) {
        let (version, ready) = (self.places.ring().version, self.is_ready());
        for node in self.config.nodes.clone() {
            self.send_durable(node, Message::RingAck { version, ready });
        }
    }

    /// The next chunks of everything that is being fetched.
    fn ask_sources(&mut self) {
        for ((partition, source), after) in self.membership.fetching.clone() {
            self.ask_source(partition, source, after);
        }
    }

    fn ask_source(&mut self, partition: u16, source: NodeId, after: Option<Key>) {
        let (version, fence) = (self.places.ring().version, self.epoch);
        self.send(source, Message::Fetch { partition, version, after, fence });
    }

    fn is_ready(&self) -> bool {
        // D14: a new replica is ready before it has what the old ones have.
        self.membership.missing.is_empty() || self.is(Mutant::ServesBeforeStreamed)
    }

    /// Plans what to fetch in the present stage.
    pub(crate) fn begin_fetching(&mut self) {
        (self.membership.fetching, self.membership.missing) = Default::default();
        if self.places.ring().stage != Stage::Streaming {
            return;
        }
        let quorum = self.config.quorum;
        for (partition, sources) in self.places.to_fetch(self.config.id, quorum.n) {
            let needed = (usize::from(quorum.n - quorum.w) + 1).min(sources.len());
            self.membership.missing.insert(partition, needed);
            for source in sources {
                self.membership.fetching.insert((partition, source), None);
            }
        }
    }

    pub(crate) fn take_fetch(&mut self, from: NodeId, partition: u16, version: u64, after: Option<Key>, fence: u64) {
        if partition >= PARTITIONS || version != self.places.ring().version {
            return;
        }
        let (objects, end) = self.store.after(partition, after.as_ref(), CHUNK);
        self.send_durable(from, Message::Chunk { partition, version, after, objects, end, fence });
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(crate) fn take_chunk(
        &mut self,
        from: NodeId,
        partition: u16,
        version: u64,
        after: Option<Key>,
        objects: Vec<(Key, Object)>,
        end: bool,
        fence: u64,
    ) {
        let expected = self.membership.fetching.get(&(partition, from)) == Some(&after);
        if !expected || version != self.places.ring().version || fence != self.epoch {
            return;
        }
        for (key, object) in &objects {
            self.merge(key, object);
        }
        if !end {
            let last = objects.last().map(|(key, _)| key.clone());
            self.membership.fetching.insert((partition, from), last.clone());
            return self.ask_source(partition, from, last);
        }
        self.membership.fetching.remove(&(partition, from));
        if let Some(needed) = self.membership.missing.get_mut(&partition) {
            *needed -= 1;
            if *needed == 0 {
                self.membership.missing.remove(&partition);
                self.membership.fetching.retain(|(at, _), _| *at != partition);
            }
            if self.membership.missing.is_empty() {
                self.event(Event::Fetched { version });
            }
        }
    }

    /// Adopts a newer ring.
    pub(crate) fn take_ring(&mut self, from: NodeId, ring: Ring) {
        if ring.version <= self.places.ring().version {
            return;
        }
        self.adopt(ring);
        let (version, ready) = (self.places.ring().version, self.is_ready());
        self.send_durable(from, Message::RingAck { version, ready });
        self.ask_sources();
    }

    fn adopt(&mut self, ring: Ring) {
        self.durability.record(crate::output::Record::Ring(ring.clone()));
        let members = ring.members.iter().copied().collect();
        self.event(Event::RingChanged { version: ring.version, stage: ring.stage, members });
        self.places = Places::new(ring, self.config.virtual_nodes);
        self.collector.abandon();
        self.begin_fetching();
        self.follow_ring();
        if self.places.ring().stage == Stage::Stable {
            self.pass_on();
        }
    }

    /// Hands what this node has no business with any more to the replicas, and forgets it.
    fn pass_on(&mut self) {
        let n = self.config.quorum.n;
        for partition in 0..PARTITIONS {
            let replicas = self.places.plan(partition, n).preference_list();
            if replicas.contains(&self.config.id) {
                continue;
            }
            for key in self.store.keys(partition) {
                let Some(object) = self.store.get(&key).map(|held| held.object.clone()) else { continue };
                for replica in &replicas {
                    self.keep_hint(*replica, &key, &object);
                }
                let dropped = self.store.drop_key(&key);
                dropped.into_iter().for_each(|record| self.durability.record(record));
            }
        }
        self.redirect_hints();
    }

    /// Hints for nodes that are no replicas any more go to the replicas instead.
    fn redirect_hints(&mut self) {
        let n = self.config.quorum.n;
        let place = |key: &Key| crate::ring::place(key).0;
        let hints = self.store.hints();
        let lost = hints.filter(|(replica, key, _)| !self.places.is_replica(*replica, place(key), n));
        let lost: Vec<(NodeId, Key, Object)> =
            lost.map(|(replica, key, object)| (replica, key.clone(), object.clone())).collect();
        for (replica, key, object) in lost {
            for new in self.places.plan(place(&key), n).preference_list() {
                if new == self.config.id {
                    self.merge(&key, &object);
                } else {
                    self.keep_hint(new, &key, &object);
                }
            }
            let done = self.store.hint_done(replica, &key, &object);
            done.into_iter().for_each(|record| self.durability.record(record));
        }
    }

    /// As claimant: somebody knows this version. As anybody: helps those who know an older one.
    pub(crate) fn take_ring_ack(&mut self, from: NodeId, version: u64, ready: bool) {
        let mine = self.places.ring().version;
        if version < mine {
            let ring = self.places.ring().clone();
            return self.send(from, Message::RingIs { ring });
        }
        if version > mine {
            let ready = self.is_ready();
            return self.send_durable(from, Message::RingAck { version: mine, ready });
        }
        if self.places.ring().claimant() != Some(self.config.id) {
            return;
        }
        self.membership.acks.insert(from, (version, ready));
        if self.places.ring().stage != Stage::Stable && self.everyone_knows() {
            let next = self.places.ring().next_stage();
            self.adopt(next);
            self.spread_ring();
        }
    }

    fn everyone_knows(&self) -> bool {
        let version = self.places.ring().version;
        let knows = |node: &&NodeId| self.membership.acks.get(node) == Some(&(version, true));
        let known = self.config.nodes.iter().filter(knows).count();
        // D15: a majority is enough; the others go on with the ring that they have.
        let needed = if self.is(Mutant::StaleRing) { self.config.nodes.len() / 2 + 1 } else { self.config.nodes.len() };
        known >= needed
    }

    fn spread_ring(&mut self) {
        for node in self.config.nodes.clone() {
            let ring = self.places.ring().clone();
            self.send(node, Message::RingIs { ring });
        }
    }

    /// As claimant: begins a change, if none is under way, everyone knows that, and enough members remain.
    pub(crate) fn take_change(&mut self, member: NodeId, joins: bool) {
        let ring = self.places.ring();
        let is_due = ring.stage == Stage::Stable
            && ring.claimant() == Some(self.config.id)
            && self.config.nodes.contains(&member)
            && ring.members.contains(&member) != joins
            && self.everyone_knows();
        if !is_due {
            return;
        }
        let mut members: BTreeSet<NodeId> = ring.members.clone();
        if joins {
            members.insert(member)
        } else {
            members.remove(&member)
        };
        if members.len() < usize::from(self.config.quorum.n) {
            return;
        }
        let ring = ring.change(members);
        self.event(Event::ChangeBegins { member, joins });
        self.adopt(ring);
        self.spread_ring();
    }
}
