//! Plans as version 0.1.0 wrote them: faults without identities, with what is done to whom as one value of an
//! enumeration. They are read as plans of today; nothing writes them any more.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Aim, Episode, FaultId, PlannedFault, Schedule};
use crate::fault_kind::FaultKind;

/// A plan of this version or of an earlier one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnySchedule {
    episodes: Vec<AnyEpisode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyEpisode {
    faults: Vec<AnyFault>,
    end_ms: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum AnyFault {
    Today(PlannedFault),
    Earlier(EarlierFault),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EarlierFault {
    kind: FaultKind,
    fault: Action,
    at_ms: u64,
    for_ms: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Isolate(EarlierAim),
    Split(Vec<u16>),
    SplitLeader(Vec<u16>),
    MajoritiesRing(Vec<u16>),
    Unlink(u16, u16),
    Deaf(EarlierAim),
    Mute(EarlierAim),
    Kill(EarlierAim),
    KillAll,
    Wipe(EarlierAim),
    LossOne(EarlierAim, u8),
    LossAll(u8),
    DelayOne(EarlierAim, u32),
    DelayAll(u32),
    Pause(EarlierAim),
    ClockJump(EarlierAim, i64),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum EarlierAim {
    Leader,
    /// The same nodes as the fault before it in its episode.
    Same,
    Nodes(Vec<u16>),
}

impl From<AnySchedule> for Schedule {
    fn from(any: AnySchedule) -> Schedule {
        let mut last = 0u32;
        let mut episodes = Vec::new();
        for episode in any.episodes {
            let mut faults: Vec<PlannedFault> = Vec::new();
            for fault in episode.faults {
                let planned = match fault {
                    AnyFault::Today(planned) => planned,
                    AnyFault::Earlier(earlier) => {
                        earlier.with_identity(FaultId(last.saturating_add(1)), faults.last().map(|before| before.id))
                    }
                };
                last = planned.id.0;
                faults.push(planned);
            }
            episodes.push(Episode { faults, end_ms: episode.end_ms });
        }
        Schedule { episodes }
    }
}

impl EarlierFault {
    fn with_identity(self, id: FaultId, before: Option<FaultId>) -> PlannedFault {
        let aimed = |aim: EarlierAim| match aim {
            EarlierAim::Leader => Aim::Leader,
            EarlierAim::Nodes(nodes) => Aim::Nodes(nodes),
            EarlierAim::Same => before.map_or(Aim::Nodes(Vec::new()), Aim::SameAs),
        };
        let (aim, parameter) = match self.fault {
            Action::Isolate(aim) | Action::Deaf(aim) | Action::Mute(aim) => (aimed(aim), None),
            Action::Kill(aim) | Action::Wipe(aim) | Action::Pause(aim) => (aimed(aim), None),
            Action::Split(nodes) | Action::MajoritiesRing(nodes) => (Aim::Nodes(nodes), None),
            Action::SplitLeader(nodes) => (Aim::LeaderAnd(nodes), None),
            Action::Unlink(one, other) => (Aim::Nodes(vec![one, other]), None),
            Action::KillAll => (Aim::All, None),
            Action::LossOne(aim, percent) => (aimed(aim), Some(("percent", i64::from(percent)))),
            Action::LossAll(percent) => (Aim::All, Some(("percent", i64::from(percent)))),
            Action::DelayOne(aim, held_ms) => (aimed(aim), Some(("held-ms", i64::from(held_ms)))),
            Action::DelayAll(held_ms) => (Aim::All, Some(("held-ms", i64::from(held_ms)))),
            Action::ClockJump(aim, by_ms) => (aimed(aim), Some(("by-ms", by_ms))),
        };
        let parameters = parameter.map(|(name, value)| (name.to_owned(), value));
        let parameters: BTreeMap<String, i64> = parameters.into_iter().collect();
        PlannedFault { id, kind: self.kind, aim, parameters, at_ms: self.at_ms, for_ms: self.for_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_of_earlier_versions_get_identities_in_order() {
        let text = r#"{"episodes":[
            {"faults":[{"kind":"kill","fault":{"kill":"leader"},"at_ms":1000,"for_ms":300},
                       {"kind":"jump-back","fault":{"clock-jump":["same",-250]},"at_ms":1100,"for_ms":400}],"end_ms":3000},
            {"faults":[{"kind":"one-link","fault":{"unlink":[3,1]},"at_ms":3000,"for_ms":300},
                       {"kind":"kill-all","fault":"kill-all","at_ms":3100,"for_ms":300}],"end_ms":5000}]}"#;
        let schedule: Schedule = serde_json::from_str(text).unwrap();
        let read: Vec<(u32, &str, &Aim)> =
            schedule.faults().map(|(_, planned)| (planned.id.0, planned.kind.as_str(), &planned.aim)).collect();
        let expected = [
            (1, "kill-some", &Aim::Leader),
            (2, "jump-back", &Aim::SameAs(FaultId(1))),
            (3, "one-link", &Aim::Nodes(vec![3, 1])),
            (4, "kill-all", &Aim::All),
        ];
        assert_eq!(read, expected);
        assert_eq!(schedule.episodes[0].faults[1].parameters["by-ms"], -250);
        let again = serde_json::to_string(&schedule).unwrap();
        assert_eq!(serde_json::from_str::<Schedule>(&again).unwrap(), schedule);
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        for text in [
            r#"{"episodes":[{"faults":[{"kind":"kill","fault":{"bite":"leader"},"at_ms":1,"for_ms":3}],"end_ms":3}]}"#,
            r#"{"episodes":[{"faults":[{"id":1,"kind":"kill","at_ms":1,"for_ms":3}],"end_ms":3}]}"#,
            r#"{"episodes":[],"more":1}"#,
        ] {
            assert!(serde_json::from_str::<Schedule>(text).is_err(), "{text}");
        }
    }
}
