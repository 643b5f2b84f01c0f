//! Runs the golden scripts in `scripts/`.
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=3 [timeout=100] [batch=] [inflight=] [snapshot=] [tail=] [sessions=] [mutant=]` | begins |
//! | `campaign 1` | node 1 misses its leader |
//! | `tick 20` | 20 ms pass for all nodes that are up |
//! | `run 500` | 500 ms pass, with all disks and messages served every 10 ms, quietly but for events and replies |
//! | `deliver [1 2]` | delivers what is under way now, or only what node 1 sent to node 2 |
//! | `lose [1 2]` | loses it instead |
//! | `hold 1 2`, `release 1 2` | sets aside what is under way from node 1 to node 2, and puts it back on its way |
//! | `again 1 2` | delivers the last message that node 2 got from node 1 once more |
//! | `sync [1]` | makes durable what was written, on all nodes or one |
//! | `stabilize` | syncs and delivers until nothing is left |
//! | `partition 1 \| 2 3` | cuts all links between the groups; `heal` ends it |
//! | `crash 1`, `restart 1` | a crash loses what was not synced |
//! | `clock 1 -500` | sets a wall clock off |
//! | `write 1 c1/1 k 5`, `cas 1 c1/2 k 5 6`, `append 1 c1/3 k 7`, `read 1 k` | a client asks node 1; `-` for no session |
//! | `txn 1 c1/4 r:a l:b a=5 b+7 c-5>=0` | … a transaction: reads a register, a list; writes, appends, adds to a counter |
//! | `status`, `log 1` | shows nodes |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use rashomon_mutants::Mutants;
use rashomon_protocol::OutputOf;
use rashomon_raft::{
    Command, Config, Entry, Envelope, Message, Mutant, Node, NodeId, Query, RequestId, Response, Session, Step, Update,
    Value,
};
use rashomon_testkit::{Cluster, Stage, assert_scripts};

use crate::invariants::Invariants;

/// A script's state.
struct Play {
    cluster: Cluster<Node>,
    /// Watches a correct cluster; one with a mutant is expected to break what it breaks.
    invariants: Option<Invariants>,
    flying: Vec<Envelope>,
    held: Vec<Envelope>,
    last: BTreeMap<(NodeId, NodeId), Envelope>,
    cut: BTreeSet<(NodeId, NodeId)>,
    requests: BTreeMap<(NodeId, RequestId), String>,
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
            "campaign" => self.step(node(0)?, Node::campaign_now),
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
            "hold" | "release" => {
                let link = (node(0)?, node(1)?);
                let (from, to) = match *name {
                    "hold" => (&mut self.flying, &mut self.held),
                    _ => (&mut self.held, &mut self.flying),
                };
                to.extend(from.extract_if(.., |envelope| (envelope.from, envelope.to) == link));
            }
            "again" => {
                let envelope = self.last.get(&(node(0)?, node(1)?)).cloned().ok_or("nothing was delivered there")?;
                self.step(envelope.to, |node| node.receive(envelope));
            }
            "sync" => {
                let ids = if rest.is_empty() { self.cluster.up() } else { vec![node(0)?] };
                ids.into_iter().for_each(|id| self.sync(id));
            }
            "stabilize" => self.stabilize()?,
            "partition" => self.partition(&rest.join(" "))?,
            "heal" => self.cut.clear(),
            "crash" => self.cluster.crash(node(0)?, 0),
            "restart" => {
                self.cluster.start(node(0)?);
                if let Some(invariants) = &mut self.invariants {
                    invariants.restarted(node(0)?);
                }
                self.step(node(0)?, |_| ());
            }
            "clock" => {
                let ms: i64 = rest.get(1).and_then(|word| word.parse().ok()).ok_or("an offset is missing")?;
                self.cluster.host(node(0)?).wall_offset_us = 1_000 * ms;
            }
            "write" | "cas" | "append" | "read" | "txn" => self.ask(node(0)?, name, &rest[1..])?,
            "status" => self.status(),
            "log" => {
                let log = self.cluster.node(node(0)?).ok_or("it is down")?.log();
                let entries: Vec<String> = log.all().iter().map(|entry| show_entry(entry)).collect();
                let line = format!("n{} base={}@{} {}", node(0)?, log.base_index(), log.base_term(), entries.join(" "));
                self.say(line.trim_end());
            }
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
        Play {
            cluster: Cluster::new(1, |id| Config::new(id, [1])),
            invariants: Some(Invariants::default()),
            flying: Vec::new(),
            held: Vec::new(),
            last: BTreeMap::new(),
            cut: BTreeSet::new(),
            requests: BTreeMap::new(),
            quiet: false,
            out: String::new(),
        }
    }

    fn say(&mut self, line: impl std::fmt::Display) {
        writeln!(self.out, "{line}").expect("a string takes everything");
    }

    fn begin(&mut self, options: &[&str]) -> Result<(), String> {
        let mut numbers = BTreeMap::new();
        let mut mutant = None;
        for option in options {
            let (name, value) = option.split_once('=').ok_or(format!("`{option}` is not name=value"))?;
            if name == "mutant" {
                mutant = Some(Mutant::by_name(value).ok_or(format!("no mutant `{value}`"))?);
            } else {
                numbers.insert(name, value.parse::<u64>().map_err(|error| error.to_string())?);
            }
        }
        let get = |name: &str, usual: u64| numbers.get(name).copied().unwrap_or(usual);
        *self = Play::new();
        self.invariants = mutant.is_none().then(Invariants::default);
        let size = get("nodes", 3) as u16;
        self.cluster = Cluster::new(size, |id| {
            let mut config = Config::new(id, 1..=size);
            config.election_timeout_ms = get("timeout", 100);
            config.heartbeat_ms = get("timeout", 100) / 5;
            config.max_batch = get("batch", 100) as usize;
            config.max_inflight = get("inflight", 8) as usize;
            config.snapshot_every = get("snapshot", 1000);
            config.snapshot_tail = get("tail", 0);
            config.max_sessions = get("sessions", 100) as usize;
            config.mutant = mutant;
            config
        });
        Ok(())
    }

    fn step(&mut self, id: NodeId, act: impl FnOnce(&mut Node)) {
        if let Some(((), output)) = self.cluster.step(id, act) {
            self.handle(id, output);
        }
    }

    fn handle(&mut self, id: NodeId, output: OutputOf<Node>) {
        if let Some(invariants) = &mut self.invariants {
            invariants.observe(&self.cluster, id, &output.events).expect("a correct cluster keeps the invariants");
        }
        for event in output.events {
            self.say(format!("n{id} {event}"));
        }
        for reply in output.replies {
            let asked = self.requests.remove(&(id, reply.request)).unwrap_or_default();
            let answer = match reply.result {
                Ok(response) => show_response(&response),
                Err(failure) if failure.is_definite() => format!("{failure:?} (definite)"),
                Err(failure) => format!("{failure:?}"),
            };
            self.say(format!("n{id} answers `{asked}`: {answer}"));
        }
        for envelope in output.messages {
            if !self.quiet {
                self.say(show(&envelope));
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
            let link = (envelope.from, envelope.to);
            if arrives && !self.cut.contains(&link) {
                self.last.insert(link, envelope.clone());
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

    fn ask(&mut self, id: NodeId, name: &str, words: &[&str]) -> Result<(), String> {
        let deadline = self.cluster.now + 1000;
        let asked = format!("{name} {}", words.join(" "));
        let word = |at: usize| words.get(at).copied().ok_or(format!("`{asked}` is too short"));
        let queries: Option<Vec<Query>> = match name {
            "txn" => words[1..].iter().map(|word| step(word).ok()?.query()).collect(),
            _ => None,
        };
        let result = if let Some(queries) = queries {
            self.cluster.step(id, |node| node.read(Query::Many(queries), deadline))
        } else if name == "read" {
            let key = word(0)?.into();
            self.cluster.step(id, |node| node.read(Query::Register(key), deadline))
        } else {
            let session = match word(0)?.split_once('/') {
                Some((client, seq)) => {
                    Some(Session { client: client.into(), seq: seq.parse().map_err(|_| "a session is NAME/NUMBER")? })
                }
                None => None,
            };
            let update = match name {
                "write" => Update::Write(value(word(2)?)),
                "txn" => Update::Transaction(words[1..].iter().map(|word| step(word)).collect::<Result<_, _>>()?),
                "cas" => Update::Cas { from: value(word(2)?), to: value(word(3)?) },
                _ => Update::ListAppend(value(word(2)?)),
            };
            let key = if name == "txn" { "".into() } else { word(1)?.into() };
            let command = Command { session, key, update };
            self.cluster.step(id, |node| node.write(command, deadline))
        };
        let (request, output) = result.ok_or(format!("node {id} is down"))?;
        self.requests.insert((id, request), asked);
        self.handle(id, output);
        Ok(())
    }

    fn status(&mut self) {
        for id in self.cluster.hosts.keys().copied().collect::<Vec<_>>() {
            let line = match self.cluster.node(id).map(Node::status) {
                None => format!("n{id} is down"),
                Some(status) => format!(
                    "n{id} {} term={} leader={} commit={} applied={} log={}..={} snapshot={}",
                    status.role,
                    status.term,
                    status.leader.map_or("-".to_owned(), |leader| leader.to_string()),
                    status.commit,
                    status.applied,
                    status.first_index,
                    status.last_index,
                    status.snapshot_index
                ),
            };
            self.say(line);
        }
    }
}

fn value(word: &str) -> Value {
    match word.parse() {
        Ok(number) => Value::Int(number),
        Err(_) if word == "nil" => Value::Null,
        Err(_) => Value::Text(word.into()),
    }
}

/// A step of a transaction: `r:a`, `l:a`, `c:a`, `a=5`, `a+5`, `a-5>=0`.
fn step(word: &str) -> Result<Step, String> {
    let wrong = || format!("`{word}` is no step of a transaction");
    if let Some((kind, key)) = word.split_once(':') {
        return match kind {
            "r" => Ok(Step::Read(key.into())),
            "l" => Ok(Step::ReadList(key.into())),
            "c" => Ok(Step::ReadCounter(key.into())),
            _ => Err(wrong()),
        };
    }
    if let Some((change, least)) = word.split_once(">=") {
        let at = change.find(['+', '-']).ok_or_else(wrong)?;
        let (key, amount) = change.split_at(at);
        let number = |text: &str| text.parse().map_err(|_| wrong());
        return Ok(Step::Add { key: key.into(), amount: number(amount)?, at_least: Some(number(least)?) });
    }
    let append = word.split_once('+').map(|(key, element)| Step::Append(key.into(), value(element)));
    append.or(word.split_once('=').map(|(key, written)| Step::Write(key.into(), value(written)))).ok_or_else(wrong)
}

fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
    }
}

fn show_response(response: &Response) -> String {
    match response {
        Response::Done => "done".to_owned(),
        Response::Swapped(swapped) => format!("swapped={swapped}"),
        Response::Value(value) => show_value(value),
        Response::Elements(elements) => elements.iter().map(show_value).collect::<Vec<_>>().join(" "),
        Response::Count(count) => count.to_string(),
        Response::Many(answers) => {
            format!("[{}]", answers.iter().map(show_response).collect::<Vec<_>>().join("; "))
        }
        Response::Refused => "refused".to_owned(),
        Response::Superseded => "superseded".to_owned(),
    }
}

fn show_entry(entry: &Entry) -> String {
    let what = match entry.command.as_ref().map(|command| (&command.key, &command.update)) {
        None => "-".to_owned(),
        Some((key, Update::Write(value))) => format!("{key}={}", show_value(value)),
        Some((key, Update::Cas { from, to })) => format!("{key}:{}→{}", show_value(from), show_value(to)),
        Some((key, Update::ListAppend(value))) => format!("{key}+{}", show_value(value)),
        Some((_, Update::Transaction(steps))) => {
            let shown: Vec<String> = steps.iter().map(show_step).collect();
            shown.join(" ")
        }
        Some((key, other)) => format!("{key} {other:?}"),
    };
    format!("{}@{}({what})", entry.index, entry.term)
}

fn show_step(step: &Step) -> String {
    match step {
        Step::Read(key) => format!("r:{key}"),
        Step::ReadList(key) => format!("l:{key}"),
        Step::ReadCounter(key) => format!("c:{key}"),
        Step::Write(key, value) => format!("{key}={}", show_value(value)),
        Step::Append(key, value) => format!("{key}+{}", show_value(value)),
        Step::Add { key, amount, at_least: None } => format!("{key}{amount:+}"),
        Step::Add { key, amount, at_least: Some(least) } => format!("{key}{amount:+}>={least}"),
    }
}

fn show(envelope: &Envelope) -> String {
    let what = match &envelope.message {
        Message::RequestVote { pre, for_term, last_index, last_term } => {
            format!("{} for_term={for_term} last={last_index}@{last_term}", if *pre { "PreVote?" } else { "Vote?" })
        }
        Message::Vote { pre, for_term, granted } => {
            format!("{} for_term={for_term} granted={granted}", if *pre { "PreVote" } else { "Vote" })
        }
        Message::Append { prev_index, prev_term, entries, commit, round } => {
            let entries: Vec<String> = entries.iter().map(|entry| show_entry(entry)).collect();
            let entries = if entries.is_empty() { "heartbeat".to_owned() } else { entries.join(" ") };
            format!("Append prev={prev_index}@{prev_term} commit={commit} round={round} {entries}")
        }
        Message::Accepted { match_index, round } => format!("Accepted match={match_index} round={round}"),
        Message::Rejected { prev_index, hint_index, hint_term, round } => {
            format!("Rejected prev={prev_index} hint={hint_index}@{hint_term} round={round}")
        }
        Message::StaleTerm => "StaleTerm".to_owned(),
        Message::InstallSnapshot { snapshot, round } => {
            format!("InstallSnapshot {}@{} round={round}", snapshot.last_index, snapshot.last_term)
        }
        Message::Forward { writes } => format!("Forward writes={}", writes.len()),
        Message::Forwarded { results } => {
            format!(
                "Forwarded {}",
                results.iter().map(|(_, result)| show_response(result)).collect::<Vec<_>>().join(" ")
            )
        }
        Message::NotLeader { writes } => format!("NotLeader writes={}", writes.len()),
        Message::ReadIndex { .. } => "ReadIndex".to_owned(),
        Message::ReadAt { index, index_term, .. } => format!("ReadAt {index}@{index_term}"),
    };
    format!("  {}→{} t{} {what}", envelope.from, envelope.to, envelope.term)
}

#[test]
fn scripts_say_what_they_said() {
    assert_scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/scripts"), 15, Play::new);
}
