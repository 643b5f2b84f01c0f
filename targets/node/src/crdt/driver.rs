//! The loop around the replica: inputs in batches, then whatever it asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use rashomon_crdt::{Clock, Envelope, Key, Query, Reading, Refusal, Replica, RequestId, Status, Update};
use tokio::sync::{mpsc, oneshot};

use super::storage::{ReplicaLog, write};
use crate::clock::{Clocks, Reading as ClockReading};
use crate::peers::Links;
use crate::start::{RunError, Turns};
use crate::wal::{Batch, Disk, WalError};

/// How often timers are looked at.
const TICK: Duration = Duration::from_millis(5);

/// The most inputs that make one batch.
const BATCH: usize = 4096;

/// Where a request's answer goes.
pub(super) type ReplyTo = oneshot::Sender<Result<Option<Reading>, Refusal>>;

/// Something that happened to the node.
pub(super) enum Input {
    /// A peer sent a message.
    Message(Envelope),
    /// A client wants a change.
    Update(Key, Update, ReplyTo),
    /// A client wants to read.
    Read(Key, Query, ReplyTo),
    /// Somebody wants to know how the node is.
    Status(oneshot::Sender<(Status, Clock)>),
    /// Records up to this number are on disk.
    Persisted(u64),
    /// The disk refused; the node must not go on.
    DiskFailed(WalError),
}

/// A reading of the clocks as the replica takes it.
pub(super) fn clock(reading: ClockReading) -> Clock {
    Clock { monotonic_ms: reading.monotonic_ms, wall_us: reading.wall_us }
}

/// Runs until a signal says to stop, or the disk fails.
pub(super) async fn drive(
    mut replica: Replica,
    clocks: Clocks,
    inputs: mpsc::Receiver<Input>,
    disk: Disk<ReplicaLog>,
    links: Links,
) -> Result<(), RunError> {
    let mut turns = Turns::new(inputs, TICK, BATCH)?;
    let mut waiting: BTreeMap<RequestId, ReplyTo> = BTreeMap::new();
    while let Some(inputs) = turns.next().await {
        let clock = clock(clocks.read());
        replica.advance(clock);
        for input in inputs {
            match input {
                Input::Message(envelope) => replica.receive(envelope),
                Input::Update(key, update, reply) => {
                    waiting.insert(replica.update(&key, &update), reply);
                }
                Input::Read(key, query, reply) => {
                    waiting.insert(replica.read(&key, query), reply);
                }
                Input::Status(reply) => {
                    let _ = reply.send((replica.status(), clock));
                }
                Input::Persisted(number) => replica.persisted(number),
                Input::DiskFailed(error) => return Err(error.into()),
            }
        }
        let output = replica.output();
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
            eprintln!("INFO crdt: {event}");
        }
    }
    eprintln!("INFO crdt: stops on a signal");
    // The disk reports into this channel; nobody reads it any more.
    drop(turns);
    disk.finish();
    Ok(())
}
