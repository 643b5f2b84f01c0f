//! Thousands of random steps over a lossy network, crashing nodes, slow disks and jumping clocks, for many seeds.
//!
//! A run is its seed. It ends with everything healed, the cluster must then serve again, and a read of each recent key
//! on each node joins the histories that are judged. The correct protocol must survive every seed; each mutant must be
//! caught in some, which shows that the simulation can fail.

use std::sync::Arc;

use rashomon_protocol::OutputOf;
use rashomon_raft::{
    Command, Config, Envelope, Mutant, Node, NodeId, Query, Reply, RequestId, Response, Session, Update, Value,
};
use rashomon_testkit::{Cluster, FaultModel, Kinds, Links, Network, Rng, Severity};

use crate::history::{Action, Operation, is_linearizable};
use crate::invariants::Invariants;

const TIMEOUT: u64 = 100;
const REQUEST_TIMEOUT: u64 = 400;
const FAULTY_MS: u64 = 4_000;
const OPERATIONS_PER_KEY: usize = 48;

/// A client: one operation at a time.
struct Client {
    name: Arc<str>,
    seq: u64,
    open: Option<(NodeId, RequestId, usize, usize)>,
}

struct Simulation {
    cluster: Cluster<Node>,
    rng: Rng,
    faults: FaultModel,
    invariants: Invariants,
    network: Network<Envelope>,
    clients: Vec<Client>,
    names: u64,
    values: i64,
    keys: Vec<Vec<Operation>>,
    acknowledged: u64,
}

/// Why a run failed.
#[derive(Debug)]
enum Caught {
    /// A property of Figure 3 is broken.
    Invariant(String),
    /// Clients saw what no order of operations explains.
    History(String),
    /// The cluster does not serve although nothing is broken any more.
    Stuck(String),
}

impl std::fmt::Display for Caught {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Caught::Invariant(what) | Caught::History(what) | Caught::Stuck(what) => out.write_str(what),
        }
    }
}

impl Simulation {
    fn new(seed: u64, mutant: Option<Mutant>, severity: Severity) -> Simulation {
        let mut rng = Rng(seed);
        let size = if rng.chance(60) { 3 } else { 5 };
        let (max_batch, max_inflight) = (1 + rng.below(4) as usize, 1 + rng.below(4) as usize);
        let (snapshot_every, snapshot_tail) = match severity {
            Severity::Usual if rng.chance(50) => (10_000, 0),
            Severity::Usual => (5 + rng.below(40), rng.below(6)),
            Severity::Harsh => (1 + rng.below(8), rng.below(3)),
        };
        let cluster = Cluster::new(size, |id| {
            let mut config = Config::new(id, 1..=size);
            config.election_timeout_ms = TIMEOUT;
            config.heartbeat_ms = TIMEOUT / 5;
            config.max_batch = max_batch;
            config.max_inflight = max_inflight;
            config.snapshot_every = snapshot_every;
            config.snapshot_tail = snapshot_tail;
            config.seed = seed;
            config.mutant = mutant;
            config
        });
        let kinds = Kinds {
            partition: rng.chance(75),
            crash: rng.chance(75),
            pause: rng.chance(50),
            clock: rng.chance(50),
            churn: rng.chance(30) || severity == Severity::Harsh,
            wipe: 0,
        };
        let usual = Links {
            loss: rng.below(8),
            repeated: 3,
            late: 2,
            lateness: (TIMEOUT, 2 * TIMEOUT),
            delay: 1 + rng.below(12),
        };
        let links = severity.links(usual, TIMEOUT, &mut rng);
        let clients = 3 + rng.below(4);
        let mut simulation = Simulation {
            cluster,
            faults: FaultModel::new(kinds, TIMEOUT, severity),
            invariants: Invariants::default(),
            network: Network::new(links),
            clients: Vec::new(),
            names: 0,
            values: 0,
            keys: vec![Vec::new(), Vec::new()],
            acknowledged: 0,
            rng,
        };
        for _ in 0..clients {
            let name = simulation.new_name();
            simulation.clients.push(Client { name, seq: 0, open: None });
        }
        simulation
    }

    fn new_name(&mut self) -> Arc<str> {
        self.names += 1;
        format!("c{}", self.names).into()
    }

    fn run(&mut self) -> Result<(), Caught> {
        let result = self.play();
        if let Err(Caught::Invariant(_)) = result {
            return result;
        }
        for (key, operations) in self.keys.iter().enumerate() {
            if !is_linearizable(operations) {
                return Err(Caught::History(format!(
                    "key {key}: no order explains its {} operations",
                    operations.len()
                )));
            }
        }
        result
    }

    fn play(&mut self) -> Result<(), Caught> {
        while self.cluster.now < FAULTY_MS {
            self.turn(true)?;
        }
        for id in self.faults.heal(&mut self.cluster, &mut self.network) {
            self.invariants.restarted(id);
        }
        // It may take a few elections; then it must serve, and every node must catch up.
        let before = self.acknowledged;
        let until = self.cluster.now + 30 * TIMEOUT;
        while self.cluster.now < until {
            self.turn(true)?;
        }
        if self.acknowledged == before {
            return Err(Caught::Stuck("no operation was acknowledged after all faults had ended".to_owned()));
        }
        while self.clients.iter().any(|client| client.open.is_some()) {
            self.turn(false)?;
        }
        self.final_reads()
    }

