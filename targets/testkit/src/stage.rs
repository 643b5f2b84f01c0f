//! The stage of golden scripts: a cluster whose messages, disks and time move when a command says so.
//!
//! Commands that every protocol's scripts know:
//!
//! | command | what it does |
//! |---|---|
//! | `cluster nodes=3 [NAME=VALUE] [WORD]` | begins; the protocol says which options there are |
//! | `quietly COMMAND` | the command, of which nothing is shown: for what sets the scene |
//! | `tick 20` | 20 ms pass for all nodes that are up |
//! | `run 500` | 500 ms pass, with all disks and messages served every 10 ms; messages are not shown |
//! | `deliver [1 2]` | delivers what is under way now, or only what node 1 sent to node 2 |
//! | `lose [1 2]` | loses it instead |
//! | `hold 1 2`, `release [1 2]` | sets aside what is under way from node 1 to node 2, and puts it back on its way |
//! | `again 1 2` | delivers the last message that node 2 got from node 1 once more |
//! | `sync [1]` | makes durable what was written, on all nodes or one |
//! | `stabilize` | syncs and delivers until nothing is left |
//! | `partition 1 \| 2 3` | cuts all links between the groups; `cut 1 2` the one from node 1 to node 2; `heal` ends both |
//! | `crash 1`, `wipe 1`, `restart 1` | a crash loses what was not synced, a wipe everything |
//! | `pause 1 500` | nothing reaches node 1 for 500 ms |
//! | `clock 1 -500` | sets a wall clock off, ms; `0.2` is a reading within the same millisecond |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::str::FromStr;

use rashomon_protocol::{Envelope, NodeId, OutputOf, Protocol, RequestId};

use crate::Cluster;
use crate::golden::Stage;

/// A protocol's reply.
type ReplyOf<P> = rashomon_protocol::Reply<<P as Protocol>::Answer>;

/// What a protocol's scripts know beyond the commands of all.
pub trait Scripted: Sized {
    /// What runs on the stage.
    type Protocol: Protocol;

