//! A replica as one of the protocols that a driver can run.

use rashomon_protocol::{Clock, Disk, NodeId, NoticeKind, OutputOf, Protocol, RequestId};

use crate::command::{Key, Query, Reading, Update};
use crate::config::Config;
use crate::message::Envelope;
use crate::output::{Event, Record, Recovered};
use crate::replica::Replica;
use crate::state::Refusal;

/// What a client may ask for.
#[derive(Clone, Debug)]
pub enum Request {
    /// A change.
    Update(Key, Update),
    /// What is there?
    Read(Key, Query),
}

impl Protocol for Replica {
    type Config = Config;
    type Disk = Recovered;
    type Envelope = Envelope;
    type Request = Request;
    type Answer = Result<Option<Reading>, Refusal>;
    type Event = Event;

    const NAME: &'static str = "crdt";

    fn start(config: Config, disk: Recovered, incarnation: u32, clock: Clock) -> Result<Replica, String> {
        Ok(Replica::new(Config { incarnation, ..config }, disk, clock))
    }

    fn advance(&mut self, clock: Clock) {
        Replica::advance(self, clock);
    }

    fn receive(&mut self, envelope: Envelope) {
        Replica::receive(self, envelope);
    }

    /// Answered when the replica's own disk allows it, so the deadline does not matter.
    fn request(&mut self, request: Request, _deadline_ms: u64) -> RequestId {
        match request {
            Request::Update(key, update) => self.update(&key, &update),
            Request::Read(key, query) => self.read(&key, query),
        }
    }

    fn persisted(&mut self, number: u64) {
        Replica::persisted(self, number);
    }

    fn output(&mut self) -> OutputOf<Replica> {
        Replica::output(self)
    }

    fn next_wake(&self) -> Option<u64> {
        Some(self.next_gossip_ms.min(self.next_collect_ms))
    }

    fn view(&self) -> Vec<(&'static str, String)> {
        let status = self.status();
        vec![
            ("actor", status.actor.to_string()),
            ("sequence", status.sequence.to_string()),
            ("deltas", status.deltas.to_string()),
            ("tombstones", status.tombstones.to_string()),
        ]
    }
}

impl rashomon_protocol::Envelope for Envelope {
    fn from(&self) -> NodeId {
        self.from.node
    }

    fn to(&self) -> NodeId {
        self.to
    }
}

impl Disk for Recovered {
    type Record = Record;

    fn apply(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Snapshot(snapshot) => *self = Recovered { snapshot: Some(snapshot), records: Vec::new() },
            record => self.records.push(record),
        }
        Ok(())
    }
}

impl rashomon_protocol::Event for Event {
    fn notice(&self) -> Option<NoticeKind> {
        match self {
            Event::SendsState { to, .. } => Some(NoticeKind::StateSent { to: *to }),
            Event::Collected { tombstones } => Some(NoticeKind::Collected { tombstones: *tombstones as u64 }),
            Event::OddRecord => None,
        }
    }
}
