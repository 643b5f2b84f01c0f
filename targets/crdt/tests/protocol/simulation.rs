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
    Actor, Config, Envelope, Gossip, Key, Message, Mutant, NodeId, Query, Reading, Replica, Reply, RequestId, SetKind,
    Update,
};
use rashomon_protocol::OutputOf;
use rashomon_testkit::{Cluster, FaultModel, Kinds, Links, Network, Rng, Severity};

use crate::oracle::{Heard, Made, Oracle, Time};

const STEPS: usize = 400;
const GOSSIP_MS: u64 = 20;
/// What faults and delays are measured in.
const UNIT: u64 = 40;

/// All queries, so that every type takes part.
const QUERIES: [Query; 6] = [Query::Counter, Query::Register, Query::Siblings, Query::Set, Query::Map, Query::Text];

struct Simulation {
    cluster: Cluster<Replica>,
    rng: Rng,
    faults: FaultModel,
    oracle: Oracle,
    sets: SetKind,
    nodes: NodeId,
    network: Network<Envelope>,
    keys: Vec<Key>,
    /// What was asked and is not answered: updates must not be forgotten once they are.
    open: BTreeMap<(NodeId, RequestId), Option<usize>>,
    acknowledged: Vec<(Actor, usize)>,
    /// Who each node was last, and who lost its disk.
    actors: BTreeMap<NodeId, Actor>,
    lost_actors: Vec<Actor>,
    elements: i64,
}

impl Simulation {
    fn new(seed: u64, mutant: Option<Mutant>, severity: Severity) -> Simulation {
        let mut rng = Rng(seed);
        let nodes = if rng.chance(70) { 3 } else { 4 };
        let sets = if rng.chance(50) { SetKind::ObservedRemove } else { SetKind::LastWriterWins };
        let gossip = if rng.chance(75) { Gossip::Deltas } else { Gossip::States };
        let (snapshot_every, max_deltas) = match severity {
            Severity::Usual => (1 + rng.below(60), 1 + rng.below(60) as usize),
            Severity::Harsh => (1 + rng.below(6), 1 + rng.below(12) as usize),
        };
        let (collect_ms, resolution_us) = (20 + rng.below(100), 1 + rng.below(20_000) as i64);
        let cluster = Cluster::new(nodes, |id| {
            let mut config = Config::new(id, 1..=nodes);
            config.gossip_ms = GOSSIP_MS;
            config.gossip = gossip;
            config.sets = sets;
            config.resolution_us = resolution_us;
            config.collect_ms = collect_ms;
            config.snapshot_every = snapshot_every;
            config.max_deltas = max_deltas;
            config.mutant = mutant;
            config
        });
        let keys = vec!["a".into(), "b".into()];
        let usual = Links { loss: rng.below(30), repeated: rng.below(30), late: 10, lateness: (1, 200), delay: 16 };
        let links = severity.links(usual, UNIT, &mut rng);
        // A replica that lost its data has lost the times that it knew, too. If its clock is behind, its adds are older
        // than removes whose tombstones the others have collected, and nobody can tell which of the two was the last.
        let clock = sets == SetKind::ObservedRemove || rng.chance(50);
        let wipe = if sets == SetKind::LastWriterWins && clock { 0 } else { 15 };
        let kinds = Kinds { partition: true, crash: true, wipe, clock, ..Kinds::default() };
        Simulation {
            cluster,
            oracle: Oracle::default(),
            sets,
            nodes,
            faults: FaultModel::new(kinds, UNIT, severity),
            network: Network::new(links),
            keys,
            open: BTreeMap::new(),
            acknowledged: Vec::new(),
            actors: BTreeMap::new(),
            lost_actors: Vec::new(),
            elements: 0,
            rng,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.break_and_mend();
            self.turn(true)?;
        }
        let started = self.faults.heal(&mut self.cluster, &mut self.network);
        started.into_iter().for_each(|id| self.started(id));
        for _ in 0..120 {
            self.turn(false)?;
        }
        self.agree()
    }

    /// Ends and begins faults.
    fn break_and_mend(&mut self) {
        for id in self.cluster.up() {
            self.actors.insert(id, self.replica(id).status().actor);
        }
        let befell = self.faults.act(&mut self.cluster, &mut self.network, &mut self.rng, &[]);
        for id in befell.crashed {
            self.open.retain(|(node, _), _| *node != id);
            if befell.wiped.contains(&id) {
                // One that came back and was wiped at once was still who it had been.
                let Some(&lost) = self.actors.get(&id) else { continue };
                self.lost_actors.push(lost);
                // A message of an earlier life that arrives after the next has begun may insert text after an element
                // whose tombstone is collected by then: nobody can still know that it was under way.
                self.network.lose(|envelope| envelope.from == lost);
            }
        }
        befell.started.into_iter().for_each(|id| self.started(id));
    }