    /// The cluster that `cluster` begins, with what the protocol's own commands need.
    fn begin(options: &Options<'_>) -> Result<(Self, Cluster<Self::Protocol>), String>;

    /// What follows `cluster` before anything is shown, as nodes that get to know each other.
    fn set_up(_play: &mut Play<Self>, _options: &Options<'_>) -> Result<(), String> {
        Ok(())
    }

    /// A command of its own: its name, and the words after it.
    fn command(play: &mut Play<Self>, name: &str, words: &Words<'_>) -> Result<(), String>;

    /// A message as scripts show it; `None` for one that they do not.
    fn message(&self, now: u64, envelope: &<Self::Protocol as Protocol>::Envelope) -> Option<String>;

    /// What a client is told, as scripts show it, by what it asked.
    fn answer(&mut self, id: NodeId, asked: &str, reply: ReplyOf<Self::Protocol>) -> Option<String>;

    /// An event as scripts show it.
    fn event(_now: u64, id: NodeId, event: &<Self::Protocol as Protocol>::Event) -> String {
        format!("n{id} {event}")
    }

    /// Looks at the cluster after each step of a node.
    fn observe(
        &mut self,
        _cluster: &Cluster<Self::Protocol>,
        _id: NodeId,
        _events: &[<Self::Protocol as Protocol>::Event],
    ) {
    }

    /// A node has started again: what it does first is shown.
    fn restarted(play: &mut Play<Self>, id: NodeId) {
        play.step(id, |_| ());
    }

    /// Ten milliseconds of `run`.
    fn pass(play: &mut Play<Self>) -> Result<(), String> {
        play.tick(10);
        play.stabilize()
    }
}

/// A script's state.
#[derive(Debug)]
pub struct Play<S: Scripted> {
    /// The protocol's own part.
    pub own: S,
    /// The nodes.
    pub cluster: Cluster<S::Protocol>,
    /// Messages under way, the oldest first.
    pub flying: Vec<<S::Protocol as Protocol>::Envelope>,
    /// Links that lose everything.
    pub cut: BTreeSet<(NodeId, NodeId)>,
    held: Vec<<S::Protocol as Protocol>::Envelope>,
    last: BTreeMap<(NodeId, NodeId), <S::Protocol as Protocol>::Envelope>,
    requests: BTreeMap<(NodeId, RequestId), String>,
    /// Messages are not shown.
    hushed: bool,
    out: String,
}

impl<S: Scripted> Play<S> {
    /// One node, until a script begins a cluster.
    ///
    /// # Panics
    /// When the protocol's own options do not begin a cluster of one.
    pub fn new() -> Play<S> {
        let (own, cluster) = S::begin(&Options(&["nodes=1"])).expect("a cluster of one node");
        Play {
            own,
            cluster,
            flying: Vec::new(),
            cut: BTreeSet::new(),
            held: Vec::new(),
            last: BTreeMap::new(),
            requests: BTreeMap::new(),
            hushed: false,
            out: String::new(),
        }
    }

    /// Shows a line.
    pub fn say(&mut self, line: impl std::fmt::Display) {
        writeln!(self.out, "{line}").expect("a string takes everything");
    }

    /// Does something of which nothing is shown.
    pub fn quietly<T>(&mut self, act: impl FnOnce(&mut Play<S>) -> T) -> T {
        let before = std::mem::take(&mut self.out);
        let result = act(self);
        self.out = before;
        result
    }

    /// Does something to a node, and takes what comes out.
    pub fn step(&mut self, id: NodeId, act: impl FnOnce(&mut S::Protocol)) {
        if let Some(((), output)) = self.cluster.step(id, act) {
            self.handle(id, output);
        }
    }

    /// A client asks a node.
    pub fn ask(
        &mut self,
        id: NodeId,
        asked: String,
        ask: impl FnOnce(&mut S::Protocol) -> RequestId,
    ) -> Result<(), String> {
        let (request, output) = self.cluster.step(id, ask).ok_or(format!("node {id} is down"))?;
        self.requests.insert((id, request), asked);
        self.handle(id, output);
        Ok(())
    }

    /// Time passes for all nodes that are up.
    pub fn tick(&mut self, ms: u64) {
        self.cluster.now += ms;
        for id in self.cluster.up() {
            self.step(id, |_| ());
        }
    }

    /// Makes durable what a node has written, and what it writes thereupon.
    pub fn sync(&mut self, id: NodeId) {
        while let Some(output) = self.cluster.sync(id) {
            self.handle(id, output);
        }
    }

    /// Delivers what is under way, or loses it: all of it, or that of one link.
    pub fn deliver(&mut self, link: Option<(NodeId, NodeId)>, arrives: bool) {
        let flying = std::mem::take(&mut self.flying).into_iter();
        let (chosen, kept) = flying.partition(|envelope| link.is_none_or(|link| link == ends(envelope)));
        self.flying = kept;
        let chosen: Vec<_> = chosen;
        for envelope in chosen {
            let link = ends(&envelope);
            if arrives && !self.cut.contains(&link) {
                self.last.insert(link, envelope.clone());
                self.step(link.1, |node| node.receive(envelope));
            }
        }
    }

    /// Syncs and delivers until nothing is left.
    pub fn stabilize(&mut self) -> Result<(), String> {
        for _ in 0..1000 {
            self.cluster.up().into_iter().for_each(|id| self.sync(id));
            if self.flying.is_empty() {
                return Ok(());
            }
            self.deliver(None, true);
        }
        Err("the cluster does not come to rest".to_owned())
    }

    /// Takes what came out of a node.
    pub fn handle(&mut self, id: NodeId, output: OutputOf<S::Protocol>) {
        self.own.observe(&self.cluster, id, &output.events);
        let now = self.cluster.now;
        for event in &output.events {
            self.say(S::event(now, id, event));
        }
        for reply in output.replies {
            let asked = self.requests.remove(&(id, reply.request)).unwrap_or_default();
            if let Some(line) = self.own.answer(id, &asked, reply) {
                self.say(line);
            }
        }
        for envelope in output.messages {
            if let Some(line) = self.own.message(now, &envelope).filter(|_| !self.hushed) {
                self.say(line);
            }
            self.flying.push(envelope);
        }
    }

    fn begin(&mut self, words: &[&str]) -> Result<(), String> {
        let options = Options(words);
        let (own, cluster) = S::begin(&options)?;
        *self = Play { own, cluster, out: std::mem::take(&mut self.out), ..Play::new() };
        self.quietly(|play| S::set_up(play, &options))
    }

    fn partition(&mut self, groups: &str) -> Result<(), String> {
        let ids = |group: &str| group.split_whitespace().map(str::parse).collect::<Result<Vec<NodeId>, _>>();
        let groups: Result<Vec<Vec<NodeId>>, _> = groups.split('|').map(ids).collect();
        let groups = groups.map_err(|error| error.to_string())?;
        self.cut.clear();
        for (at, group) in groups.iter().enumerate() {
            for other in groups.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, other)| other) {
                self.cut.extend(group.iter().map(|id| (*id, *other)));
            }
        }
        Ok(())
    }

