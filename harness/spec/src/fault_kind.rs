//! The kinds of faults there are, by name.
//!
//! A kind belongs to a class. On the command line a class stands for all of its kinds.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A class of faults: what is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultClass {
    /// The network drops packets between some nodes.
    Partition,
    /// Nodes are killed (SIGKILL) and started again.
    Kill,
    /// Nodes are stopped (SIGSTOP) and go on.
    Pause,
    /// Nodes' wall clocks jump.
    Clock,
    /// The network loses or delays packets between some nodes.
    Packets,
    /// Nodes are killed, lose all their data and are started again. Opt-in: see [`FaultClass::opt_in`].
    Wipe,
}

impl FaultClass {
    /// All classes, in order.
    pub const ALL: [FaultClass; 6] = [
        FaultClass::Partition,
        FaultClass::Kill,
        FaultClass::Pause,
        FaultClass::Clock,
        FaultClass::Packets,
        FaultClass::Wipe,
    ];

    /// Whether it has to be asked for by name, because no system promises to survive it with few replicas: `all` does
    /// not stand for it.
    pub fn opt_in(self) -> bool {
        self == FaultClass::Wipe
    }

    /// The word used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultClass::Partition => "partition",
            FaultClass::Kill => "kill",
            FaultClass::Pause => "pause",
            FaultClass::Clock => "clock",
            FaultClass::Packets => "packets",
            FaultClass::Wipe => "wipe",
        }
    }

    /// Its kinds, in order.
    pub fn kinds(self) -> impl Iterator<Item = FaultKind> {
        FaultKind::ALL.into_iter().filter(move |kind| kind.class() == self)
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A kind of fault: what is done to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The leader can neither send to nor hear any other node.
    IsolateLeader,
    /// One node can neither send to nor hear any other node.
    IsolateOne,
    /// Two groups of nodes cannot reach each other.
    MajorityMinority,
    /// Every node sees a majority, no two nodes see the same one.
    MajoritiesRing,
    /// Two nodes cannot reach each other, but all others reach both.
    OneLink,
    /// One node hears nobody but is heard by all.
    OneWayIn,
    /// One node is heard by nobody but hears all.
    OneWayOut,
    /// One or some nodes are killed.
    Kill,
    /// The leader is killed.
    KillLeader,
    /// All nodes are killed, one right after the other.
    KillAll,
    /// One or some nodes are stopped.
    Pause,
    /// The leader is stopped.
    PauseLeader,
    /// Wall clocks jump ahead, and back again.
    JumpAhead,
    /// Wall clocks jump back, and ahead again.
    JumpBack,
    /// Some of the packets between one node and all others are lost.
    LossOne,
    /// Some of all packets between nodes are lost.
    LossAll,
    /// Packets between one node and all others take longer.
    DelayOne,
    /// All packets between nodes take longer.
    DelayAll,
    /// One node is killed and loses its data.
    WipeOne,
}

impl FaultKind {
    /// All kinds, by class.
    pub const ALL: [FaultKind; 19] = [
        FaultKind::IsolateLeader,
        FaultKind::IsolateOne,
        FaultKind::MajorityMinority,
        FaultKind::MajoritiesRing,
        FaultKind::OneLink,
        FaultKind::OneWayIn,
        FaultKind::OneWayOut,
        FaultKind::Kill,
        FaultKind::KillLeader,
        FaultKind::KillAll,
        FaultKind::Pause,
        FaultKind::PauseLeader,
        FaultKind::JumpAhead,
        FaultKind::JumpBack,
        FaultKind::LossOne,
        FaultKind::LossAll,
        FaultKind::DelayOne,
        FaultKind::DelayAll,
        FaultKind::WipeOne,
    ];

    /// Its class.
    pub fn class(self) -> FaultClass {
        match self {
            FaultKind::IsolateLeader
            | FaultKind::IsolateOne
            | FaultKind::MajorityMinority
            | FaultKind::MajoritiesRing
            | FaultKind::OneLink
            | FaultKind::OneWayIn
            | FaultKind::OneWayOut => FaultClass::Partition,
            FaultKind::Kill | FaultKind::KillLeader | FaultKind::KillAll => FaultClass::Kill,
            FaultKind::Pause | FaultKind::PauseLeader => FaultClass::Pause,
            FaultKind::JumpAhead | FaultKind::JumpBack => FaultClass::Clock,
            FaultKind::LossOne | FaultKind::LossAll | FaultKind::DelayOne | FaultKind::DelayAll => FaultClass::Packets,
            FaultKind::WipeOne => FaultClass::Wipe,
        }
    }

