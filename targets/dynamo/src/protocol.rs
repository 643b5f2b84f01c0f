//! Dynamo as one of the protocols that a driver can run.

use std::collections::BTreeSet;

use rashomon_protocol::{Clock, Disk, NodeId, NoticeKind, OutputOf, Protocol, RequestId};

use crate::config::{Config, Quorum};
use crate::message::{Ask, Envelope};
use crate::node::Node;
use crate::object::Key;
use crate::output::{Event, Failure, Record, Recovered, Response};

/// What a client, or the node's failure detector, may ask for.
#[derive(Clone, Debug)]
pub enum Request {
    /// An operation on a key; with the quorum to use where it is not the configured one.
    Operation(Key, Ask, Option<Quorum>),
    /// The node is to join the ring (true) or to leave it. Answered at once: it has been asked for.
    Change(bool),
    /// These nodes are thought to be down. Answered at once.
    Missed(BTreeSet<NodeId>),
}

impl Protocol for Node {
    type Config = Config;
    type Disk = Recovered;
    type Envelope = Envelope;
    type Request = Request;
    type Answer = Result<Response, Failure>;
    type Event = Event;

    const NAME: &'static str = "dynamo";

    fn start(config: Config, disk: Recovered, _: u32, clock: Clock) -> Result<Node, String> {
        Ok(Node::new(config, disk, clock))
    }

    fn advance(&mut self, clock: Clock) {
        Node::advance(self, clock);
    }

    fn receive(&mut self, envelope: Envelope) {
        Node::receive(self, envelope);
    }

    fn request(&mut self, request: Request, deadline_ms: u64) -> RequestId {
        match request {
            Request::Operation(key, ask, quorum) => self.ask(key, ask, quorum, deadline_ms),
            Request::Change(joins) => {
                self.change(joins);
                self.done()
            }
            Request::Missed(nodes) => {
                self.reach_all_but(&nodes);
                self.done()
            }
        }
    }

    fn persisted(&mut self, number: u64) {
        Node::persisted(self, number);
    }

    fn output(&mut self) -> OutputOf<Node> {
        Node::output(self)
    }

    fn next_wake(&self) -> Option<u64> {
        let config = &self.config;
        let compares = (config.anti_entropy_ms > 0).then_some(self.anti_entropy.next_at);
        // Tombstones are looked at no sooner than the first can be old.
        let collects = self.collector.next_at.max(config.grace_ms);
        let periodic = [self.handoff.next_at, self.membership.next_at, collects];
        periodic.into_iter().chain(compares).chain(self.operations_due()).min()
    }

    fn view(&self) -> Vec<(&'static str, String)> {
        let status = self.status();
        vec![
            ("ring", status.ring.version.to_string()),
            ("stage", format!("{:?}", status.ring.stage)),
            ("members", format!("{:?}", status.ring.members)),
            ("keys", status.keys.to_string()),
            ("hints", status.hints.1.to_string()),
            ("operations", status.operations.to_string()),
        ]
    }
}

impl rashomon_protocol::Envelope for Envelope {
    fn from(&self) -> NodeId {
        self.from
    }

    fn to(&self) -> NodeId {
        self.to
    }
}

impl Disk for Recovered {
    type Record = Record;

    fn apply(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Put { key, object, birth } => {
                self.objects.insert(key, (object, birth));
            }
            Record::Drop { key, floor } => {
                self.objects.remove(&key);
                self.floor = self.floor.max(floor);
            }
            Record::Hint { replica, key, object } => {
                self.hints.insert((replica, key), object);
            }
            Record::HintDone { replica, key } => {
                self.hints.remove(&(replica, key));
            }
            Record::Births(births) => self.births = births,
            Record::Ring(ring) => self.ring = Some(ring),
        }
        Ok(())
    }
}

impl rashomon_protocol::Event for Event {
    fn level(&self) -> Option<&'static str> {
        match self {
            Event::HintKept { .. } | Event::ReadRepair { .. } => None,
            _ => Some("INFO"),
        }
    }

    fn notice(&self) -> Option<NoticeKind> {
        Some(match self {
            Event::RingChanged { version, stage, members } => {
                let stage = format!("{stage:?}").to_lowercase();
                NoticeKind::Ring { version: *version, stage, members: members.clone() }
            }
            Event::HandedOver { replica, left } => NoticeKind::HandedOver { to: *replica, left: *left as u64 },
            Event::Synced { with, .. } => NoticeKind::Repaired { with: *with },
            Event::Collected { keys } => NoticeKind::Collected { tombstones: *keys as u64 },
            Event::ChangeBegins { .. } | Event::Fetched { .. } | Event::HintKept { .. } | Event::ReadRepair { .. } => {
                return None;
            }
        })
    }
}
