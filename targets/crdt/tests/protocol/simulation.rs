//! Random steps over a network that loses, doubles and reorders, replicas that crash and lose their data, slow disks
//! and jumping clocks, for many seeds.
//!
//! A run is its seed. After every step the objects of the replica that took it must read as the oracle says; in the end
//! everything is healed and all replicas must agree. The correct protocol must survive every seed; each mutant must be
//! caught in some, which shows that the simulation can fail.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_crdt::types::{MapOperation, RgaOperation, SetOperation};
use rashomon_crdt::{
    Actor, Envelope, Gossip, Key, Message, Mutant, NodeId, Query, Reading, Reply, RequestId, SetKind, Update,
};
use rashomon_rehearsal::Dice;

use crate::cluster::{Cluster, Effects};
use crate::oracle::{Heard, Made, Oracle, Time};

const STEPS: usize = 400;
const GOSSIP_MS: u64 = 20;

/// All queries, so that every type takes part.
const QUERIES: [Query; 6] = [Query::Counter, Query::Register, Query::Siblings, Query::Set, Query::Map, Query::Text];

struct Simulation {
    cluster: Cluster,
    dice: Dice,
    oracle: Oracle,
    sets: SetKind,
    nodes: NodeId,
    /// Messages under way, by when they arrive.
    network: BTreeMap<(u64, u64), Envelope>,
    sent: u64,
    loss: u64,
    doubling: u64,
    cut: Option<NodeId>,
    keys: Vec<Key>,
    /// What was asked and is not answered: updates must not be forgotten once they are.
    open: BTreeMap<(NodeId, RequestId), Option<usize>>,
    acknowledged: Vec<(Actor, usize)>,
    lost_actors: Vec<Actor>,
    elements: i64,
}

impl Simulation {
    fn new(seed: u64, mutant: Option<Mutant>) -> Simulation {
        let mut dice = Dice(seed);
        let nodes = if dice.chance(70) { 3 } else { 4 };
        let sets = if dice.chance(50) { SetKind::ObservedRemove } else { SetKind::LastWriterWins };
        let gossip = if dice.chance(75) { Gossip::Deltas } else { Gossip::States };
        let (snapshot_every, max_deltas) = (1 + dice.below(60), 1 + dice.below(60) as usize);
        let (collect_ms, resolution_us) = (20 + dice.below(100), 1 + dice.below(20_000) as i64);
        let cluster = Cluster::new(nodes, move |config| {
            config.gossip_ms = GOSSIP_MS;
            config.gossip = gossip;
            config.sets = sets;
            config.resolution_us = resolution_us;
            config.collect_ms = collect_ms;
            config.snapshot_every = snapshot_every;
            config.max_deltas = max_deltas;
            config.mutant = mutant;
        });
        let keys = vec!["a".into(), "b".into()];
        let (loss, doubling) = (dice.below(30), dice.below(30));
        Simulation {
            cluster,
            oracle: Oracle::default(),
            sets,
            nodes,
            network: BTreeMap::new(),
            sent: 0,
            loss,
            doubling,
            cut: None,
            keys,
            open: BTreeMap::new(),
            acknowledged: Vec::new(),
            lost_actors: Vec::new(),
            elements: 0,
            dice,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.misfortune();
            self.turn(true)?;
        }
        self.cut = None;
        (self.loss, self.doubling) = (0, 0);
        for id in 1..=self.nodes {
            if !self.cluster.is_up(id) {
                self.start(id);
            }
        }
        for _ in 0..120 {
            self.turn(false)?;
        }
        self.agree()
    }

    fn misfortune(&mut self) {
        let id = 1 + self.dice.below(u64::from(self.nodes)) as NodeId;
        match self.dice.below(60) {
            0 => self.cut = Some(id),
            1 | 2 => self.cut = None,
            3 => {
                let lost = self.dice.chance(15);
                if lost && self.cluster.is_up(id) {
                    self.lost_actors.push(self.cluster.replica(id).status().actor);
                }
                if !lost || self.cluster.is_up(id) {
                    self.cluster.crash(id, lost);
                    self.open.retain(|(node, _), _| *node != id);
                }
            }
            4 | 5 if !self.cluster.is_up(id) => self.start(id),
            6 => {
                let offset = self.dice.below(400) as i64 - 200;
                self.cluster.hosts.get_mut(&id).expect("a known node").wall_offset = offset;
            }
            _ => {}
        }
    }