    /// One to three milliseconds.
    fn turn(&mut self, load: bool) -> Result<(), Caught> {
        self.cluster.now += 1 + self.rng.below(3);
        let leaders: Vec<(NodeId, u64)> = self.leaders().collect();
        let befell = self.faults.act(&mut self.cluster, &mut self.network, &mut self.rng, &leaders);
        befell.crashed.into_iter().for_each(|id| self.forget_requests_to(id));
        befell.started.into_iter().for_each(|id| self.invariants.restarted(id));
        let running = self.cluster.running();
        for id in &running {
            let output = self.cluster.step(*id, |_| ()).map(|((), output)| output);
            self.handle(*id, output)?;
            let written_at = self.cluster.hosts[id].unsynced.front().map(|unsynced| unsynced.at);
            if written_at.is_some_and(|at| self.cluster.now > at + self.rng.below(8)) {
                let output = self.cluster.sync(*id);
                self.handle(*id, output)?;
            }
        }
        self.deliver()?;
        if load {
            self.invoke(&running)?;
        }
        Ok(())
    }

    /// The nodes that lead, with their terms.
    fn leaders(&self) -> impl Iterator<Item = (NodeId, u64)> + '_ {
        let statuses = self.cluster.hosts.values().filter_map(|host| host.node.as_ref()).map(Node::status);
        statuses.filter(|status| status.role == "leader").map(|status| (status.id, status.term))
    }

    fn deliver(&mut self) -> Result<(), Caught> {
        for envelope in self.network.arrived(self.cluster.now) {
            let to = envelope.to;
            if self.cluster.is_paused(to) {
                self.network.postpone(envelope, self.cluster.hosts[&to].paused_until);
            } else {
                let output = self.cluster.step(to, |node| node.receive(envelope)).map(|((), output)| output);
                self.handle(to, output)?;
            }
        }
        Ok(())
    }

    /// Looks at what a step of a node brought forth, and puts its messages on their way.
    fn handle(&mut self, id: NodeId, output: Option<OutputOf<Node>>) -> Result<(), Caught> {
        let Some(output) = output else { return Ok(()) };
        for envelope in output.messages {
            self.network.send(self.cluster.now, envelope, &mut self.rng);
        }
        for Reply { request, result } in output.replies {
            let Some(client) = self
                .clients
                .iter_mut()
                .position(|client| client.open.is_some_and(|open| (open.0, open.1) == (id, request)))
            else {
                continue;
            };
            match result {
                Ok(response) => self.complete(client, response),
                Err(failure) => self.fail(client, failure.is_definite()),
            }
        }
        self.invariants.observe(&self.cluster, id, &output.events).map_err(Caught::Invariant)
    }

    fn complete(&mut self, client: usize, response: Response) {
        let Some((_, _, key, at)) = self.clients[client].open.take() else { return };
        let operation = &mut self.keys[key][at];
        operation.completed = self.cluster.now;
        match (&mut operation.action, response) {
            (Action::Read(value), Response::Value(read)) => *value = number(&read),
            (Action::Write(_), Response::Done) => {}
            (Action::Cas(_, _, result), Response::Swapped(swapped)) => *result = Some(swapped),
            // The session went on: nobody knows.
            (_, Response::Superseded) => operation.completed = u64::MAX,
            (action, response) => panic!("{action:?} was answered with {response:?}"),
        }
        self.acknowledged += 1;
    }

    /// Ends an operation without an answer. What certainly did not happen is no part of the history.
    fn fail(&mut self, client: usize, definite: bool) {
        let Some((_, _, key, at)) = self.clients[client].open.take() else { return };
        let operation = &mut self.keys[key][at];
        if definite || matches!(operation.action, Action::Read(_)) {
            // A compare-and-set that anybody may believe failed says nothing; one with an impossible value never swaps.
            operation.action = Action::Cas(Some(i64::MIN), i64::MIN, None);
        }
        operation.completed = u64::MAX;
        self.clients[client].name = self.new_name();
        self.clients[client].seq = 0;
    }

    fn forget_requests_to(&mut self, node: NodeId) {
        for client in 0..self.clients.len() {
            if self.clients[client].open.is_some_and(|open| open.0 == node) {
                self.fail(client, false);
            }
        }
    }

    fn invoke(&mut self, running: &[NodeId]) -> Result<(), Caught> {
        for client in 0..self.clients.len() {
            if self.clients[client].open.is_some() || !self.rng.chance(25) {
                continue;
            }
            let Some(node) = self.rng.pick(running) else { return Ok(()) };
            let key = self.current_key();
            let last = self.keys[key].iter().rev().find_map(|operation| match operation.action {
                Action::Read(value) if operation.completed != u64::MAX => Some(value),
                Action::Write(value) => Some(Some(value)),
                _ => None,
            });
            self.values += 1;
            let action = match self.rng.below(10) {
                0..4 => Action::Read(None),
                4..7 => Action::Write(self.values),
                _ => Action::Cas(last.flatten(), self.values, None),
            };
            self.ask(client, node, key, action)?;
        }
        Ok(())
    }

    /// One of the two youngest keys; a key whose history is long enough makes room for a new one.
    fn current_key(&mut self) -> usize {
        let key = self.keys.len() - 1 - self.rng.below(2) as usize;
        if self.keys[key].len() < OPERATIONS_PER_KEY {
            return key;
        }
        self.keys.push(Vec::new());
        self.keys.len() - 1
    }

    fn ask(&mut self, client: usize, node: NodeId, key: usize, action: Action) -> Result<(), Caught> {
        let deadline = self.cluster.now + REQUEST_TIMEOUT;
        let name: Arc<str> = format!("k{key}").into();
        self.clients[client].seq += 1;
        let session = Some(Session { client: self.clients[client].name.clone(), seq: self.clients[client].seq });
        let update = match action {
            Action::Read(_) => None,
            Action::Write(written) => Some(Update::Write(value(Some(written)))),
            Action::Cas(from, to, _) => Some(Update::Cas { from: value(from), to: value(Some(to)) }),
        };
        let asked = self.cluster.step(node, |node| match update {
            None => node.read(Query::Register(name), deadline),
            Some(update) => node.write(Command { session, key: name, update }, deadline),
        });
        let Some((request, output)) = asked else { return Ok(()) };
        self.keys[key].push(Operation { action, invoked: self.cluster.now, completed: u64::MAX });
        self.clients[client].open = Some((node, request, key, self.keys[key].len() - 1));
        self.handle(node, Some(output))
    }

    /// Reads the last keys on every node.
    fn final_reads(&mut self) -> Result<(), Caught> {
        let nodes: Vec<NodeId> = self.cluster.up();
        for key in self.keys.len().saturating_sub(10)..self.keys.len() {
            for node in &nodes {
                let before = self.acknowledged;
                self.ask(0, *node, key, Action::Read(None))?;
                while self.clients[0].open.is_some() {
                    self.turn(false)?;
                }
                if self.acknowledged == before {
                    return Err(Caught::Stuck(format!(
                        "node {node} does not answer a read after all faults had ended"
                    )));
                }
            }
        }
        Ok(())
    }
}

