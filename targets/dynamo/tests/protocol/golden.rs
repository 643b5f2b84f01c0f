//! Runs the golden scripts in `scripts/`.
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=5 [n= r= w=] [sloppy] [lww] [patience=] [handoff=] [grace=] [anti-entropy=] [deadline=] [no-hints] [no-repair] [members=] [mutant=]` | begins; disks and messages are served once |
//! | `tick 20` | 20 ms pass for all nodes that are up |
//! | `run 500` | 500 ms pass, with all disks and messages served every 10 ms, quietly but for answers and events |
//! | `deliver [1 2]` | delivers what is under way now, or only what node 1 sent to node 2 |
//! | `lose [1 2]` | loses it instead |
//! | `hold 1 2`, `release` | what is under way from node 1 to node 2 comes only after `release` |
//! | `sync [1]` | makes durable what was written, on all nodes or one |
//! | `stabilize` | syncs and delivers until nothing is left |
//! | `partition 1 \| 2 3` | cuts all links between the groups; `cut 1 2` the one between two nodes; `heal` ends both |
//! | `crash 1`, `restart 1` | a crash loses what was not synced |
//! | `down 3`, `up 3` | all failure detectors say so |
//! | `clock 1 -500` | sets a wall clock off, ms; `0.2` is a reading within the same millisecond |
//! | `read 1 cart/a`, `write 1 register/a 5`, `delete 1 register/a`, `add 1 cart/a 5`, `remove 1 cart/a 5`, `count 1 counter/a 5` | a client asks node 1 |
//! | `put 1 siblings/a 5`, `put 1 siblings/a 5 seen` | without context; with that of the last read of the key |
//! | `join 5`, `leave 5` | node 5 asks the claimant |
//! | `homes cart/a`, `holds cart/a`, `hints`, `ring` | shows things |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use rashomon_dynamo::{
    Ask, Config, Conflict, Context, Envelope, Key, Mutant, Node, NodeId, QuorumKind, RequestId, Response, Space, Update,
};
use rashomon_mutants::Mutants;
use rashomon_protocol::OutputOf;
use rashomon_testkit::{Cluster, Stage, assert_scripts};

use crate::show::{show, show_object, show_response, value};

/// A script's state.
struct Play {
    cluster: Cluster<Node>,
    flying: Vec<Envelope>,
    late: Vec<Envelope>,
    cut: BTreeSet<(NodeId, NodeId)>,
    down: BTreeSet<NodeId>,
    requests: BTreeMap<(NodeId, RequestId), (String, Key)>,
    seen: BTreeMap<Key, Context>,
    /// How long a client waits, ms.
    deadline: u64,
    quiet: bool,
    out: String,
}

impl Stage for Play {
    fn run(&mut self, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (name, rest) = words.split_first().ok_or("an empty command")?;
        let number = |at: usize| -> Result<u64, String> {
            rest.get(at).and_then(|word| word.parse().ok()).ok_or(format!("`{command}` lacks a number"))
        };
        let node = |at: usize| number(at).map(|id| id as NodeId);
        match *name {
            "cluster" => self.begin(rest)?,
            "tick" => self.tick(number(0)?),
            "run" => {
                self.quiet = true;
                for _ in 0..number(0)? / 10 {
                    self.tick(10);
                    self.stabilize()?;
                }
                self.quiet = false;
            }
            "deliver" | "lose" => {
                let link = if rest.is_empty() { None } else { Some((node(0)?, node(1)?)) };
                self.deliver(link, *name == "deliver");
            }
            "hold" => {
                let link = (node(0)?, node(1)?);
                let flying = std::mem::take(&mut self.flying).into_iter();
                let (late, flying) = flying.partition(|envelope| (envelope.from, envelope.to) == link);
                (self.late, self.flying) = (late, flying);
            }
            "release" => self.flying.append(&mut self.late),
            "sync" => {
                let ids = if rest.is_empty() { self.cluster.up() } else { vec![node(0)?] };
                ids.into_iter().for_each(|id| self.sync(id));
            }
            "stabilize" => self.stabilize()?,
            "partition" => self.partition(&rest.join(" "))?,
            "cut" => self.cut.extend([(node(0)?, node(1)?), (node(1)?, node(0)?)]),
            "heal" => self.cut.clear(),
            "crash" => self.cluster.crash(node(0)?, 0),
            "restart" => {
                self.cluster.start(node(0)?);
                self.step(node(0)?, |_| ());
            }
            "down" | "up" => {
                if *name == "down" {
                    self.down.insert(node(0)?)
                } else {
                    self.down.remove(&node(0)?)
                };
                let reachable: Vec<NodeId> =
                    self.cluster.hosts.keys().copied().filter(|id| !self.down.contains(id)).collect();
                for id in self.cluster.up() {
                    let reachable = reachable.clone();
                    self.step(id, |node| node.reach(reachable));
                }
            }
            "clock" => {
                let ms: f64 = rest.get(1).and_then(|word| word.parse().ok()).ok_or("an offset is missing")?;
                self.cluster.host(node(0)?).wall_offset_us = (1_000.0 * ms) as i64;
            }
            "join" | "leave" => self.step(node(0)?, |node| node.change(*name == "join")),
            "homes" | "holds" => self.replicas(name, &key(rest.first().ok_or("a key is missing")?)?),
            "hints" | "ring" => self.status(name),
            _ => self.ask(name, node(0)?, &rest[1..])?,
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
            flying: Vec::new(),
            late: Vec::new(),
            cut: BTreeSet::new(),
            down: BTreeSet::new(),
            requests: BTreeMap::new(),
            seen: BTreeMap::new(),
            deadline: 200,
            quiet: false,
            out: String::new(),
        }
    }

    fn say(&mut self, line: impl std::fmt::Display) {
        writeln!(self.out, "{line}").expect("a string takes everything");
    }

    fn begin(&mut self, options: &[&str]) -> Result<(), String> {
        let mut numbers = BTreeMap::new();
        let (mut mutant, mut words) = (None, BTreeSet::new());
        for option in options {
            match option.split_once('=') {
                None => {
                    words.insert(*option);
                }
                Some(("mutant", value)) => {
                    mutant = Some(Mutant::by_name(value).ok_or(format!("no mutant `{value}`"))?);
                }
                Some((name, value)) => {
                    numbers.insert(name, value.parse::<u64>().map_err(|error| error.to_string())?);
                }
            }
        }
        let get = |name: &str, usual: u64| numbers.get(name).copied().unwrap_or(usual);
        *self = Play { deadline: get("deadline", 200), ..Play::new() };
        let size = get("nodes", 5) as u16;
        self.cluster = Cluster::new(size, |id| {
            let mut config = Config::new(id, 1..=size);
            config.members = (1..=get("members", u64::from(size)) as NodeId).collect();
            config.quorum.n = get("n", 3) as u16;
            config.quorum.r = get("r", 2) as u16;
            config.quorum.w = get("w", 2) as u16;
            if words.contains("sloppy") {
                config.kind = QuorumKind::Sloppy;
            }
            if words.contains("lww") {
                config.conflict = Conflict::LastWriteWins;
            }
            config.patience_ms = get("patience", 20);
            config.handoff_ms = get("handoff", 50);
            config.grace_ms = get("grace", 300);
            config.anti_entropy_ms = get("anti-entropy", 0);
            config.hints = !words.contains("no-hints");
            config.read_repair = !words.contains("no-repair");
            config.mutant = mutant;
            config
        });
        self.quiet = true;
        self.tick(1);
        self.stabilize()?;
        self.quiet = false;
        Ok(())
    }

    fn step(&mut self, id: NodeId, act: impl FnOnce(&mut Node)) {
        if let Some(((), output)) = self.cluster.step(id, act) {
            self.handle(id, output);
        }
    }

    fn handle(&mut self, id: NodeId, output: OutputOf<Node>) {
        for event in output.events {
            self.say(format!("n{id} {event}"));
        }
        for reply in output.replies {
            let Some((asked, key)) = self.requests.remove(&(id, reply.request)) else { continue };
            let answer = match reply.result {
                Ok(response) => {
                    if let Response::Siblings(_, context) = &response {
                        self.seen.insert(key, context.clone());
                    }
                    show_response(&response)
                }
                Err(failure) if failure.is_definite() => format!("{failure:?} (definite)"),
                Err(failure) => format!("{failure:?}"),
            };
            self.say(format!("n{id} answers `{asked}`: {answer}"));
        }
        for envelope in output.messages {
            if let (false, Some(line)) = (self.quiet, show(&envelope)) {
                self.say(line);
            }
            self.flying.push(envelope);
        }
    }

    fn tick(&mut self, ms: u64) {
        self.cluster.now += ms;
        for id in self.cluster.up() {
            self.step(id, |_| ());
        }
    }

    fn sync(&mut self, id: NodeId) {
        while let Some(output) = self.cluster.sync(id) {
            self.handle(id, output);
        }
    }

    fn deliver(&mut self, link: Option<(NodeId, NodeId)>, arrives: bool) {
        let (chosen, kept) = std::mem::take(&mut self.flying)
            .into_iter()
            .partition(|envelope| link.is_none_or(|link| link == (envelope.from, envelope.to)));
        self.flying = kept;
        let chosen: Vec<Envelope> = chosen;
        for envelope in chosen {
            if arrives && !self.cut.contains(&(envelope.from, envelope.to)) {
                self.step(envelope.to, |node| node.receive(envelope));
            }
        }
    }

    fn stabilize(&mut self) -> Result<(), String> {
        for _ in 0..1000 {
            self.cluster.up().into_iter().for_each(|id| self.sync(id));
            if self.flying.is_empty() {
                return Ok(());
            }
            self.deliver(None, true);
        }
        Err("the cluster does not come to rest".to_owned())
    }

    fn partition(&mut self, groups: &str) -> Result<(), String> {
        let mut parts: Vec<Vec<NodeId>> = Vec::new();
        for group in groups.split('|') {
            let ids: Result<Vec<NodeId>, _> = group.split_whitespace().map(str::parse).collect();
            parts.push(ids.map_err(|error| error.to_string())?);
        }
        self.cut.clear();
        for (at, group) in parts.iter().enumerate() {
            for other in parts.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, other)| other) {
                self.cut.extend(group.iter().map(|id| (*id, *other)));
            }
        }
        Ok(())
    }

    fn ask(&mut self, name: &str, id: NodeId, words: &[&str]) -> Result<(), String> {
        let deadline = self.cluster.now + self.deadline;
        let asked = format!("{name} {}", words.join(" "));
        let word = |at: usize| words.get(at).copied().ok_or(format!("`{asked}` is too short"));
        let key = key(word(0)?)?;
        let seen = self.seen.get(&key).cloned().unwrap_or_default();
        let ask = match name {
            "read" => Ask::Read,
            "write" => Ask::Update(Update::Write(value(word(1)?))),
            "delete" => Ask::Update(Update::Delete(seen)),
            "add" => Ask::Update(Update::Add(value(word(1)?))),
            "remove" => Ask::Update(Update::Remove(value(word(1)?))),
            "put" if words.len() > 2 => Ask::Update(Update::Put(value(word(1)?), seen)),
            "put" => Ask::Update(Update::Put(value(word(1)?), Context::default())),
            "count" => Ask::Update(Update::Count(word(1)?.parse().map_err(|_| "no number")?)),
            _ => return Err(format!("there is no command `{name}`")),
        };
        let result = self.cluster.step(id, |node| node.ask(key.clone(), ask, None, deadline));
        let (request, output) = result.ok_or(format!("node {id} is down"))?;
        self.requests.insert((id, request), (asked, key));
        self.handle(id, output);
        Ok(())
    }

    fn replicas(&mut self, what: &str, key: &Key) {
        let up = self.cluster.up();
        let homes = up.first().and_then(|id| self.cluster.node(*id)).map(|node| node.homes(key)).unwrap_or_default();
        if what == "homes" {
            return self.say(format!("{homes:?}"));
        }
        for id in up {
            let held = self.cluster.node(id).and_then(|node| node.holds(key)).map(show_object);
            if let Some(held) = held {
                self.say(format!("n{id} {held}"));
            }
        }
    }

    fn status(&mut self, what: &str) {
        for id in self.cluster.up() {
            let Some(node) = self.cluster.node(id) else { continue };
            let status = node.status();
            let ring = status.ring;
            let line = match what {
                "ring" => format!("n{id} version={} {:?} {:?}", ring.version, ring.stage, ring.members),
                _ => format!("n{id} hints={} for={:?}", status.hints.1, status.hints.0),
            };
            self.say(line);
        }
    }
}

fn key(word: &str) -> Result<Key, String> {
    let (space, name) = word.split_once('/').ok_or(format!("`{word}` is no key"))?;
    let space = match space {
        "register" => Space::Register,
        "siblings" => Space::Siblings,
        "set" => Space::Set,
        "cart" => Space::Cart,
        "counter" => Space::Counter,
        _ => return Err(format!("there is no kind `{space}`")),
    };
    Ok(Key { space, name: name.into() })
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 20, Play::new);
}
