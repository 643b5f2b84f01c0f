//! The loop around the two state machines: inputs in batches, then whatever they ask for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rashomon_dynamo::{Ask, Clock, Failure, Key, Node, Quorum, RequestId, Response, Status};
use rashomon_swim::{Member, State, Swim};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::storage::{Entry, Kept, StoreLog};
use crate::clock::{Clocks, Reading};
use crate::peers::Links;
use crate::start::{NodeId, RunError, Turns};
use crate::wal::{Batch, Disk, WalError, Write};

/// How often timers are looked at.
const TICK: Duration = Duration::from_millis(5);

/// The most inputs that make one batch.
const BATCH: usize = 4096;

/// Where a request's answer goes.
pub(super) type ReplyTo = oneshot::Sender<Result<Response, Failure>>;

/// What nodes send each other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Packet {
    /// Of the store.
    Store(rashomon_dynamo::Envelope),
    /// Of the failure detector.
    Membership(rashomon_swim::Envelope),
}

/// Something that happened to the node.
pub(super) enum Input {
    /// A peer sent a message.
    Message(Packet),
    /// A client asks.
    Ask(Key, Ask, Option<Quorum>, ReplyTo),
    /// Somebody wants to know who is in the cluster.
    Members(oneshot::Sender<Vec<Member>>),
    /// This node is to join (true) or to leave the cluster.
    Change(bool, oneshot::Sender<()>),
    /// Somebody wants to know how the node is.
    Status(oneshot::Sender<(Status, Clock)>),
    /// Records up to this number are on disk.
    Persisted(u64),
    /// The disk refused; the node must not go on.
    DiskFailed(WalError),
}

/// How long things take.
pub(super) struct Timing {
    /// How long a request may wait for its answer.
    pub(super) request_timeout_ms: u64,
    /// How often this node leaves the ring or joins it, if it does.
    pub(super) churn_ms: Option<u64>,
    /// The log starts afresh after so many records.
    pub(super) snapshot_every: u64,
}

/// A reading of the clocks as the store takes it.
pub(super) fn clock(reading: Reading) -> Clock {
    Clock { monotonic_ms: reading.monotonic_ms, wall_us: reading.wall_us }
}

/// The node with everything around it.
pub(super) struct Driver {
    node: Node,
    swim: Swim,
    clocks: Clocks,
    disk: Disk<StoreLog>,
    links: Links,
    timing: Timing,
    waiting: BTreeMap<RequestId, ReplyTo>,
    /// Who waits until the node has joined or left.
    changing: Vec<(bool, oneshot::Sender<()>)>,
    /// Batches written, by what their parts are waiting for: the batch, the store's number, the identity's number.
    written: VecDeque<(u64, u64, Option<u64>)>,
    batches: u64,
    records: u64,
    identity: Option<rashomon_swim::Identity>,
    missed: BTreeSet<NodeId>,
    churn_at: u64,
}

impl Driver {
    pub(super) fn new(
        node: Node,
        swim: Swim,
        clocks: Clocks,
        disk: Disk<StoreLog>,
        links: Links,
        timing: Timing,
    ) -> Driver {
        let churn_at = timing.churn_ms.unwrap_or(u64::MAX);
        Driver {
            node,
            swim,
            clocks,
            disk,
            links,
            timing,
            waiting: BTreeMap::new(),
            changing: Vec::new(),
            written: VecDeque::new(),
            batches: 0,
            records: 0,
            identity: None,
            missed: BTreeSet::new(),
            churn_at,
        }
    }

    /// Runs until a signal says to stop, or the disk fails.
    pub(super) async fn drive(mut self, inputs: mpsc::Receiver<Input>) -> Result<(), RunError> {
        let mut turns = Turns::new(inputs, TICK, BATCH)?;
        while let Some(inputs) = turns.next().await {
            let clock = clock(self.clocks.read());
            self.swim.advance(clock.monotonic_ms);
            self.node.advance(clock);
            for input in inputs {
                self.take(input, clock)?;
            }
            self.churn(clock.monotonic_ms);
            self.put_out();
        }
        eprintln!("INFO dynamo: stops on a signal");
        // The disk reports into this channel; nobody reads it any more.
        drop(turns);
        self.disk.finish();
        Ok(())
    }