    fn replica(&self, id: NodeId) -> &Replica {
        self.cluster.node(id).expect("the node is up")
    }

    /// A node came back, unless it is down again already.
    fn started(&mut self, id: NodeId) {
        if let Some(status) = self.cluster.node(id).map(Replica::status) {
            self.oracle.forget_beyond(status.actor, status.sequence);
        }
    }

    /// Some milliseconds pass: messages arrive, disks sync, clients ask.
    fn turn(&mut self, busy: bool) -> Result<(), String> {
        self.cluster.now += if busy { 1 + self.rng.below(5) } else { 10 };
        for envelope in self.network.arrived(self.cluster.now) {
            self.arrive(envelope)?;
        }
        for id in 1..=self.nodes {
            let output = self.cluster.step(id, |_| ()).map(|((), output)| output);
            self.handle(id, output);
            if !busy || self.rng.chance(40) {
                // A group commit takes all that had gathered.
                for _ in 0..self.cluster.hosts[&id].unsynced.len() {
                    let output = self.cluster.sync(id);
                    self.handle(id, output);
                }
            }
            if busy && self.rng.chance(30) {
                self.ask(id)?;
            }
        }
        Ok(())
    }

    fn arrive(&mut self, envelope: Envelope) -> Result<(), String> {
        let id = envelope.to;
        if self.cluster.node(id).is_none() {
            return Ok(());
        }
        let before = self.replica(id).status();
        let mut heard = self.oracle.heard(before.actor, before.sequence);
        if let Message::Gossip { continues, upto, .. } = &envelope.message
            && continues.is_none_or(|incarnation| incarnation == before.actor.incarnation)
        {
            heard.extend(self.oracle.heard(envelope.from, *upto));
        }
        let output = self.cluster.step(id, |replica| replica.receive(envelope));
        let after = self.replica(id).status();
        self.oracle.note(after.actor, after.sequence, heard);
        self.handle(id, output.map(|(_, output)| output));
        self.check(id)
    }

    fn handle(&mut self, id: NodeId, output: Option<OutputOf<Replica>>) {
        let Some(output) = output else { return };
        for envelope in output.messages {
            self.network.send(self.cluster.now, envelope, &mut self.rng);
        }
        for Reply { request, result } in output.replies {
            if let Some(Some(update)) = self.open.remove(&(id, request))
                && result.is_ok()
            {
                self.acknowledged.push((self.replica(id).status().actor, update));
            }
        }
    }

    fn ask(&mut self, id: NodeId) -> Result<(), String> {
        if self.cluster.node(id).is_none() {
            return Ok(());
        }
        let key = self.keys[self.rng.below(self.keys.len() as u64) as usize].clone();
        let status = self.replica(id).status();
        let heard = self.oracle.heard(status.actor, status.sequence);
        let query = self.rng.pick(&QUERIES).expect("there are queries");
        let (update, supersedes) = self.choose(id, &key, query, &heard);
        let Some((request, output)) = self.cluster.step(id, |replica| replica.update(&key, &update)) else {
            return Ok(());
        };
        if self.is_refused(id, &key, &update) {
            self.handle(id, Some(output));
            return self.check(id);
        }
        let number = self.oracle.updates.len();
        let time = self.time(id, &key, &update);
        self.oracle.updates.push(Made { key, update, heard: heard.clone(), time, supersedes });
        let after = self.replica(id).status();
        self.oracle.note(after.actor, after.sequence, heard.into_iter().chain([number]).collect());
        self.open.insert((id, request), Some(number));
        self.handle(id, Some(output));
        self.check(id)
    }

    /// Whether the insertion that a replica was just asked for did not take place.
    fn is_refused(&self, id: NodeId, key: &Key, update: &Update) -> bool {
        let Update::Text(RgaOperation::Insert(element, _)) = update else { return false };
        self.replica(id).store().text(key).is_none_or(|text| text.node(*element).is_none())
    }

