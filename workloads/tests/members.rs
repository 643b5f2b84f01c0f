//! The workload `members` on a cluster in memory: what the correct protocol does is never called a violation, and every
//! known bug is.

#[path = "../../targets/swim/tests/protocol/profile.rs"]
mod profile;

use std::collections::BTreeMap;

use profile::{Faults, Profile};
use rashomon_checkers::{Budget, Finding, Judgement};
use rashomon_history::{Event, EventKind, History, Value};
use rashomon_spec::consistency::Level;
use rashomon_spec::workload::{Requirements, Workload};
use rashomon_swim::{Config, Envelope, Mutant, NodeId, Swim};
use rashomon_testkit::{Cluster, Network, Rng, Severity};
use rashomon_workloads::Members;

const MS: u64 = 1_000_000;
const ROUGH_MS: u64 = 30_000;
const CONVERGENCE_MS: u64 = 10_000;
/// How often each node is asked.
const LOOK_MS: u64 = 25;

/// A change that its node has not acknowledged yet.
struct Asked {
    process: u32,
    leave: bool,
}

struct Run {
    cluster: Cluster<Swim>,
    rng: Rng,
    faults: Faults,
    network: Network<Envelope>,
    events: Vec<Event>,
    processes: u32,
    open: BTreeMap<NodeId, Asked>,
    next_look: u64,
}

impl Run {
    fn new(seed: u64, profile: Profile, mutant: Option<Mutant>) -> Run {
        let mut rng = Rng(seed);
        let forget_after_ms = if seed.is_multiple_of(2) { 1_000 } else { 3_600_000 };
        let cluster = Cluster::new(5, |id| {
            let mut config = Config::new(id, 1..=5);
            config.seed = seed;
            config.forget_after_ms = forget_after_ms;
            config.mutant = mutant;
            config
        });
        let (faults, network) = Faults::new(profile, Severity::Usual, &mut rng);
        Run { cluster, faults, network, events: Vec::new(), processes: 100, open: BTreeMap::new(), next_look: 0, rng }
    }

    fn history(mut self) -> History {
        while self.cluster.now < ROUGH_MS + CONVERGENCE_MS + 100 {
            self.cluster.now += 1 + self.rng.below(10);
            if self.cluster.now < ROUGH_MS {
                let befell = self.faults.act(&mut self.cluster, &mut self.network, &mut self.rng);
                befell.crashed.into_iter().for_each(|id| self.give_up(id));
                befell.turned.into_iter().for_each(|id| self.turn(id));
            } else {
                self.faults.heal(&mut self.cluster, &mut self.network);
            }
            self.serve();
            self.look();
        }
        History::from_events(self.events).expect("it is a history")
    }

    fn record(&mut self, process: u32, kind: EventKind, f: &str, node: NodeId, value: Value) {
        let time = self.cluster.now * MS;
        self.events.push(Event {
            time,
            process,
            kind,
            f: f.into(),
            key: Value::Nil,
            value,
            node: Some(node),
            error: None,
        });
    }

    fn step(&mut self, id: NodeId, act: impl FnOnce(&mut Swim)) {
        let output = self.cluster.step(id, act);
        self.send(output.map(|((), output)| output.messages).unwrap_or_default());
    }

    fn send(&mut self, messages: Vec<Envelope>) {
        for envelope in messages {
            self.network.send(self.cluster.now, envelope, &mut self.rng);
        }
    }

