//! The loop around the state machine: inputs in batches, then whatever it asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use rashomon_raft::{Clock, Command, Envelope, Failure, Node, Query, RequestId, Response, Status};
use tokio::sync::{mpsc, oneshot};

use super::storage::{RaftLog, write};
use crate::clock::{Clocks, Reading};
use crate::peers::Links;
use crate::start::{RunError, Turns};
use crate::wal::{Batch, Disk, WalError};

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

/// A reading of the clocks as the protocol takes it.
pub(super) fn clock(reading: Reading) -> Clock {
    Clock { monotonic_ms: reading.monotonic_ms, wall_ms: reading.wall_ms }
}

/// Runs until a signal says to stop, or the disk fails.
pub(super) async fn drive(
    mut node: Node,
    clocks: Clocks,
    inputs: mpsc::Receiver<Input>,
    disk: Disk<RaftLog>,
    links: Links,
    request_timeout_ms: u64,
) -> Result<(), RunError> {
    let mut turns = Turns::new(inputs, TICK, BATCH)?;
    let mut waiting: BTreeMap<RequestId, ReplyTo> = BTreeMap::new();
    while let Some(inputs) = turns.next().await {
        let clock = clock(clocks.read());
        node.advance(clock);
        let deadline = clock.monotonic_ms + request_timeout_ms;
        for input in inputs {
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
            disk.write(Batch { writes: output.records.into_iter().map(write).collect(), number: output.persist });
        }
        for envelope in &output.messages {
            links.send(envelope.to, envelope);
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
    drop(turns);
    disk.finish();
    Ok(())
}
