//! Raft as one of the protocols that a driver can run.

use rashomon_protocol::{Clock, Disk, NodeId, NoticeKind, OutputOf, Protocol, RequestId};

use crate::config::Config;
use crate::machine::{Command, Query, Response};
use crate::message::Envelope;
use crate::node::{Node, Role};
use crate::output::{Event, Failure, Record, Recovered};
use crate::progress::Sending;

/// What a client may ask for.
#[derive(Clone, Debug)]
pub enum Request {
    /// A change.
    Write(Command),
    /// A linearizable read.
    Read(Query),
}

impl Protocol for Node {
    type Config = Config;
    type Disk = Recovered;
    type Envelope = Envelope;
    type Request = Request;
    type Answer = Result<Response, Failure>;
    type Event = Event;

    const NAME: &'static str = "raft";

    fn start(config: Config, disk: Recovered, incarnation: u32, clock: Clock) -> Result<Node, String> {
        Node::new(Config { incarnation, ..config }, disk, clock).map_err(|bad| bad.to_string())
    }

    fn advance(&mut self, clock: Clock) {
        Node::advance(self, clock);
    }

    fn receive(&mut self, envelope: Envelope) {
        Node::receive(self, envelope);
    }

    fn request(&mut self, request: Request, deadline_ms: u64) -> RequestId {
        match request {
            Request::Write(command) => self.write(command, deadline_ms),
            Request::Read(query) => self.read(query, deadline_ms),
        }
    }

    fn persisted(&mut self, number: u64) {
        Node::persisted(self, number);
    }

    fn output(&mut self) -> OutputOf<Node> {
        Node::output(self)
    }

    fn next_wake(&self) -> Option<u64> {
        let role = match &self.role {
            Role::Leader(_) => self.leader_wakes(),
            Role::Follower | Role::PreCandidate { .. } | Role::Candidate { .. } => Some(self.election_at),
        };
        role.into_iter().chain(self.requests.next_wake(self.config.id, self.config.election_timeout_ms)).min()
    }

    fn view(&self) -> Vec<(&'static str, String)> {
        let status = self.status();
        vec![
            ("role", status.role.to_owned()),
            ("term", status.term.to_string()),
            ("leader", status.leader.map_or("-".to_owned(), |leader| leader.to_string())),
            ("commit", status.commit.to_string()),
            ("applied", status.applied.to_string()),
            ("log", format!("{}..={}", status.first_index, status.last_index)),
            ("snapshot", status.snapshot_index.to_string()),
        ]
    }
}

impl Node {
    /// When a leader's timers are due: heartbeats, the loss of its quorum, what it sends again.
    fn leader_wakes(&self) -> Option<u64> {
        let Role::Leader(leader) = &self.role else { return None };
        let timeout = self.config.election_timeout_ms;
        let mut contacts: Vec<u64> = leader.followers.values().map(|follower| follower.contact_at).collect();
        contacts.sort_unstable_by(|a, b| b.cmp(a));
        // With itself, a quorum is in touch until the last follower that it needs is not.
        let quorum = self.config.quorum().checked_sub(2).and_then(|last| contacts.get(last));
        let sending = leader.followers.values().filter_map(|follower| match &follower.sending {
            Sending::Probe { sent_at } => Some(sent_at.map_or(self.now(), |at| at + self.config.heartbeat_ms)),
            // What it is due next was compacted away: it gets the snapshot.
            Sending::Pipeline { .. } if follower.next <= self.log.base_index() => Some(self.now()),
            Sending::Pipeline { inflight } => (!inflight.is_empty()).then_some(follower.moved_at + timeout),
            Sending::Snapshot { sent_at, .. } => Some(sent_at + 2 * timeout),
        });
        sending.chain(quorum.map(|at| at + timeout)).chain([leader.heartbeat_at]).min()
    }
}

impl rashomon_protocol::Envelope for Envelope {
    fn from(&self) -> NodeId {
        self.from
    }

    fn to(&self) -> NodeId {
        self.to
    }
}

impl Disk for Recovered {
    type Record = Record;

    fn apply(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::HardState(hard_state) => self.hard_state = hard_state,
            Record::Append(entries) => {
                for entry in entries {
                    let next = self.base_index + self.entries.len() as u64 + 1;
                    if entry.index != next {
                        return Err(format!("the log has entry {} where entry {next} was expected", entry.index));
                    }
                    self.entries.push(entry);
                }
            }
            Record::TruncateAfter(index) => {
                let keep = index.checked_sub(self.base_index).ok_or("the log is cut before its beginning")?;
                self.entries.truncate(keep as usize);
            }
            Record::Checkpoint(checkpoint) => {
                *self = Recovered {
                    hard_state: checkpoint.hard_state,
                    snapshot: Some(checkpoint.snapshot),
                    base_index: checkpoint.base_index,
                    base_term: checkpoint.base_term,
                    entries: checkpoint.entries,
                };
            }
        }
        Ok(())
    }
}

impl rashomon_protocol::Event for Event {
    fn level(&self) -> Option<&'static str> {
        Some(match self {
            Event::TwoLeaders { .. } => "ERROR",
            Event::QuorumLost { .. } | Event::FollowerLostEntries { .. } | Event::SnapshotRefused { .. } => "WARN",
            _ => "INFO",
        })
    }

    fn notice(&self) -> Option<NoticeKind> {
        Some(match *self {
            Event::Candidate { term } => NoticeKind::Candidate { term },
            Event::Leader { term, .. } => NoticeKind::Leader { term },
            Event::Follower { term, leader } => NoticeKind::Follower { term, leader },
            Event::QuorumLost { term } => NoticeKind::QuorumLost { term },
            Event::Truncated { from, to } => NoticeKind::Truncated { from, to },
            Event::SnapshotTaken { index, .. } => NoticeKind::SnapshotTaken { index },
            Event::SnapshotSent { follower, index } => NoticeKind::SnapshotSent { to: follower, index },
            Event::SnapshotInstalled { leader, index } => NoticeKind::SnapshotInstalled { from: leader, index },
            Event::FollowerLostEntries { follower, acknowledged } => NoticeKind::EntriesLost { follower, acknowledged },
            Event::TwoLeaders { term, other } => {
                NoticeKind::Broken { rule: format!("election safety: node {other} leads term {term} too") }
            }
            Event::PreCandidate { .. }
            | Event::Voted { .. }
            | Event::Refused { .. }
            | Event::Conflict { .. }
            | Event::SnapshotRefused { .. } => return None,
        })
    }
}
