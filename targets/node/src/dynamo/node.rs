//! A node of the store together with the membership that tells it who is down: two protocols as one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rashomon_dynamo::{Failure, Node, NodeId, Response};
use rashomon_protocol::{Clock, Disk, NoticeKind, Output, OutputOf, Protocol, Reply, RequestId};
use rashomon_swim::{Change, Identity, Member, State, Swim};
use serde::{Deserialize, Serialize};

use super::storage::{Entry, Kept};

/// What the two are told once.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) store: rashomon_dynamo::Config,
    pub(super) membership: rashomon_swim::Config,
    /// How often this node leaves the ring or joins it, ms, if it does.
    pub(super) churn_ms: Option<u64>,
}

/// What nodes send each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Packet {
    /// Of the store.
    Store(rashomon_dynamo::Envelope),
    /// Of the membership.
    Membership(rashomon_swim::Envelope),
}

/// What a client may ask for.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// An operation of the store.
    Operation(rashomon_dynamo::Key, rashomon_dynamo::Ask, Option<rashomon_dynamo::Quorum>),
    /// The node is to join ring and cluster, or to leave both; answered once the latter is durable.
    Change(Change),
}

/// What happens.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Store(rashomon_dynamo::Event),
    Membership(rashomon_swim::Event),
}

/// The node.
#[derive(Clone, Debug)]
pub(super) struct StoreNode {
    store: Node,
    membership: Swim,
    churn_ms: Option<u64>,
    churn_at: u64,
    now: u64,
    requests: u64,
    /// The requests of the two, by theirs.
    of_store: BTreeMap<RequestId, RequestId>,
    of_membership: BTreeMap<RequestId, RequestId>,
    /// Batches of records by what their parts wait for: the batch, the store's number, the membership's number.
    written: VecDeque<(u64, u64, u64)>,
    batches: u64,
    identity: Option<Identity>,
    missed: BTreeSet<NodeId>,
}

impl StoreNode {
    /// The node's store.
    pub(super) fn store(&self) -> &Node {
        &self.store
    }

    /// All members as this node sees them; empty while it does not take part yet.
    pub(super) fn members(&self) -> Vec<Member> {
        self.membership.members()
    }

    /// All that it would have to remember if its records were written anew.
    pub(super) fn image(&self) -> Kept {
        Kept { store: self.store.image(), identity: self.identity }
    }

    /// Leaves the ring or joins it when that is due.
    fn churn(&mut self) {
        let Some(every) = self.churn_ms.filter(|_| self.now >= self.churn_at) else { return };
        self.churn_at = self.now + every;
        let status = self.store.status();
        let is_member = status.ring.members.contains(&status.id);
        self.store.change(!is_member);
    }

    /// Tells the store whom the membership misses.
    fn hear_failures(&mut self) {
        let is_missed = |member: &&Member| matches!(member.state, State::Suspect | State::Dead);
        let members = self.membership.members();
        let missed: BTreeSet<NodeId> = members.iter().filter(is_missed).map(|member| member.id).collect();
        if missed != self.missed {
            self.store.reach_all_but(&missed);
            self.missed = missed;
        }
    }
}

impl Protocol for StoreNode {
    type Config = Config;
    type Disk = Kept;
    type Envelope = Packet;
    type Request = Request;
    type Answer = Result<Response, Failure>;
    type Event = Event;

    const NAME: &'static str = "dynamo";

    fn start(config: Config, disk: Kept, incarnation: u32, clock: Clock) -> Result<StoreNode, String> {
        Ok(StoreNode {
            store: Node::start(config.store, disk.store, incarnation, clock)?,
            membership: Swim::start(config.membership, rashomon_swim::Remembered(disk.identity), incarnation, clock)?,
            churn_at: config.churn_ms.unwrap_or(u64::MAX),
            churn_ms: config.churn_ms,
            now: clock.monotonic_ms,
            requests: 0,
            of_store: BTreeMap::new(),
            of_membership: BTreeMap::new(),
            written: VecDeque::new(),
            batches: 0,
            identity: disk.identity,
            missed: BTreeSet::new(),
        })
    }

