//! The loop around a protocol: inputs in batches, then whatever the node asks for.
//!
//! One thread runs everything but the disk: the connections of clients and peers, and this loop. Whatever arrived since
//! it last ran is one batch: one write to disk, and one message per peer where the protocol makes one. A second thread
//! owns the disk and commits all batches that gathered while it was busy with one `fdatasync`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use rashomon_protocol::{Clock, Disk, Envelope as _, Event as _, OutputOf, Protocol, RequestId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clocks;
use crate::http::Answer;
use crate::notices::Notices;
use crate::peers::{self, Links, Preamble};
use crate::start::{self, NodeId, Place, RunError, Turns};
use crate::wal::{self, Batch, Content, WalError, Write};

/// How often timeouts are looked at.
const TICK: Duration = Duration::from_millis(5);

/// The most inputs that make one batch.
const BATCH: usize = 4096;

/// A protocol's record.
pub(crate) type RecordOf<P> = <<P as Protocol>::Disk as Disk>::Record;

/// Is told the number of the last durable batch after each commit, or why there is none; false when nobody listens.
pub(crate) type Report = Box<dyn FnMut(Result<u64, WalError>) -> bool + Send>;

/// A question about a node, which changes nothing.
type Look<P> = Box<dyn FnOnce(&P, Clock) + Send>;

/// Something that happened to the node.
enum Input<P: Protocol> {
    /// A peer sent a message.
    Message(P::Envelope),
    /// A client asks for something.
    Request(P::Request, oneshot::Sender<P::Answer>),
    /// Somebody wants to know how the node is.
    Look(Look<P>),
    /// Records up to this number are on disk.
    Persisted(u64),
    /// The disk refused; the node must not go on.
    DiskFailed(WalError),
}

/// Where requests for a node are handed in.
pub(crate) struct Mailbox<P: Protocol>(mpsc::Sender<Input<P>>);

impl<P: Protocol> Clone for Mailbox<P> {
    fn clone(&self) -> Self {
        Mailbox(self.0.clone())
    }
}

impl<P: Protocol> Mailbox<P> {
    /// Asks the node for something; `None` when it is stopping.
    pub(crate) async fn request(&self, request: P::Request) -> Option<P::Answer> {
        let (to, answer) = oneshot::channel();
        self.0.send(Input::Request(request, to)).await.ok()?;
        answer.await.ok()
    }

    /// Looks at the node; `None` when it is stopping.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&P, Clock) -> T + Send + 'static,
    ) -> Option<T> {
        let (to, seen) = oneshot::channel();
        // Whoever went away does not need to see it.
        let look = Box::new(move |node: &P, clock: Clock| drop(to.send(look(node, clock))));
        self.0.send(Input::Look(look)).await.ok()?;
        seen.await.ok()
    }
}

/// What a node remembers, on its way to the disk.
pub(crate) trait Journal<P: Protocol> {
    /// Hands records over, in order, with the number to report when they are durable.
    fn write(&mut self, node: &P, records: Vec<RecordOf<P>>, number: u64);

    /// Waits until the write under way has ended.
    fn finish(self);
}

/// A journal in the write-ahead log.
pub(crate) struct WalJournal<P: Protocol, C: Content> {
    disk: wal::Disk<C>,
    write: fn(RecordOf<P>) -> Write<C>,
    fresh: Option<FreshStart<P, C>>,
}

/// When the log starts afresh, for a protocol whose records never do that themselves.
pub(crate) struct FreshStart<P: Protocol, C: Content> {
    /// After so many records.
    pub(crate) every: u64,
    /// From this.
    pub(crate) checkpoint: fn(&P) -> Write<C>,
    /// Records since it last did.
    pub(crate) records: u64,
}

impl<P: Protocol, C: Content> WalJournal<P, C> {
    /// Writes records as `write` makes them.
    pub(crate) fn new(disk: wal::Disk<C>, write: fn(RecordOf<P>) -> Write<C>, fresh: Option<FreshStart<P, C>>) -> Self {
        WalJournal { disk, write, fresh }
    }
}

impl<P: Protocol, C: Content> Journal<P> for WalJournal<P, C> {
    fn write(&mut self, node: &P, records: Vec<RecordOf<P>>, number: u64) {
        let mut writes: Vec<Write<C>> = records.into_iter().map(self.write).collect();
        if let Some(fresh) = &mut self.fresh {
            fresh.records += writes.len() as u64;
            if fresh.records >= fresh.every {
                fresh.records = 0;
                writes.push((fresh.checkpoint)(node));
            }
        }
        self.disk.write(Batch { writes, number });
    }