    fn command(&mut self, name: &str, words: &Words<'_>) -> Result<(), String> {
        let link = || -> Result<Option<(NodeId, NodeId)>, String> {
            if words.is_empty() { Ok(None) } else { Ok(Some((words.node(0)?, words.node(1)?))) }
        };
        match name {
            "cluster" => self.begin(words.0)?,
            "quietly" => {
                let (name, words) = words.0.split_first().ok_or("a command is missing")?;
                self.quietly(|play| play.command(name, &Words(words)))?;
            }
            "tick" => self.tick(words.number(0)?),
            "run" => {
                let before = std::mem::replace(&mut self.hushed, true);
                let ran = (0..words.number::<u64>(0)? / 10).try_for_each(|_| S::pass(self));
                self.hushed = before;
                ran?;
            }
            "deliver" | "lose" => self.deliver(link()?, name == "deliver"),
            "hold" | "release" => {
                let link = link()?;
                let (from, to) = if name == "hold" {
                    (&mut self.flying, &mut self.held)
                } else {
                    (&mut self.held, &mut self.flying)
                };
                to.extend(from.extract_if(.., |envelope| link.is_none_or(|link| link == ends(envelope))));
            }
            "again" => {
                let link = (words.node(0)?, words.node(1)?);
                let envelope = self.last.get(&link).cloned().ok_or("nothing was delivered there")?;
                self.step(link.1, |node| node.receive(envelope));
            }
            "sync" => {
                let ids = if words.is_empty() { self.cluster.up() } else { vec![words.node(0)?] };
                ids.into_iter().for_each(|id| self.sync(id));
            }
            "stabilize" => self.stabilize()?,
            "partition" => self.partition(&words.0.join(" "))?,
            "cut" => drop(self.cut.insert((words.node(0)?, words.node(1)?))),
            "heal" => self.cut.clear(),
            "crash" => self.cluster.crash(words.node(0)?, 0),
            "wipe" => self.cluster.wipe(words.node(0)?),
            "restart" => {
                let id = words.node(0)?;
                self.cluster.start(id);
                S::restarted(self, id);
            }
            "pause" => self.cluster.pause(words.node(0)?, self.cluster.now + words.number::<u64>(1)?),
            "clock" => {
                let ms: f64 = words.number(1)?;
                self.cluster.host(words.node(0)?).wall_offset_us = (1_000.0 * ms) as i64;
            }
            _ => S::command(self, name, words)?,
        }
        Ok(())
    }
}

impl<S: Scripted> Default for Play<S> {
    fn default() -> Play<S> {
        Play::new()
    }
}

impl<S: Scripted> Stage for Play<S> {
    fn run(&mut self, command: &str) -> Result<(), String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        let (name, words) = words.split_first().ok_or("an empty command")?;
        Play::command(self, name, &Words(words))
    }

    fn said(&mut self) -> String {
        std::mem::take(&mut self.out)
    }
}

fn ends<E: Envelope>(envelope: &E) -> (NodeId, NodeId) {
    (envelope.from(), envelope.to())
}

/// The words after a command's name.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a>(pub &'a [&'a str]);

impl<'a> Words<'a> {
    /// One of them.
    pub fn word(&self, at: usize) -> Result<&'a str, String> {
        self.0.get(at).copied().ok_or_else(|| "a word is missing".to_owned())
    }

    /// One of them, a number.
    pub fn number<N: FromStr>(&self, at: usize) -> Result<N, String> {
        let word = self.word(at).map_err(|_| "a number is missing".to_owned())?;
        word.parse().map_err(|_| format!("`{word}` is no number"))
    }

    /// One of them, a node.
    pub fn node(&self, at: usize) -> Result<NodeId, String> {
        self.number(at)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those from the second on.
    pub fn rest(&self) -> Words<'a> {
        Words(self.0.get(1..).unwrap_or(&[]))
    }

    /// The node that is named, or all.
    pub fn one_or_all<P: Protocol>(&self, cluster: &Cluster<P>) -> Result<Vec<NodeId>, String> {
        if self.is_empty() { Ok(cluster.hosts.keys().copied().collect()) } else { Ok(vec![self.node(0)?]) }
    }
}

/// The options of `cluster`: `NAME=VALUE`, or a word alone.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a>(&'a [&'a str]);

impl<'a> Options<'a> {
    /// Whether all are among these names, or which is not.
    pub fn only(&self, names: &[&str]) -> Result<(), String> {
        let name = |option: &&'a str| option.split_once('=').map_or(*option, |(name, _)| name);
        match self.0.iter().map(name).find(|name| !names.contains(name)) {
            Some(name) => Err(format!("there is no option `{name}`; there are {}", names.join(", "))),
            None => Ok(()),
        }
    }

    /// The value of an option.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find_map(|option| option.split_once('=').filter(|(named, _)| *named == name))
            .map(|(_, value)| value)
    }

    /// The value of an option that is a number, or what it usually is.
    pub fn number<N: FromStr>(&self, name: &str, usual: N) -> Result<N, String> {
        let Some(value) = self.value(name) else { return Ok(usual) };
        value.parse().map_err(|_| format!("`{name}={value}` is no number"))
    }

    /// Whether a word stands alone among them.
    pub fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }
}
