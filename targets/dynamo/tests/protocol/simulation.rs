//! Thousands of random steps over a lossy network, crashing nodes, slow disks and jumping clocks, for many seeds.
//!
//! A run is its seed, which also draws the configuration: quorums strict and sloppy, weak and strong, with and without
//! hints, read repair, anti-entropy, changes of the ring. It ends with everything healed; then all replicas must agree,
//! every node must serve, and what the replicas agree on must follow from what clients were told. The correct protocol
//! must survive every seed; each mutant must be caught in some, which shows that the simulation can fail.

use rashomon_dynamo::{
    Ask, Config, Envelope, Key, Mutant, Node, NodeId, Quorum, QuorumKind, Reply, RequestId, Response, Space, Stage,
    Status, Update, Value,
};
use rashomon_history::EventKind;
use rashomon_protocol::OutputOf;
use rashomon_testkit::{Cluster, FaultModel, Kinds, Links, Network, Rng, Severity};

use crate::ledger::{Fate, Ledger, Put};

const UNIT: u64 = 100;
const REQUEST_TIMEOUT: u64 = 300;
const FAULTY_MS: u64 = 3_500;
const HEALED_MS: u64 = 6_000;

/// What a client waits for.
#[derive(Clone, Debug)]
pub(super) enum Open {
    Read,
    Write(i64),
    Put(Put),
    Add(i64),
    Remove(i64),
    Count(i64),
}

pub(super) struct Client {
    process: u32,
    pub(super) open: Option<(NodeId, RequestId, Key, Open)>,
}

pub(super) struct Simulation {
    pub(super) cluster: Cluster<Node>,
    rng: Rng,
    faults: FaultModel,
    pub(super) ledger: Ledger,
    network: Network<Envelope>,
    pub(super) clients: Vec<Client>,
    processes: u32,
    values: i64,
    pub(super) acknowledged: u64,
    /// Reads meet writes, and nobody stands in.
    pub(super) strong: bool,
    /// Clients find each other's acknowledged updates.
    pub(super) strict: bool,
    /// When the ring changes next; 0: never.
    churn_at: u64,
    detect_at: u64,
    spaces: Vec<Space>,
}

/// Why a run failed.
#[derive(Debug)]
pub(super) enum Caught {
    /// Clients saw, or the replicas agree on, what nothing explains.
    Wrong(String),
    /// Replicas do not agree, or do not serve, although nothing is broken any more.
    Stuck(String),
}

impl std::fmt::Display for Caught {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Caught::Wrong(what) | Caught::Stuck(what) => out.write_str(what),
        }
    }
}

impl Simulation {
    fn new(seed: u64, mutant: Option<Mutant>, severity: Severity) -> Simulation {
        let mut rng = Rng(seed);
        let size = if rng.chance(25) { 3 } else { 5 };
        let kind = if rng.chance(70) { QuorumKind::Strict } else { QuorumKind::Sloppy };
        let (r, w) = *[(2, 2), (2, 2), (2, 2), (1, 1), (1, 3), (3, 1)].get(rng.below(6) as usize).unwrap_or(&(2, 2));
        let quorum = Quorum { n: 3, r, w };
        let (hints, read_repair) = (rng.chance(75), rng.chance(75));
        let handoff_ms = if rng.chance(50) { 20 } else { 1_200 };
        let grace_ms = if rng.chance(50) { 100 } else { 400 };
        let anti_entropy_ms = if rng.chance(80) { 60 } else { 400 };
        let cluster = Cluster::new(size, |id| {
            let mut config = Config::new(id, 1..=size);
            config.quorum = quorum;
            config.kind = kind;
            config.patience_ms = 15;
            (config.hints, config.read_repair) = (hints, read_repair);
            (config.handoff_ms, config.grace_ms, config.anti_entropy_ms) = (handoff_ms, grace_ms, anti_entropy_ms);
            config.mutant = mutant;
            config
        });
        let kinds = Kinds {
            partition: rng.chance(75),
            crash: rng.chance(60),
            pause: rng.chance(50),
            clock: rng.chance(50),
            ..Kinds::default()
        };
        let usual =
            Links { loss: rng.below(6), repeated: 3, late: 2, lateness: (UNIT, 9 * UNIT), delay: 1 + rng.below(12) };
        let links = severity.links(usual, UNIT, &mut rng);
        let strong = kind == QuorumKind::Strict && r + w > 3;
        let mut spaces = vec![Space::Siblings, Space::Set, Space::Cart, Space::Counter];
        if strong {
            spaces.extend([Space::Register; 4]);
        }
        let clients = 4 + rng.below(5);
        let mut simulation = Simulation {
            cluster,
            faults: FaultModel::new(kinds, UNIT, severity),
            ledger: Ledger::default(),
            network: Network::new(links),
            clients: Vec::new(),
            processes: 0,
            values: 0,
            acknowledged: 0,
            strong,
            strict: strong,
            churn_at: if size > 3 && rng.chance(40) { 300 } else { 0 },
            detect_at: 0,
            spaces,
            rng,
        };
        for _ in 0..clients {
            let process = simulation.new_process();
            simulation.clients.push(Client { process, open: None });
        }
        simulation
    }

