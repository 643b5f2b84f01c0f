//! Replicas with disks that crash, for simulations and scripts.

use std::collections::BTreeMap;

use rashomon_crdt::{Clock, Config, Envelope, Event, NodeId, Output, Record, Recovered, Replica, Reply};

/// A node: its disk, and its replica while it is up.
pub(crate) struct Host {
    pub(crate) replica: Option<Replica>,
    /// What survives a crash.
    disk: Recovered,
    /// What was handed over and is not durable yet, with the number to report.
    writing: Vec<(u64, Vec<Record>)>,
    pub(crate) wall_offset: i64,
    starts: u32,
}

/// What a step led to.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) messages: Vec<Envelope>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) events: Vec<Event>,
}

pub(crate) struct Cluster {
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    configure: Box<dyn Fn(&mut Config)>,
    pub(crate) now: u64,
}

impl Cluster {
    pub(crate) fn new(nodes: NodeId, configure: impl Fn(&mut Config) + 'static) -> Cluster {
        let host =
            || Host { replica: None, disk: Recovered::default(), writing: Vec::new(), wall_offset: 0, starts: 0 };
        let hosts = (1..=nodes).map(|id| (id, host())).collect();
        let mut cluster = Cluster { hosts, configure: Box::new(configure), now: 0 };
        (1..=nodes).for_each(|id| cluster.start(id));
        cluster
    }

    pub(crate) fn start(&mut self, id: NodeId) {
        let clock = self.clock(id);
        let mut config = Config::new(id, self.hosts.keys().copied());
        (self.configure)(&mut config);
        let host = self.hosts.get_mut(&id).expect("a known node");
        host.starts += 1;
        config.incarnation = host.starts;
        host.replica = Some(Replica::new(config, host.disk.clone(), clock));
    }

    /// What is not durable is lost, or with `wipe` everything.
    pub(crate) fn crash(&mut self, id: NodeId, wipe: bool) {
        let host = self.hosts.get_mut(&id).expect("a known node");
        host.replica = None;
        host.writing.clear();
        if wipe {
            host.disk = Recovered::default();
        }
    }

    pub(crate) fn clock(&self, id: NodeId) -> Clock {
        Clock { monotonic_ms: self.now, wall_us: 1_000 * (1_000_000 + self.now as i64 + self.hosts[&id].wall_offset) }
    }

    pub(crate) fn is_up(&self, id: NodeId) -> bool {
        self.hosts[&id].replica.is_some()
    }

    pub(crate) fn replica(&self, id: NodeId) -> &Replica {
        self.hosts[&id].replica.as_ref().expect("the node is up")
    }

    /// Lets a node that is up do something.
    pub(crate) fn step<T>(&mut self, id: NodeId, act: impl FnOnce(&mut Replica) -> T) -> Option<(T, Effects)> {
        let host = self.hosts.get_mut(&id)?;
        let replica = host.replica.as_mut()?;
        let result = act(replica);
        let Output { records, persist, messages, replies, events } = replica.output();
        if !records.is_empty() {
            host.writing.push((persist, records));
        }
        Some((result, Effects { messages, replies, events }))
    }

    /// Makes durable what was handed over so far.
    pub(crate) fn sync(&mut self, id: NodeId) -> Option<Effects> {
        let host = self.hosts.get_mut(&id)?;
        let writing = std::mem::take(&mut host.writing);
        let number = writing.last()?.0;
        for record in writing.into_iter().flat_map(|(_, records)| records) {
            match record {
                Record::Snapshot(snapshot) => {
                    host.disk = Recovered { snapshot: Some(snapshot), records: Vec::new() };
                }
                record => host.disk.records.push(record),
            }
        }
        self.step(id, |replica| replica.persisted(number)).map(|(_, effects)| effects)
    }
}
