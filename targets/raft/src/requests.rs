//! Clients' writes: handed to the leader, handed on again when it changes, answered when applied.
//!
//! A node that does not lead forwards. When the leader changes, or does not answer within an election timeout, the
//! request goes out again, until its deadline; its session makes that harmless (§6.3). A request without a session goes
//! out once only.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_protocol::{NodeId, RequestId};

use crate::log::{Entry, Index, Term};
use crate::machine::transaction::without_conditions;
use crate::machine::{Command, Response, Update};
use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::{Node, Role};
use crate::output::{Failure, Record, Reply};
use crate::read_index::ClientReads;

/// A write that was not answered yet.
#[derive(Clone, Debug)]
struct Pending {
    command: Arc<Command>,
    deadline: u64,
    /// To whom it went last.
    sent_to: Option<NodeId>,
    /// Whether it ever went anywhere: from then on nobody can say that it will not happen.
    left: bool,
    /// When it goes out again.
    retry_at: u64,
    /// R38: what its reads showed when it came.
    seen: Option<Response>,
}

/// The requests that a node took from its clients, and the proposals it made as a leader.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    incarnation: u32,
    count: u32,
    pending: BTreeMap<RequestId, Pending>,
    unsent: Vec<RequestId>,
    /// Who waits for which entry: the entry's term, the node that took the request, and its name there.
    proposals: BTreeMap<Index, (Term, NodeId, RequestId)>,
    /// Results for other nodes' clients.
    results: BTreeMap<NodeId, Vec<(RequestId, Response)>>,
    pub(crate) reads: ClientReads,
}

impl Requests {
    pub(crate) fn new(incarnation: u32) -> Requests {
        Requests {
            incarnation,
            count: 0,
            pending: BTreeMap::new(),
            unsent: Vec::new(),
            proposals: BTreeMap::new(),
            results: BTreeMap::new(),
            reads: ClientReads::default(),
        }
    }

    /// When a request's time is over, or it goes out again.
    pub(crate) fn next_wake(&self, own: NodeId, retry_after_ms: u64) -> Option<u64> {
        let writes = self.pending.values().map(|pending| {
            let repeats = pending.left && pending.command.session.is_some() && pending.sent_to != Some(own);
            if repeats { pending.deadline.min(pending.retry_at) } else { pending.deadline }
        });
        writes.chain(self.reads.next_wake(retry_after_ms)).min()
    }

    pub(crate) fn next_id(&mut self) -> RequestId {
        self.count = self.count.wrapping_add(1);
        RequestId(u64::from(self.incarnation) << 32 | u64::from(self.count))
    }
}

impl Node {
    /// A client asks for a change. Answered in some later [`Output`](crate::Output), or failed when the monotonic clock
    /// reaches `deadline_ms`.
    pub fn write(&mut self, command: Command, deadline_ms: u64) -> RequestId {
        let id = self.requests.next_id();
        // R38: look up what a transaction reads now.
        let seen = match &command.update {
            Update::Transaction(steps) if self.is(Mutant::ReadsOutsideLog) => Some(self.machine.look(steps)),
            _ => None,
        };
        let command = Arc::new(command);
        let pending = Pending { command, deadline: deadline_ms, sent_to: None, left: false, retry_at: 0, seen };
        self.requests.pending.insert(id, pending);
        self.requests.unsent.push(id);
        id
    }

    /// Appends the waiting writes to the own log, or forwards them to the leader.
    pub(crate) fn dispatch_writes(&mut self) {
        let Some(to) = self.leader else { return };
        let retry_at = self.now() + self.config.election_timeout_ms;
        let mut writes = Vec::new();
        for id in std::mem::take(&mut self.requests.unsent) {
            if let Some(pending) = self.requests.pending.get_mut(&id) {
                pending.left = true;
                pending.sent_to = Some(to);
                pending.retry_at = retry_at;
                writes.push((id, pending.command.clone()));
            }
        }
        if to == self.config.id {
            self.propose(to, writes);
        } else if !writes.is_empty() {
            self.send(to, Message::Forward { writes });
        }
    }

    /// Sends the results of other nodes' writes to them.
    pub(crate) fn dispatch_results(&mut self) {
        for (node, results) in std::mem::take(&mut self.requests.results) {
            self.send(node, Message::Forwarded { results });
        }
    }

