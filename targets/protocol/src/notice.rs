//! Protocol events as data: what a node reports to tools while it runs.

use serde::{Deserialize, Serialize};

use crate::NodeId;

/// A change of a protocol's state. As JSON: an object whose `event` is the name in kebab case, beside its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum NoticeKind {
    /// The node stands for election.
    Candidate {
        /// The term.
        term: u64,
    },
    /// The node was elected.
    Leader {
        /// The term.
        term: u64,
    },
    /// The node follows in this term; without `leader` it does not know whom yet.
    Follower {
        /// The term.
        term: u64,
        /// Whom.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        leader: Option<NodeId>,
    },
    /// The node led, lost its quorum and stepped down.
    QuorumLost {
        /// The term.
        term: u64,
    },
    /// The node dropped the end of its log, because the leader's differs.
    Truncated {
        /// The first index dropped.
        from: u64,
        /// The last index dropped.
        to: u64,
    },
    /// The node took a snapshot and compacted its log.
    SnapshotTaken {
        /// The last index in it.
        index: u64,
    },
    /// The node sent a snapshot to one that is far behind.
    SnapshotSent {
        /// To whom.
        to: NodeId,
        /// The last index in it.
        index: u64,
    },
    /// The node replaced its state by another node's.
    SnapshotInstalled {
        /// From whom.
        from: NodeId,
        /// The last index in it.
        index: u64,
    },
    /// A follower no longer has what it had acknowledged.
    EntriesLost {
        /// The follower.
        follower: NodeId,
        /// The last index it had acknowledged.
        acknowledged: u64,
    },
    /// The node found a rule of its protocol broken.
    Broken {
        /// Which.
        rule: String,
    },
    /// The node takes part in the cluster.
    Joined {
        /// Under which incarnation.
        incarnation: u64,
    },
    /// The node has left the cluster.
    Left {
        /// Under which incarnation.
        incarnation: u64,
    },
    /// The node sees a member in another state than before.
    Member {
        /// Which.
        member: NodeId,
        /// `alive`, `suspect`, `dead` or `left`.
        state: String,
        /// Its incarnation.
        incarnation: u64,
    },
    /// The node noticed that it stood still.
    Stalled {
        /// For how long.
        ms: u64,
    },
    /// The node knows a new ring, or a new stage of its change.
    Ring {
        /// The ring's version.
        version: u64,
        /// The stage of its change.
        stage: String,
        /// Its members.
        members: Vec<NodeId>,
    },
    /// The node handed over what it kept for another one.
    HandedOver {
        /// For whom.
        to: NodeId,
        /// How many hints are left for it.
        left: u64,
    },
    /// Comparing states, the node found another one to differ from it, and repairs that.
    Repaired {
        /// The other one.
        with: NodeId,
    },
    /// The node sends its whole state to one that deltas cannot bring up to date.
    StateSent {
        /// To whom.
        to: NodeId,
    },
    /// The node forgot tombstones.
    Collected {
        /// How many.
        tombstones: u64,
    },
}

/// A line of a node's event channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The node.
    pub node: NodeId,
    /// The protocol that reports it.
    pub protocol: String,
    /// The node's wall clock, µs since 1970. Not to be believed where clocks are wrong on purpose.
    pub wall_us: i64,
    /// What happened.
    #[serde(flatten)]
    pub kind: NoticeKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_flat_json_object() {
        let notice = |kind| Notice { node: 2, protocol: "raft".to_owned(), wall_us: 7, kind };
        let leader = notice(NoticeKind::Leader { term: 3 });
        let text = serde_json::to_string(&leader).unwrap();
        assert_eq!(text, r#"{"node":2,"protocol":"raft","wall_us":7,"event":"leader","term":3}"#);
        assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), leader);
        // Its fields must not be taken for those of the notice.
        let kind = NoticeKind::Member { member: 3, state: "dead".to_owned(), incarnation: 1 };
        let member = serde_json::to_string(&notice(kind)).unwrap();
        assert!(member.contains(r#""node":2"#) && member.contains(r#""member":3"#), "{member}");
        let nobody = serde_json::to_string(&notice(NoticeKind::Follower { term: 4, leader: None })).unwrap();
        assert_eq!(nobody, r#"{"node":2,"protocol":"raft","wall_us":7,"event":"follower","term":4}"#);
        assert_eq!(
            serde_json::from_str::<Notice>(&nobody).unwrap(),
            notice(NoticeKind::Follower { term: 4, leader: None })
        );
    }
}
