//! A replica: one store, its clients, its disk and its peers.

mod gossip;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rashomon_protocol::{Clock, NodeId, RequestId};

use self::gossip::{Buffered, Peer};
use crate::command::{Key, Query, Reading, Update};
use crate::config::Config;
use crate::dot::Actor;
use crate::message::Envelope;
use crate::mutant::Mutant;
use crate::output::{Event, Output, Record, Recovered, Reply, Snapshot};
use crate::state::{Origin, Refusal};
use crate::store::Store;

/// A replica.
#[derive(Clone, Debug)]
pub struct Replica {
    config: Config,
    origin: Origin,
    store: Store,
    /// How many deltas were joined into the store; the number of the next.
    sequence: u64,
    deltas: BTreeMap<u64, Buffered>,
    peers: BTreeMap<NodeId, Peer>,
    now: Clock,
    pub(crate) next_gossip_ms: u64,
    pub(crate) next_collect_ms: u64,
    requests: u64,
    records_since_snapshot: u64,
    /// How many records were given out, and how many of them are durable.
    issued: u64,
    durable: u64,
    held: VecDeque<(u64, Effect)>,
    output: Output,
}

/// What waits until the records before it are durable.
#[derive(Clone, Debug)]
enum Effect {
    Send(Envelope),
    Answer(Reply),
}

/// What a replica says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub actor: Actor,
    /// How many deltas were joined into its state.
    pub sequence: u64,
    /// How many of them are kept for peers.
    pub deltas: usize,
    /// How many tombstones its state holds.
    pub tombstones: usize,
    /// The bug that is built in.
    pub mutant: Option<Mutant>,
}

impl Replica {
    /// A replica as it was when it last wrote to its disk.
    pub fn new(config: Config, recovered: Recovered, now: Clock) -> Replica {
        let (mut store, mut sequence, mut incarnation) = (Store::default(), 0, None);
        if let Some(snapshot) = &recovered.snapshot {
            store.join(&snapshot.store, None);
            (sequence, incarnation) = (snapshot.sequence, Some(snapshot.incarnation));
        }
        let mut output = Output::default();
        for record in &recovered.records {
            match record {
                Record::Joined(delta) => {
                    store.join(delta, config.mutant);
                    sequence += 1;
                }
                Record::Incarnation(name) => incarnation = Some(*name),
                Record::Snapshot(_) => output.events.push(Event::OddRecord),
            }
        }
        let actor = Actor { node: config.id, incarnation: incarnation.unwrap_or(config.incarnation) };
        let given_out = match config.mutant {
            Some(Mutant::DotsReused) => 0,
            _ => store.context().latest(actor),
        };
        let mut origin = Origin::new(actor, given_out, config.mutant);
        origin.wall_us = now.wall_us - now.wall_us.rem_euclid(config.resolution_us.max(1));
        store.show_times(&mut origin);
        let mut replica = Replica {
            origin,
            store,
            sequence,
            deltas: BTreeMap::new(),
            peers: config.peers.iter().map(|peer| (*peer, Peer::default())).collect(),
            now,
            next_gossip_ms: now.monotonic_ms + config.gossip_ms,
            next_collect_ms: now.monotonic_ms + config.collect_ms,
            requests: 0,
            records_since_snapshot: recovered.records.len() as u64,
            issued: 0,
            durable: 0,
            held: VecDeque::new(),
            output,
            config,
        };
        if incarnation.is_none() {
            replica.record(Record::Incarnation(actor.incarnation));
        }
        replica
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Clock) {
        self.now = now;
        self.origin.wall_us = now.wall_us - now.wall_us.rem_euclid(self.config.resolution_us.max(1));
        if now.monotonic_ms >= self.next_gossip_ms {
            self.next_gossip_ms = now.monotonic_ms + self.config.gossip_ms;
            self.gossip();
        }
        if now.monotonic_ms >= self.next_collect_ms {
            self.next_collect_ms = now.monotonic_ms + self.config.collect_ms;
            self.collect();
        }
    }

    /// A client wants a change.
    pub fn update(&mut self, key: &Key, update: &Update) -> RequestId {
        let request = self.request();
        let result = match self.store.update(key, update, self.config.sets, &mut self.origin) {
            Ok(delta) => {
                self.take_in(Arc::new(delta), self.origin.actor);
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        };
        self.answer(request, result);
        request
    }

    /// A client wants to read.
    pub fn read(&mut self, key: &Key, query: Query) -> RequestId {
        let request = self.request();
        let reading = self.store.read(key, query, self.config.sets);
        // What is read may not be durable yet, and would be unread by a crash: the answer waits as well.
        self.answer(request, Ok(Some(reading)));
        request
    }

    /// Records up to this number are on disk.
    pub fn persisted(&mut self, number: u64) {
        self.durable = self.durable.max(number);
    }

    /// What is to be done now.
    pub fn output(&mut self) -> Output {
        if self.records_since_snapshot >= self.config.snapshot_every {
            let Actor { incarnation, .. } = self.origin.actor;
            let snapshot = Snapshot { incarnation, sequence: self.sequence, store: self.store.clone() };
            self.record(Record::Snapshot(Arc::new(snapshot)));
            self.records_since_snapshot = 0;
        }
        while self.held.front().is_some_and(|(number, _)| *number <= self.durable) {
            match self.held.pop_front() {
                Some((_, Effect::Send(envelope))) => self.output.messages.push(envelope),
                Some((_, Effect::Answer(reply))) => self.output.replies.push(reply),
                None => {}
            }
        }
        let mut output = std::mem::take(&mut self.output);
        output.persist = self.issued;
        output
    }

    /// What the replica says of itself.
    pub fn status(&self) -> Status {
        Status {
            actor: self.origin.actor,
            sequence: self.sequence,
            deltas: self.deltas.len(),
            tombstones: self.store.tombstones(),
            mutant: self.config.mutant,
        }
    }

    /// Its state, which may not be durable yet.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Joins something into the state, remembers it, and keeps it for the peers; nothing happens when it is not new.
    fn take_in(&mut self, delta: Arc<Store>, from: Actor) {
        delta.show_times(&mut self.origin);
        if !self.store.join(&delta, self.config.mutant) {
            return;
        }
        self.record(Record::Joined(delta.clone()));
        // A whole state weighs as much as what it is made of, so that logging many of them leads to a snapshot.
        self.records_since_snapshot += delta.objects().saturating_sub(1) as u64;
        self.deltas.insert(self.sequence, Buffered { delta, from });
        self.sequence += 1;
        while self.deltas.len() > self.config.max_deltas {
            self.deltas.pop_first();
        }
    }

    fn collect(&mut self) {
        let own = self.store.context().clone();
        let peers = &self.peers;
        let everywhere = self.config.mutant == Some(Mutant::CollectsUnstable);
        let tombstones = self.store.collect(&|dot| {
            everywhere || own.contains(dot) && peers.values().all(|peer| peer.has_seen(dot, own.vector()))
        });
        if tombstones > 0 {
            self.output.events.push(Event::Collected { tombstones });
        }
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    fn answer(&mut self, request: RequestId, result: Result<Option<Reading>, Refusal>) {
        self.held.push_back((self.issued, Effect::Answer(Reply { request, result })));
    }

    fn record(&mut self, record: Record) {
        self.issued += 1;
        self.records_since_snapshot += 1;
        self.output.records.push(record);
    }
}
