//! Leader election (§5.2, §5.4.1), pre-vote (dissertation §9.6) and check-quorum (§6.2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rashomon_protocol::NodeId;

use crate::log::{Entry, Index, Term};
use crate::message::Message;
use crate::mutant::Mutant;
use crate::node::{Leader, Node, Role};
use crate::output::{Event, Record};
use crate::progress::Progress;
use crate::read_index::LeaderReads;

impl Node {
    /// Draws the next election timeout: one to two times the configured one (§5.2).
    pub(crate) fn postpone_election(&mut self) {
        let timeout = self.config.election_timeout_ms;
        self.election_at = self.now() + timeout + self.random.below(timeout);
    }

    /// Becomes a pre-candidate now, as if the election timeout had passed; for tests. A leader stays what it is.
    pub fn campaign_now(&mut self) {
        if !matches!(self.role, Role::Leader(_)) {
            self.pre_campaign();
        }
    }

    /// Whether it leads, or has heard from a leader within the shortest election timeout.
    pub(crate) fn is_in_touch_with_a_leader(&self) -> bool {
        match self.role {
            Role::Leader(_) => true,
            Role::Follower => {
                self.leader.is_some()
                    && self.heard_leader_at.is_some_and(|at| self.now() < at + self.config.election_timeout_ms)
            }
            Role::PreCandidate { .. } | Role::Candidate { .. } => false,
        }
    }

    /// Asks whether it would be elected, without disturbing anybody: the term stays as it is.
    pub(crate) fn pre_campaign(&mut self) {
        self.postpone_election();
        self.leader = None;
        self.role = Role::PreCandidate { votes: BTreeSet::from([self.config.id]) };
        self.events.push(Event::PreCandidate { for_term: self.term + 1 });
        if self.config.quorum() == 1 {
            return self.campaign();
        }
        self.ask_for_votes(true, self.term + 1);
    }

    fn campaign(&mut self) {
        self.term += 1;
        self.vote = Some(self.config.id);
        self.postpone_election();
        self.persist_hard_state();
        self.durability.forget_acknowledgements_before(self.term);
        self.role = Role::Candidate { votes: BTreeSet::new() };
        self.events.push(Event::Candidate { term: self.term });
        self.ask_for_votes(false, self.term);
        self.count_own_vote();
    }

    fn ask_for_votes(&mut self, pre: bool, for_term: Term) {
        let (last_index, last_term) = (self.log.last_index(), self.log.last_term());
        for peer in self.config.peers().collect::<Vec<_>>() {
            // The log that the vote is asked for is claimed, not promised: only term and vote must be durable.
            self.send_after_hard_state(peer, Message::RequestVote { pre, for_term, last_index, last_term });
        }
    }

    /// A candidate counts its own vote like any other: when it is durable.
    pub(crate) fn count_own_vote(&mut self) {
        if matches!(self.role, Role::Candidate { .. }) && self.durability.hard_state_is_durable() {
            self.handle_vote(self.config.id, false, self.term, true);
        }
    }

    pub(crate) fn handle_vote_request(
        &mut self,
        from: NodeId,
        pre: bool,
        for_term: Term,
        last_index: Index,
        last_term: Term,
    ) {
        // R7: vote for anybody, however old its log.
        let log_is_good = self.log.is_not_ahead_of(last_index, last_term) || self.is(Mutant::VoteIgnoresLog);
        let why = if pre && for_term <= self.term || !pre && for_term < self.term {
            Some("old term")
        } else if !pre && self.vote.is_some_and(|vote| vote != from) {
            Some("voted already")
        } else if !log_is_good {
            Some("its log is behind")
        } else {
            None
        };
        match why {
            Some(why) => self.events.push(Event::Refused { for_term, to: from, pre, why }),
            None if !pre => {
                self.events.push(Event::Voted { term: self.term, to: from });
                if self.vote.is_none() {
                    self.vote = Some(from);
                    self.persist_hard_state();
                }
                self.postpone_election();
            }
            None => {}
        }
        self.send_after_hard_state(from, Message::Vote { pre, for_term, granted: why.is_none() });
    }

    pub(crate) fn handle_vote(&mut self, from: NodeId, pre: bool, for_term: Term, granted: bool) {
        if !granted {
            return;
        }
        let quorum = self.config.quorum();
        match &mut self.role {
            Role::PreCandidate { votes } if pre && for_term == self.term + 1 => {
                votes.insert(from);
                if votes.len() >= quorum {
                    self.campaign();
                }
            }
            Role::Candidate { votes } if !pre && for_term == self.term => {
                votes.insert(from);
                if votes.len() >= quorum {
                    self.lead();
                }
            }
            _ => {}
        }
    }

    /// Elected: begins the term with an entry of its own, so that it can commit what it inherited (§5.4.2, §8).
    fn lead(&mut self) {
        let now = self.now();
        let first_index = self.log.last_index() + 1;
        let followers: BTreeMap<NodeId, Progress> =
            self.config.peers().map(|peer| (peer, Progress::new(first_index, now))).collect();
        self.leader = Some(self.config.id);
        self.role = Role::Leader(Leader {
            followers,
            first_index,
            heartbeat_at: now + self.config.heartbeat_ms,
            beat: true,
            reads: LeaderReads::default(),
            lease_until: i64::MIN,
        });
        self.events.push(Event::Leader { term: self.term, first_index });
        let entry = Arc::new(Entry { term: self.term, index: first_index, command: None });
        self.log.push(entry.clone());
        self.durability.record(Record::Append(vec![entry]), first_index);
        self.leader_changed();
        self.advance_commit();
    }

    /// Becomes a follower of `leader`, or of nobody yet, in a term that is not older than its own.
    pub(crate) fn follow(&mut self, term: Term, leader: Option<NodeId>) {
        let was_follower = matches!(self.role, Role::Follower);
        if term > self.term {
            self.term = term;
            self.vote = None;
            self.persist_hard_state();
            self.durability.forget_acknowledgements_before(term);
        } else if was_follower && self.leader == leader {
            return;
        }
        if !was_follower {
            self.postpone_election();
        }
        self.role = Role::Follower;
        let changed = self.leader != leader;
        self.leader = leader;
        if leader.is_some() || !was_follower || changed {
            self.events.push(Event::Follower { term, leader });
        }
        if changed && leader.is_some() {
            self.leader_changed();
        }
    }

    /// A leader's timers: heartbeats, and whether it still has a quorum.
    pub(crate) fn lead_on(&mut self) {
        let now = self.now();
        let (timeout, quorum, wall) = (self.config.election_timeout_ms, self.config.quorum(), self.clock.wall_ms());
        let (never_asks, by_wall_clock) = (self.is(Mutant::StaleRead), self.is(Mutant::LeaseByWallClock));
        let Role::Leader(leader) = &mut self.role else { return };
        let in_contact = 1 + leader.followers.values().filter(|follower| now < follower.contact_at + timeout).count();
        // R26: no check-quorum. R28: the lease decides, and the wall clock decides on the lease.
        if in_contact < quorum && !never_asks && !(by_wall_clock && wall < leader.lease_until) {
            self.events.push(Event::QuorumLost { term: self.term });
            return self.follow(self.term, None);
        }
        if now >= leader.heartbeat_at {
            leader.heartbeat_at = now + self.config.heartbeat_ms;
            leader.beat = true;
            leader.reads.next_round();
        }
    }
}
