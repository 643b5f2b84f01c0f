//! Linearizable reads without log entries: ReadIndex (dissertation §6.4).
//!
//! A node gathers the reads of its clients into batches. The leader gives a batch its commit index, but only once it
//! committed an entry of its own term, and only after a round of heartbeats, begun after the batch came, was answered
//! by a quorum. The node that took the reads answers them from its own state once it applied that index. One round
//! serves all batches that wait; while one is under way, the next gathers.

use std::collections::BTreeMap;

use rashomon_protocol::{NodeId, RequestId};

use crate::log::{Index, Term};
use crate::machine::Query;
use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::{Node, Role};
use crate::output::{Failure, Reply};

/// A leader's reads: which wait for a round, and which round is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaderReads {
    round: u64,
    queued: Vec<(NodeId, RequestId)>,
    confirming: Option<Confirming>,
}

#[derive(Clone, Debug)]
struct Confirming {
    round: u64,
    index: Index,
    batches: Vec<(NodeId, RequestId)>,
}

impl LeaderReads {
    /// The latest round; every message to a follower carries it.
    pub(crate) fn round(&self) -> u64 {
        self.round
    }

    /// Begins a round.
    pub(crate) fn next_round(&mut self) {
        self.round += 1;
    }
}

/// The reads that a node took from its clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientReads {
    open: BTreeMap<RequestId, (Query, u64)>,
    unsent: Vec<RequestId>,
    batches: BTreeMap<RequestId, Batch>,
    ready: BTreeMap<Index, Vec<RequestId>>,
}

#[derive(Clone, Debug)]
struct Batch {
    reads: Vec<RequestId>,
    sent_at: u64,
}

impl ClientReads {
    /// When a read's time is over, or a batch goes out again.
    pub(crate) fn next_wake(&self, retry_after_ms: u64) -> Option<u64> {
        let deadlines = self.open.values().map(|(_, deadline)| *deadline);
        deadlines.chain(self.batches.values().map(|batch| batch.sent_at + retry_after_ms)).min()
    }

    /// Sends everything that was not answered again: the leader changed.
    pub(crate) fn resend_all(&mut self) {
        for (_, batch) in std::mem::take(&mut self.batches) {
            self.unsent.extend(batch.reads);
        }
    }
}

impl Node {
    /// A client asks for a linearizable read. Answered in some later [`Output`](crate::Output), or failed when the
    /// monotonic clock reaches `deadline_ms`.
    pub fn read(&mut self, query: Query, deadline_ms: u64) -> RequestId {
        let id = self.requests.next_id();
        self.requests.reads.open.insert(id, (query, deadline_ms));
        self.requests.reads.unsent.push(id);
        id
    }

    /// Hands the waiting reads to the leader, as one batch.
    pub(crate) fn dispatch_reads(&mut self) {
        if let (Some(to), false) = (self.leader, self.requests.reads.unsent.is_empty()) {
            let batch = self.requests.next_id();
            let sent_at = self.now();
            let unsent = std::mem::take(&mut self.requests.reads.unsent);
            let reads: Vec<_> = unsent.into_iter().filter(|id| self.requests.reads.open.contains_key(id)).collect();
            if !reads.is_empty() {
                self.requests.reads.batches.insert(batch, Batch { reads, sent_at });
                if to == self.config.id {
                    self.queue_batch(to, batch);
                } else {
                    self.send(to, Message::ReadIndex { batch });
                }
            }
        }
        self.begin_round();
    }

    pub(crate) fn handle_read_index(&mut self, from: NodeId, batch: RequestId) {
        // A node that does not lead stays silent: the asker turns to the new leader when it hears of it.
        self.queue_batch(from, batch);
    }

    fn queue_batch(&mut self, from: NodeId, batch: RequestId) {
        if let Role::Leader(leader) = &mut self.role {
            leader.reads.queued.push((from, batch));
        }
    }

