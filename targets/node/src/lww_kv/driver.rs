//! The loop around the state machine: inputs in batches, then whatever it asks for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rashomon_lww::{Cell, Message, Node, RequestId, Status, Value};
use tokio::sync::{mpsc, oneshot};

use super::storage::LwwLog;
use crate::clock::{Clocks, Reading};
use crate::peers::Links;
use crate::start::{RunError, Turns};
use crate::wal::{Batch, Disk, WalError, Write};

/// How often peers that have not answered yet are greeted.
const TICK: Duration = Duration::from_millis(50);

/// How long a node waits for its peers' answers before it serves without them, ms.
const ALONE_MS: u64 = 500;

/// The most inputs that make one batch.
const BATCH: usize = 4096;

/// Something that happened to the node.
pub(super) enum Input {
    /// A peer said something.
    Message(Message),
    /// A client writes.
    Write(Cell, Value, oneshot::Sender<()>),
    /// A client reads a register.
    Register(Arc<str>, oneshot::Sender<Value>),
    /// A client reads a set.
    Set(Arc<str>, oneshot::Sender<Vec<Value>>),
    /// Somebody wants to know how the node is.
    Status(oneshot::Sender<Health>),
    /// Records up to this number are on disk.
    Persisted(u64),
    /// The disk refused; the node must not go on.
    DiskFailed(WalError),
}

/// How a node is.
pub(super) struct Health {
    pub(super) status: Status,
    pub(super) clock: Reading,
    /// It has heard all peers, or has waited long enough.
    pub(super) ready: bool,
}

/// Runs until a signal says to stop, or the disk fails.
pub(super) async fn drive(
    mut node: Node,
    clocks: Clocks,
    inputs: mpsc::Receiver<Input>,
    disk: Disk<LwwLog>,
    links: Links,
    snapshot_every: u64,
) -> Result<(), RunError> {
    let mut turns = Turns::new(inputs, TICK, BATCH)?;
    let mut waiting: BTreeMap<RequestId, oneshot::Sender<()>> = BTreeMap::new();
    let mut requests: RequestId = 0;
    let mut snapshot_at = snapshot_every;
    while let Some(inputs) = turns.next().await {
        if inputs.len() == 0 {
            node.tick();
        }
        for input in inputs {
            match input {
                Input::Message(message) => node.receive(message),
                Input::Write(cell, value, reply) => {
                    requests += 1;
                    waiting.insert(requests, reply);
                    let late_us = node.write(requests, cell, value, clocks.read().wall_us);
                    tell_discarded(late_us, node.status().discarded);
                }
                Input::Register(key, reply) => drop(reply.send(node.register(&key))),
                Input::Set(key, reply) => drop(reply.send(node.set(&key))),
                Input::Status(reply) => {
                    let (status, clock) = (node.status(), clocks.read());
                    let ready = status.heard_all || clock.monotonic_ms >= ALONE_MS;
                    let _ = reply.send(Health { status, clock, ready });
                }
                Input::Persisted(number) => node.persisted(number),
                Input::DiskFailed(error) => return Err(error.into()),
            }
        }
        let output = node.output();
        if !output.records.is_empty() {
            let mut writes: Vec<Write<LwwLog>> = output.records.into_iter().map(Write::Record).collect();
            if output.persist >= snapshot_at {
                writes.push(Write::Checkpoint { snapshot: Arc::new(node.snapshot()), head: () });
                snapshot_at = output.persist + snapshot_every;
            }
            disk.write(Batch { writes, number: output.persist });
        }
        for (to, message) in &output.messages {
            links.send(*to, message);
        }
        for request in output.acknowledged {
            if let Some(to) = waiting.remove(&request) {
                // A client that went away does not need its answer.
                let _ = to.send(());
            }
        }
    }
    eprintln!("INFO lww: stops on a signal");
    // The disk reports into this channel; nobody reads it any more.
    drop(turns);
    disk.finish();
    Ok(())
}

/// Logs that a client's write had no effect, ever more seldom: with a clock that is wrong there are thousands.
fn tell_discarded(late_us: Option<u64>, discarded: u64) {
    if let Some(late_us) = late_us
        && discarded.is_power_of_two()
    {
        let late_ms = late_us / 1000;
        eprintln!(
            "WARN lww: acknowledges a write that it throws away, for its stamp is older than the cell's \
             late_ms={late_ms} discarded={discarded}"
        );
    }
}