    /// The name used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::IsolateLeader => "isolate-leader",
            FaultKind::IsolateOne => "isolate-one",
            FaultKind::MajorityMinority => "majority-minority",
            FaultKind::MajoritiesRing => "majorities-ring",
            FaultKind::OneLink => "one-link",
            FaultKind::OneWayIn => "one-way-in",
            FaultKind::OneWayOut => "one-way-out",
            FaultKind::Kill => "kill-some",
            FaultKind::KillLeader => "kill-leader",
            FaultKind::KillAll => "kill-all",
            FaultKind::Pause => "pause-some",
            FaultKind::PauseLeader => "pause-leader",
            FaultKind::JumpAhead => "jump-ahead",
            FaultKind::JumpBack => "jump-back",
            FaultKind::LossOne => "loss-one",
            FaultKind::LossAll => "loss-all",
            FaultKind::DelayOne => "delay-one",
            FaultKind::DelayAll => "delay-all",
            FaultKind::WipeOne => "wipe-one",
        }
    }

    /// What it means, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            FaultKind::IsolateLeader => "the leader can neither send to nor hear any other node",
            FaultKind::IsolateOne => "one node can neither send to nor hear any other node",
            FaultKind::MajorityMinority => "two groups of nodes cannot reach each other",
            FaultKind::MajoritiesRing => "every node sees a majority, no two nodes see the same one",
            FaultKind::OneLink => "two nodes cannot reach each other, but all others reach both",
            FaultKind::OneWayIn => "one node, often the leader, hears nobody but is heard by all",
            FaultKind::OneWayOut => "one node, often the leader, is heard by nobody but hears all",
            FaultKind::Kill => "one node, a minority or a majority is killed (SIGKILL) and started again",
            FaultKind::KillLeader => "the leader is killed (SIGKILL) and started again",
            FaultKind::KillAll => "all nodes are killed (SIGKILL), one right after the other, and started again",
            FaultKind::Pause => "one node, a minority or a majority is stopped (SIGSTOP) and goes on",
            FaultKind::PauseLeader => "the leader is stopped (SIGSTOP) and goes on",
            FaultKind::JumpAhead => "wall clocks jump ahead by 50 ms to 500 s, and back again",
            FaultKind::JumpBack => "wall clocks jump back by 50 ms to 500 s, and ahead again",
            FaultKind::LossOne => "one node, often the leader, loses 5 % to 60 % of the packets to and from all others",
            FaultKind::LossAll => "5 % to 60 % of the packets between any two nodes are lost",
            FaultKind::DelayOne => {
                "packets between one node, often the leader, and all others take longer, up to an election timeout"
            }
            FaultKind::DelayAll => "packets between any two nodes take longer, up to an election timeout",
            FaultKind::WipeOne => {
                "one node is killed, loses all its data and is started again; opt-in: few systems promise to survive it"
            }
        }
    }

    /// How often it is drawn among the kinds of its class.
    pub fn weight(self) -> f64 {
        match self {
            // 88 % of the partition failures studied need only one node isolated, and the leader is the one that hurts.
            FaultKind::IsolateLeader => 0.40,
            FaultKind::IsolateOne => 0.15,
            FaultKind::MajorityMinority => 0.20,
            FaultKind::MajoritiesRing | FaultKind::OneLink => 0.10,
            FaultKind::OneWayIn | FaultKind::OneWayOut => 0.075,
            FaultKind::Kill | FaultKind::KillLeader => 0.42,
            FaultKind::KillAll => 0.16,
            FaultKind::Pause | FaultKind::PauseLeader | FaultKind::JumpAhead | FaultKind::JumpBack => 0.5,
            FaultKind::LossOne | FaultKind::DelayOne => 0.3,
            FaultKind::LossAll | FaultKind::DelayAll => 0.2,
            FaultKind::WipeOne => 1.0,
        }
    }

    /// Whether it means something only where a node leads.
    pub fn needs_leader(self) -> bool {
        matches!(self, FaultKind::IsolateLeader | FaultKind::KillLeader | FaultKind::PauseLeader)
    }

    /// The smallest cluster in which it means something.
    pub fn nodes_min(self) -> u16 {
        match self {
            FaultKind::MajoritiesRing => 4,
            FaultKind::OneLink => 3,
            kind if matches!(kind.class(), FaultClass::Partition | FaultClass::Packets | FaultClass::Wipe) => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// The kinds that a class or a kind stands for by its name; `None` when there is no such name.
pub fn kinds_named(name: &str) -> Option<Vec<FaultKind>> {
    if let Some(class) = FaultClass::ALL.into_iter().find(|class| class.as_str() == name) {
        return Some(class.kinds().collect());
    }
    FaultKind::ALL.into_iter().find(|kind| kind.as_str() == name).map(|kind| vec![kind])
}

/// Those of the kinds that mean something in a cluster of so many nodes, in which somebody leads or nobody does.
pub fn meaningful(kinds: impl IntoIterator<Item = FaultKind>, nodes: u16, leader: bool) -> Vec<FaultKind> {
    let means = |kind: &FaultKind| kind.nodes_min() <= nodes && (leader || !kind.needs_leader());
    kinds.into_iter().filter(means).collect()
}

/// Kinds as a person would write them for such a cluster: a class's name where all of its kinds are there.
pub fn shortest(kinds: &[FaultKind], nodes: u16, leader: bool) -> String {
    let mut words: Vec<&str> = Vec::new();
    for class in FaultClass::ALL {
        let whole = meaningful(class.kinds(), nodes, leader);
        if !whole.is_empty() && whole.iter().all(|kind| kinds.contains(kind)) {
            words.push(class.as_str());
        } else {
            words.extend(class.kinds().filter(|kind| kinds.contains(kind)).map(FaultKind::as_str));
        }
    }
    if words.is_empty() { "none".to_owned() } else { words.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for kind in FaultKind::ALL {
            assert_eq!(kinds_named(kind.as_str()), Some(vec![kind]));
            assert_eq!(serde_json::to_value(kind.class()).unwrap(), kind.class().as_str());
        }
        assert_eq!(kinds_named("kill").unwrap().len(), 3);
        assert_eq!(kinds_named("meteor"), None);
    }

    #[test]
    fn whole_classes_are_written_by_their_name() {
        let mut kinds: Vec<FaultKind> = FaultClass::Kill.kinds().collect();
        kinds.push(FaultKind::IsolateLeader);
        assert_eq!(shortest(&kinds, 5, true), "isolate-leader,kill");
        assert_eq!(shortest(&[], 5, true), "none");
        let without_ring: Vec<FaultKind> = FaultClass::Partition.kinds().filter(|kind| kind.nodes_min() < 4).collect();
        assert_eq!(shortest(&without_ring, 3, true), "partition");
        let leaderless = meaningful(FaultClass::Kill.kinds(), 1, false);
        assert_eq!(shortest(&leaderless, 1, false), "kill");
    }
}