    fn start(&mut self, id: NodeId) {
        self.cluster.start(id);
        let status = self.cluster.replica(id).status();
        self.oracle.forget_beyond(status.actor, status.sequence);
    }

    /// Some milliseconds pass: messages arrive, disks sync, clients ask.
    fn turn(&mut self, busy: bool) -> Result<(), String> {
        self.cluster.now += if busy { 1 + self.dice.below(5) } else { 10 };
        while let Some(first) = self.network.first_entry().filter(|first| first.key().0 <= self.cluster.now) {
            let envelope = first.remove();
            self.arrive(envelope)?;
        }
        for id in 1..=self.nodes {
            let clock = self.cluster.clock(id);
            let effects = self.cluster.step(id, |replica| replica.advance(clock));
            self.handle(id, effects.map(|(_, effects)| effects));
            if !busy || self.dice.chance(40) {
                let effects = self.cluster.sync(id);
                self.handle(id, effects);
            }
            if busy && self.dice.chance(30) {
                self.ask(id)?;
            }
        }
        Ok(())
    }

    fn arrive(&mut self, envelope: Envelope) -> Result<(), String> {
        let id = envelope.to;
        if !self.cluster.is_up(id) {
            return Ok(());
        }
        let before = self.cluster.replica(id).status();
        let mut heard = self.oracle.heard(before.actor, before.sequence);
        if let Message::Gossip { continues, upto, .. } = &envelope.message
            && continues.is_none_or(|incarnation| incarnation == before.actor.incarnation)
        {
            heard.extend(self.oracle.heard(envelope.from, *upto));
        }
        let effects = self.cluster.step(id, |replica| replica.receive(envelope));
        let after = self.cluster.replica(id).status();
        self.oracle.note(after.actor, after.sequence, heard);
        self.handle(id, effects.map(|(_, effects)| effects));
        self.check(id)
    }

    fn handle(&mut self, id: NodeId, effects: Option<Effects>) {
        let Some(Effects { messages, replies, .. }) = effects else { return };
        for envelope in messages {
            let severed = self.cut.is_some_and(|cut| cut == id || cut == envelope.to);
            if severed || self.dice.chance(self.loss) {
                continue;
            }
            let copies = if self.dice.chance(self.doubling) { 2 } else { 1 };
            for _ in 0..copies {
                let late = if self.dice.chance(10) { 200 } else { 15 };
                let arrival = self.cluster.now + 1 + self.dice.below(late);
                self.sent += 1;
                self.network.insert((arrival, self.sent), envelope.clone());
            }
        }
        for Reply { request, result } in replies {
            if let Some(Some(update)) = self.open.remove(&(id, request))
                && result.is_ok()
            {
                self.acknowledged.push((self.cluster.replica(id).status().actor, update));
            }
        }
    }

    fn ask(&mut self, id: NodeId) -> Result<(), String> {
        if !self.cluster.is_up(id) {
            return Ok(());
        }
        let key = self.keys[self.dice.below(self.keys.len() as u64) as usize].clone();
        let status = self.cluster.replica(id).status();
        let heard = self.oracle.heard(status.actor, status.sequence);
        let query = self.dice.pick(&QUERIES).expect("there are queries");
        let (update, supersedes) = self.choose(id, &key, query, &heard);
        let Some((request, effects)) = self.cluster.step(id, |replica| replica.update(&key, &update)) else {
            return Ok(());
        };
        if self.is_refused(id, &key, &update) {
            self.handle(id, Some(effects));
            return self.check(id);
        }
        let number = self.oracle.updates.len();
        let time = self.time(id, &key, &update);
        self.oracle.updates.push(Made { key, update, heard: heard.clone(), time, supersedes });
        let after = self.cluster.replica(id).status();
        self.oracle.note(after.actor, after.sequence, heard.into_iter().chain([number]).collect());
        self.open.insert((id, request), Some(number));
        self.handle(id, Some(effects));
        self.check(id)
    }

