//! Log replication (§5.3), the commit rule (§5.4.2) and snapshots for followers that are far behind (§7).

use std::sync::Arc;

use rashomon_protocol::NodeId;

use crate::log::{Entry, Index, Term};
use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::{Node, Role};
use crate::output::{Event, Record};
use crate::progress::Sending;
use crate::snapshot::Snapshot;

impl Node {
    /// The leader's entries, or its heartbeat, arrive at a follower.
    pub(crate) fn handle_append(
        &mut self,
        from: NodeId,
        prev_index: Index,
        prev_term: Term,
        entries: Vec<Arc<Entry>>,
        commit: Index,
        round: u64,
    ) {
        if !self.hear_leader(from) {
            return;
        }
        // What is committed is equal on all nodes, so up to there nothing needs to be compared.
        // R11: nor beyond.
        let agrees =
            prev_index <= self.commit || self.log.term(prev_index) == Some(prev_term) || self.is(Mutant::NoPrevCheck);
        if !agrees {
            let (hint_index, hint_term) = self.log.agree_at_most(prev_index, prev_term);
            return self.send_after_hard_state(from, Message::Rejected { prev_index, hint_index, hint_term, round });
        }
        let match_index = prev_index + entries.len() as u64;
        let empty = entries.is_empty();
        self.append_from(prev_index, entries);
        // R13: trust that the whole log is the leader's.
        let known = if self.is(Mutant::CommitBeyondMatch) { self.log.last_index() } else { match_index };
        self.commit_to(commit.min(known));
        let accepted = Message::Accepted { match_index, round };
        if empty && match_index <= self.durability.durable_index(self.log.last_index()) {
            self.send_after_hard_state(from, accepted);
        } else {
            self.send_after_all(from, accepted);
        }
    }

    /// Notes a sign of life of this term's leader. False when there is another one, which no correct cluster has.
    fn hear_leader(&mut self, from: NodeId) -> bool {
        if matches!(self.role, Role::Leader(_)) {
            self.events.push(Event::TwoLeaders { term: self.term, other: from });
            return false;
        }
        self.follow(self.term, Some(from));
        self.heard_leader_at = Some(self.now());
        self.postpone_election();
        true
    }

    /// Appends what is missing after `prev_index`; what conflicts goes, what is there already stays (§5.3).
    fn append_from(&mut self, prev_index: Index, entries: Vec<Arc<Entry>>) {
        // Equal to `prev_index` but for R11, which appends wherever its log happens to end.
        let mut at = prev_index.min(self.log.last_index());
        let mut added = Vec::new();
        for entry in entries {
            at += 1;
            if at <= self.commit || self.log.term(at) == Some(entry.term) {
                continue;
            }
            if at <= self.log.last_index() {
                self.truncate_after(at - 1);
            }
            let entry = if entry.index == at { entry } else { Arc::new(Entry { index: at, ..(*entry).clone() }) };
            self.log.push(entry.clone());
            added.push(entry);
        }
        if !added.is_empty() {
            self.durability.record(Record::Append(added), self.log.last_index());
        }
        // R10: the log ends where this message ends, though a later one may have arrived before.
        if self.is(Mutant::AppendTruncates) {
            self.truncate_after(at.max(self.commit));
        }
    }

    fn truncate_after(&mut self, index: Index) {
        let last = self.log.last_index();
        if index < last {
            self.log.truncate_after(index);
            self.durability.record(Record::TruncateAfter(index), index);
            self.events.push(Event::Truncated { from: index + 1, to: last });
        }
    }

    /// The leader's whole state arrives at a follower.
    pub(crate) fn handle_snapshot(&mut self, from: NodeId, snapshot: Arc<Snapshot>, round: u64) {
        if !self.hear_leader(from) {
            return;
        }
        let (index, term) = (snapshot.last_index, snapshot.last_term);
        if self.log.term(index) == Some(term) {
            // The log has it all: nothing to install, but all of it is committed.
            self.commit_to(index);
        } else if index > self.commit {
            match snapshot.restore() {
                Ok(machine) => self.machine = machine,
                Err(bad) => return self.events.push(Event::SnapshotRefused { why: bad.to_string() }),
            }
            self.log.reset(index, term);
            self.commit = index;
            self.applied = index;
            self.snapshot = Some(snapshot.clone());
            self.events.push(Event::SnapshotInstalled { leader: from, index });
            self.record_checkpoint(snapshot);
            self.serve_ready_reads();
        }
        self.send_after_all(from, Message::Accepted { match_index: index, round });
    }

    pub(crate) fn handle_accepted(&mut self, from: NodeId, match_index: Index, round: u64) {
        let now = self.now();
        let timeout = self.config.election_timeout_ms;
        let last = self.log.last_index();
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(follower) = leader.followers.get_mut(&from) else { return };
        follower.hear(round, now, timeout);
        follower.accepted(match_index.min(last), now);
        self.advance_commit();
        self.confirm_reads();
    }

    pub(crate) fn handle_rejected(&mut self, from: NodeId, prev_index: Index, hint: (Index, Term), round: u64) {
        let now = self.now();
        let timeout = self.config.election_timeout_ms;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(follower) = leader.followers.get_mut(&from) else { return };
        follower.hear(round, now, timeout);
        if prev_index <= follower.matched {
            // Either an old message, or the follower lost what it had acknowledged. Only the latter goes on.
            let since = *follower.denies_since.get_or_insert(now);
            if now >= since + timeout {
                self.events.push(Event::FollowerLostEntries { follower: from, acknowledged: follower.matched });
                follower.denies_since = None;
                follower.matched = 0;
                follower.probe(self.log.resume_after(hint.0, hint.1) + 1);
            }
        } else {
            // Both ends skip whole terms, so the search takes a round trip per term, not per entry (§5.3).
            let next = (self.log.resume_after(hint.0, hint.1) + 1).max(follower.matched + 1);
            // An answer to a probe counts if it brings the search on; a late or doubled one does not.
            let is_news = match follower.sending {
                Sending::Pipeline { .. } => true,
                Sending::Probe { .. } => prev_index + 1 == follower.next && next < follower.next,
                Sending::Snapshot { .. } => false,
            };
            if is_news {
                self.events.push(Event::Conflict { follower: from, index: prev_index, next });
                follower.probe(next);
            }
        }
        self.confirm_reads();
    }

