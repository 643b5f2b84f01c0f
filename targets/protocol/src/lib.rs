//! What a replicated protocol is to whoever drives it.
//!
//! A [`Protocol`] is one node as a state machine without socket, file, clock, thread or random source. A driver tells
//! it that time passed, that a message arrived, that a client asks for something, that records are durable; and it
//! takes the node's [`Output`]: records to write, messages to send, answers to clients, events. The same trait serves
//! the node program (sockets, files, real clocks), the test world of the golden scripts and simulations, and a
//! simulator.
//!
//! # The contract
//!
//! - The node is a function of its inputs: equal inputs, equal outputs, on every machine. It can be cloned at any time.
//! - Call [`Protocol::advance`] before each batch of other inputs, with clocks that were read after the batch arrived,
//!   and take the [`Output`] after it.
//! - Records are applied to the [`Disk`] in the order in which they were given. A crash may keep any prefix of those
//!   that are not durable, also within one output.
//! - Messages and replies of an output may go out at once: whatever rests on a record is held back inside the node
//!   until [`Protocol::persisted`] says that the record is durable. Messages may be lost, late, repeated and reordered.
//! - At the latest when its monotonic clock reaches [`Protocol::next_wake`], the node is to be advanced. Before that,
//!   and as long as nothing else happens, advancing it does nothing.

mod digest;
mod notice;
mod output;

use std::fmt;

pub use digest::digest_of;
pub use notice::{Notice, NoticeKind};
pub use output::{Output, Reply, RequestId};

/// The number of a node, from 1.
pub type NodeId = u16;

/// What a node's two clocks say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Time since any moment, ms; never goes back. Every timeout is measured on it.
    pub monotonic_ms: u64,
    /// The wall clock: time since 1970 as this node believes, µs. It may jump. What stamps are made of it must tell an
    /// update from one that began after it was acknowledged, so it is read after the inputs of a batch arrived.
    pub wall_us: i64,
}

impl Clock {
    /// The wall clock, ms.
    pub fn wall_ms(self) -> i64 {
        self.wall_us.div_euclid(1_000)
    }
}

/// What a node remembers over a restart: the sum of its records. The default is a node that never ran.
pub trait Disk: Clone + Default + fmt::Debug {
    /// Something to write.
    type Record: Clone + fmt::Debug;

    /// Applies a record.
    ///
    /// # Errors
    /// When the record cannot follow what is there, which no correct protocol writes and a damaged file can hold.
    fn apply(&mut self, record: Self::Record) -> Result<(), String>;
}

/// A message with its ends.
pub trait Envelope: Clone + fmt::Debug {
    /// Who sent it.
    fn from(&self) -> NodeId;
    /// Who is to get it.
    fn to(&self) -> NodeId;
}

/// Something that happened inside a node, for its log.
pub trait Event: Clone + fmt::Debug + fmt::Display {
    /// `ERROR` for what a correct cluster never does, `WARN` for what a person looks at, else `INFO`; `None` for what
    /// is too frequent for a log.
    fn level(&self) -> Option<&'static str> {
        Some("INFO")
    }

    /// What tools want to know of it: a change of the protocol's state that evidence, reports and triggers use.
    fn notice(&self) -> Option<NoticeKind> {
        None
    }
}

/// One node of a protocol. See the crate for the contract.
pub trait Protocol: Clone + fmt::Debug + Sized {
    /// What a node is told once, when it starts.
    type Config: Clone + fmt::Debug;
    /// What it remembers.
    type Disk: Disk;
    /// What nodes send each other.
    type Envelope: Envelope;
    /// What a client may ask for.
    type Request;
    /// What a client is told.
    type Answer: Clone + fmt::Debug;
    /// What happens.
    type Event: Event;

    /// The protocol's name, as logs show it.
    const NAME: &'static str;

    /// A node that starts, with what it remembers. `incarnation` differs between any two starts of the node. Its first
    /// output may be taken at once.
    ///
    /// # Errors
    /// When what it remembers makes no sense to the protocol.
    fn start(config: Self::Config, disk: Self::Disk, incarnation: u32, clock: Clock) -> Result<Self, String>;

    /// Time passed: what is due happens now.
    fn advance(&mut self, clock: Clock);

    /// A message arrived.
    fn receive(&mut self, envelope: Self::Envelope);

    /// A client asks for something. It is answered in some later output under the number that this returns. A protocol
    /// whose requests can wait for other nodes answers when the monotonic clock reaches `deadline_ms` at the latest.
    fn request(&mut self, request: Self::Request, deadline_ms: u64) -> RequestId;

    /// All records up to this number ([`Output::persist`]) are durable.
    fn persisted(&mut self, number: u64);

    /// What to do now.
    fn output(&mut self) -> OutputOf<Self>;

    /// When [`Protocol::advance`] has something to do next, on the monotonic clock, ms; `None` when only an input moves
    /// the node. May be early, never late.
    fn next_wake(&self) -> Option<u64>;

    /// The node in a few words, for people: names and values, in an order that means something.
    fn view(&self) -> Vec<(&'static str, String)>;

    /// The part of the protocol that an event comes from, as logs show it; another name than [`Protocol::NAME`] where a
    /// node is made of several protocols.
    fn source(_event: &Self::Event) -> &'static str {
        Self::NAME
    }

    /// A number that is equal for equal states, and as good as always different for different ones.
    fn digest(&self) -> u64 {
        digest_of(self)
    }
}

/// A protocol's output.
pub type OutputOf<P> = Output<
    <<P as Protocol>::Disk as Disk>::Record,
    <P as Protocol>::Envelope,
    <P as Protocol>::Answer,
    <P as Protocol>::Event,
>;
