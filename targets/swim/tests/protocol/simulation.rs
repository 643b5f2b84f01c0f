//! A minute of random faults for many seeds: loss, duplication, delay, pauses, crashes, cuts in one direction or
//! both, leaves and joins.
//!
//! A run is its seed. It ends with everything healed; all views must then converge to the truth. The correct protocol
//! must survive every seed; each mutant must be caught in some, which shows that the simulation can fail.

use rashomon_protocol::OutputOf;
use rashomon_swim::{Config, Envelope, Mutant, NodeId, State, Swim};
use rashomon_testkit::{Cluster, Network, Rng, Severity};

use crate::invariants::Invariants;
use crate::profile::{Faults, Profile};

const ROUGH_MS: u64 = 40_000;
/// Within this time after the last fault all views agree.
const CONVERGENCE_MS: u64 = 15_000;

struct Simulation {
    cluster: Cluster<Swim>,
    profile: Profile,
    rng: Rng,
    faults: Faults,
    invariants: Invariants,
    network: Network<Envelope>,
}

impl Simulation {
    fn new(seed: u64, mutant: Option<Mutant>, severity: Severity) -> Simulation {
        let mut rng = Rng(seed);
        let profile = [Profile::Rough, Profile::Rough, Profile::Pauses, Profile::Detours][(seed % 4) as usize];
        let size = 3 + rng.below(4) as u16;
        let forget_after_ms = if rng.chance(50) { 1_000 + rng.below(3_000) } else { 3_600_000 };
        let cluster = Cluster::new(size, |id| {
            let mut config = Config::new(id, 1..=size);
            config.seed = seed;
            config.forget_after_ms = forget_after_ms;
            config.indirect_probes = usize::from(size);
            config.mutant = mutant;
            config
        });
        let (faults, network) = Faults::new(profile, severity, &mut rng);
        Simulation { cluster, profile, faults, network, invariants: Invariants::default(), rng }
    }

    fn run(&mut self) -> Result<(), String> {
        while self.cluster.now < ROUGH_MS {
            self.turn(true)?;
        }
        let started = self.faults.heal(&mut self.cluster, &mut self.network);
        started.into_iter().for_each(|id| self.invariants.restarted(id));
        while self.cluster.now < ROUGH_MS + CONVERGENCE_MS {
            self.turn(false)?;
        }
        self.converged()
    }

    /// One to ten milliseconds.
    fn turn(&mut self, faulty: bool) -> Result<(), String> {
        self.cluster.now += 1 + self.rng.below(10);
        if faulty {
            let befell = self.faults.act(&mut self.cluster, &mut self.network, &mut self.rng);
            befell.started.into_iter().for_each(|id| self.invariants.restarted(id));
            for id in befell.turned {
                let output = self.cluster.step(id, |node| match node.identity() {
                    Some(identity) if identity.left => node.join(),
                    _ => node.leave(),
                });
                self.handle(id, output.map(|((), output)| output))?;
            }
        }
        for id in self.cluster.up() {
            if self.cluster.is_paused(id) {
                continue;
            }
            let host = &self.cluster.hosts[&id];
            let node = host.node.as_ref().expect("it is up");
            if node.next_ms() <= self.cluster.now || host.unsynced.is_empty() && node.identity().is_none() {
                let output = self.cluster.step(id, |_| ());
                self.handle(id, output.map(|((), output)| output))?;
            }
            let written_at = self.cluster.hosts[&id].unsynced.front().map(|unsynced| unsynced.at);
            if written_at.is_some_and(|at| self.cluster.now > at + self.rng.below(20)) {
                let output = self.cluster.sync(id);
                self.handle(id, output)?;
            }
        }
        self.deliver()
    }

    fn deliver(&mut self) -> Result<(), String> {
        for envelope in self.network.arrived(self.cluster.now) {
            let to = envelope.to;
            if self.cluster.is_paused(to) {
                self.network.postpone(envelope, self.cluster.hosts[&to].paused_until);
            } else {
                let output = self.cluster.step(to, |node| node.receive(envelope));
                self.handle(to, output.map(|((), output)| output))?;
            }
        }
        Ok(())
    }

    /// Looks at what a step of a node brought forth, and puts its messages on their way.
    fn handle(&mut self, id: NodeId, output: Option<OutputOf<Swim>>) -> Result<(), String> {
        let Some(output) = output else { return Ok(()) };
        for envelope in output.messages {
            self.network.send(self.cluster.now, envelope, &mut self.rng);
        }
        let seen = self.invariants.observe(&self.cluster, self.profile, id, &output.events);
        seen.map_err(|what| format!("{:?}, at {} ms: {what}", self.profile, self.cluster.now))
    }

    /// Every node knows exactly those that take part, in their present incarnations.
    fn converged(&self) -> Result<(), String> {
        let mut truth = Vec::new();
        for (id, host) in &self.cluster.hosts {
            let identity = host.disk.0.ok_or(format!("node {id} has no identity"))?;
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
                return Err(format!("{:?}: node {id} sees {seen:?}, the truth is {truth:?}", self.profile));
            }
        }
        Ok(())
    }
}

/// The correct protocol must survive seeds in which something happens.
fn survives(seeds: u64, severity: Severity) {
    let (mut deaths, mut returns) = (0, 0);
    for seed in 0..seeds {
        let mut simulation = Simulation::new(seed, None, severity);
        if let Err(what) = simulation.run() {
            panic!("seed {seed}: {what}");
        }
        deaths += simulation.invariants.deaths;
        returns += simulation.invariants.returns;
    }
    println!("{severity:?}: {seeds} seeds, {deaths} deaths and {returns} returns were seen");
    assert!(deaths > 5 * seeds && returns > 3 * seeds, "only {deaths} deaths and {returns} returns");
}

#[test]
fn the_correct_protocol_survives_every_seed() {
    survives(seeds(200), Severity::Usual);
}

#[test]
fn the_correct_protocol_survives_every_harsh_seed() {
    survives(seeds(300), Severity::Harsh);
}

#[test]
fn a_run_replays_from_its_seed() {
    for seed in 0..4 {
        let run = |seed| {
            let mut simulation = Simulation::new(seed, Some(Mutant::NoLocalHealth), Severity::Harsh);
            (simulation.run(), simulation.network.sent, simulation.invariants.deaths)
        };
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn every_mutant_is_caught() {
    let mut missed = Vec::new();
    for info in rashomon_swim::ALL {
        let caught = (0..seeds(200)).find_map(|seed| {
            let what = Simulation::new(seed, Some(info.mutant), Severity::Usual).run().err()?;
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