fn value(number: Option<i64>) -> Value {
    number.map_or(Value::Null, Value::Int)
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Null | Value::Text(_) => None,
    }
}

fn simulate(seed: u64, mutant: Option<Mutant>, severity: Severity) -> (Result<(), Caught>, usize, u64) {
    let mut simulation = Simulation::new(seed, mutant, severity);
    let result = simulation.run();
    (result, simulation.invariants.committed(), simulation.acknowledged)
}

/// The correct protocol must survive seeds, and do something: a cluster that does nothing is always safe.
fn survives(seeds: u64, severity: Severity, least_per_seed: u64) {
    let (mut committed, mut acknowledged) = (0, 0);
    for seed in 0..seeds {
        let (result, entries, operations) = simulate(seed, None, severity);
        if let Err(caught) = result {
            panic!("seed {seed}: {caught}");
        }
        committed += entries;
        acknowledged += operations;
    }
    println!("{severity:?}: {seeds} seeds, {committed} entries committed, {acknowledged} operations acknowledged");
    assert!(committed as u64 > least_per_seed * seeds, "only {committed} entries were committed");
    assert!(acknowledged > least_per_seed * seeds, "only {acknowledged} operations were acknowledged");
}

#[test]
fn the_correct_protocol_survives_every_seed() {
    survives(seeds(300), Severity::Usual, 100);
}

#[test]
fn the_correct_protocol_survives_every_harsh_seed() {
    survives(seeds(300), Severity::Harsh, 40);
}

#[test]
fn a_run_replays_from_its_seed() {
    let run = |seed| {
        let (result, committed, acknowledged) = simulate(seed, Some(Mutant::StaleRead), Severity::Harsh);
        (result.map_err(|caught| caught.to_string()), committed, acknowledged)
    };
    for seed in 0..5 {
        assert_eq!(run(seed), run(seed));
    }
}

#[test]
fn every_mutant_is_caught() {
    let mut missed = Vec::new();
    // Those of transactions are for another simulation.
    for info in rashomon_raft::ALL.iter().filter(|info| info.recipe.workload == "register") {
        let runs = (0..seeds(300)).flat_map(|seed| [(seed, Severity::Usual), (seed, Severity::Harsh)]);
        let caught =
            runs.into_iter().find_map(|(seed, severity)| match simulate(seed, Some(info.mutant), severity).0 {
                Err(caught @ (Caught::Invariant(_) | Caught::History(_))) => Some((seed, severity, caught)),
                Ok(()) | Err(Caught::Stuck(_)) => None,
            });
        match caught {
            Some((seed, severity, caught)) => println!("{} {}: {severity:?} seed {seed}: {caught}", info.id, info.name),
            None => missed.push(info.name),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// How many seeds to run: `RAFT_SEEDS`, for a longer look.
fn seeds(usual: u64) -> u64 {
    std::env::var("RAFT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usual)
}