    /// Whether the insertion that a replica was just asked for did not take place.
    fn is_refused(&self, id: NodeId, key: &Key, update: &Update) -> bool {
        let Update::Text(RgaOperation::Insert(element, _)) = update else { return false };
        self.cluster.replica(id).store().text(key).is_none_or(|text| text.node(*element).is_none())
    }

    fn choose(&mut self, id: NodeId, key: &Key, query: Query, heard: &Heard) -> (Update, Heard) {
        self.elements += 1;
        let new = self.elements;
        let expected = self.oracle.expected(key, query, self.sets, heard);
        let nothing = Heard::new();
        match (query, expected) {
            (Query::Counter, _) => (Update::CounterAdd(self.dice.below(9) as i64 - 3), nothing),
            (Query::Register, _) => (Update::RegisterWrite(new), nothing),
            (Query::Siblings, Reading::Elements(values)) => {
                let Reading::Siblings(siblings) =
                    self.cluster.replica(id).store().read(key, Query::Siblings, self.sets)
                else {
                    unreachable!("siblings were asked for")
                };
                let with_context = self.dice.chance(70);
                let seen = siblings.iter().filter(|_| with_context).map(|(dot, _)| *dot).collect();
                let is_seen = |made: &Made| match made.update {
                    Update::SiblingsPut { value, .. } => with_context && values.contains(&value),
                    _ => false,
                };
                let supersedes = heard.iter().copied().filter(|at| is_seen(&self.oracle.updates[*at])).collect();
                (Update::SiblingsPut { value: new, seen }, supersedes)
            }
            (Query::Set, _) => {
                let element = self.dice.below(3) as i64;
                let adds = self.dice.chance(55);
                (Update::Set(if adds { SetOperation::Add(element) } else { SetOperation::Remove(element) }), nothing)
            }
            (Query::Map, _) => {
                let field: Arc<str> = self.dice.pick(&["f", "g"]).expect("two fields").into();
                let puts = self.dice.chance(60);
                (Update::Map(if puts { MapOperation::Put(field, new) } else { MapOperation::Remove(field) }), nothing)
            }
            (_, Reading::Elements(text)) => {
                let inserted = |at: &usize| match &self.oracle.updates[*at] {
                    Made { key: of, update: Update::Text(RgaOperation::Insert(element, _)), .. } if of == key => {
                        Some(*element)
                    }
                    _ => None,
                };
                let ever: Vec<i64> = heard.iter().filter_map(inserted).collect();
                let at = |dice: &mut Dice| text[dice.below(text.len() as u64) as usize];
                let operation = match self.dice.below(10) {
                    0..4 if !text.is_empty() => RgaOperation::Delete(at(&mut self.dice)),
                    4..7 if !text.is_empty() => RgaOperation::Insert(new, Some(at(&mut self.dice))),
                    // What a client has read long ago, perhaps deleted since.
                    7 | 8 if !ever.is_empty() => RgaOperation::Insert(new, self.dice.pick(&ever)),
                    _ => RgaOperation::Insert(new, None),
                };
                (Update::Text(operation), nothing)
            }
            (_, other) => unreachable!("{query:?} does not read {other:?}"),
        }
    }

    /// The time that an update was given.
    fn time(&self, id: NodeId, key: &Key, update: &Update) -> Option<Time> {
        let store = self.cluster.replica(id).store();
        match update {
            Update::RegisterWrite(_) => {
                store.register(key)?.stamp().map(|stamp| (stamp.time.wall_us, stamp.time.count, stamp.actor))
            }
            Update::Set(SetOperation::Add(element) | SetOperation::Remove(element)) => {
                let stamp = store.lww_set(key)?.entry(*element)?.stamp;
                Some((stamp.time.wall_us, stamp.time.count, stamp.actor))
            }
            Update::Text(RgaOperation::Insert(element, _)) => {
                let (_, node) = store.text(key)?.node(*element)?;
                Some((node.stamp.time.0 as i64, 0, node.stamp.actor))
            }
            _ => None,
        }
    }

