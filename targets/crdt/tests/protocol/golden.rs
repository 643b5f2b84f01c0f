//! Runs the golden scripts in `scripts/`.
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=3 [gossip=state] [set=lww] [deltas=] [mutant=]` | begins |
//! | `gossip [1]` | a gossip interval passes, for all nodes or one |
//! | `deliver [1 2]` | delivers what is under way now, or only what node 1 sent to node 2 |
//! | `lose [1 2]` | loses it instead |
//! | `again 1 2` | delivers the last message that node 2 got from node 1 once more |
//! | `sync [1]` | makes durable what was written, on all nodes or one |
//! | `settle` | syncs and delivers and gossips until nothing is left, quietly |
//! | `crash 1`, `wipe 1`, `restart 1` | a crash loses what was not synced, a wipe everything |
//! | `clock 1 -500` | sets a wall clock off, ms |
//! | `collect` | all nodes look for tombstones to drop |
//! | `count 1 k 5`, `write 1 k 5`, `put 1 k 5` | at node 1: adds to a counter, writes a register, puts a sibling that supersedes all there |
//! | `add 1 k 5`, `remove 1 k 5` | a set |
//! | `set 1 k f 5`, `unset 1 k f` | a map |
//! | `insert 1 k 5 [4]`, `delete 1 k 5` | a text |
//! | `read 1 set k` | the state of node 1: counter, register, siblings, set, map, text |
//! | `status` | shows all nodes |

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rashomon_crdt::types::{MapOperation, RgaOperation, SetOperation};
use rashomon_crdt::{
    Config, Envelope, Gossip, Key, Message, Mutant, NodeId, Query, Reading, Replica, RequestId, SetKind, Update,
};
use rashomon_mutants::Mutants;
use rashomon_protocol::OutputOf;
use rashomon_testkit::{Cluster, Stage, assert_scripts};

const GOSSIP_MS: u64 = 10;

/// A script's state.
struct Play {
    cluster: Cluster<Replica>,
    sets: SetKind,
    flying: Vec<Envelope>,
    last: BTreeMap<(NodeId, NodeId), Envelope>,
    requests: BTreeMap<(NodeId, RequestId), String>,
    quiet: bool,
    out: String,
}

impl Stage for Play {
    fn run(&mut self, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (name, rest) = words.split_first().ok_or("an empty command")?;
        let node = |at: usize| -> Result<NodeId, String> {
            rest.get(at).and_then(|word| word.parse().ok()).ok_or(format!("`{command}` lacks a node"))
        };
        let ids: Vec<NodeId> =
            if rest.is_empty() { self.cluster.hosts.keys().copied().collect() } else { vec![node(0).unwrap_or(1)] };
        match *name {
            "cluster" => self.begin(rest)?,
            "gossip" => {
                self.cluster.now += GOSSIP_MS;
                ids.into_iter().for_each(|id| self.tick(id));
            }
            "collect" => {
                self.cluster.now += 1_000;
                ids.into_iter().for_each(|id| self.tick(id));
                self.flying.clear();
            }
            "deliver" | "lose" => {
                let link = if rest.is_empty() { None } else { Some((node(0)?, node(1)?)) };
                self.deliver(link, *name == "deliver");
            }
            "again" => {
                let envelope = self.last.get(&(node(0)?, node(1)?)).cloned().ok_or("nothing was delivered there")?;
                self.step(envelope.to, |replica| replica.receive(envelope));
            }
            "sync" => ids.into_iter().for_each(|id| self.sync(id)),
            "settle" => self.settle(),
            "crash" => self.cluster.crash(node(0)?, 0),
            "wipe" => self.cluster.wipe(node(0)?),
            "restart" => {
                self.cluster.start(node(0)?);
                self.step(node(0)?, |_| ());
            }
            "clock" => {
                let ms: i64 = rest.get(1).and_then(|word| word.parse().ok()).ok_or("an offset is missing")?;
                self.cluster.host(node(0)?).wall_offset_us = 1_000 * ms;
            }
            "read" => {
                let (kind, key) = (rest.get(1).ok_or("a type is missing")?, rest.get(2).ok_or("a key is missing")?);
                let query = query(kind)?;
                let reading = self.replica(node(0)?)?.store().read(&Key::from(*key), query, self.sets);
                self.say(show_reading(&reading));
            }
            "status" => {
                for id in ids {
                    if let Some(status) = self.cluster.node(id).map(Replica::status) {
                        let (sequence, deltas) = (status.sequence, status.deltas);
                        let actor = status.actor;
                        let tombstones = status.tombstones;
                        self.say(format!("n{id} {actor} sequence={sequence} deltas={deltas} tombstones={tombstones}"));
                    } else {
                        self.say(format!("n{id} down"));
                    }
                }
            }
            _ => self.update(name, node(0)?, &rest[1..], command)?,
        }
        Ok(())
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut self.out)
    }
}

impl Play {
    fn new() -> Play {
        Play {
            cluster: Cluster::new(1, |id| Config::new(id, [1])),
            sets: SetKind::default(),
            flying: Vec::new(),
            last: BTreeMap::new(),
            requests: BTreeMap::new(),
            quiet: false,
            out: String::new(),
        }
    }

    fn say(&mut self, line: impl std::fmt::Display) {
        if !self.quiet {
            writeln!(self.out, "{line}").expect("a string takes everything");
        }
    }

    fn begin(&mut self, options: &[&str]) -> Result<(), String> {
        let (mut nodes, mut deltas, mut gossip, mut mutant) = (3, 100, Gossip::Deltas, None);
        *self = Play::new();
        for option in options {
            match option.split_once('=').ok_or(format!("`{option}` is not name=value"))? {
                ("nodes", number) => nodes = number.parse().map_err(|_| "no number of nodes")?,
                ("deltas", number) => deltas = number.parse().map_err(|_| "no number of deltas")?,
                ("gossip", "state") => gossip = Gossip::States,
                ("set", "lww") => self.sets = SetKind::LastWriterWins,
                ("mutant", name) => mutant = Some(Mutant::by_name(name).ok_or(format!("no mutant `{name}`"))?),
                _ => return Err(format!("there is no option `{option}`")),
            }
        }
        let sets = self.sets;
        self.cluster = Cluster::new(nodes, |id| {
            let mut config = Config::new(id, 1..=nodes);
            config.gossip_ms = GOSSIP_MS;
            config.gossip = gossip;
            config.sets = sets;
            config.max_deltas = deltas;
            config.collect_ms = 1_000;
            config.mutant = mutant;
            config
        });
        // Only the time of nodes that a script names passes.
        self.cluster.hosts.values_mut().for_each(|host| host.time = Some(0));
        // Replicas get to know each other.
        self.settle();
        Ok(())
    }

    fn settle(&mut self) {
        self.quiet = true;
        for _ in 0..20 {
            let ids: Vec<NodeId> = self.cluster.hosts.keys().copied().collect();
            self.cluster.now += GOSSIP_MS;
            for id in ids {
                self.tick(id);
                self.sync(id);
            }
            self.deliver(None, true);
        }
        self.quiet = false;
    }

    fn tick(&mut self, id: NodeId) {
        self.cluster.host(id).time = Some(self.cluster.now);
        self.step(id, |_| ());
    }

    /// Makes durable what was written so far, as one write.
    fn sync(&mut self, id: NodeId) {
        for _ in 0..self.cluster.hosts[&id].unsynced.len() {
            if let Some(output) = self.cluster.sync(id) {
                self.handle(id, output);
            }
        }
    }

    fn replica(&self, id: NodeId) -> Result<&Replica, String> {
        self.cluster.node(id).ok_or(format!("n{id} is down"))
    }

    fn update(&mut self, name: &str, id: NodeId, rest: &[&str], command: &str) -> Result<(), String> {
        let key: Key = (*rest.first().ok_or("a key is missing")?).into();
        let number = |at: usize| -> Result<i64, String> {
            rest.get(at).and_then(|word| word.parse().ok()).ok_or(format!("`{command}` lacks a number"))
        };
        let field = || rest.get(1).map(|field| Arc::<str>::from(*field)).ok_or(format!("`{command}` lacks a field"));
        let update = match name {
            "count" => Update::CounterAdd(number(1)?),
            "write" => Update::RegisterWrite(number(1)?),
            "put" => {
                let reading = self.replica(id)?.store().read(&key, Query::Siblings, self.sets);
                let Reading::Siblings(siblings) = reading else { return Err("no siblings".to_owned()) };
                Update::SiblingsPut { value: number(1)?, seen: siblings.into_iter().map(|(dot, _)| dot).collect() }
            }
            "add" => Update::Set(SetOperation::Add(number(1)?)),
            "remove" => Update::Set(SetOperation::Remove(number(1)?)),
            "set" => Update::Map(MapOperation::Put(field()?, number(2)?)),
            "unset" => Update::Map(MapOperation::Remove(field()?)),
            "insert" => Update::Text(RgaOperation::Insert(number(1)?, number(2).ok())),
            "delete" => Update::Text(RgaOperation::Delete(number(1)?)),
            _ => return Err(format!("there is no command `{name}`")),
        };
        let done = self.cluster.step(id, |replica| replica.update(&key, &update));
        let (request, output) = done.ok_or(format!("n{id} is down"))?;
        self.requests.insert((id, request), command.to_owned());
        self.handle(id, output);
        Ok(())
    }

    fn step(&mut self, id: NodeId, act: impl FnOnce(&mut Replica)) {
        if let Some(((), output)) = self.cluster.step(id, act) {
            self.handle(id, output);
        }
    }

    fn handle(&mut self, id: NodeId, output: OutputOf<Replica>) {
        for event in output.events {
            self.say(format!("n{id} {event}"));
        }
        for envelope in output.messages {
            self.say(format!("n{} → n{} {}", id, envelope.to, show_message(&envelope.message)));
            self.flying.push(envelope);
        }
        for reply in output.replies {
            let request = self.requests.remove(&(id, reply.request)).unwrap_or_default();
            match reply.result {
                Ok(_) => self.say(format!("n{id} has done `{request}`")),
                Err(refusal) => self.say(format!("n{id} refuses `{request}`: {refusal:?}")),
            }
        }
    }

    fn deliver(&mut self, link: Option<(NodeId, NodeId)>, arrives: bool) {
        let flying = std::mem::take(&mut self.flying);
        for envelope in flying {
            let ends = (envelope.from.node, envelope.to);
            if link.is_some_and(|link| link != ends) {
                self.flying.push(envelope);
            } else if arrives {
                self.last.insert(ends, envelope.clone());
                self.step(envelope.to, |replica| replica.receive(envelope));
            }
        }
    }
}

fn query(kind: &str) -> Result<Query, String> {
    Ok(match kind {
        "counter" => Query::Counter,
        "register" => Query::Register,
        "siblings" => Query::Siblings,
        "set" => Query::Set,
        "map" => Query::Map,
        "text" => Query::Text,
        _ => return Err(format!("there is no type `{kind}`")),
    })
}

fn show_reading(reading: &Reading) -> String {
    match reading {
        Reading::Total(total) => total.to_string(),
        Reading::Register(value) => value.map_or_else(|| "nothing".to_owned(), |value| value.to_string()),
        Reading::Siblings(siblings) => {
            let shown: Vec<String> = siblings.iter().map(|(dot, value)| format!("{value} ({dot})")).collect();
            shown.join(", ")
        }
        Reading::Elements(elements) => format!("{elements:?}"),
        Reading::Fields(fields) => format!("{fields:?}"),
    }
}

fn show_message(message: &Message) -> String {
    match message {
        Message::Gossip { continues: None, upto, content } => {
            format!("state of {} objects upto={upto}", content.objects())
        }
        Message::Gossip { continues: Some(_), upto, content } => {
            format!("deltas of {} objects upto={upto}", content.objects())
        }
        Message::Ack { upto, .. } => format!("ack upto={upto}"),
        Message::Stranger { .. } => "stranger".to_owned(),
    }
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 1, Play::new);
}