    fn take(&mut self, input: Input, clock: Clock) -> Result<(), RunError> {
        match input {
            Input::Message(Packet::Store(envelope)) => self.node.receive(envelope),
            Input::Message(Packet::Membership(envelope)) => self.swim.receive(envelope),
            Input::Ask(key, ask, quorum, reply) => {
                let deadline = clock.monotonic_ms + self.timing.request_timeout_ms;
                self.waiting.insert(self.node.ask(key, ask, quorum, deadline), reply);
            }
            Input::Members(reply) => {
                let _ = reply.send(self.swim.members());
            }
            Input::Change(joins, reply) => {
                if joins {
                    self.swim.join()
                } else {
                    self.swim.leave()
                }
                self.node.change(joins);
                self.changing.push((joins, reply));
            }
            Input::Status(reply) => {
                let _ = reply.send((self.node.status(), clock));
            }
            Input::Persisted(batch) => {
                while let Some((_, store, identity)) = self.written.front().filter(|(at, ..)| *at <= batch).copied() {
                    self.written.pop_front();
                    self.node.persisted(store);
                    identity.into_iter().for_each(|number| self.swim.persisted(number));
                }
            }
            Input::DiskFailed(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Leaves the ring or joins it when that is due.
    fn churn(&mut self, now: u64) {
        let Some(every) = self.timing.churn_ms.filter(|_| now >= self.churn_at) else { return };
        self.churn_at = now + every;
        let status = self.node.status();
        let is_member = status.ring.members.contains(&status.id);
        self.node.change(!is_member);
    }

    /// Does what the state machines ask for.
    fn put_out(&mut self) {
        self.hear_failures();
        let membership = self.swim.output();
        let store = self.node.output();
        let mut writes: Vec<Write<StoreLog>> =
            store.records.into_iter().map(|record| Write::Record(Entry::Store(record))).collect();
        let identity = membership.identity.map(|(number, identity)| {
            self.identity = Some(identity);
            writes.push(Write::Record(Entry::Identity(identity)));
            number
        });
        if !writes.is_empty() {
            self.records += writes.len() as u64;
            if self.records >= self.timing.snapshot_every {
                self.records = 0;
                let snapshot = Arc::new(Kept { store: self.node.image(), identity: self.identity });
                writes.push(Write::Checkpoint { snapshot, head: () });
            }
            self.batches += 1;
            self.written.push_back((self.batches, store.persist, identity));
            self.disk.write(Batch { writes, number: self.batches });
        }
        for envelope in store.messages {
            self.links.send(envelope.to, &Packet::Store(envelope));
        }
        for envelope in membership.messages {
            self.links.send(envelope.to, &Packet::Membership(envelope));
        }
        for reply in store.replies {
            if let Some(to) = self.waiting.remove(&reply.request) {
                // A client that went away does not need its answer.
                let _ = to.send(reply.result);
            }
        }
        if let Some(identity) = self.swim.identity() {
            for (joins, reply) in std::mem::take(&mut self.changing) {
                if identity.left != joins {
                    let _ = reply.send(());
                } else {
                    self.changing.push((joins, reply));
                }
            }
        }
        for event in membership.events {
            eprintln!("INFO swim: {event}");
        }
        for event in store.events.iter().filter(|event| event.is_rare()) {
            eprintln!("INFO dynamo: {event}");
        }
    }

    /// Tells the store whom the failure detector misses.
    fn hear_failures(&mut self) {
        let is_missed = |member: &&Member| matches!(member.state, State::Suspect | State::Dead);
        let members = self.swim.members();
        let missed: BTreeSet<NodeId> = members.iter().filter(is_missed).map(|member| member.id).collect();
        if missed != self.missed {
            self.node.reach_all_but(&missed);
            self.missed = missed;
        }
    }
}
