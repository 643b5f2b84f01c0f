//! One node: its state, the inputs that move it, and the output it asks for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rashomon_protocol::{Clock, NodeId};

use crate::config::Config;
use crate::durability::Durability;
use crate::log::{Entry, Index, Log, Term};
use crate::machine::{Command, Machine, Query, Response, Update};
use crate::message::{Envelope, Message};
use crate::mutant::Mutant;
use crate::output::{Checkpoint, Event, HardState, Output, Record, Recovered, Reply};
use crate::progress::Progress;
use crate::random::Random;
use crate::read_index::LeaderReads;
use crate::requests::Requests;
use crate::snapshot::{BadSnapshot, Snapshot};

/// What a node does in its cluster.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    Follower,
    PreCandidate { votes: BTreeSet<NodeId> },
    Candidate { votes: BTreeSet<NodeId> },
    Leader(Leader),
}

/// What a leader keeps for its term.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    pub(crate) followers: BTreeMap<NodeId, Progress>,
    /// The entry with which it began its term.
    pub(crate) first_index: Index,
    /// When the next heartbeat is due.
    pub(crate) heartbeat_at: u64,
    /// Whether every follower is to hear from it now.
    pub(crate) beat: bool,
    pub(crate) reads: LeaderReads,
    /// Until when, on the wall clock, `lease-by-wall-clock` believes in its lease.
    pub(crate) lease_until: i64,
}

/// One Raft node.
///
/// It moves only when it is told something: [`advance`](Node::advance), [`receive`](Node::receive),
/// [`write`](Node::write), [`read`](Node::read) and [`persisted`](Node::persisted). Call `advance` before a batch of
/// the others, so that a node that slept notices it before it answers anything; take the [`output`](Node::output) after
/// it.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) config: Config,
    pub(crate) random: Random,
    pub(crate) clock: Clock,
    pub(crate) term: Term,
    pub(crate) vote: Option<NodeId>,
    pub(crate) log: Log,
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) machine: Machine,
    pub(crate) commit: Index,
    pub(crate) applied: Index,
    pub(crate) role: Role,
    pub(crate) leader: Option<NodeId>,
    pub(crate) heard_leader_at: Option<u64>,
    pub(crate) election_at: u64,
    pub(crate) durability: Durability,
    pub(crate) requests: Requests,
    pub(crate) outbox: Vec<Envelope>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) events: Vec<Event>,
}

/// A node in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The node.
    pub id: NodeId,
    /// `follower`, `pre-candidate`, `candidate` or `leader`.
    pub role: &'static str,
    /// Its term.
    pub term: Term,
    /// The leader it knows of.
    pub leader: Option<NodeId>,
    /// The last index it knows to be committed.
    pub commit: Index,
    /// The last index it applied.
    pub applied: Index,
    /// The last index of its log.
    pub last_index: Index,
    /// The first index its log still holds, or would hold.
    pub first_index: Index,
    /// The last index in its snapshot; 0 without one.
    pub snapshot_index: Index,
    /// The bug built in.
    pub mutant: Option<Mutant>,
}