    fn new_process(&mut self) -> u32 {
        self.processes += 1;
        self.processes
    }

    fn run(&mut self) -> Result<(), Caught> {
        while self.cluster.now < FAULTY_MS {
            self.turn(true);
        }
        self.faults.heal(&mut self.cluster, &mut self.network);
        self.churn_at = 0;
        let (before, until) = (self.acknowledged, self.cluster.now + 500);
        while self.cluster.now < until {
            self.turn(true);
        }
        if self.acknowledged == before {
            return Err(Caught::Stuck("no operation was acknowledged after all faults had ended".to_owned()));
        }
        while self.clients.iter().any(|client| client.open.is_some()) {
            self.turn(false);
        }
        self.settle_ring()?;
        let until = self.cluster.now + HEALED_MS;
        let mut differ = Some(String::new());
        while differ.is_some() && self.cluster.now < until {
            let next = self.cluster.now + 50;
            while self.cluster.now < next {
                self.turn(false);
            }
            differ = self.difference();
        }
        self.judge()?;
        match differ {
            Some(what) => Err(Caught::Stuck(what)),
            None => Ok(()),
        }
    }

    /// Waits until no change of the ring is wanted or under way: it would go on during the final reads, and they are to
    /// show what is left when nothing moves any more.
    fn settle_ring(&mut self) -> Result<(), Caught> {
        let until = self.cluster.now + HEALED_MS;
        while self.cluster.now < until {
            let nodes = self.cluster.hosts.values().filter_map(|host| host.node.as_ref());
            let is_settled = |status: Status| {
                let members = &status.ring.members;
                // Whoever would leave fewer members than a key has replicas stays one, whatever it wants.
                let waits = |joins: bool| members.contains(&status.id) != joins && (joins || members.len() > 3);
                status.ring.stage == Stage::Stable && !status.wanted.is_some_and(waits)
            };
            if nodes.map(Node::status).all(is_settled) {
                return Ok(());
            }
            self.turn(false);
        }
        Err(Caught::Stuck("a change of the ring does not end although nothing is broken any more".to_owned()))
    }

    /// One to three milliseconds.
    pub(super) fn turn(&mut self, load: bool) {
        self.cluster.now += 1 + self.rng.below(3);
        let befell = self.faults.act(&mut self.cluster, &mut self.network, &mut self.rng, &[]);
        befell.crashed.into_iter().for_each(|id| self.forget_requests_to(id));
        let running = self.cluster.running();
        self.detect();
        self.churn(&running);
        for id in &running {
            let output = self.cluster.step(*id, |_| ()).map(|((), output)| output);
            self.handle(*id, output);
            let written_at = self.cluster.hosts[id].unsynced.front().map(|unsynced| unsynced.at);
            if written_at.is_some_and(|at| self.cluster.now > at + self.rng.below(8)) {
                // A group commit takes all that had gathered, or nearly so.
                let gathered = self.cluster.hosts[id].unsynced.len();
                for _ in 0..gathered.saturating_sub(self.rng.below(3) as usize).max(1) {
                    let output = self.cluster.sync(*id);
                    self.handle(*id, output);
                }
            }
        }
        self.deliver();
        if load {
            self.invoke(&running);
        }
    }

    /// A failure detector that notices late.
    fn detect(&mut self) {
        if self.cluster.now < self.detect_at {
            return;
        }
        self.detect_at = self.cluster.now + UNIT / 2;
        let up = self.cluster.up();
        let now = self.cluster.now;
        for id in up.clone() {
            let links =
                |other: &NodeId| !self.network.cut.contains(&(id, *other)) && !self.network.cut.contains(&(*other, id));
            let runs = |other: &NodeId| self.cluster.hosts[other].paused_until <= now;
            let reachable: Vec<NodeId> = up.iter().copied().filter(|other| links(other) && runs(other)).collect();
            if let Some(node) = self.cluster.hosts.get_mut(&id).and_then(|host| host.node.as_mut()) {
                node.reach(reachable);
            }
        }
    }

