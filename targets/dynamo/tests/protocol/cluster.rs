//! A cluster in memory: nodes, their disks, and the messages under way. Nothing happens by itself.

use std::collections::{BTreeMap, VecDeque};

use rashomon_dynamo::{Clock, Config, Envelope, Event, Node, NodeId, Output, Record, Recovered, Reply};

/// A node with its disk.
pub(crate) struct Host {
    pub(crate) config: Config,
    /// `None` while it is down.
    pub(crate) node: Option<Node>,
    /// What is on its disk for good.
    pub(crate) disk: Recovered,
    /// What was handed out to be written and is not durable yet: when it was, the number to report, the records.
    pub(crate) unsynced: VecDeque<(u64, u64, Vec<Record>)>,
    /// How far its wall clock is off, µs.
    pub(crate) wall_offset_us: i64,
    /// While it is stopped, nothing reaches it and no time passes for it.
    pub(crate) paused_until: u64,
}

/// What a step of a node brought forth, beside records.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) replies: Vec<Reply>,
    pub(crate) events: Vec<Event>,
    pub(crate) messages: Vec<Envelope>,
}

/// The cluster.
pub(crate) struct Cluster {
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    /// Milliseconds since it began.
    pub(crate) now: u64,
}

impl Cluster {
    /// Nodes `1..=size`, all up, with configurations that `adjust` may change.
    pub(crate) fn new(size: u16, adjust: impl Fn(&mut Config)) -> Cluster {
        let mut cluster = Cluster { hosts: BTreeMap::new(), now: 0 };
        for id in 1..=size {
            let mut config = Config::new(id, 1..=size);
            adjust(&mut config);
            let host = Host {
                config,
                node: None,
                disk: Recovered::default(),
                unsynced: VecDeque::new(),
                wall_offset_us: 0,
                paused_until: 0,
            };
            cluster.hosts.insert(id, host);
            cluster.start(id);
        }
        cluster
    }

    fn clock(&self, id: NodeId) -> Clock {
        let offset = self.hosts[&id].wall_offset_us;
        Clock { monotonic_ms: self.now, wall_us: 1_000_000_000 + 1_000 * self.now as i64 + offset }
    }

    /// Starts a node from what is on its disk.
    pub(crate) fn start(&mut self, id: NodeId) {
        let clock = self.clock(id);
        let host = self.hosts.get_mut(&id).expect("a node of the cluster");
        host.node = Some(Node::new(host.config.clone(), host.disk.clone(), clock));
        host.paused_until = 0;
    }

    /// Stops a node at once. Of what it has not synced yet, the first `survivors` writes are on the disk nevertheless.
    pub(crate) fn crash(&mut self, id: NodeId, survivors: usize) {
        let host = self.hosts.get_mut(&id).expect("a node of the cluster");
        for (_, _, records) in host.unsynced.drain(..).take(survivors) {
            records.into_iter().for_each(|record| host.disk.apply(record));
        }
        host.unsynced.clear();
        host.node = None;
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Node> {
        self.hosts.get(&id).and_then(|host| host.node.as_ref())
    }

    /// Nodes that are up, ascending.
    pub(crate) fn up(&self) -> Vec<NodeId> {
        self.hosts.iter().filter(|(_, host)| host.node.is_some()).map(|(id, _)| *id).collect()
    }

    /// Lets time pass for a node, does something to it, and collects what comes out.
    pub(crate) fn step<T>(&mut self, id: NodeId, act: impl FnOnce(&mut Node) -> T) -> Option<(T, Effects)> {
        let clock = self.clock(id);
        let now = self.now;
        let host = self.hosts.get_mut(&id)?;
        let node = host.node.as_mut()?;
        node.advance(clock);
        let result = act(node);
        let Output { records, persist, messages, replies, events } = node.output();
        if !records.is_empty() {
            host.unsynced.push_back((now, persist, records));
        }
        Some((result, Effects { replies, events, messages }))
    }

    /// Makes a node's oldest unsynced write durable and tells the node. `None` when there is nothing to sync.
    pub(crate) fn sync(&mut self, id: NodeId) -> Option<Effects> {
        let host = self.hosts.get_mut(&id)?;
        let (_, number, records) = host.unsynced.pop_front()?;
        records.into_iter().for_each(|record| host.disk.apply(record));
        self.step(id, |node| node.persisted(number)).map(|((), effects)| effects)
    }
}