    /// Commits what a majority holds durably, if the last of it is of this term (§5.4.2).
    pub(crate) fn advance_commit(&mut self) {
        let own = self.durability.durable_index(self.log.last_index());
        let Role::Leader(leader) = &self.role else { return };
        let mut matched: Vec<Index> = leader.followers.values().map(|follower| follower.matched).collect();
        matched.push(own);
        matched.sort_unstable_by(|a, b| b.cmp(a));
        let held = matched[self.config.quorum() - 1];
        // R6: count entries of earlier terms too.
        let may_count = self.log.term(held) == Some(self.term) || self.is(Mutant::CommitOldTerm);
        if held > self.commit && may_count {
            self.commit_to(held);
        }
    }

    /// Sends each follower what it is due.
    pub(crate) fn replicate(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let beat = std::mem::take(&mut leader.beat);
        for peer in leader.followers.keys().copied().collect::<Vec<_>>() {
            self.replicate_to(peer, beat);
        }
    }

    fn replicate_to(&mut self, peer: NodeId, beat: bool) {
        let now = self.now();
        let (last, max_inflight) = (self.log.last_index(), self.config.max_inflight);
        let resend_after = self.config.election_timeout_ms;
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(follower) = leader.followers.get_mut(&peer) else { return };
        if let Sending::Pipeline { inflight } = &follower.sending
            && !inflight.is_empty()
            && now >= follower.moved_at + resend_after
        {
            follower.probe(follower.matched + 1);
        }
        // A follower this far behind needs what was compacted away.
        if matches!(follower.sending, Sending::Pipeline { .. }) && follower.next <= self.log.base_index() {
            follower.probe(follower.next);
        }
        let mut heard = false;
        match &mut follower.sending {
            Sending::Probe { sent_at } => {
                if sent_at.is_none_or(|at| now >= at + self.config.heartbeat_ms) {
                    *sent_at = Some(now);
                    let next = follower.next;
                    // A heartbeat goes first: it confirms the leader whatever becomes of the probe.
                    if beat {
                        self.send_heartbeat(peer);
                    }
                    heard = true;
                    self.send_entries(peer, next);
                }
            }
            Sending::Pipeline { inflight } => {
                if inflight.is_empty() {
                    follower.moved_at = now;
                }
                while inflight.len() < max_inflight && follower.next <= last {
                    let from = follower.next;
                    let upto = last.min(from + self.config.max_batch as u64 - 1);
                    inflight.push_back(upto);
                    follower.next = upto + 1;
                    heard = true;
                    let entries = self.log.slice(from, self.config.max_batch);
                    let (prev_index, prev_term) = (from - 1, self.log.term(from - 1).unwrap_or(0));
                    let round = leader.reads.round();
                    let message = Message::Append { prev_index, prev_term, entries, commit: self.commit, round };
                    let term = self.term;
                    self.outbox.push(crate::message::Envelope { from: self.config.id, to: peer, term, message });
                }
            }
            Sending::Snapshot { sent_at, index } => {
                if now >= *sent_at + 2 * resend_after {
                    let next = *index;
                    self.send_snapshot(peer, next);
                }
            }
        }
        if beat && !heard {
            self.send_heartbeat(peer);
        }
    }

    /// An AppendEntries without entries, at the place where the logs are known to be equal.
    fn send_heartbeat(&mut self, peer: NodeId) {
        let Role::Leader(leader) = &self.role else { return };
        let Some(follower) = leader.followers.get(&peer) else { return };
        // What was compacted away was committed, and index 0 agrees with every log.
        let (prev_index, prev_term) = match self.log.term(follower.matched) {
            Some(term) => (follower.matched, term),
            None => (0, 0),
        };
        let round = leader.reads.round();
        let commit = self.commit;
        self.send(peer, Message::Append { prev_index, prev_term, entries: Vec::new(), commit, round });
    }

    /// One AppendEntries from `next` on, or the snapshot when the log no longer reaches back so far.
    fn send_entries(&mut self, peer: NodeId, next: Index) {
        let Some(prev_term) = self.log.term(next - 1) else { return self.send_snapshot(peer, next) };
        let entries = self.log.slice(next, self.config.max_batch);
        let Role::Leader(leader) = &self.role else { return };
        let (round, commit) = (leader.reads.round(), self.commit);
        self.send(peer, Message::Append { prev_index: next - 1, prev_term, entries, commit, round });
    }

    fn send_snapshot(&mut self, peer: NodeId, next: Index) {
        let now = self.now();
        let Some(snapshot) = self.snapshot.clone() else { return };
        let Role::Leader(leader) = &mut self.role else { return };
        let round = leader.reads.round();
        let Some(follower) = leader.followers.get_mut(&peer) else { return };
        debug_assert!(next <= snapshot.last_index.max(self.log.base_index()) + 1);
        follower.sending = Sending::Snapshot { index: snapshot.last_index, sent_at: now };
        self.events.push(Event::SnapshotSent { follower: peer, index: snapshot.last_index });
        self.send(peer, Message::InstallSnapshot { snapshot, round });
    }
}