    fn propose(&mut self, origin: NodeId, writes: Vec<(RequestId, Arc<Command>)>) {
        if writes.is_empty() {
            return;
        }
        let mut entries = Vec::with_capacity(writes.len());
        for (request, command) in writes {
            let Some(command) = self.as_logged(origin, request, command) else { continue };
            let index = self.log.last_index() + 1;
            let entry = Arc::new(Entry { term: self.term, index, command: Some(command) });
            self.log.push(entry.clone());
            entries.push(entry);
            self.requests.proposals.insert(index, (self.term, origin, request));
        }
        self.durability.record(Record::Append(entries), self.log.last_index());
    }

    /// A command as it goes into the log; `None` when it does not, because it was answered.
    fn as_logged(&mut self, origin: NodeId, request: RequestId, command: Arc<Command>) -> Option<Arc<Command>> {
        let Update::Transaction(steps) = &command.update else { return Some(command) };
        if !self.is(Mutant::JudgedWhenProposed) {
            return Some(command);
        }
        // R40: judge its conditions by what is applied now, and let it take place whatever comes before it.
        if self.machine.refuses(steps) {
            self.answer_from_here(origin, request, Response::Refused);
            return None;
        }
        let update = Update::Transaction(without_conditions(steps));
        Some(Arc::new(Command { update, ..(*command).clone() }))
    }

    pub(crate) fn handle_forward(&mut self, from: NodeId, writes: Vec<(RequestId, Arc<Command>)>) {
        if matches!(self.role, Role::Leader(_)) {
            self.propose(from, writes);
        } else {
            self.send(from, Message::NotLeader { writes: writes.into_iter().map(|(request, _)| request).collect() });
        }
    }

    pub(crate) fn handle_not_leader(&mut self, from: NodeId, writes: Vec<RequestId>) {
        let retry_at = self.now() + self.config.heartbeat_ms;
        for request in writes {
            if let Some(pending) = self.requests.pending.get_mut(&request)
                && pending.sent_to == Some(from)
            {
                pending.retry_at = retry_at;
            }
        }
    }

    /// An entry was applied: answers whoever proposed it, if it is still the entry that was proposed.
    pub(crate) fn settle_proposal(&mut self, index: Index, term: Term, response: Response) {
        let Some((proposed_in, node, request)) = self.requests.proposals.remove(&index) else { return };
        if proposed_in != term {
            return;
        }
        self.answer_from_here(node, request, response);
    }

    /// Answers a request that a node took, which may be this one.
    fn answer_from_here(&mut self, node: NodeId, request: RequestId, response: Response) {
        if node == self.config.id {
            self.answer_write(request, response);
        } else {
            self.requests.results.entry(node).or_default().push((request, response));
        }
    }

    pub(crate) fn answer_write(&mut self, request: RequestId, response: Response) {
        if let Some(pending) = self.requests.pending.remove(&request) {
            // R38 again.
            let response = pending.seen.unwrap_or(response);
            self.replies.push(Reply { request, result: Ok(response) });
        }
    }

    /// There is a new leader: what was not answered goes to it.
    pub(crate) fn leader_changed(&mut self) {
        let unsent: Vec<RequestId> = self
            .requests
            .pending
            .iter()
            .filter(|(_, pending)| !pending.left || pending.command.session.is_some())
            .map(|(id, _)| *id)
            .collect();
        self.requests.unsent = unsent;
        self.requests.reads.resend_all();
    }

    /// Fails requests whose time is over, and sends those again that were not answered.
    pub(crate) fn expire_requests(&mut self) {
        let now = self.now();
        let own = self.config.id;
        let replies = &mut self.replies;
        let unsent = &mut self.requests.unsent;
        self.requests.pending.retain(|request, pending| {
            if now >= pending.deadline {
                let failure = if pending.left { Failure::WriteTimeout } else { Failure::NoLeader };
                replies.push(Reply { request: *request, result: Err(failure) });
                return false;
            }
            let may_repeat = pending.command.session.is_some() && pending.sent_to != Some(own);
            if pending.left && may_repeat && now >= pending.retry_at {
                pending.retry_at = pending.deadline;
                unsent.push(*request);
            }
            true
        });
        self.expire_reads();
    }
}
