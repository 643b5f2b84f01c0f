//! A cluster in memory: nodes of any protocol, their disks and clocks. Nothing happens by itself.

use std::collections::{BTreeMap, VecDeque};

use rashomon_protocol::{Clock, Disk, NodeId, OutputOf, Protocol};

/// Where wall clocks begin, µs since 1970.
const EPOCH_US: i64 = 1_000_000_000;

/// Of how many steps one checks that a node does nothing before it said that it would wake.
const CHECKED: u64 = 64;

/// A protocol's record.
type RecordOf<P> = <<P as Protocol>::Disk as Disk>::Record;

/// What was handed out in one output to be written, and is not durable yet.
#[derive(Clone, Debug)]
pub struct Unsynced<P: Protocol> {
    /// When, ms since the cluster began.
    pub at: u64,
    /// The number to report once it is durable.
    pub number: u64,
    /// The records, in order.
    pub records: Vec<RecordOf<P>>,
}

/// A node with its disk.
#[derive(Clone, Debug)]
pub struct Host<P: Protocol> {
    /// What it is told when it starts.
    pub config: P::Config,
    /// `None` while it is down.
    pub node: Option<P>,
    /// What is on its disk for good.
    pub disk: P::Disk,
    /// What is not.
    pub unsynced: VecDeque<Unsynced<P>>,
    /// How far its wall clock is off, µs.
    pub wall_offset_us: i64,
    /// While it is stopped, nothing reaches it and no time passes for it, ms since the cluster began.
    pub paused_until: u64,
    /// Since when it has run without a pause, ms since the cluster began.
    pub well_since: u64,
    /// Its own time where that is not the cluster's, ms: for scripts in which only some nodes' time passes.
    pub time: Option<u64>,
    /// How often it was started.
    starts: u32,
}

/// Nodes `1..=size`.
#[derive(Clone, Debug)]
pub struct Cluster<P: Protocol> {
    /// The nodes.
    pub hosts: BTreeMap<NodeId, Host<P>>,
    /// Milliseconds since it began.
    pub now: u64,
    steps: u64,
}

impl<P: Protocol> Cluster<P> {
    /// Nodes `1..=size`, all up.
    pub fn new(size: NodeId, config: impl Fn(NodeId) -> P::Config) -> Cluster<P> {
        let mut cluster = Cluster { hosts: BTreeMap::new(), now: 0, steps: 0 };
        for id in 1..=size {
            let host = Host {
                config: config(id),
                node: None,
                disk: P::Disk::default(),
                unsynced: VecDeque::new(),
                wall_offset_us: 0,
                paused_until: 0,
                well_since: 0,
                time: None,
                starts: 0,
            };
            cluster.hosts.insert(id, host);
            cluster.start(id);
        }
        cluster
    }

    /// What a node's clocks say.
    pub fn clock(&self, id: NodeId) -> Clock {
        let host = &self.hosts[&id];
        let wall_us = EPOCH_US + 1_000 * self.now as i64 + host.wall_offset_us;
        Clock { monotonic_ms: host.time.unwrap_or(self.now), wall_us }
    }

    /// A node with its disk.
    ///
    /// # Panics
    /// When there is none of that number, as for all methods that take one.
    pub fn host(&mut self, id: NodeId) -> &mut Host<P> {
        self.hosts.get_mut(&id).expect("a node of the cluster")
    }

    /// Starts a node from what is on its disk.
    ///
    /// # Panics
    /// When the node does not understand its own disk.
    pub fn start(&mut self, id: NodeId) {
        let (clock, now) = (self.clock(id), self.now);
        let host = self.host(id);
        host.starts += 1;
        let node = P::start(host.config.clone(), host.disk.clone(), host.starts, clock);
        host.node = Some(node.expect("a node understands its own disk"));
        (host.paused_until, host.well_since) = (0, now);
    }

    /// Stops a node at once. Of the records that it has not synced yet, the first `survivors` are on the disk
    /// nevertheless: a crash may come between any two records, also of one output.
    ///
    /// # Panics
    /// When a record cannot follow what is on the disk.
    pub fn crash(&mut self, id: NodeId, survivors: usize) {
        let host = self.host(id);
        for record in host.unsynced.drain(..).flat_map(|unsynced| unsynced.records).take(survivors) {
            host.disk.apply(record).expect("a record follows what is there");
        }
        host.unsynced.clear();
        host.node = None;
    }

    /// How many records a node has not synced yet.
    pub fn unsynced(&self, id: NodeId) -> usize {
        self.hosts[&id].unsynced.iter().map(|unsynced| unsynced.records.len()).sum()
    }

    /// Stops a node at once and empties its disk.
    pub fn wipe(&mut self, id: NodeId) {
        self.crash(id, 0);
        self.host(id).disk = P::Disk::default();
    }

    /// Stops a node for a while.
    pub fn pause(&mut self, id: NodeId, until: u64) {
        let host = self.host(id);
        (host.paused_until, host.well_since) = (until, until);
    }

    /// A node that is up.
    pub fn node(&self, id: NodeId) -> Option<&P> {
        self.hosts.get(&id).and_then(|host| host.node.as_ref())
    }

    /// Whether a node is stopped for a while.
    pub fn is_paused(&self, id: NodeId) -> bool {
        self.hosts[&id].paused_until > self.now
    }

    /// Nodes that are up, ascending.
    pub fn up(&self) -> Vec<NodeId> {
        self.hosts.iter().filter(|(_, host)| host.node.is_some()).map(|(id, _)| *id).collect()
    }

    /// Nodes that are up and not stopped, ascending.
    pub fn running(&self) -> Vec<NodeId> {
        self.up().into_iter().filter(|id| !self.is_paused(*id)).collect()
    }

    /// Lets time pass for a node, does something to it, and takes what comes out; its records are on their way to the
    /// disk.
    ///
    /// # Panics
    /// When the node does something before it said that it would wake.
    pub fn step<T>(&mut self, id: NodeId, act: impl FnOnce(&mut P) -> T) -> Option<(T, OutputOf<P>)> {
        let (clock, now) = (self.clock(id), self.now);
        self.steps += 1;
        let checked = self.steps.is_multiple_of(CHECKED);
        let host = self.hosts.get_mut(&id)?;
        let node = host.node.as_mut()?;
        if checked && node.next_wake().is_none_or(|at| at > clock.monotonic_ms) {
            let mut idle = node.clone();
            // What its start asks for is not asked for by time.
            idle.output();
            idle.advance(clock);
            let output = idle.output();
            assert!(
                output.is_empty(),
                "n{id} wakes at {:?} and not before, but at {now}: {output:?}",
                node.next_wake()
            );
        }
        node.advance(clock);
        let result = act(node);
        let mut output = node.output();
        let records = std::mem::take(&mut output.records);
        if !records.is_empty() {
            host.unsynced.push_back(Unsynced { at: now, number: output.persist, records });
        }
        Some((result, output))
    }

    /// Makes the oldest output durable that is not, and tells the node. `None` when there is nothing to sync.
    ///
    /// # Panics
    /// When a record cannot follow what is on the disk.
    pub fn sync(&mut self, id: NodeId) -> Option<OutputOf<P>> {
        let host = self.hosts.get_mut(&id)?;
        let Unsynced { number, records, .. } = host.unsynced.pop_front()?;
        for record in records {
            host.disk.apply(record).expect("a record follows what is there");
        }
        self.step(id, |node| node.persisted(number)).map(|((), output)| output)
    }
}