    /// A node leaves the ring or comes back.
    fn churn(&mut self, running: &[NodeId]) {
        if self.churn_at == 0 || self.cluster.now < self.churn_at {
            return;
        }
        self.churn_at = self.cluster.now + 400 + self.rng.below(400);
        let Some(id) = self.rng.pick(running) else { return };
        let is_member = self.cluster.node(id).is_some_and(|node| node.status().ring.members.contains(&id));
        let output = self.cluster.step(id, |node| node.change(!is_member)).map(|((), output)| output);
        self.handle(id, output);
    }

    fn deliver(&mut self) {
        for envelope in self.network.arrived(self.cluster.now) {
            let to = envelope.to;
            if self.cluster.is_paused(to) {
                self.network.postpone(envelope, self.cluster.hosts[&to].paused_until);
            } else {
                let output = self.cluster.step(to, |node| node.receive(envelope)).map(|((), output)| output);
                self.handle(to, output);
            }
        }
    }

    /// Looks at what a step of a node brought forth, and puts its messages on their way.
    fn handle(&mut self, id: NodeId, output: Option<OutputOf<Node>>) {
        let Some(output) = output else { return };
        for envelope in output.messages {
            self.network.send(self.cluster.now, envelope, &mut self.rng);
        }
        for Reply { request, result } in output.replies {
            let waits = |client: &Client| client.open.as_ref().is_some_and(|open| (open.0, open.1) == (id, request));
            let Some(client) = self.clients.iter().position(waits) else { continue };
            match result {
                Ok(response) => self.complete(client, Some(response), Fate::Ok),
                Err(failure) if failure.is_definite() => self.complete(client, None, Fate::Fail),
                Err(_) => self.complete(client, None, Fate::Unknown),
            }
        }
    }

    /// Enters the end of an operation into the ledger.
    fn complete(&mut self, client: usize, response: Option<Response>, fate: Fate) {
        let Some((_, _, key, open)) = self.clients[client].open.take() else { return };
        let name = key.name.to_string();
        self.acknowledged += u64::from(fate == Fate::Ok);
        if key.space == Space::Register {
            self.complete_register(client, &name, &open, response, fate);
            if fate == Fate::Unknown {
                self.clients[client].process = self.new_process();
            }
            return;
        }
        match open {
            Open::Read => {
                if let Some(Response::Siblings(values, context)) = response {
                    let seen = values.iter().filter_map(number).collect();
                    self.ledger.seen.insert((client, name), (seen, context));
                }
            }
            Open::Put(put) => self.ledger.puts.entry(name).or_default().push(Put { fate, ..put }),
            Open::Add(element) if key.space == Space::Set => {
                self.ledger.sets.insert((name, element), fate);
            }
            Open::Add(element) => self.ledger.carts.entry((name, element)).or_default().push((true, fate)),
            Open::Remove(element) => self.ledger.carts.entry((name, element)).or_default().push((false, fate)),
            Open::Count(amount) => {
                let (certain, more) = self.ledger.counters.entry(name).or_default();
                match fate {
                    Fate::Ok => *certain += amount,
                    Fate::Unknown => *more += amount,
                    Fate::Fail => {}
                }
            }
            Open::Write(_) => {}
        }
    }

    fn complete_register(&mut self, client: usize, name: &str, open: &Open, response: Option<Response>, fate: Fate) {
        let kind = match fate {
            Fate::Ok => EventKind::Ok,
            Fate::Fail => EventKind::Fail,
            Fate::Unknown => EventKind::Info,
        };
        let (f, value) = match (open, response) {
            (Open::Write(value), _) => ("write", Some(*value)),
            (_, Some(Response::Value(value))) => ("read", number(&value)),
            _ => ("read", None),
        };
        let process = self.clients[client].process;
        self.ledger.register(self.cluster.now, process, kind, f, name.parse().expect("a number"), value);
    }

    fn forget_requests_to(&mut self, node: NodeId) {
        for client in 0..self.clients.len() {
            if self.clients[client].open.as_ref().is_some_and(|open| open.0 == node) {
                self.complete(client, None, Fate::Unknown);
            }
        }
    }

    fn invoke(&mut self, running: &[NodeId]) {
        for client in 0..self.clients.len() {
            if self.clients[client].open.is_some() || !self.rng.chance(25) {
                continue;
            }
            let Some(node) = self.rng.pick(running) else { return };
            let space = self.rng.pick(&self.spaces).unwrap_or(Space::Set);
            // A few keys at a time, and new ones as time goes by.
            let key = self.cluster.now / 800 * 10 + self.rng.below(4);
            let (open, ask) = self.draw(client, space, key);
            self.ask(client, node, Key { space, name: key.to_string().into() }, open, ask);
        }
    }