    fn advance(&mut self, clock: Clock) {
        self.now = clock.monotonic_ms;
        self.membership.advance(clock.monotonic_ms);
        self.store.advance(clock);
        self.churn();
    }

    fn receive(&mut self, packet: Packet) {
        match packet {
            Packet::Store(envelope) => self.store.receive(envelope),
            Packet::Membership(envelope) => self.membership.receive(envelope),
        }
    }

    fn request(&mut self, request: Request, deadline_ms: u64) -> RequestId {
        self.requests += 1;
        let own = RequestId(self.requests);
        match request {
            Request::Operation(key, ask, quorum) => {
                self.of_store.insert(self.store.ask(key, ask, quorum, deadline_ms), own);
            }
            Request::Change(change) => {
                self.of_membership.insert(self.membership.request(change, deadline_ms), own);
                self.store.change(change == Change::Join);
            }
        }
        own
    }

    fn persisted(&mut self, batch: u64) {
        while let Some((_, store, membership)) = self.written.front().filter(|(at, ..)| *at <= batch).copied() {
            self.written.pop_front();
            self.store.persisted(store);
            self.membership.persisted(membership);
        }
    }

    fn output(&mut self) -> OutputOf<StoreNode> {
        self.hear_failures();
        let membership = Protocol::output(&mut self.membership);
        let store = self.store.output();
        let mut output = Output::default();
        output.records.extend(store.records.into_iter().map(Entry::Store));
        output.records.extend(membership.records.into_iter().map(|identity| {
            self.identity = Some(identity);
            Entry::Identity(identity)
        }));
        if !output.records.is_empty() {
            self.batches += 1;
            self.written.push_back((self.batches, store.persist, membership.persist));
        }
        output.persist = self.batches;
        output.messages.extend(store.messages.into_iter().map(Packet::Store));
        output.messages.extend(membership.messages.into_iter().map(Packet::Membership));
        for reply in store.replies {
            if let Some(request) = self.of_store.remove(&reply.request) {
                output.replies.push(Reply { request, result: reply.result });
            }
        }
        for reply in membership.replies {
            if let Some(request) = self.of_membership.remove(&reply.request) {
                let result = reply.result.map(|()| Response::Done).map_err(|_| Failure::Starting);
                output.replies.push(Reply { request, result });
            }
        }
        output.events.extend(membership.events.into_iter().map(Event::Membership));
        output.events.extend(store.events.into_iter().map(Event::Store));
        output
    }

    fn next_wake(&self) -> Option<u64> {
        let churn = self.churn_ms.map(|_| self.churn_at);
        let parts = [self.store.next_wake(), self.membership.next_wake(), churn];
        parts.into_iter().flatten().min()
    }

    fn view(&self) -> Vec<(&'static str, String)> {
        let mut view = self.store.view();
        view.extend(self.membership.view());
        view
    }

    fn source(event: &Event) -> &'static str {
        match event {
            Event::Store(_) => Node::NAME,
            Event::Membership(_) => Swim::NAME,
        }
    }
}

impl rashomon_protocol::Envelope for Packet {
    fn from(&self) -> NodeId {
        match self {
            Packet::Store(envelope) => envelope.from(),
            Packet::Membership(envelope) => envelope.from(),
        }
    }

    fn to(&self) -> NodeId {
        match self {
            Packet::Store(envelope) => envelope.to(),
            Packet::Membership(envelope) => envelope.to(),
        }
    }
}

impl Disk for Kept {
    type Record = Entry;

    fn apply(&mut self, record: Entry) -> Result<(), String> {
        match record {
            Entry::Store(record) => self.store.apply(record)?,
            Entry::Identity(identity) => self.identity = Some(identity),
        }
        Ok(())
    }
}

impl rashomon_protocol::Event for Event {
    fn level(&self) -> Option<&'static str> {
        match self {
            Event::Store(event) => event.level(),
            Event::Membership(event) => event.level(),
        }
    }

    fn notice(&self) -> Option<NoticeKind> {
        match self {
            Event::Store(event) => event.notice(),
            Event::Membership(event) => event.notice(),
        }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Event::Store(event) => event.fmt(out),
            Event::Membership(event) => event.fmt(out),
        }
    }
}
