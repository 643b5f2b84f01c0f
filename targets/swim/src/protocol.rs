//! SWIM as one of the protocols that a driver can run.

use rashomon_protocol::{Clock, Disk, NodeId, NoticeKind, OutputOf, Protocol, Reply, RequestId};

use crate::config::Config;
use crate::member::State;
use crate::message::Envelope;
use crate::node::Swim;
use crate::output::{Event, Identity};

/// What a client may ask for. Answered once it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The node leaves the cluster.
    Leave,
    /// The node joins it again.
    Join,
}

/// The node takes part in nothing before its first identity is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotYet;

/// What a node remembers: its identity, once it has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered(pub Option<Identity>);

/// Clients that wait for a change.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    requests: u64,
    /// By the number of the identity that must be durable.
    waiting: Vec<(u64, RequestId)>,
    replies: Vec<Reply<Result<(), NotYet>>>,
}

impl Protocol for Swim {
    type Config = Config;
    type Disk = Remembered;
    type Envelope = Envelope;
    type Request = Change;
    type Answer = Result<(), NotYet>;
    type Event = Event;

    const NAME: &'static str = "swim";

    fn start(config: Config, disk: Remembered, _: u32, clock: Clock) -> Result<Swim, String> {
        Ok(Swim::new(config, disk.0, clock.monotonic_ms))
    }

    fn advance(&mut self, clock: Clock) {
        Swim::advance(self, clock.monotonic_ms);
    }

    fn receive(&mut self, envelope: Envelope) {
        Swim::receive(self, envelope);
    }

    /// Answered when the node's own disk allows it, so the deadline does not matter.
    fn request(&mut self, change: Change, _deadline_ms: u64) -> RequestId {
        self.changes.requests += 1;
        let request = RequestId(self.changes.requests);
        if self.identity().is_none() {
            self.changes.replies.push(Reply { request, result: Err(NotYet) });
            return request;
        }
        match change {
            Change::Leave => self.leave(),
            Change::Join => self.join(),
        }
        self.changes.waiting.push((self.persist, request));
        request
    }

    fn persisted(&mut self, number: u64) {
        Swim::persisted(self, number);
    }

    fn output(&mut self) -> OutputOf<Swim> {
        let durable = self.persisted;
        let changes = &mut self.changes;
        let done = changes.waiting.extract_if(.., |(number, _)| *number <= durable);
        changes.replies.extend(done.map(|(_, request)| Reply { request, result: Ok(()) }));
        let replies = std::mem::take(&mut changes.replies);
        let crate::Output { identity, messages, events } = Swim::output(self);
        let records = identity.map(|(_, identity)| identity).into_iter().collect();
        OutputOf::<Swim> { records, persist: self.persist, messages, replies, events }
    }

    fn next_wake(&self) -> Option<u64> {
        Some(self.next_ms()).filter(|at| *at != u64::MAX)
    }

    fn view(&self) -> Vec<(&'static str, String)> {
        let identity = self.identity();
        let members: Vec<String> = self
            .members()
            .iter()
            .map(|member| format!("{} {} @{}", member.id, member.state, member.incarnation))
            .collect();
        vec![
            ("incarnation", identity.map_or("-".to_owned(), |identity| identity.incarnation.to_string())),
            ("left", identity.is_some_and(|identity| identity.left).to_string()),
            ("members", members.join(", ")),
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

impl Disk for Remembered {
    type Record = Identity;

    fn apply(&mut self, record: Identity) -> Result<(), String> {
        self.0 = Some(record);
        Ok(())
    }
}

impl rashomon_protocol::Event for Event {
    fn notice(&self) -> Option<NoticeKind> {
        Some(match self {
            Event::Announced(Identity { incarnation, left: false }) => NoticeKind::Joined { incarnation: *incarnation },
            Event::Announced(Identity { incarnation, left: true }) => NoticeKind::Left { incarnation: *incarnation },
            Event::Changed { id, to, incarnation, .. } => {
                NoticeKind::Member { member: *id, state: State::as_str(*to).to_owned(), incarnation: *incarnation }
            }
            Event::Stalled(ms) => NoticeKind::Stalled { ms: *ms },
            Event::Forgotten(_) | Event::Accused { .. } => return None,
        })
    }
}
