//! Transactions over a lossy network and crashing nodes, for many seeds, judged by the checkers that judge real runs.
//!
//! In a run clients either read and append to lists, or move money between accounts; in the end all nodes are read. The
//! correct protocol must be strictly serializable in every seed; each mutant of transactions must be caught in some.

use std::sync::Arc;

use rashomon_checkers::transactions::{self, Objects, Options};
use rashomon_checkers::{Budget, Finding, Judgement, Level, anomalies};
use rashomon_history::{Event, EventKind, History, Value as Recorded};
use rashomon_protocol::OutputOf;
use rashomon_raft::{
    Command, Config, Envelope, Failure, Mutant, Node, NodeId, Query, RequestId, Response, Session, Step, Update, Value,
};
use rashomon_testkit::{Cluster, FaultModel, Kinds, Links, Network, Rng, Severity};

const TIMEOUT: u64 = 100;
const REQUEST_TIMEOUT: u64 = 400;
const FAULTY_MS: u64 = 3_000;
const KEYS: u64 = 4;
const ACCOUNTS: u64 = 3;
/// What an account may be overdrawn by: all begin at 0.
const LEAST: i64 = -20;

/// What clients do in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Lists,
    Bank,
}

struct Client {
    name: Arc<str>,
    process: u32,
    seq: u64,
    open: Option<(NodeId, RequestId, Vec<Step>)>,
}

struct Simulation {
    cluster: Cluster<Node>,
    rng: Rng,
    faults: FaultModel,
    network: Network<Envelope>,
    load: Load,
    clients: Vec<Client>,
    processes: u32,
    values: i64,
    events: Vec<Event>,
}

impl Simulation {
    fn new(seed: u64, mutant: Option<Mutant>, load: Load) -> Simulation {
        let mut rng = Rng(seed);
        let snapshot_every = 3 + rng.below(20);
        let cluster = Cluster::new(3, |id| {
            let mut config = Config::new(id, 1..=3);
            config.election_timeout_ms = TIMEOUT;
            config.heartbeat_ms = TIMEOUT / 5;
            config.snapshot_every = snapshot_every;
            config.snapshot_tail = 0;
            config.seed = seed;
            config.mutant = mutant;
            config
        });
        let kinds = Kinds {
            partition: rng.chance(75),
            crash: rng.chance(75),
            pause: rng.chance(50),
            clock: false,
            churn: rng.chance(30),
            wipe: 0,
        };
        let links = Links {
            loss: rng.below(6),
            repeated: 3,
            late: 2,
            lateness: (TIMEOUT, 2 * TIMEOUT),
            delay: 1 + rng.below(12),
        };
        let mut simulation = Simulation {
            cluster,
            faults: FaultModel::new(kinds, TIMEOUT, Severity::Usual),
            network: Network::new(links),
            load,
            clients: Vec::new(),
            processes: 0,
            values: 0,
            events: Vec::new(),
            rng,
        };
        for _ in 0..5 {
            let client = simulation.new_client();
            simulation.clients.push(client);
        }
        simulation
    }

    fn new_client(&mut self) -> Client {
        self.processes += 1;
        let process = self.processes;
        Client { name: format!("c{process}").into(), process, seq: 0, open: None }
    }

    fn run(mut self) -> Judgement {
        while self.cluster.now < FAULTY_MS {
            self.turn(true);
        }
        self.faults.heal(&mut self.cluster, &mut self.network);
        let until = self.cluster.now + 15 * TIMEOUT;
        while self.cluster.now < until || self.clients.iter().any(|client| client.open.is_some()) {
            self.turn(self.cluster.now < until);
        }
        let all = match self.load {
            Load::Lists => (0..KEYS).map(|key| Step::ReadList(format!("{key}").into())).collect(),
            Load::Bank => balances(),
        };
        for node in self.cluster.up() {
            self.ask(0, node, &all);
            while self.clients[0].open.is_some() {
                self.turn(false);
            }
        }
        let history = History::from_events(self.events).expect("events in order");
        match self.load {
            Load::Lists => {
                let options = Options { objects: Objects::Lists, level: Level::STRICT_SERIALIZABLE };
                transactions::judge(&history, &options, &Budget::default())
            }
            Load::Bank => anomalies::BANK.check(&history, &Budget::default()),
        }
    }

