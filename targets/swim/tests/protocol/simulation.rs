//! A minute of random misfortune for many seeds: loss, duplication, delay, pauses, crashes, cuts in one direction or
//! both, leaves and joins.
//!
//! A run is its seed. It ends with everything healed; all views must then converge to the truth. The correct protocol
//! must survive every seed; each mutant must be caught in some, which shows that the simulation can fail.

use std::collections::BTreeMap;

use rashomon_rehearsal::Dice;
use rashomon_swim::{Envelope, Event, Mutant, NodeId, State};

use crate::cluster::Cluster;
use crate::invariants::Invariants;
use crate::weather::{Broken, Weather};

const ROUGH_MS: u64 = 40_000;
/// Within this time after the last fault all views agree.
const CONVERGENCE_MS: u64 = 15_000;

struct Simulation {
    cluster: Cluster,
    weather: Weather,
    dice: Dice,
    broken: Broken,
    invariants: Invariants,
    /// Messages under way, by when they arrive.
    network: BTreeMap<(u64, u64), Envelope>,
    sent: u64,
}

type Effects = Option<(Vec<Envelope>, Vec<Event>)>;

impl Simulation {
    fn new(seed: u64, mutant: Option<Mutant>) -> Simulation {
        let mut dice = Dice(seed);
        let weather = [Weather::Rough, Weather::Rough, Weather::Pauses, Weather::Detours][(seed % 4) as usize];
        let size = 3 + dice.below(4) as u16;
        let forget_after_ms = if dice.chance(50) { 1_000 + dice.below(3_000) } else { 3_600_000 };
        let cluster = Cluster::new(size, |config| {
            config.seed = seed;
            config.forget_after_ms = forget_after_ms;
            config.indirect_probes = usize::from(size);
            config.mutant = mutant;
        });
        let broken = Broken::new(weather, &mut dice);
        let invariants = Invariants::default();
        Simulation { cluster, weather, broken, invariants, network: BTreeMap::new(), sent: 0, dice }
    }

    fn run(&mut self) -> Result<(), String> {
        while self.cluster.now < ROUGH_MS {
            self.turn(true)?;
        }
        let started = self.broken.heal(&mut self.cluster);
        started.into_iter().for_each(|id| self.invariants.restarted(id));
        while self.cluster.now < ROUGH_MS + CONVERGENCE_MS {
            self.turn(false)?;
        }
        self.converged()
    }

    /// One to ten milliseconds.
    fn turn(&mut self, faulty: bool) -> Result<(), String> {
        self.cluster.now += 1 + self.dice.below(10);
        if faulty {
            let befell = self.broken.act(&mut self.cluster, &mut self.dice);
            befell.started.into_iter().for_each(|id| self.invariants.restarted(id));
            for id in befell.turned {
                let effects = self.cluster.step(id, |node| match node.identity() {
                    Some(identity) if identity.left => node.join(),
                    _ => node.leave(),
                });
                self.handle(id, effects)?;
            }
        }
        for id in self.cluster.up() {
            if self.cluster.is_paused(id) {
                continue;
            }
            let host = &self.cluster.hosts[&id];
            let node = host.node.as_ref().expect("it is up");
            if node.next_ms() <= self.cluster.now || host.unsynced.is_none() && node.identity().is_none() {
                let effects = self.cluster.step(id, |_| ());
                self.handle(id, effects)?;
            }
            let written_at = self.cluster.hosts[&id].unsynced.map(|(at, ..)| at);
            if written_at.is_some_and(|at| self.cluster.now > at + self.dice.below(20)) {
                let effects = self.cluster.sync(id);
                self.handle(id, effects)?;
            }
        }
        self.deliver()
    }

    fn deliver(&mut self) -> Result<(), String> {
        let later = self.network.split_off(&(self.cluster.now + 1, 0));
        for (_, envelope) in std::mem::replace(&mut self.network, later) {
            let to = envelope.to;
            if self.cluster.is_paused(to) {
                self.sent += 1;
                self.network.insert((self.cluster.hosts[&to].paused_until, self.sent), envelope);
            } else if !self.broken.cut.contains(&(envelope.from, to)) {
                let effects = self.cluster.step(to, |node| node.receive(envelope));
                self.handle(to, effects)?;
            }
        }
        Ok(())
    }

    /// Looks at what a step of a node brought forth, and puts its messages on their way.
    fn handle(&mut self, id: NodeId, effects: Effects) -> Result<(), String> {
        let Some((messages, events)) = effects else { return Ok(()) };
        for envelope in messages {
            if self.dice.chance(self.broken.loss) {
                continue;
            }
            let copies = if self.dice.chance(3) { 2 } else { 1 };
            for _ in 0..copies {
                let slow = if self.dice.chance(self.broken.late) { 3_000 } else { 12 };
                self.sent += 1;
                let at = self.cluster.now + self.dice.below(slow);
                self.network.insert((at, self.sent), envelope.clone());
            }
        }
        let seen = self.invariants.observe(&self.cluster, self.weather, id, &events);
        seen.map_err(|what| format!("{:?}, at {} ms: {what}", self.weather, self.cluster.now))
    }

    /// Every node knows exactly those that take part, in their present incarnations.
    fn converged(&self) -> Result<(), String> {
        let mut truth = Vec::new();
        for (id, host) in &self.cluster.hosts {
            let identity = host.disk.ok_or(format!("node {id} has no identity"))?;
            if !identity.left {
                truth.push((*id, State::Alive, identity.incarnation));
            }
        }
        for (id, host) in &self.cluster.hosts {
            let members = host.node.as_ref().ok_or(format!("node {id} is down"))?.members();
            let seen: Vec<_> = members
                .iter()
                .filter(|member| member.state != State::Left)
                .map(|member| (member.id, member.state, member.incarnation))
                .collect();
            if seen != truth {
                return Err(format!("{:?}: node {id} sees {seen:?}, the truth is {truth:?}", self.weather));
            }
        }
        Ok(())
    }
}

#[test]
fn the_correct_protocol_survives_every_seed() {
    let (mut deaths, mut returns) = (0, 0);
    for seed in 0..seeds(200) {
        let mut simulation = Simulation::new(seed, None);
        if let Err(what) = simulation.run() {
            panic!("seed {seed}: {what}");
        }
        deaths += simulation.invariants.deaths;
        returns += simulation.invariants.returns;
    }
    // Where nothing happens nothing goes wrong.
    assert!(deaths > 5 * seeds(200) && returns > 3 * seeds(200), "only {deaths} deaths and {returns} returns");
}

#[test]
fn a_run_replays_from_its_seed() {
    for seed in 0..4 {
        let run = |seed| {
            let mut simulation = Simulation::new(seed, Some(Mutant::NoLocalHealth));
            (simulation.run(), simulation.sent, simulation.invariants.deaths)
        };
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn every_mutant_is_caught() {
    let mut missed = Vec::new();
    for info in rashomon_swim::ALL {
        let caught = (0..seeds(200)).find_map(|seed| {
            let what = Simulation::new(seed, Some(info.mutant)).run().err()?;
            Some((seed, what))
        });
        match caught {
            Some((seed, what)) => println!("{} {}: seed {seed}: {what}", info.id, info.name),
            None => missed.push(info.name),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// How many seeds to run: `SWIM_SEEDS`, for a longer look.
fn seeds(usual: u64) -> u64 {
    std::env::var("SWIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usual)
}
