//! The naive store as one of the protocols that a driver can run.

use std::fmt;
use std::sync::Arc;

use rashomon_protocol::{Clock, Disk, NodeId, NoticeKind, OutputOf, Protocol, Reply, RequestId};
use serde::{Deserialize, Serialize};

use crate::node::{Config, Node};
use crate::{Cell, Message, Update, Value};

/// How often a peer that has not answered is greeted, ms.
const GREETING_MS: u64 = 5;

/// A message with its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Who sent it.
    pub from: NodeId,
    /// Who is to get it.
    pub to: NodeId,
    /// What it says.
    pub message: Message,
}

/// What a client may ask for.
#[derive(Clone, Debug)]
pub enum Request {
    /// Write a cell.
    Write(Cell, Value),
    /// What does a register hold?
    Register(Arc<str>),
    /// What are the elements of a set?
    Set(Arc<str>),
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The write is durable here, or was too late to have any effect.
    Done,
    /// What the register holds.
    Value(Value),
    /// The set's elements.
    Elements(Vec<Value>),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A client's write was acknowledged and thrown away.
    Discarded {
        /// By how much its stamp was older than the cell's, µs.
        late_us: u64,
        /// How many were by now.
        discarded: u64,
    },
}

/// What a node remembers: the writes that it kept, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered(pub Vec<Update>);

/// What a node keeps for its driver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Driven {
    clock: Clock,
    greet_at: u64,
    requests: u64,
    /// The last time that was given to a write of a client here, µs.
    stamped_us: Option<i64>,
    replies: Vec<Reply<Answer>>,
    events: Vec<Event>,
}

impl Protocol for Node {
    type Config = Config;
    type Disk = Remembered;
    type Envelope = Envelope;
    type Request = Request;
    type Answer = Answer;
    type Event = Event;

    const NAME: &'static str = "lww";

    fn start(config: Config, disk: Remembered, _: u32, clock: Clock) -> Result<Node, String> {
        let mut node = Node::new(config, disk.0);
        node.driven.clock = clock;
        Ok(node)
    }

    fn advance(&mut self, clock: Clock) {
        self.driven.clock = clock;
        if clock.monotonic_ms >= self.driven.greet_at {
            self.driven.greet_at = clock.monotonic_ms + GREETING_MS;
            self.tick();
        }
    }

    fn receive(&mut self, envelope: Envelope) {
        Node::receive(self, envelope.message);
    }

    /// Answered when the node's own disk allows it, so the deadline does not matter.
    fn request(&mut self, request: Request, _deadline_ms: u64) -> RequestId {
        self.driven.requests += 1;
        let id = RequestId(self.driven.requests);
        let answer = match request {
            Request::Write(cell, value) => {
                // Of writes at one reading of the clock each is later than the one before.
                let read_us = self.driven.clock.wall_us;
                let wall_us = match self.driven.stamped_us {
                    Some(last) if (read_us..read_us + 1_000).contains(&last) => last + 1,
                    _ => read_us,
                };
                self.driven.stamped_us = Some(wall_us);
                if let Some(late_us) = self.write(id.0, cell, value, wall_us) {
                    self.driven.events.push(Event::Discarded { late_us, discarded: self.status().discarded });
                }
                return id;
            }
            Request::Register(key) => Answer::Value(self.register(&key)),
            Request::Set(key) => Answer::Elements(self.set(&key)),
        };
        self.driven.replies.push(Reply { request: id, result: answer });
        id
    }

    fn persisted(&mut self, number: u64) {
        Node::persisted(self, number);
    }

    fn output(&mut self) -> OutputOf<Node> {
        let crate::Output { records, persist, messages, acknowledged } = Node::output(self);
        let from = self.id();
        let messages = messages.into_iter().map(|(to, message)| Envelope { from, to, message }).collect();
        let done = acknowledged.into_iter().map(|id| Reply { request: RequestId(id), result: Answer::Done });
        self.driven.replies.extend(done);
        let replies = std::mem::take(&mut self.driven.replies);
        OutputOf::<Node> { records, persist, messages, replies, events: std::mem::take(&mut self.driven.events) }
    }

    fn next_wake(&self) -> Option<u64> {
        (!self.status().heard_all).then_some(self.driven.greet_at)
    }

    fn view(&self) -> Vec<(&'static str, String)> {
        let status = self.status();
        vec![
            ("cells", status.cells.to_string()),
            ("discarded", status.discarded.to_string()),
            ("heard_all", status.heard_all.to_string()),
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
    type Record = Update;

    fn apply(&mut self, record: Update) -> Result<(), String> {
        self.0.push(record);
        Ok(())
    }
}

impl rashomon_protocol::Event for Event {
    /// Ever more seldom: with a clock that is wrong there are thousands.
    fn level(&self) -> Option<&'static str> {
        let Event::Discarded { discarded, .. } = self;
        discarded.is_power_of_two().then_some("WARN")
    }

    fn notice(&self) -> Option<NoticeKind> {
        None
    }
}

impl fmt::Display for Event {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event::Discarded { late_us, discarded } = self;
        write!(
            out,
            "acknowledges a write that it throws away, for its stamp is older than the cell's late_ms={} \
             discarded={discarded}",
            late_us / 1_000
        )
    }
}
