//! The plan of faults: what is injected into a run, when, and into which nodes.
//!
//! It is drawn from the seed before the run begins (`rashomon_faults::schedule_generator`) and stored in the manifest.
//! Each fault has an identity of its own, to which records, evidence and other faults refer: to take one out
//! ([`Schedule::without`]) changes neither the time, the kind nor the identity of any other.

mod earlier;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault_kind::FaultKind;

/// All faults of a run, in order of their beginning. Plans of earlier versions, whose faults had no identities, are
/// read as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "earlier::AnySchedule")]
pub struct Schedule {
    /// The episodes, one after the other.
    pub episodes: Vec<Episode>,
}

/// A few faults that belong together, and the quiet time after them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Episode {
    /// The faults, in order of their beginning.
    pub faults: Vec<PlannedFault>,
    /// When everything is healed and quiet time is over, milliseconds since the run began.
    pub end_ms: u64,
}

/// One fault of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// Its identity within the run, also in `faults.jsonl`.
    pub id: FaultId,
    /// Its kind.
    pub kind: FaultKind,
    /// Which nodes it is aimed at.
    pub aim: Aim,
    /// What else was drawn for it, by name: `percent`, `by-ms`, …. What there is depends on the kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, i64>,
    /// When it begins, milliseconds since the run began.
    pub at_ms: u64,
    /// How long it lasts, milliseconds.
    pub for_ms: u64,
}

/// The identity of a fault within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u32);

impl fmt::Display for FaultId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// Which nodes a fault is aimed at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aim {
    /// Every node.
    All,
    /// The node that leads when the fault begins.
    Leader,
    /// The node that leads when the fault begins, and as many of these as make a group of their number.
    LeaderAnd(Vec<u16>),
    /// Those that the fault of this identity was aimed at.
    SameAs(FaultId),
    /// These, in this order.
    Nodes(Vec<u16>),
}

impl Schedule {
    /// All faults with the number of their episode (from 1), in order of their beginning.
    pub fn faults(&self) -> impl Iterator<Item = (u32, &PlannedFault)> {
        let numbered = self.episodes.iter().enumerate();
        numbered.flat_map(|(index, episode)| episode.faults.iter().map(move |fault| (index as u32 + 1, fault)))
    }

    /// How many faults it has of these kinds.
    pub fn count(&self, kinds: &[FaultKind]) -> usize {
        self.faults().filter(|(_, planned)| kinds.contains(&planned.kind)).count()
    }

    /// An identity that none of its faults has; larger ones are free, too.
    pub fn next_id(&self) -> FaultId {
        FaultId(self.faults().map(|(_, planned)| planned.id.0).max().unwrap_or(0).saturating_add(1))
    }

    /// The plan without one of its faults. Faults aimed at the same nodes as that one take over its aim; nothing else
    /// changes, not even the end of its episode.
    pub fn without(&self, id: FaultId) -> Schedule {
        let mut left = self.clone();
        let Some(aim) = self.faults().find(|(_, planned)| planned.id == id).map(|(_, planned)| planned.aim.clone())
        else {
            return left;
        };
        for episode in &mut left.episodes {
            episode.faults.retain(|planned| planned.id != id);
            for planned in episode.faults.iter_mut().filter(|planned| planned.aim == Aim::SameAs(id)) {
                planned.aim = aim.clone();
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(id: u32, aim: Aim) -> PlannedFault {
        let kind = FaultKind::new("kill-some");
        PlannedFault { id: FaultId(id), kind, aim, parameters: BTreeMap::new(), at_ms: 100 * u64::from(id), for_ms: 50 }
    }

    fn schedule(episodes: Vec<Vec<PlannedFault>>) -> Schedule {
        let episode = |(index, faults)| Episode { faults, end_ms: 1000 * (index as u64 + 1) };
        Schedule { episodes: episodes.into_iter().enumerate().map(episode).collect() }
    }

    #[test]
    fn taking_a_fault_out_changes_nothing_about_the_others() {
        let first = vec![planned(1, Aim::Leader), planned(2, Aim::SameAs(FaultId(1)))];
        let second = vec![planned(3, Aim::SameAs(FaultId(2))), planned(7, Aim::Nodes(vec![2]))];
        let all = schedule(vec![first, second]);
        for gone in [1, 2, 3, 7] {
            let left = all.without(FaultId(gone));
            assert_eq!(left.faults().count(), 3);
            for (episode, planned) in left.faults() {
                let (then, before) = all.faults().find(|(_, before)| before.id == planned.id).unwrap();
                assert_eq!(episode, then);
                if before.aim != Aim::SameAs(FaultId(gone)) {
                    assert_eq!(planned, before);
                }
            }
        }
        let aim = |schedule: &Schedule, id| {
            schedule.faults().find(|(_, planned)| planned.id == FaultId(id)).map(|(_, planned)| planned.aim.clone())
        };
        assert_eq!(aim(&all.without(FaultId(1)), 2), Some(Aim::Leader));
        assert_eq!(aim(&all.without(FaultId(2)), 3), Some(Aim::SameAs(FaultId(1))));
        assert_eq!(aim(&all.without(FaultId(2)).without(FaultId(1)), 3), Some(Aim::Leader));
        assert_eq!(all.without(FaultId(5)), all);
        assert_eq!(all.next_id(), FaultId(8));
    }
}