    fn choose(&mut self, id: NodeId, key: &Key, query: Query, heard: &Heard) -> (Update, Heard) {
        self.elements += 1;
        let new = self.elements;
        let expected = self.oracle.expected(key, query, self.sets, heard);
        let nothing = Heard::new();
        match (query, expected) {
            (Query::Counter, _) => (Update::CounterAdd(self.rng.below(9) as i64 - 3), nothing),
            (Query::Register, _) => (Update::RegisterWrite(new), nothing),
            (Query::Siblings, Reading::Elements(values)) => {
                let Reading::Siblings(siblings) = self.replica(id).store().read(key, Query::Siblings, self.sets) else {
                    unreachable!("siblings were asked for")
                };
                let with_context = self.rng.chance(70);
                let seen = siblings.iter().filter(|_| with_context).map(|(dot, _)| *dot).collect();
                let is_seen = |made: &Made| match made.update {
                    Update::SiblingsPut { value, .. } => with_context && values.contains(&value),
                    _ => false,
                };
                let supersedes = heard.iter().copied().filter(|at| is_seen(&self.oracle.updates[*at])).collect();
                (Update::SiblingsPut { value: new, seen }, supersedes)
            }
            (Query::Set, _) => {
                let element = self.rng.below(3) as i64;
                let adds = self.rng.chance(55);
                (Update::Set(if adds { SetOperation::Add(element) } else { SetOperation::Remove(element) }), nothing)
            }
            (Query::Map, _) => {
                let field: Arc<str> = self.rng.pick(&["f", "g"]).expect("two fields").into();
                let puts = self.rng.chance(60);
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
                let at = |rng: &mut Rng| text[rng.below(text.len() as u64) as usize];
                let operation = match self.rng.below(10) {
                    0..4 if !text.is_empty() => RgaOperation::Delete(at(&mut self.rng)),
                    4..7 if !text.is_empty() => RgaOperation::Insert(new, Some(at(&mut self.rng))),
                    // What a client has read long ago, perhaps deleted since.
                    7 | 8 if !ever.is_empty() => RgaOperation::Insert(new, self.rng.pick(&ever)),
                    _ => RgaOperation::Insert(new, None),
                };
                (Update::Text(operation), nothing)
            }
            (_, other) => unreachable!("{query:?} does not read {other:?}"),
        }
    }

    /// The time that an update was given.
    fn time(&self, id: NodeId, key: &Key, update: &Update) -> Option<Time> {
        let store = self.replica(id).store();
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
        let replica = self.replica(id);
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
        let first = self.replica(1);
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
                    let read = |id| plain(self.replica(id).store().read(key, query, self.sets));
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

/// The correct protocol must survive seeds, and do something: a cluster that does nothing is always right.
fn survives(seeds: u64, severity: Severity, least_per_seed: u64) {
    let (mut acknowledged, mut collected) = (0, 0);
    for seed in 0..seeds {
        let mut simulation = Simulation::new(seed, None, severity);
        if let Err(wrong) = simulation.run() {
            panic!("seed {seed}: {wrong}");
        }
        acknowledged += simulation.acknowledged.len();
        let made = &simulation.oracle.updates;
        let removes = made.iter().filter(|made| matches!(made.update, Update::Text(RgaOperation::Delete(_)))).count();
        collected += removes.saturating_sub(simulation.replica(1).status().tombstones);
    }
    println!("{severity:?}: {seeds} seeds, {acknowledged} updates acknowledged, {collected} tombstones collected");
    assert!(acknowledged as u64 > least_per_seed * seeds, "only {acknowledged} updates were acknowledged");
    assert!(collected > 0, "no tombstone was ever collected");
}

#[test]
fn the_correct_protocol_survives_every_seed() {
    survives(seeds(60), Severity::Usual, 100);
}

#[test]
fn the_correct_protocol_survives_every_harsh_seed() {
    survives(seeds(300), Severity::Harsh, 60);
}

#[test]
fn a_run_replays_from_its_seed() {
    for seed in 0..5 {
        let run = || {
            let mut simulation = Simulation::new(seed, Some(Mutant::AppliedAgain), Severity::Harsh);
            (simulation.run(), simulation.network.sent, simulation.acknowledged)
        };
        assert_eq!(run(), run());
    }
}

#[test]
fn every_mutant_is_caught() {
    let mut missed = Vec::new();
    for info in rashomon_crdt::ALL {
        let runs = (0..seeds(60)).flat_map(|seed| [(seed, Severity::Usual), (seed, Severity::Harsh)]);
        let caught = runs.into_iter().find_map(|(seed, severity)| {
            Some((seed, severity, Simulation::new(seed, Some(info.mutant), severity).run().err()?))
        });
        match caught {
            Some((seed, severity, wrong)) => println!("{} {}: {severity:?} seed {seed}: {wrong}", info.id, info.name),
            None => missed.push(info.name),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// How many seeds to run: `CRDT_SEEDS`, for a longer look.
fn seeds(usual: u64) -> u64 {
    std::env::var("CRDT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usual)
}
