//! The loop around the state machine: inputs in batches, then whatever it asks for.

use std::collections::BTreeMap;
use std::sync::mpsc as thread_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rashomon_raft::{Clock, Command, Envelope, Failure, Node, Query, RequestId, Response, Status};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::RunError;
use super::peers::Links;
use crate::wal::{Batch, WalError, Writer};

/// How often timeouts are looked at.
const TICK: Duration = Duration::from_millis(5);

/// The most inputs that make one batch.
const BATCH: usize = 4096;

/// Where a request's answer goes.
pub(super) type ReplyTo = oneshot::Sender<Result<Response, Failure>>;

/// Something that happened to the node.
pub(super) enum Input {
    /// A peer sent a message.
    Message(Envelope),
    /// A client wants a change.
    Write(Command, ReplyTo),
    /// A client wants to read.
    Read(Query, ReplyTo),
    /// Somebody wants to know how the node is.
    Status(oneshot::Sender<(Status, Clock)>),
    /// Records up to this number are on disk.
    Persisted(u64),
    /// The disk refused; the node must not go on.
    DiskFailed(WalError),
}

/// The two clocks.
#[derive(Clone, Copy)]
pub(super) struct Clocks {
    started: Instant,
}

impl Clocks {
    /// Monotonic time counts from now.
    pub(super) fn start() -> Clocks {
        Clocks { started: Instant::now() }
    }

    /// Reads both.
    pub(super) fn read(&self) -> Clock {
        let wall_ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        };
        Clock { monotonic_ms: self.started.elapsed().as_millis() as u64, wall_ms }
    }
}

/// The thread that owns the disk.
pub(super) struct Disk {
    batches: thread_channel::Sender<Batch>,
    thread: JoinHandle<()>,
}

impl Disk {
    /// Starts it; it reports to `inputs`.
    pub(super) fn start(mut writer: Writer, inputs: mpsc::Sender<Input>) -> Disk {
        let (batches, receiver) = thread_channel::channel::<Batch>();
        let thread = std::thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                // Group commit: whatever gathered during the last write goes with this one.
                let mut group = vec![first];
                group.extend(receiver.try_iter());
                let number = group.last().map_or(0, |batch| batch.number);
                let report = match writer.commit(group) {
                    Ok(()) => Input::Persisted(number),
                    Err(error) => Input::DiskFailed(error),
                };
                let failed = matches!(report, Input::DiskFailed(_));
                if inputs.blocking_send(report).is_err() || failed {
                    return;
                }
            }
        });
        Disk { batches, thread }
    }

    fn write(&self, batch: Batch) {
        // A thread that ended has reported why; the loop ends on that report.
        let _ = self.batches.send(batch);
    }

    /// Waits until the write under way has ended.
    fn finish(self) {
        drop(self.batches);
        let _ = self.thread.join();
    }
}

/// Runs until a signal says to stop, or the disk fails.
pub(super) async fn drive(
    mut node: Node,
    clocks: Clocks,
    mut inputs: mpsc::Receiver<Input>,
    disk: Disk,
    links: Links,
    request_timeout_ms: u64,
) -> Result<(), RunError> {
    let signals = |kind| signal(kind).map_err(|source| RunError::System { what: "cannot watch for signals", source });
    let mut terminate = signals(SignalKind::terminate())?;
    let mut interrupt = signals(SignalKind::interrupt())?;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut waiting: BTreeMap<RequestId, ReplyTo> = BTreeMap::new();
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = inputs.recv_many(&mut batch, BATCH) => {}
            _ = tick.tick() => {}
        }
        let clock = clocks.read();
        node.advance(clock);
        let deadline = clock.monotonic_ms + request_timeout_ms;
        for input in batch.drain(..) {
            match input {
                Input::Message(envelope) => node.receive(envelope),
                Input::Write(command, reply) => {
                    waiting.insert(node.write(command, deadline), reply);
                }
                Input::Read(query, reply) => {
                    waiting.insert(node.read(query, deadline), reply);
                }
                Input::Status(reply) => {
                    let _ = reply.send((node.status(), clock));
                }
                Input::Persisted(number) => node.persisted(number),
                Input::DiskFailed(error) => return Err(error.into()),
            }
        }
        let output = node.output();
        if !output.records.is_empty() {
            disk.write(Batch { records: output.records, number: output.persist });
        }
        for envelope in &output.messages {
            links.send(envelope);
        }
        for reply in output.replies {
            if let Some(to) = waiting.remove(&reply.request) {
                // A client that went away does not need its answer.
                let _ = to.send(reply.result);
            }
        }
        for event in output.events {
            if event.is_role_change() {
                eprintln!("{} raft: {event} wall={}", event.level(), clock.wall_ms);
            } else {
                eprintln!("{} raft: {event}", event.level());
            }
        }
    }
    eprintln!("INFO raft: stops on a signal");
    // The disk reports into this channel; nobody reads it any more.
    drop(inputs);
    disk.finish();
    Ok(())
}