impl Node {
    /// A node that starts, with what it remembers. Fails when its snapshot does not decode.
    pub fn new(config: Config, recovered: Recovered, clock: Clock) -> Result<Node, BadSnapshot> {
        let machine = match &recovered.snapshot {
            Some(snapshot) => snapshot.restore()?,
            None => Machine::default(),
        };
        let applied = recovered.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_index);
        let log = Log::new(recovered.base_index, recovered.base_term, recovered.entries);
        let random = config.random();
        let mut node = Node {
            durability: Durability::recovered(log.last_index(), config.mutant),
            requests: Requests::new(config.incarnation),
            random,
            config,
            clock,
            term: recovered.hard_state.term,
            vote: recovered.hard_state.vote,
            log,
            snapshot: recovered.snapshot,
            machine,
            commit: applied,
            applied,
            role: Role::Follower,
            leader: None,
            heard_leader_at: None,
            election_at: 0,
            outbox: Vec::new(),
            replies: Vec::new(),
            events: Vec::new(),
        };
        node.postpone_election();
        Ok(node)
    }

    /// Time passed: elections, heartbeats, deadlines and retries that are due happen now.
    pub fn advance(&mut self, clock: Clock) {
        self.clock = clock;
        if matches!(self.role, Role::Leader(_)) {
            self.lead_on();
        } else if clock.monotonic_ms >= self.election_at {
            self.pre_campaign();
        }
        self.expire_requests();
    }

    /// A message arrived.
    pub fn receive(&mut self, envelope: Envelope) {
        let Envelope { from, to, term, message } = envelope;
        if to != self.config.id || from == to || !self.config.voters.contains(&from) {
            return;
        }
        // Whoever hears from a leader within the election timeout takes no part in an election (§4.2.3 of the
        // dissertation). The leader itself too: check-quorum makes it step down when it should not be sure any more.
        if matches!(message, Message::RequestVote { .. }) && self.is_in_touch_with_a_leader() {
            return;
        }
        if term > self.term {
            self.follow(term, None);
        }
        let is_old = term < self.term;
        match message {
            Message::RequestVote { pre, for_term, last_index, last_term } => {
                self.handle_vote_request(from, pre, for_term, last_index, last_term);
            }
            Message::Vote { pre, for_term, granted } => self.handle_vote(from, pre, for_term, granted),
            Message::Append { prev_index, round, .. } if is_old => self.refuse_old_leader(from, prev_index, round),
            Message::InstallSnapshot { snapshot, round } if is_old => {
                self.refuse_old_leader(from, snapshot.last_index, round);
            }
            Message::Append { prev_index, prev_term, entries, commit, round } => {
                self.handle_append(from, prev_index, prev_term, entries, commit, round);
            }
            Message::InstallSnapshot { snapshot, round } => self.handle_snapshot(from, snapshot, round),
            Message::Accepted { match_index, round } if !is_old => self.handle_accepted(from, match_index, round),
            Message::Rejected { prev_index, hint_index, hint_term, round } if !is_old => {
                self.handle_rejected(from, prev_index, (hint_index, hint_term), round);
            }
            // Its term, which any message carries, is all that it says.
            Message::Accepted { .. } | Message::Rejected { .. } | Message::StaleTerm => {}
            Message::Forward { writes } => self.handle_forward(from, writes),
            Message::Forwarded { results } => {
                for (request, response) in results {
                    self.answer_write(request, response);
                }
            }
            Message::NotLeader { writes } => self.handle_not_leader(from, writes),
            Message::ReadIndex { batch } => self.handle_read_index(from, batch),
            Message::ReadAt { batch, index, index_term } => self.handle_read_at(batch, index, index_term),
        }
    }

    /// A leader of an earlier term learns from any answer that its term is over (§5.1). The answer goes out under this
    /// node's term, in which the same node may lead again, and each term has its own rounds, probes and match indexes.
    /// So the answer repeats nothing of the old message.
    fn refuse_old_leader(&mut self, from: NodeId, prev_index: Index, round: u64) {
        // R27: it repeats the round.
        if self.is(Mutant::RoundOfOldTerm) {
            self.send_after_all(from, Message::Rejected { prev_index, hint_index: 0, hint_term: 0, round });
        } else {
            self.send_after_hard_state(from, Message::StaleTerm);
        }
    }

    /// All records up to `number` (see [`Output::persist`]) are on disk.
    pub fn persisted(&mut self, number: u64) {
        let released = self.durability.persisted(number);
        self.outbox.extend(released);
        self.count_own_vote();
        self.advance_commit();
    }

    /// What to do now. Empty when nothing is.
    pub fn output(&mut self) -> Output {
        self.dispatch_writes();
        self.dispatch_results();
        self.dispatch_reads();
        self.replicate();
        self.take_snapshot_if_due();
        let (records, persist) = self.durability.take();
        Output {
            records,
            persist,
            messages: std::mem::take(&mut self.outbox),
            replies: std::mem::take(&mut self.replies),
            events: std::mem::take(&mut self.events),
        }
    }

    /// The node in a few words.
    pub fn status(&self) -> Status {
        Status {
            id: self.config.id,
            role: match self.role {
                Role::Follower => "follower",
                Role::PreCandidate { .. } => "pre-candidate",
                Role::Candidate { .. } => "candidate",
                Role::Leader(_) => "leader",
            },
            term: self.term,
            leader: self.leader,
            commit: self.commit,
            applied: self.applied,
            last_index: self.log.last_index(),
            first_index: self.log.base_index() + 1,
            snapshot_index: self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_index),
            mutant: self.config.mutant,
        }
    }

    /// Its log, for tests and debuggers.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// While it leads: the latest round of its reads, and the latest that each follower has answered. No follower's
    /// exceeds the leader's. For tests and debuggers.
    pub fn read_rounds(&self) -> Option<(u64, BTreeMap<NodeId, u64>)> {
        let Role::Leader(leader) = &self.role else { return None };
        let answered = leader.followers.iter().map(|(id, follower)| (*id, follower.round));
        Some((leader.reads.round(), answered.collect()))
    }

    /// Its applied state as it is, however stale: for tests and debuggers, never for clients.
    pub fn peek(&self, query: &Query) -> Response {
        self.machine.query(query)
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.config.mutant == Some(mutant)
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.monotonic_ms
    }

    pub(crate) fn envelope(&self, to: NodeId, message: Message) -> Envelope {
        Envelope { from: self.config.id, to, term: self.term, message }
    }

    /// Sends a message that promises nothing about this node's disk.
    pub(crate) fn send(&mut self, to: NodeId, message: Message) {
        let envelope = self.envelope(to, message);
        self.outbox.push(envelope);
    }

    /// Sends a message once everything recorded so far is durable.
    pub(crate) fn send_after_all(&mut self, to: NodeId, message: Message) {
        let envelope = self.envelope(to, message);
        self.outbox.extend(self.durability.after_all(envelope));
    }

    /// Sends a message once the current term and vote are durable.
    pub(crate) fn send_after_hard_state(&mut self, to: NodeId, message: Message) {
        let envelope = self.envelope(to, message);
        self.outbox.extend(self.durability.after_hard_state(envelope));
    }

    pub(crate) fn hard_state(&self) -> HardState {
        HardState { term: self.term, vote: self.vote }
    }

    /// Records the term and the vote (Figure 2: updated on stable storage before responding).
    pub(crate) fn persist_hard_state(&mut self) {
        // R1: keep them in memory only.
        if self.is(Mutant::VoteNotPersisted) {
            return;
        }
        self.durability.record(Record::HardState(self.hard_state()), self.log.last_index());
    }

    /// Everything up to `index` is committed: apply it and answer who waits for it.
    pub(crate) fn commit_to(&mut self, index: Index) {
        self.commit = self.commit.max(index.min(self.log.last_index()));
        while self.applied < self.commit {
            let Some(entry) = self.log.entry(self.applied + 1).cloned() else { break };
            self.applied = entry.index;
            let torn = self.torn(&entry);
            let response = match &entry.command {
                Some(command) => self.machine.apply(command, self.config.max_sessions, self.config.mutant),
                None => Response::Done,
            };
            self.settle_proposal(entry.index, entry.term, response);
            if let Some(torn) = torn {
                self.take_snapshot(&torn);
            }
        }
        self.serve_ready_reads();
    }

    /// R39: the state with half of a transaction, where a snapshot is due at it.
    fn torn(&self, entry: &Entry) -> Option<Machine> {
        let command = entry.command.as_ref().filter(|_| self.is(Mutant::TornSnapshot) && self.snapshot_is_due())?;
        let Update::Transaction(steps) = &command.update else { return None };
        let half = Update::Transaction(steps[..steps.len() / 2].to_vec());
        let mut torn = self.machine.clone();
        torn.apply(&Command { update: half, ..(**command).clone() }, self.config.max_sessions, self.config.mutant);
        Some(torn)
    }

    fn snapshot_is_due(&self) -> bool {
        let last = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.last_index);
        self.applied >= last + self.config.snapshot_every.max(1)
    }

    fn take_snapshot_if_due(&mut self) {
        if self.snapshot_is_due() {
            let machine = std::mem::take(&mut self.machine);
            self.take_snapshot(&machine);
            self.machine = machine;
        }
    }

    /// Takes a snapshot of a state, that of all that was applied.
    fn take_snapshot(&mut self, machine: &Machine) {
        let Some(term) = self.log.term(self.applied) else { return };
        let snapshot = Arc::new(Snapshot::of(machine, self.applied, term));
        self.events.push(Event::SnapshotTaken { index: self.applied, bytes: snapshot.state.len() });
        self.snapshot = Some(snapshot.clone());
        let base = self.applied.saturating_sub(self.config.snapshot_tail);
        if base > self.log.base_index() {
            self.log.compact_to(base);
        }
        self.record_checkpoint(snapshot);
    }

    /// Records a snapshot with the rest of the log.
    pub(crate) fn record_checkpoint(&mut self, snapshot: Arc<Snapshot>) {
        let checkpoint = Checkpoint {
            snapshot,
            // R1 again: a checkpoint holds no more than was recorded before it.
            hard_state: if self.is(Mutant::VoteNotPersisted) { HardState::default() } else { self.hard_state() },
            base_index: self.log.base_index(),
            base_term: self.log.base_term(),
            entries: self.log.all(),
        };
        self.durability.record(Record::Checkpoint(checkpoint), self.log.last_index());
    }
}