    fn draw(&mut self, client: usize, space: Space, key: u64) -> (Open, Ask) {
        self.values += 1;
        let value = self.values;
        let reads = self.rng.chance(40);
        match space {
            _ if reads => (Open::Read, Ask::Read),
            Space::Register => (Open::Write(value), Ask::Update(Update::Write(Value::Int(value)))),
            Space::Siblings => {
                let known = self.ledger.seen.get(&(client, key.to_string())).cloned();
                let (seen, context) = known.filter(|_| self.rng.chance(80)).unwrap_or_default();
                let ask = Ask::Update(Update::Put(Value::Int(value), context));
                (Open::Put(Put { value, seen, fate: Fate::Unknown }), ask)
            }
            Space::Set => (Open::Add(value), Ask::Update(Update::Add(Value::Int(value)))),
            Space::Cart => {
                let element = client as i64 * 10 + self.rng.below(2) as i64;
                match self.rng.chance(40) {
                    true => (Open::Add(element), Ask::Update(Update::Add(Value::Int(element)))),
                    false => (Open::Remove(element), Ask::Update(Update::Remove(Value::Int(element)))),
                }
            }
            Space::Counter => {
                let amount = 1 + self.rng.below(5) as i64;
                (Open::Count(amount), Ask::Update(Update::Count(amount)))
            }
        }
    }

    pub(super) fn ask(&mut self, client: usize, node: NodeId, key: Key, open: Open, ask: Ask) {
        let deadline = self.cluster.now + REQUEST_TIMEOUT;
        if key.space == Space::Register {
            let (f, value) = match open {
                Open::Write(value) => ("write", Some(value)),
                _ => ("read", None),
            };
            let (process, name) = (self.clients[client].process, key.name.parse().expect("a number"));
            self.ledger.register(self.cluster.now, process, EventKind::Invoke, f, name, value);
        }
        let asked = self.cluster.step(node, |node| node.ask(key.clone(), ask, None, deadline));
        let Some((request, output)) = asked else { return };
        self.clients[client].open = Some((node, request, key, open));
        self.handle(node, Some(output));
    }
}

pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Null | Value::Text(_) => None,
    }
}

fn simulate(seed: u64, mutant: Option<Mutant>, severity: Severity) -> (Result<(), Caught>, u64) {
    let mut simulation = Simulation::new(seed, mutant, severity);
    let result = simulation.run();
    (result, simulation.acknowledged)
}

/// The correct protocol must survive seeds, and do something: a cluster that does nothing is always safe.
fn survives(seeds: u64, severity: Severity, least_per_seed: u64) {
    let mut acknowledged = 0;
    for seed in 0..seeds {
        let (result, operations) = simulate(seed, None, severity);
        if let Err(caught) = result {
            panic!("seed {seed}: {caught}");
        }
        acknowledged += operations;
    }
    println!("{severity:?}: {seeds} seeds, {acknowledged} operations acknowledged");
    assert!(acknowledged > least_per_seed * seeds, "only {acknowledged} operations were acknowledged");
}

#[test]
fn the_correct_protocol_survives_every_seed() {
    survives(seeds(30), Severity::Usual, 300);
}

#[test]
fn the_correct_protocol_survives_every_harsh_seed() {
    survives(seeds(200), Severity::Harsh, 100);
}

#[test]
fn a_run_replays_from_its_seed() {
    let run = |seed| {
        let (result, acknowledged) = simulate(seed, Some(Mutant::ReadBeforeRepair), Severity::Harsh);
        (result.map_err(|caught| caught.to_string()), acknowledged)
    };
    assert_eq!(run(3), run(3));
}

#[test]
fn every_mutant_is_caught() {
    let mut missed = Vec::new();
    for info in rashomon_dynamo::ALL.iter().filter(|info| !LEFT_TO_SCRIPTS.contains(&info.mutant)) {
        let runs = (0..seeds(100)).flat_map(|seed| [(seed, Severity::Usual), (seed, Severity::Harsh)]);
        let caught = runs.into_iter().find_map(|(seed, severity)| {
            simulate(seed, Some(info.mutant), severity).0.err().map(|caught| (seed, severity, caught))
        });
        match caught {
            Some((seed, severity, caught)) => println!("{} {}: {severity:?} seed {seed}: {caught}", info.id, info.name),
            None => missed.push(info.name),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// Mutants that need so much to come together that the golden scripts bring it about instead.
const LEFT_TO_SCRIPTS: [Mutant; 6] = [
    Mutant::HintCounts,
    Mutant::ReadBeforeRepair,
    Mutant::HintOutlivesTombstone,
    Mutant::CollectedByAge,
    Mutant::ServesBeforeStreamed,
    Mutant::StaleRing,
];

/// How many seeds to run: `DYNAMO_SEEDS`, for a longer look.
fn seeds(usual: u64) -> u64 {
    std::env::var("DYNAMO_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(usual)
}