    fn finish(self) {
        self.disk.finish();
    }
}

/// How a node is reached and how long things take.
pub(crate) struct Settings<'a> {
    /// Its number, addresses and directory.
    pub(crate) place: &'a Place,
    /// All nodes and where their peers reach them.
    pub(crate) peers: BTreeMap<NodeId, SocketAddr>,
    /// What a connection between nodes begins with.
    pub(crate) preamble: Preamble,
    /// How long a connection between nodes may be silent with something under way.
    pub(crate) patience: Duration,
    /// How long a request may wait for its answer.
    pub(crate) request_timeout_ms: u64,
}

/// Runs a node until a signal says to stop, or its disk fails: listens for peers and clients, has `answer` answer each
/// client's request, and drives the protocol.
pub(crate) fn run<P, J, A, F>(
    node: P,
    clocks: Clocks,
    settings: Settings<'_>,
    journal: impl FnOnce(Report) -> Result<J, RunError>,
    answer: A,
) -> Result<(), RunError>
where
    P: Protocol + 'static,
    P::Envelope: Serialize + DeserializeOwned + Send,
    P::Request: Send,
    P::Answer: Send,
    J: Journal<P>,
    A: Fn(Request<Incoming>, Mailbox<P>) -> F + Clone + Send + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let notices = Notices::from_environment(settings.place.id);
    start::block_on(async {
        let peer_listener = settings.place.listen_for_peers().await?;
        let client_listener = settings.place.listen_for_clients().await?;
        let (inputs, receiver) = mpsc::channel(8192);
        let links = peers::connect(settings.place.id, &settings.peers, settings.preamble, settings.patience);
        tokio::spawn(peers::accept(peer_listener, settings.preamble, inputs.clone(), Input::Message));
        let for_clients = Mailbox(inputs.clone());
        tokio::spawn(crate::http::accept(client_listener, move |request| answer(request, for_clients.clone())));
        let journal = journal(Box::new(move |result| {
            inputs.blocking_send(result.map_or_else(Input::DiskFailed, Input::Persisted)).is_ok()
        }))?;
        let driver = Driver { node, clocks, journal, links, notices, waiting: BTreeMap::new() };
        driver.drive(receiver, settings.request_timeout_ms).await
    })
}

struct Driver<P: Protocol, J> {
    node: P,
    clocks: Clocks,
    journal: J,
    links: Links,
    notices: Notices,
    waiting: BTreeMap<RequestId, oneshot::Sender<P::Answer>>,
}

impl<P: Protocol, J: Journal<P>> Driver<P, J>
where
    P::Envelope: Serialize,
{
    async fn drive(mut self, inputs: mpsc::Receiver<Input<P>>, request_timeout_ms: u64) -> Result<(), RunError> {
        let mut turns = Turns::new(inputs, TICK, BATCH)?;
        while let Some(inputs) = turns.next().await {
            let clock = self.clocks.read();
            self.node.advance(clock);
            for input in inputs {
                match input {
                    Input::Message(envelope) => self.node.receive(envelope),
                    Input::Request(request, reply) => {
                        let id = self.node.request(request, clock.monotonic_ms + request_timeout_ms);
                        self.waiting.insert(id, reply);
                    }
                    Input::Look(look) => look(&self.node, clock),
                    Input::Persisted(number) => self.node.persisted(number),
                    Input::DiskFailed(error) => return Err(error.into()),
                }
            }
            let output = self.node.output();
            self.carry_out(output, clock);
        }
        eprintln!("INFO {}: stops on a signal", P::NAME);
        // The disk reports into this channel; nobody reads it any more.
        drop(turns);
        self.journal.finish();
        Ok(())
    }

    fn carry_out(&mut self, output: OutputOf<P>, clock: Clock) {
        if !output.records.is_empty() {
            self.journal.write(&self.node, output.records, output.persist);
        }
        for envelope in &output.messages {
            self.links.send(envelope.to(), envelope);
        }
        for reply in output.replies {
            if let Some(to) = self.waiting.remove(&reply.request) {
                // A client that went away does not need its answer.
                let _ = to.send(reply.result);
            }
        }
        for event in &output.events {
            let (source, notice) = (P::source(event), event.notice());
            if let Some(level) = event.level() {
                match notice {
                    Some(_) => eprintln!("{level} {source}: {event} wall={}", clock.wall_ms()),
                    None => eprintln!("{level} {source}: {event}"),
                }
            }
            if let Some(notice) = notice {
                self.notices.write(source, clock, notice);
            }
        }
    }
}