    /// One to three milliseconds.
    fn turn(&mut self, load: bool) {
        self.cluster.now += 1 + self.rng.below(3);
        let statuses = self.cluster.hosts.values().filter_map(|host| host.node.as_ref()).map(Node::status);
        let leaders: Vec<(NodeId, u64)> =
            statuses.filter(|status| status.role == "leader").map(|status| (status.id, status.term)).collect();
        let befell = self.faults.act(&mut self.cluster, &mut self.network, &mut self.rng, &leaders);
        for crashed in befell.crashed {
            for client in 0..self.clients.len() {
                if self.clients[client].open.as_ref().is_some_and(|open| open.0 == crashed) {
                    self.complete(client, None);
                }
            }
        }
        let running = self.cluster.running();
        for id in &running {
            let output = self.cluster.step(*id, |_| ()).map(|((), output)| output);
            self.handle(output, *id);
            let output = self.cluster.sync(*id);
            self.handle(output, *id);
        }
        for envelope in self.network.arrived(self.cluster.now) {
            let to = envelope.to;
            if self.cluster.is_paused(to) {
                self.network.postpone(envelope, self.cluster.hosts[&to].paused_until);
            } else {
                let output = self.cluster.step(to, |node| node.receive(envelope)).map(|((), output)| output);
                self.handle(output, to);
            }
        }
        for client in 0..self.clients.len() {
            if load && self.clients[client].open.is_none() && self.rng.chance(25) {
                let Some(node) = self.rng.pick(&running) else { return };
                let steps = self.steps();
                self.ask(client, node, &steps);
            }
        }
    }

    fn handle(&mut self, output: Option<OutputOf<Node>>, id: NodeId) {
        let Some(output) = output else { return };
        for envelope in output.messages {
            self.network.send(self.cluster.now, envelope, &mut self.rng);
        }
        for reply in output.replies {
            let asked =
                |client: &Client| client.open.as_ref().is_some_and(|open| (open.0, open.1) == (id, reply.request));
            if let Some(client) = self.clients.iter().position(asked) {
                self.complete(client, Some(reply.result));
            }
        }
    }

    fn steps(&mut self) -> Vec<Step> {
        if self.load == Load::Bank {
            if self.rng.chance(40) {
                return balances();
            }
            let from = self.rng.below(ACCOUNTS);
            let to = (from + 1 + self.rng.below(ACCOUNTS - 1)) % ACCOUNTS;
            let amount = 1 + self.rng.below(15) as i64;
            let add = |account: u64, amount, at_least| Step::Add { key: format!("{account}").into(), amount, at_least };
            return vec![add(from, -amount, Some(LEAST)), add(to, amount, None)];
        }
        let length = 1 + self.rng.below(4);
        let mut steps = Vec::new();
        for _ in 0..length {
            let key: Arc<str> = format!("{}", self.rng.below(KEYS)).into();
            if self.rng.chance(50) {
                steps.push(Step::ReadList(key));
            } else {
                self.values += 1;
                steps.push(Step::Append(key, Value::Int(self.values)));
            }
        }
        steps
    }

    fn ask(&mut self, client: usize, node: NodeId, steps: &[Step]) {
        let deadline = self.cluster.now + REQUEST_TIMEOUT;
        self.clients[client].seq += 1;
        let session = Some(Session { client: self.clients[client].name.clone(), seq: self.clients[client].seq });
        let queries: Option<Vec<Query>> = steps.iter().map(Step::query).collect();
        let asked = self.cluster.step(node, |node| match queries {
            Some(queries) => node.read(Query::Many(queries), deadline),
            None => {
                let update = Update::Transaction(steps.to_vec());
                node.write(Command { session, key: "".into(), update }, deadline)
            }
        });
        let Some((request, output)) = asked else { return };
        self.record(client, EventKind::Invoke, steps, None);
        self.clients[client].open = Some((node, request, steps.to_vec()));
        self.handle(Some(output), node);
    }