    fn serve(&mut self) {
        for id in self.cluster.running() {
            let node = self.cluster.node(id).expect("it is up");
            if node.next_ms() <= self.cluster.now || node.identity().is_none() {
                self.step(id, |_| ());
            }
            if self.rng.chance(40) {
                let output = self.cluster.sync(id);
                self.send(output.map(|output| output.messages).unwrap_or_default());
            }
            let left = self.cluster.node(id).and_then(|node| node.identity()).map(|identity| identity.left);
            if let Some(asked) = self.open.remove(&id) {
                if left == Some(asked.leave) {
                    self.record(asked.process, EventKind::Ok, name(asked.leave), id, Value::Nil);
                } else {
                    self.open.insert(id, asked);
                }
            }
        }
        for envelope in self.network.arrived(self.cluster.now) {
            let to = envelope.to;
            if self.cluster.is_paused(to) {
                self.network.postpone(envelope, self.cluster.hosts[&to].paused_until);
            } else {
                self.step(to, |node| node.receive(envelope));
            }
        }
    }

    /// Asks a node to leave, or to join where it has left.
    fn turn(&mut self, id: NodeId) {
        let Some(identity) = self.cluster.node(id).and_then(|node| node.identity()) else { return };
        if self.open.contains_key(&id) {
            return;
        }
        let leave = !identity.left;
        self.processes += 1;
        self.open.insert(id, Asked { process: self.processes, leave });
        self.record(self.processes, EventKind::Invoke, name(leave), id, Value::Nil);
        self.step(id, |node| if leave { node.leave() } else { node.join() });
    }

    fn give_up(&mut self, id: NodeId) {
        if let Some(asked) = self.open.remove(&id) {
            self.record(asked.process, EventKind::Info, name(asked.leave), id, Value::Nil);
        }
    }

    /// Asks every node that answers what it sees.
    fn look(&mut self) {
        if self.cluster.now < self.next_look {
            return;
        }
        self.next_look = self.cluster.now + LOOK_MS;
        for id in self.cluster.running() {
            let members = self.cluster.node(id).map(|node| node.members()).unwrap_or_default();
            if members.is_empty() {
                continue;
            }
            let rows = members.iter().map(|member| {
                let incarnation = Value::Int(member.incarnation as i64);
                Value::list([Value::Int(i64::from(member.id)), Value::text(member.state.as_str()), incarnation])
            });
            let view = Value::list(rows);
            self.record(u32::from(id), EventKind::Invoke, "read", id, Value::Nil);
            self.record(u32::from(id), EventKind::Ok, "read", id, view);
        }
    }
}

fn name(leave: bool) -> &'static str {
    if leave { "leave" } else { "join" }
}

fn judge(seed: u64, mutant: Option<Mutant>) -> Judgement {
    let (profile, accusations, gap) = [
        (Profile::Rough, "allowed", "100"),
        (Profile::Rough, "allowed", "100"),
        (Profile::Pauses, "no-deaths", "400"),
        (Profile::Detours, "no-suspicions", "60"),
    ][(seed / 2 % 4) as usize];
    let history = Run::new(seed, profile, mutant).history();
    let options = [("accusations", accusations), ("gap-ms", gap)];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut demand = Requirements::new(Level::EVENTUAL, options);
    (demand.quiet_since_ns, demand.convergence_ns) = (Some(ROUGH_MS * MS), CONVERGENCE_MS * MS);
    Members.check(&history, &demand, &Budget::default()).remove(0)
}

#[test]
fn the_correct_protocol_is_valid() {
    for seed in 0..seeds() {
        let judgement = judge(seed, None);
        assert_eq!(judgement.finding, Finding::Valid, "{seed}: {:?} {:?}", judgement.anomalies, judgement.unknown);
    }
}

#[test]
fn every_known_bug_is_told() {
    let mut missed = Vec::new();
    for info in rashomon_swim::ALL {
        let told = (0..seeds()).find_map(|seed| judge(seed, Some(info.mutant)).anomalies.into_iter().next());
        match told {
            Some(anomaly) => println!("{} {}: {}", info.id, info.name, anomaly.sentence),
            None => missed.push(info.name),
        }
    }
    assert!(missed.is_empty(), "not told: {missed:?}");
}

/// How many seeds to run: `SWIM_SEEDS`, for a longer look.
fn seeds() -> u64 {
    std::env::var("SWIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(40)
}
