//! A node: takes inputs, keeps the clock, hands each input to the part that it is for.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use rashomon_protocol::{Clock, NodeId, RequestId};

use crate::anti_entropy::AntiEntropy;
use crate::collect::Collector;
use crate::config::{Config, Quorum};
use crate::coordinate::{Forwarded, Op, Origin};
use crate::durability::Durability;
use crate::handoff::Handoff;
use crate::membership::Membership;
use crate::message::{Ask, Cause, Envelope, Message};
use crate::mutant::Mutant;
use crate::object::{Key, Object};
use crate::output::{Event, Failure, Output, Record, Recovered, Reply, Response};
use crate::ring::{Places, Ring, place};
use crate::store::Store;

/// How many births are reserved at a time.
const BIRTHS: u64 = 1 << 16;

/// How many forwarded requests of each node are remembered. Ids only grow, so one that is overtaken by so many others
/// has been given up long since.
const TAKEN: usize = 10_000;

/// How a node is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub id: NodeId,
    /// The ring it knows.
    pub ring: Ring,
    /// How many keys it holds.
    pub keys: usize,
    /// For whom it keeps hints, and how many in all.
    pub hints: (BTreeSet<NodeId>, usize),
    /// Operations under way.
    pub operations: usize,
    /// Whether it has been asked to join the ring (true) or to leave it, and that has not happened yet.
    pub wanted: Option<bool>,
    /// Its bug.
    pub mutant: Option<Mutant>,
}

/// The latest forwarded requests that came from a node.
#[derive(Clone, Debug, Default)]
struct Taken {
    ids: BTreeSet<u64>,
    /// Whatever is not above this counts as taken.
    forgotten: u64,
}

impl Taken {
    /// Whether this one is new.
    fn insert(&mut self, id: u64) -> bool {
        let is_new = id > self.forgotten && self.ids.insert(id);
        if self.ids.len() > TAKEN {
            self.forgotten = self.ids.pop_first().unwrap_or(self.forgotten);
        }
        is_new
    }
}

/// One node of the store.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) places: Places,
    pub(crate) store: Store,
    pub(crate) durability: Durability,
    /// What others must know of this node to write to it; changes when tombstones are to be forgotten.
    pub(crate) epoch: u64,
    /// The epochs of others, as far as known.
    pub(crate) epochs: BTreeMap<NodeId, u64>,
    /// The nodes that are not thought to be down.
    pub(crate) reachable: BTreeSet<NodeId>,
    next_birth: u64,
    births_durable: u64,
    births_reserved: u64,
    /// How many events were counted per key since the start, for D11.
    pub(crate) counted: BTreeMap<Key, u64>,
    pub(crate) ops: BTreeMap<u64, Op>,
    pub(crate) forwarded: BTreeMap<u64, Forwarded>,
    /// Forwarded requests that were taken under the present epoch.
    taken: BTreeMap<NodeId, Taken>,
    pub(crate) handoff: Handoff,
    pub(crate) anti_entropy: AntiEntropy,
    pub(crate) collector: Collector,
    pub(crate) membership: Membership,
    /// Messages to itself.
    inbox: Vec<Envelope>,
    output: Output,
}

impl Node {
    /// A node that remembers what it wrote down.
    pub fn new(config: Config, recovered: Recovered, clock: Clock) -> Node {
        let mut store = Store::new(recovered.floor, config.mutant);
        for (key, (object, birth)) in recovered.objects {
            store.put(&key, object, birth, clock.monotonic_ms);
        }
        for ((replica, key), object) in recovered.hints {
            store.add_hint(replica, &key, &object);
        }
        let ring = recovered.ring.unwrap_or_else(|| Ring::new(config.members.iter().copied()));
        let mut node = Node {
            places: Places::new(ring, config.virtual_nodes),
            store,
            durability: Durability::default(),
            epoch: recovered.births,
            epochs: BTreeMap::new(),
            reachable: config.nodes.iter().copied().collect(),
            next_birth: recovered.births + 1,
            births_durable: recovered.births,
            births_reserved: recovered.births,
            counted: BTreeMap::new(),
            ops: BTreeMap::new(),
            forwarded: BTreeMap::new(),
            taken: BTreeMap::new(),
            handoff: Handoff::new(clock.monotonic_ms),
            anti_entropy: AntiEntropy::new(clock.monotonic_ms),
            collector: Collector::new(clock.monotonic_ms),
            membership: Membership::default(),
            inbox: Vec::new(),
            output: Output::default(),
            config,
            clock,
        };
        node.reserve();
        node.begin_fetching();
        node.tell_epoch();
        node
    }

    /// Time passed.
    pub fn advance(&mut self, clock: Clock) {
        self.clock = clock;
        self.time_operations();
        self.hand_over();
        self.compare_trees();
        self.collect_tombstones();
        self.tend_ring();
        self.settle();
    }