    /// Begins a round for all queued batches, unless one is under way.
    fn begin_round(&mut self) {
        let (commit, wall) = (self.commit, self.clock.wall_ms());
        let mutant = self.config.mutant;
        let Role::Leader(leader) = &mut self.role else { return };
        // R25: do not wait for an entry of the own term.
        let knows_commit = commit >= leader.first_index || mutant == Some(Mutant::ReadBeforeNoop);
        if leader.reads.queued.is_empty() || leader.reads.confirming.is_some() || !knows_commit {
            return;
        }
        let batches = std::mem::take(&mut leader.reads.queued);
        // R26: ask nobody. R28: nor while the wall clock says that the lease holds.
        if mutant == Some(Mutant::StaleRead) || mutant == Some(Mutant::LeaseByWallClock) && wall < leader.lease_until {
            return self.answer_batches(batches, commit);
        }
        leader.reads.next_round();
        leader.beat = true;
        leader.reads.confirming = Some(Confirming { round: leader.reads.round, index: commit, batches });
        self.confirm_reads();
    }

    /// Answers the batches whose round a quorum has answered.
    pub(crate) fn confirm_reads(&mut self) {
        let lease_ms = self.config.election_timeout_ms as i64 * 9 / 10;
        let (quorum, wall) = (self.config.quorum(), self.clock.wall_ms());
        let Role::Leader(leader) = &mut self.role else { return };
        let mut rounds: Vec<u64> = leader.followers.values().map(|follower| follower.round).collect();
        rounds.push(leader.reads.round);
        rounds.sort_unstable_by(|a, b| b.cmp(a));
        let answered = rounds[quorum - 1];
        if answered == leader.reads.round {
            leader.lease_until = leader.lease_until.max(wall + lease_ms);
        }
        if let Some(confirming) = leader.reads.confirming.take_if(|confirming| confirming.round <= answered) {
            self.answer_batches(confirming.batches, confirming.index);
        }
    }

    fn answer_batches(&mut self, batches: Vec<(NodeId, RequestId)>, index: Index) {
        let index_term = self.log.term(index).unwrap_or(0);
        for (node, batch) in batches {
            if node == self.config.id {
                self.handle_read_at(batch, index, index_term);
            } else {
                self.send(node, Message::ReadAt { batch, index, index_term });
            }
        }
    }

    /// The reads of a batch are linearizable once `index` is applied.
    pub(crate) fn handle_read_at(&mut self, batch: RequestId, index: Index, index_term: Term) {
        let Some(batch) = self.requests.reads.batches.remove(&batch) else { return };
        self.requests.reads.ready.entry(index).or_default().extend(batch.reads);
        // The leader says that its entry at `index` is committed. Who holds the same entry holds the same log up to it
        // (Log Matching), and need not wait for the next AppendEntries to know.
        if index > self.commit && self.log.term(index) == Some(index_term) {
            self.commit_to(index);
        } else {
            self.serve_ready_reads();
        }
    }

    /// Answers the reads whose index is applied.
    pub(crate) fn serve_ready_reads(&mut self) {
        while let Some(entry) = self.requests.reads.ready.first_entry()
            && *entry.key() <= self.applied
        {
            for request in entry.remove() {
                if let Some((query, _)) = self.requests.reads.open.remove(&request) {
                    let result = Ok(self.machine.query(&query));
                    self.replies.push(Reply { request, result });
                }
            }
        }
    }

    /// Fails reads whose time is over, and asks again where no answer came.
    pub(crate) fn expire_reads(&mut self) {
        let now = self.now();
        let retry_after = self.config.election_timeout_ms;
        let failure = if self.leader.is_some() { Failure::ReadTimeout } else { Failure::NoLeader };
        let reads = &mut self.requests.reads;
        let replies = &mut self.replies;
        reads.open.retain(|request, (_, deadline)| {
            let open = now < *deadline;
            if !open {
                replies.push(Reply { request: *request, result: Err(failure) });
            }
            open
        });
        let (open, unsent) = (&reads.open, &mut reads.unsent);
        unsent.retain(|request| open.contains_key(request));
        reads.ready.retain(|_, requests| {
            requests.retain(|request| open.contains_key(request));
            !requests.is_empty()
        });
        reads.batches.retain(|_, batch| {
            let waits = now < batch.sent_at + retry_after;
            if !waits {
                unsent.append(&mut batch.reads);
            }
            waits
        });
    }
}