    /// An answer, or the loss of the node that was asked.
    fn complete(&mut self, client: usize, result: Option<Result<Response, Failure>>) {
        let Some((_, _, steps)) = self.clients[client].open.take() else { return };
        let only_reads = steps.iter().all(|step| step.query().is_some());
        let (kind, answers) = match result {
            Some(Ok(Response::Many(answers))) => (EventKind::Ok, Some(answers)),
            Some(Ok(Response::Refused)) => (EventKind::Fail, None),
            Some(Err(failure)) if failure.is_definite() || only_reads => (EventKind::Fail, None),
            _ if only_reads => (EventKind::Fail, None),
            _ => (EventKind::Info, None),
        };
        self.record(client, kind, &steps, answers.as_deref());
        if kind == EventKind::Info {
            self.clients[client] = self.new_client();
        }
    }

    fn record(&mut self, client: usize, kind: EventKind, steps: &[Step], answers: Option<&[Response]>) {
        let (f, value) = match self.load {
            Load::Lists => {
                let answer = |place: usize| answers.map(|answers| &answers[place]);
                ("txn", Recorded::list(steps.iter().enumerate().map(|(place, step)| micro(step, answer(place)))))
            }
            Load::Bank => bank(steps, answers),
        };
        self.events.push(Event {
            time: self.cluster.now,
            process: self.clients[client].process,
            kind,
            f: f.into(),
            key: Recorded::Nil,
            value,
            node: None,
            error: None,
        });
    }
}

fn balances() -> Vec<Step> {
    (0..ACCOUNTS).map(|account| Step::ReadCounter(format!("{account}").into())).collect()
}

fn number(value: &Value) -> Recorded {
    if let Value::Int(number) = value { Recorded::Int(*number) } else { Recorded::Nil }
}

/// A step on lists as a history has it.
fn micro(step: &Step, answer: Option<&Response>) -> Recorded {
    let key = |key: &Arc<str>| Recorded::Int(key.parse().expect("keys are numbers"));
    match (step, answer) {
        (Step::ReadList(name), Some(Response::Elements(elements))) => {
            Recorded::list([Recorded::text("r"), key(name), Recorded::list(elements.iter().map(number))])
        }
        (Step::ReadList(name), _) => Recorded::list([Recorded::text("r"), key(name), Recorded::Nil]),
        (Step::Append(name, element), _) => Recorded::list([Recorded::text("append"), key(name), number(element)]),
        (step, _) => panic!("{step:?} is no step on lists"),
    }
}

/// Steps on accounts as a history of a bank has them; a balance is how far an account is above its limit.
fn bank(steps: &[Step], answers: Option<&[Response]>) -> (&'static str, Recorded) {
    let Some(Step::Add { .. }) = steps.first() else {
        let balance = |answer: &Response| match answer {
            Response::Count(count) => Recorded::Int(count - LEAST),
            answer => panic!("a counter was read as {answer:?}"),
        };
        let balances = answers.map(|answers| Recorded::list(answers.iter().map(balance)));
        return ("read", balances.unwrap_or_default());
    };
    ("transfer", Recorded::Nil)
}

fn simulate(seed: u64, mutant: Option<Mutant>, load: Load) -> Judgement {
    Simulation::new(seed, mutant, load).run()
}

#[test]
fn correct_transactions_are_strictly_serializable_in_every_seed() {
    for load in [Load::Lists, Load::Bank] {
        for seed in 0..40 {
            let judgement = simulate(seed, None, load);
            assert_eq!(judgement.finding, Finding::Valid, "{load:?} seed {seed}: {judgement:?}");
        }
    }
}

#[test]
fn every_mutant_of_transactions_is_caught() {
    for info in rashomon_raft::ALL.iter().filter(|info| info.recipe.workload != "register") {
        let load = if info.recipe.workload == "bank" { Load::Bank } else { Load::Lists };
        let caught = (0..100).find_map(|seed| {
            let judgement = simulate(seed, Some(info.mutant), load);
            (judgement.finding == Finding::Invalid).then(|| (seed, judgement.anomalies[0].name.clone()))
        });
        let (seed, anomaly) = caught.unwrap_or_else(|| panic!("{} is not caught", info.name));
        println!("{} {}: seed {seed}: {anomaly}", info.id, info.name);
    }
}
