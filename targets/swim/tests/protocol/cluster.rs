//! A cluster in memory: nodes, their disks, and time. Nothing happens by itself.

use std::collections::BTreeMap;

use rashomon_swim::{Config, Envelope, Event, Identity, NodeId, Output, Swim};

/// A node with its disk.
pub(crate) struct Host {
    pub(crate) config: Config,
    /// `None` while it is down.
    pub(crate) node: Option<Swim>,
    /// What is on its disk for good.
    pub(crate) disk: Option<Identity>,
    /// What is to be written: when that began, its number, what.
    pub(crate) unsynced: Option<(u64, u64, Identity)>,
    /// While it is stopped, nothing reaches it and it does nothing.
    pub(crate) paused_until: u64,
    /// Since when it has run without a pause, ms.
    pub(crate) well_since: u64,
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
            let host = Host { config, node: None, disk: None, unsynced: None, paused_until: 0, well_since: 0 };
            cluster.hosts.insert(id, host);
            cluster.start(id);
        }
        cluster
    }

    /// Starts a node from what is on its disk.
    pub(crate) fn start(&mut self, id: NodeId) {
        let host = self.hosts.get_mut(&id).expect("a node of the cluster");
        host.node = Some(Swim::new(host.config.clone(), host.disk, self.now));
        (host.paused_until, host.well_since) = (0, self.now);
    }

    /// Stops a node at once. What it has not synced yet is lost.
    pub(crate) fn crash(&mut self, id: NodeId) {
        let host = self.hosts.get_mut(&id).expect("a node of the cluster");
        (host.node, host.unsynced) = (None, None);
    }

    /// Stops a node for a while.
    pub(crate) fn pause(&mut self, id: NodeId, until: u64) {
        let host = self.hosts.get_mut(&id).expect("a node of the cluster");
        (host.paused_until, host.well_since) = (until, until);
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&Swim> {
        self.hosts.get(&id).and_then(|host| host.node.as_ref())
    }

    /// Nodes that are up, ascending.
    pub(crate) fn up(&self) -> Vec<NodeId> {
        self.hosts.iter().filter(|(_, host)| host.node.is_some()).map(|(id, _)| *id).collect()
    }

    pub(crate) fn is_paused(&self, id: NodeId) -> bool {
        self.hosts[&id].paused_until > self.now
    }

    /// Lets time pass for a node, does something to it, and collects what comes out.
    pub(crate) fn step(&mut self, id: NodeId, act: impl FnOnce(&mut Swim)) -> Option<(Vec<Envelope>, Vec<Event>)> {
        let now = self.now;
        let host = self.hosts.get_mut(&id)?;
        let node = host.node.as_mut()?;
        node.advance(now);
        act(node);
        let Output { identity, messages, events } = node.output();
        if let Some((number, identity)) = identity {
            host.unsynced = Some((now, number, identity));
        }
        Some((messages, events))
    }

    /// Makes what a node wants to remember durable, and tells it. `None` when there is nothing.
    pub(crate) fn sync(&mut self, id: NodeId) -> Option<(Vec<Envelope>, Vec<Event>)> {
        let host = self.hosts.get_mut(&id)?;
        let (_, number, identity) = host.unsynced.take()?;
        host.disk = Some(identity);
        self.step(id, |node| node.persisted(number))
    }
}
