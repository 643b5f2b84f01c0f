//! Runs the golden scripts in `scripts/`.
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=3 [forget=MS] [mutant=NAME]` | begins; all nodes are seeds |
//! | `run 500` | 500 ms pass, with all messages and disks served every 10 ms; events are shown |
//! | `cut 1 2` | what node 1 sends to node 2 is lost; `partition 1 \| 2 3` cuts both ways; `heal` ends both |
//! | `crash 1`, `restart 1`, `pause 1 500` | the last stops a node for 500 ms |
//! | `leave 1`, `join 1` | a client asks node 1 |
//! | `tell 1 2 alive 3` | node 1 hears that node 2 is alive in its incarnation 3 |
//! | `view [1]` | what nodes see |
//! | `listen 1 2` | shows what these nodes send each other from now on |

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use rashomon_mutants::Mutants;
use rashomon_protocol::OutputOf;
use rashomon_swim::{Config, Envelope, Member, Message, Mutant, NodeId, Payload, Rumor, State, Swim};
use rashomon_testkit::{Cluster, Stage, assert_scripts};

/// A script's state.
struct Play {
    cluster: Cluster<Swim>,
    flying: Vec<Envelope>,
    cut: BTreeSet<(NodeId, NodeId)>,
    heard: BTreeSet<NodeId>,
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
            "run" => (0..number(0)? / 10).for_each(|_| self.tick()),
            "cut" => drop(self.cut.insert((node(0)?, node(1)?))),
            "partition" => self.partition(&rest.join(" "))?,
            "heal" => self.cut.clear(),
            "crash" => self.cluster.crash(node(0)?, 0),
            "restart" => self.cluster.start(node(0)?),
            "pause" => self.cluster.pause(node(0)?, self.cluster.now + number(1)?),
            "leave" => self.step(node(0)?, |node| node.leave()),
            "join" => self.step(node(0)?, |node| node.join()),
            "tell" => {
                let state = match rest.get(2).copied() {
                    Some("alive") => State::Alive,
                    Some("suspect") => State::Suspect,
                    Some("dead") => State::Dead,
                    Some("left") => State::Left,
                    _ => return Err(format!("`{command}` lacks a state")),
                };
                let (to, about) = (node(0)?, node(1)?);
                let member = Member { id: about, state, incarnation: number(3)?, payload: Payload::from([]) };
                let rumors = vec![Rumor { member, by: about }];
                let from = if to == 1 { 2 } else { 1 };
                self.step(to, |node| node.receive(Envelope { from, to, message: Message::Gossip, rumors }));
            }
            "view" => {
                let ids = if rest.is_empty() { self.cluster.up() } else { vec![node(0)?] };
                ids.into_iter().for_each(|id| self.view(id));
            }
            "listen" => self.heard = rest.iter().filter_map(|word| word.parse().ok()).collect(),
            _ => return Err(format!("there is no command `{name}`")),
        }
        Ok(())
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut self.out)
    }
}

impl Play {
    fn new() -> Play {
        let cluster = Cluster::new(1, |id| Config::new(id, [1]));
        Play { cluster, flying: Vec::new(), cut: BTreeSet::new(), heard: BTreeSet::new(), out: String::new() }
    }

    fn say(&mut self, line: impl std::fmt::Display) {
        writeln!(self.out, "{line}").expect("a string takes everything");
    }

    fn begin(&mut self, options: &[&str]) -> Result<(), String> {
        let (mut nodes, mut forget, mut mutant) = (3, None, None);
        for option in options {
            match option.split_once('=').ok_or(format!("`{option}` is not name=value"))? {
                ("nodes", value) => nodes = value.parse().map_err(|_| "how many nodes?")?,
                ("forget", value) => forget = Some(value.parse().map_err(|_| "how many ms?")?),
                ("mutant", value) => mutant = Some(Mutant::by_name(value).ok_or(format!("no mutant `{value}`"))?),
                (name, _) => return Err(format!("there is no option `{name}`")),
            }
        }
        *self = Play::new();
        self.cluster = Cluster::new(nodes, |id| {
            let mut config = Config::new(id, 1..=nodes);
            config.mutant = mutant;
            config.forget_after_ms = forget.unwrap_or(config.forget_after_ms);
            config
        });
        Ok(())
    }

    fn step(&mut self, id: NodeId, act: impl FnOnce(&mut rashomon_swim::Swim)) {
        let output = self.cluster.step(id, act).map(|((), output)| output);
        self.handle(id, output);
    }

    fn handle(&mut self, id: NodeId, output: Option<OutputOf<Swim>>) {
        let Some(output) = output else { return };
        for event in output.events {
            self.say(format!("{:>6} n{id} {event}", self.cluster.now));
        }
        self.flying.extend(output.messages);
    }

    /// Ten milliseconds: messages of the last ones arrive, writes of the last ones are durable.
    fn tick(&mut self) {
        self.cluster.now += 10;
        for id in self.cluster.up() {
            if !self.cluster.is_paused(id) {
                let output = self.cluster.sync(id);
                self.handle(id, output);
                self.step(id, |_| ());
            }
        }
        for envelope in std::mem::take(&mut self.flying) {
            let (from, to) = (envelope.from, envelope.to);
            if self.cluster.is_paused(to) {
                self.flying.push(envelope);
                continue;
            }
            let lost = self.cut.contains(&(from, to));
            if self.heard.contains(&from) && self.heard.contains(&to) {
                let fate = if lost { " (lost)" } else { "" };
                self.say(format!("{:>6}   {}{fate}", self.cluster.now, show(&envelope)));
            }
            if !lost {
                self.step(to, |node| node.receive(envelope));
            }
        }
    }

    fn partition(&mut self, groups: &str) -> Result<(), String> {
        let mut parts: Vec<Vec<NodeId>> = Vec::new();
        for group in groups.split('|') {
            let ids: Result<Vec<NodeId>, _> = group.split_whitespace().map(str::parse).collect();
            parts.push(ids.map_err(|error| error.to_string())?);
        }
        for (at, group) in parts.iter().enumerate() {
            for other in parts.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, other)| other) {
                self.cut.extend(group.iter().map(|id| (*id, *other)));
            }
        }
        Ok(())
    }

    fn view(&mut self, id: NodeId) {
        let members = self.cluster.node(id).map(|node| node.members()).unwrap_or_default();
        let seen: Vec<String> =
            members.iter().map(|member| format!("{} {} @{}", member.id, member.state, member.incarnation)).collect();
        self.say(format!("n{id}: {}", seen.join(", ")));
    }
}

fn show(envelope: &Envelope) -> String {
    let rumor = |rumor: &Rumor| {
        let Member { id, state, incarnation, .. } = &rumor.member;
        format!("{id} {state} @{incarnation}")
    };
    let what = match &envelope.message {
        Message::Ping { .. } => "Ping".to_owned(),
        Message::PingRequest { target, .. } => format!("PingRequest {target}"),
        Message::Ack { .. } => "Ack".to_owned(),
        Message::Nack { .. } => "Nack".to_owned(),
        Message::Gossip => "Gossip".to_owned(),
        Message::Push { members } => format!("Push {}", members.iter().map(rumor).collect::<Vec<_>>().join(", ")),
        Message::Pull { members } => format!("Pull {}", members.iter().map(rumor).collect::<Vec<_>>().join(", ")),
    };
    let rumors: Vec<String> = envelope.rumors.iter().map(rumor).collect();
    let rumors = if rumors.is_empty() { String::new() } else { format!(" [{}]", rumors.join(", ")) };
    format!("{}→{} {what}{rumors}", envelope.from, envelope.to)
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 10, Play::new);
}
