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
}

impl FaultClass {
    /// All classes, in order.
    pub const ALL: [FaultClass; 4] = [FaultClass::Partition, FaultClass::Kill, FaultClass::Pause, FaultClass::Clock];

    /// The word used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultClass::Partition => "partition",
            FaultClass::Kill => "kill",
            FaultClass::Pause => "pause",
            FaultClass::Clock => "clock",
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
}

impl FaultKind {
    /// All kinds, by class.
    pub const ALL: [FaultKind; 13] = [
        FaultKind::IsolateLeader,
        FaultKind::IsolateOne,
        FaultKind::MajorityMinority,
        FaultKind::MajoritiesRing,
        FaultKind::OneWayIn,
        FaultKind::OneWayOut,
        FaultKind::Kill,
        FaultKind::KillLeader,
        FaultKind::KillAll,
        FaultKind::Pause,
        FaultKind::PauseLeader,
        FaultKind::JumpAhead,
        FaultKind::JumpBack,
    ];

    /// Its class.
    pub fn class(self) -> FaultClass {
        match self {
            FaultKind::IsolateLeader
            | FaultKind::IsolateOne
            | FaultKind::MajorityMinority
            | FaultKind::MajoritiesRing
            | FaultKind::OneWayIn
            | FaultKind::OneWayOut => FaultClass::Partition,
            FaultKind::Kill | FaultKind::KillLeader | FaultKind::KillAll => FaultClass::Kill,
            FaultKind::Pause | FaultKind::PauseLeader => FaultClass::Pause,
            FaultKind::JumpAhead | FaultKind::JumpBack => FaultClass::Clock,
        }
    }

    /// The name used on the command line and in files.
    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::IsolateLeader => "isolate-leader",
            FaultKind::IsolateOne => "isolate-one",
            FaultKind::MajorityMinority => "majority-minority",
            FaultKind::MajoritiesRing => "majorities-ring",
            FaultKind::OneWayIn => "one-way-in",
            FaultKind::OneWayOut => "one-way-out",
            FaultKind::Kill => "kill-some",
            FaultKind::KillLeader => "kill-leader",
            FaultKind::KillAll => "kill-all",
            FaultKind::Pause => "pause-some",
            FaultKind::PauseLeader => "pause-leader",
            FaultKind::JumpAhead => "jump-ahead",
            FaultKind::JumpBack => "jump-back",
        }
    }

    /// What it means, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            FaultKind::IsolateLeader => "the leader can neither send to nor hear any other node",
            FaultKind::IsolateOne => "one node can neither send to nor hear any other node",
            FaultKind::MajorityMinority => "two groups of nodes cannot reach each other",
            FaultKind::MajoritiesRing => "every node sees a majority, no two nodes see the same one",
            FaultKind::OneWayIn => "one node, often the leader, hears nobody but is heard by all",
            FaultKind::OneWayOut => "one node, often the leader, is heard by nobody but hears all",
            FaultKind::Kill => "one node, a minority or a majority is killed (SIGKILL) and started again",
            FaultKind::KillLeader => "the leader is killed (SIGKILL) and started again",
            FaultKind::KillAll => "all nodes are killed (SIGKILL), one right after the other, and started again",
            FaultKind::Pause => "one node, a minority or a majority is stopped (SIGSTOP) and goes on",
            FaultKind::PauseLeader => "the leader is stopped (SIGSTOP) and goes on",
            FaultKind::JumpAhead => "wall clocks jump ahead by 50 ms to 500 s, and back again",
            FaultKind::JumpBack => "wall clocks jump back by 50 ms to 500 s, and ahead again",
        }
    }

    /// How often it is drawn among the kinds of its class.
    pub(crate) fn weight(self) -> f64 {
        match self {
            // 88 % of the partition failures studied need only one node isolated, and the leader is the one that hurts.
            FaultKind::IsolateLeader => 0.40,
            FaultKind::IsolateOne => 0.15,
            FaultKind::MajorityMinority => 0.20,
            FaultKind::MajoritiesRing => 0.10,
            FaultKind::OneWayIn | FaultKind::OneWayOut => 0.075,
            FaultKind::Kill | FaultKind::KillLeader => 0.42,
            FaultKind::KillAll => 0.16,
            FaultKind::Pause | FaultKind::PauseLeader | FaultKind::JumpAhead | FaultKind::JumpBack => 0.5,
        }
    }

    /// The smallest cluster in which it means something.
    pub fn nodes_min(self) -> u16 {
        match self {
            FaultKind::MajoritiesRing => 4,
            kind if kind.class() == FaultClass::Partition => 2,
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

/// Kinds as a person would write them for a cluster of so many nodes: a class's name where all of its kinds are there.
pub fn shortest(kinds: &[FaultKind], nodes: u16) -> String {
    let mut words: Vec<&str> = Vec::new();
    for class in FaultClass::ALL {
        if class.kinds().filter(|kind| kind.nodes_min() <= nodes).all(|kind| kinds.contains(&kind)) {
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
        assert_eq!(shortest(&kinds, 5), "isolate-leader,kill");
        assert_eq!(shortest(&[], 5), "none");
        let without_ring: Vec<FaultKind> = FaultClass::Partition.kinds().filter(|kind| kind.nodes_min() < 4).collect();
        assert_eq!(shortest(&without_ring, 3), "partition");
    }
}