    /// A message arrived.
    pub fn receive(&mut self, envelope: Envelope) {
        self.take(envelope);
        self.settle();
    }

    /// The failure detector's opinion changed: these nodes are not thought to be down.
    pub fn reach(&mut self, nodes: impl IntoIterator<Item = NodeId>) {
        self.reachable = nodes.into_iter().chain([self.config.id]).collect();
    }

    /// The failure detector's opinion changed: these nodes are thought to be down.
    pub fn reach_all_but(&mut self, missed: &BTreeSet<NodeId>) {
        self.reach(self.config.nodes.clone().into_iter().filter(|node| !missed.contains(node)));
    }

    /// A client asks; `quorum` where it does not want the configured one. An answer comes at `deadline`
    /// (monotonic, ms) at the latest, under the number returned.
    pub fn ask(&mut self, key: Key, ask: Ask, quorum: Option<Quorum>, deadline: u64) -> RequestId {
        // Numbers of requests need not outlive the node.
        let request = RequestId(self.fresh_number());
        let quorum = quorum.unwrap_or(self.config.quorum);
        if self.next_birth >= self.births_durable {
            self.reply(request, Err(Failure::Starting));
        } else {
            self.coordinate(Origin::Client(request), key, ask, quorum, deadline);
        }
        self.settle();
        request
    }

    /// Answers a request that is done at once.
    pub(crate) fn done(&mut self) -> RequestId {
        let request = RequestId(self.fresh_number());
        self.reply(request, Ok(Response::Done));
        request
    }

    /// Somebody wants this node to join the ring or to leave it. `Done` means that the claimant has been asked.
    pub fn change(&mut self, joins: bool) {
        self.membership.wanted = Some(joins);
        self.tend_ring();
        self.settle();
    }

    /// Records up to this number are durable.
    pub fn persisted(&mut self, number: u64) {
        let (released, reserved) = self.durability.persisted(number);
        if let Some(births) = reserved {
            self.births_durable = births;
        }
        for envelope in released {
            self.post(envelope);
        }
        self.settle();
    }

    /// What it wants.
    pub fn output(&mut self) -> Output {
        let (records, persist) = self.durability.take();
        Output { records, persist, ..mem::take(&mut self.output) }
    }

    /// How it is.
    pub fn status(&self) -> Status {
        Status {
            id: self.config.id,
            ring: self.places.ring().clone(),
            keys: self.store.len(),
            hints: (self.store.hinted_replicas(), self.store.hints().count()),
            operations: self.ops.len() + self.forwarded.len(),
            wanted: self.membership.wanted,
            mutant: self.config.mutant,
        }
    }

    /// What it holds itself for a key.
    pub fn holds(&self, key: &Key) -> Option<&Object> {
        self.store.get(key).map(|held| &held.object)
    }

    /// The replicas of a key, as this node knows the ring.
    pub fn preference_list(&self, key: &Key) -> Vec<NodeId> {
        self.places.plan(place(key).0, self.config.quorum.n).preference_list()
    }

    /// All that it would have to remember if its records were written anew.
    pub fn image(&self) -> Recovered {
        let objects = self.store.iter().map(|(key, held)| (key.clone(), (held.object.clone(), held.birth)));
        let hints = self.store.hints().map(|(replica, key, object)| ((replica, key.clone()), object.clone()));
        Recovered {
            objects: objects.collect(),
            hints: hints.collect(),
            births: self.births_reserved,
            floor: self.store.floor(),
            ring: Some(self.places.ring().clone()),
        }
    }

    fn take(&mut self, envelope: Envelope) {
        let Envelope { from, epoch, message, .. } = envelope;
        let known = self.epochs.entry(from).or_default();
        *known = (*known).max(epoch);
        match message {
            Message::Forward { id, key, ask, quorum, remaining_ms, fence } => {
                // A request is carried out once: known ones are dropped, and what was sent to an earlier life of this
                // node may have been carried out by it.
                if fence != self.epoch {
                    self.send(from, Message::Forwarded { id, result: Err(Failure::Timeout) });
                } else if self.taken.entry(from).or_default().insert(id) {
                    let deadline = self.now() + remaining_ms;
                    self.coordinate(Origin::Forward(from, id), key, ask, quorum, deadline);
                }
            }
            Message::Forwarded { id, result } => self.take_forwarded(id, result),
            Message::Read { op, key } => self.take_read(from, op, &key),
            Message::Found { op, object, floor } => self.take_found(from, op, object, floor),
            Message::Write { op, key, object, cause, hint_for, fence } => {
                self.take_write(from, op, &key, &object, cause, hint_for, fence);
            }
            Message::Written { op } => {
                self.take_written(from, op);
                self.handed_over(from, op);
            }
            Message::Fenced { op } => {
                self.take_fenced(from, op);
                self.not_handed_over(op);
            }
            Message::Roots { roots } => self.take_roots(from, &roots),
            Message::Inner { partition, hashes } => self.take_inner(from, partition, &hashes),
            Message::Leaves { partition, leaves } => self.take_leaves(from, partition, &leaves),
            Message::Keys { partition, leaves, keys } => self.take_keys(from, partition, &leaves, keys),
            Message::Want { keys } => keys.iter().for_each(|key| self.send_state(from, key)),
            Message::RingIs { ring } => self.take_ring(from, ring),
            Message::RingAck { version, ready } => self.take_ring_ack(from, version, ready),
            Message::Change { member, joins } => self.take_change(member, joins),
            Message::Fetch { partition, version, after, fence } => {
                self.take_fetch(from, partition, version, after, fence);
            }
            Message::Chunk { partition, version, after, objects, end, fence } => {
                self.take_chunk(from, partition, version, after, objects, end, fence);
            }
            Message::CollectAsk { round, phase, ring, keys } => self.take_collect_ask(from, round, phase, ring, keys),
            Message::CollectAnswer { round, phase, refused } => self.take_collect_answer(from, round, phase, refused),
            Message::Collect { ring, keys } => self.take_collect(ring, keys),
        }
    }