    /// The objects of one replica must read as the oracle says.
    fn check(&self, id: NodeId) -> Result<(), String> {
        let replica = self.cluster.replica(id);
        let status = replica.status();
        let heard = self.oracle.heard(status.actor, status.sequence);
        for key in &self.keys {
            for query in QUERIES {
                let expected = self.oracle.expected(key, query, self.sets, &heard);
                let read = plain(replica.store().read(key, query, self.sets));
                if read != expected {
                    let now = self.cluster.now;
                    return Err(format!("at {now} ms n{id} reads {query:?} {key}: {read:?} instead of {expected:?}"));
                }
            }
        }
        Ok(())
    }

    /// All replicas are equal, and have everything that was acknowledged by replicas that kept their data.
    fn agree(&self) -> Result<(), String> {
        let first = self.cluster.replica(1);
        let heard = self.oracle.heard(first.status().actor, first.status().sequence);
        for (actor, update) in &self.acknowledged {
            if !heard.contains(update) && !self.lost_actors.contains(actor) {
                return Err(format!("{:?} was acknowledged and is lost", self.oracle.updates[*update].update));
            }
        }
        for id in 1..=self.nodes {
            self.check(id)?;
            for key in &self.keys {
                for query in QUERIES {
                    let read = |id| plain(self.cluster.replica(id).store().read(key, query, self.sets));
                    if read(id) != read(1) {
                        return Err(format!("n{id} and n1 disagree on {query:?} {key}: {:?} {:?}", read(id), read(1)));
                    }
                }
            }
        }
        Ok(())
    }
}

/// A reading without dots.
fn plain(reading: Reading) -> Reading {
    match reading {
        Reading::Siblings(siblings) => {
            let mut values: Vec<i64> = siblings.into_iter().map(|(_, value)| value).collect();
            values.sort_unstable();
            Reading::Elements(values)
        }
        reading => reading,
    }
}

#[test]
fn the_correct_protocol_survives_every_seed() {
    let (mut acknowledged, mut collected) = (0, 0);
    for seed in 0..seeds(60) {
        let mut simulation = Simulation::new(seed, None);
        if let Err(wrong) = simulation.run() {
            panic!("seed {seed}: {wrong}");
        }
        acknowledged += simulation.acknowledged.len();
        let made = &simulation.oracle.updates;
        let removes = made.iter().filter(|made| matches!(made.update, Update::Text(RgaOperation::Delete(_)))).count();
        collected += removes.saturating_sub(simulation.cluster.replica(1).status().tombstones);
    }
    // A cluster that does nothing is always right.
    assert!(acknowledged > 100 * seeds(60) as usize, "only {acknowledged} updates were acknowledged");
    assert!(collected > 0, "no tombstone was ever collected");
}

#[test]
fn a_run_replays_from_its_seed() {
    for seed in 0..5 {
        let run = || {
            let mut simulation = Simulation::new(seed, Some(Mutant::AppliedAgain));
            (simulation.run(), simulation.sent, simulation.acknowledged)
        };
        assert_eq!(run(), run());
    }
}

#[test]
fn every_mutant_is_caught() {
    let mut missed = Vec::new();
    for info in rashomon_crdt::ALL {
        let caught =
            (0..seeds(60)).find_map(|seed| Some((seed, Simulation::new(seed, Some(info.mutant)).run().err()?)));
        match caught {
            Some((seed, wrong)) => println!("{} {}: seed {seed}: {wrong}", info.id, info.name),
            None => missed.push(info.name),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// How many seeds to run: `CRDT_SEEDS`, for a longer look.
fn seeds(usual: u64) -> u64 {
    std::env::var("CRDT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usual)
}
