//! Whether the system under test reacted to the faults that were aimed at its leader.
//!
//! A leader that is cut off for less time than the others need to miss it is never replaced: such a fault proves
//! nothing about elections, and a run without any reaction has tested none.

use std::time::Duration;

use rashomon_runs::{FaultOutcome, FaultRecord, LeaderReactions, ProtocolEvent};

/// After a fault was healed the system may still react to it for so many detection times.
const AFTERMATH: u32 = 3;

/// Counts reactions. `None` when the nodes reported no leader at all: then nothing is known about reactions.
pub fn count(faults: &[&FaultRecord], leaderships: &[ProtocolEvent], detection: Duration) -> Option<LeaderReactions> {
    if leaderships.is_empty() {
        return None;
    }
    let detection_ns = detection.as_nanos() as u64;
    // What happened before the load began is no change.
    let changes: Vec<u64> = leaderships.iter().map(|event| event.at_ns).filter(|&at_ns| at_ns > 0).collect();
    let mut reactions = LeaderReactions {
        leader_changes: changes.len() as u64,
        detection_ms: detection.as_millis() as u64,
        ..LeaderReactions::default()
    };
    let hit = |fault: &&&FaultRecord| fault.outcome == FaultOutcome::Installed && hit_the_leader(fault, leaderships);
    for fault in faults.iter().filter(hit) {
        let end_ns = fault.end_ns.unwrap_or(u64::MAX);
        let until_ns = end_ns.saturating_add(u64::from(AFTERMATH) * detection_ns);
        reactions.faults += 1;
        if changes.iter().any(|at_ns| (fault.begin_ns..=until_ns).contains(at_ns)) {
            reactions.answered += 1;
        } else if end_ns - fault.begin_ns < detection_ns {
            reactions.too_short += 1;
        }
    }
    Some(reactions)
}

/// Whether a fault was aimed at the leader and hit the node that led: one that hits a leader of before, which does not
/// know yet that it was replaced, calls for no election.
fn hit_the_leader(fault: &FaultRecord, leaderships: &[ProtocolEvent]) -> bool {
    let aimed = fault.kind.to_string().contains("leader") || fault.description.contains("(leader)");
    let before = leaderships.iter().filter(|event| event.at_ns <= fault.begin_ns);
    let leader = before.max_by_key(|event| (event.term, event.at_ns));
    aimed && leader.is_some_and(|leader| fault.nodes.contains(&leader.node))
}

#[cfg(test)]
mod tests {
    use rashomon_runs::FaultRecord;

    use super::*;

    const MS: u64 = 1_000_000;
    const DETECTION: Duration = Duration::from_millis(300);

    fn fault(kind: &str, from_ms: u64, to_ms: u64, outcome: FaultOutcome) -> FaultRecord {
        let record = serde_json::json!({
            "id": 1, "episode": 1, "class": "kill", "kind": kind, "description": "", "nodes": ["n1"],
            "begin_ns": from_ms * MS, "end_ns": to_ms * MS, "outcome": outcome, "proof": [], "healed": [], "reason": null,
        });
        serde_json::from_value(record).expect("a fault")
    }

    fn leader(at_ms: u64) -> ProtocolEvent {
        ProtocolEvent {
            node: "n1".to_owned(),
            at_ns: at_ms * MS,
            kind: "leader".to_owned(),
            term: Some(at_ms),
            detail: String::new(),
        }
    }

    #[test]
    fn a_fault_that_hits_a_leader_of_before_calls_for_no_election() {
        let fault = fault("kill-leader", 1_000, 2_000, FaultOutcome::Installed);
        let other = ProtocolEvent { node: "n4".to_owned(), ..leader(990) };
        let counted = count(&[&fault], &[leader(0), other], DETECTION).unwrap();
        assert_eq!((counted.leader_changes, counted.faults), (1, 0));
    }

    #[test]
    fn a_reaction_is_a_new_leader_while_the_fault_lasts_or_soon_after() {
        let installed = FaultOutcome::Installed;
        let faults = [
            fault("kill-leader", 1_000, 2_000, installed),
            fault("isolate-leader", 5_000, 5_100, installed),
            fault("pause-leader", 8_000, 9_000, installed),
            fault("kill", 10_000, 11_000, installed),
            fault("kill-leader", 12_000, 13_000, FaultOutcome::Skipped),
        ];
        let faults: Vec<&FaultRecord> = faults.iter().collect();
        let counted = count(&faults, &[leader(0), leader(2_500), leader(10_500)], DETECTION).unwrap();
        let expected = LeaderReactions { leader_changes: 2, faults: 3, answered: 1, too_short: 1, detection_ms: 300 };
        assert_eq!(counted, expected);
        let silent = count(&faults, &[leader(0)], DETECTION).unwrap();
        assert_eq!((silent.leader_changes, silent.faults, silent.answered), (0, 3, 0));
    }

    #[test]
    fn without_any_leader_nothing_is_known() {
        assert_eq!(count(&[], &[], DETECTION), None);
    }
}