    /// Works off what the node sent to itself.
    fn settle(&mut self) {
        while !self.inbox.is_empty() {
            for envelope in mem::take(&mut self.inbox) {
                self.take(envelope);
            }
        }
        if self.next_birth + BIRTHS / 2 > self.births_reserved && !self.durability.is_reserving() {
            self.reserve();
        }
    }

    fn reserve(&mut self) {
        self.births_reserved = self.next_birth + BIRTHS;
        self.durability.record(Record::Births(self.births_reserved));
    }

    /// A number that this node never gives twice, not even after a restart. `None` while none is reserved.
    pub(crate) fn birth(&mut self) -> Option<u64> {
        if self.next_birth >= self.births_durable {
            return None;
        }
        Some(self.fresh_number())
    }

    fn fresh_number(&mut self) -> u64 {
        self.next_birth += 1;
        self.next_birth - 1
    }

    /// Sends a message now.
    pub(crate) fn send(&mut self, to: NodeId, message: Message) {
        let envelope = Envelope { from: self.config.id, to, epoch: self.epoch, message };
        self.post(envelope);
    }

    /// Sends a message when everything recorded so far is durable.
    pub(crate) fn send_durable(&mut self, to: NodeId, message: Message) {
        let envelope = Envelope { from: self.config.id, to, epoch: self.epoch, message };
        if let Some(envelope) = self.durability.after_all(envelope) {
            self.post(envelope);
        }
    }

    /// Sends a state to be taken in. `op` is 0 where nobody waits for the answer.
    pub(crate) fn send_write(
        &mut self,
        to: NodeId,
        op: u64,
        key: Key,
        object: Object,
        cause: Cause,
        hint_for: Option<NodeId>,
    ) {
        let fence = self.fence(to);
        // Others must not see an event of an actor of this node before it is on disk: after a crash its number would be
        // given again. A new version of a register has a number of its own.
        let rests_on_disk = !matches!(object, Object::Register(_));
        let message = Message::Write { op, key, object, cause, hint_for, fence };
        if rests_on_disk {
            self.send_durable(to, message);
        } else {
            self.send(to, message);
        }
    }

    /// The epoch of a node as far as it is known here.
    pub(crate) fn fence(&self, to: NodeId) -> u64 {
        if to == self.config.id { self.epoch } else { self.epochs.get(&to).copied().unwrap_or(0) }
    }

    /// Takes a new epoch: what was sent under the old one is refused from now on.
    pub(crate) fn new_epoch(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.taken.clear();
        self.tell_epoch();
    }

    fn post(&mut self, envelope: Envelope) {
        if envelope.to == self.config.id {
            self.inbox.push(envelope);
        } else {
            self.output.messages.push(envelope);
        }
    }

    pub(crate) fn reply(&mut self, request: RequestId, result: Result<Response, Failure>) {
        self.output.replies.push(Reply { request, result });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.output.events.push(event);
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.config.mutant == Some(mutant)
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.monotonic_ms
    }

    /// Whether this node is a replica of a key.
    pub(crate) fn is_replica(&self, key: &Key) -> bool {
        self.places.is_replica(self.config.id, place(key).0, self.config.quorum.n)
    }

    /// Takes a state in and writes it down.
    pub(crate) fn merge(&mut self, key: &Key, object: &Object) {
        let now = self.now();
        if let Some(record) = self.store.merge(key, object, now) {
            self.durability.record(record);
        }
    }

    /// Keeps a state for another node and writes that down.
    pub(crate) fn keep_hint(&mut self, replica: NodeId, key: &Key, object: &Object) {
        if let Some(record) = self.store.add_hint(replica, key, object) {
            self.durability.record(record);
        }
        self.event(Event::HintKept { replica, key: key.clone() });
    }
}
