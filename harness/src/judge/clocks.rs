//! Says how far the nodes' clocks were off when they took the operations of an anomaly.
//!
//! Stores that order writes by wall clocks lose acknowledged ones when clocks are wrong: which clock was, and by how
//! much, is half of the explanation. The offsets come from the run's faults, whose effect was read back in the node.

use rashomon_checkers::{Anomaly, Judgement};
use rashomon_history::{History, OpView};
use rashomon_runs::{FaultOutcome, FaultRecord};

use crate::interface::Interface;

/// Operations of one anomaly that are looked at; larger cores say nothing more by more sentences.
const OPERATIONS_MAX: usize = 12;

/// Adds a sentence to the explanation of each anomaly for each of its operations whose node's clock was off, and, where
/// there is one, for each update whose node's clock was right.
pub(super) fn annotate(judgements: &mut [Judgement], interface: &Interface, history: &History, faults: &[FaultRecord]) {
    let jumps: Vec<&FaultRecord> = faults.iter().filter(|fault| fault.clock_ms.is_some()).collect();
    if jumps.is_empty() {
        return;
    }
    for anomaly in judgements.iter_mut().flat_map(|judgement| &mut judgement.anomalies) {
        let sentences = sentences(anomaly, interface, history, &jumps);
        anomaly.explanation.extend(sentences);
    }
}

fn sentences(anomaly: &Anomaly, interface: &Interface, history: &History, jumps: &[&FaultRecord]) -> Vec<String> {
    let known = anomaly.operations.iter().filter(|id| (id.0 as usize) < history.len()).take(OPERATIONS_MAX);
    let taken: Vec<(OpView<'_>, u16, Option<&FaultRecord>)> = known
        .map(|&id| history.op(id))
        .filter_map(|op| op.node.map(|node| (op, node)))
        .map(|(op, node)| {
            let jump = jump_at(jumps, node, op.invoke_time);
            (op, node, jump)
        })
        .collect();
    if taken.iter().all(|(.., jump)| jump.is_none()) {
        return Vec::new();
    }
    let mut sentences = Vec::new();
    for (op, node, jump) in &taken {
        // Of what changes nothing, a clock that was right is of no interest.
        let read = !interface.updates(op.f);
        let off = match jump.and_then(|jump| Some((jump.outcome, jump.clock_ms?))) {
            Some((FaultOutcome::Installed, by_ms)) => offset(by_ms),
            // Its effect was never seen.
            Some((_, by_ms)) => format!("probably {}", offset(by_ms)),
            None if read => continue,
            None => "right".to_owned(),
        };
        let value = if op.input.is_nil() { String::new() } else { format!(" {}", op.input) };
        let verb = if read { "answered" } else { "took" };
        sentences.push(format!("n{node}'s clock was {off} when it {verb} op {} ({}{value})", op.id.0, op.f));
    }
    sentences
}

/// The clock fault that was installed at a node at some time.
fn jump_at<'a>(jumps: &[&'a FaultRecord], node: u16, time_ns: u64) -> Option<&'a FaultRecord> {
    let name = format!("n{node}");
    let hit = |fault: &&&FaultRecord| {
        fault.outcome != FaultOutcome::Skipped
            && fault.nodes.contains(&name)
            && (fault.begin_ns..fault.end_ns.unwrap_or(u64::MAX)).contains(&time_ns)
    };
    jumps.iter().find(hit).copied()
}

fn offset(by_ms: i64) -> String {
    let way = if by_ms < 0 { "behind" } else { "ahead" };
    format!("{:.3} s {way}", by_ms.unsigned_abs() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use rashomon_checkers::Finding;
    use rashomon_history::{Event, EventKind, OpId, Value};

    use super::*;
    use crate::faults::kind::FaultClass;
    use crate::interface;

    fn history() -> History {
        let event = |time, process, kind, f: &str, value| Event {
            time,
            process,
            kind,
            f: f.into(),
            key: Value::Int(1),
            value,
            node: Some(process as u16),
            error: None,
        };
        let write = |time, process, value| {
            [
                event(time, process, EventKind::Invoke, "write", Value::Int(value)),
                event(time + 5, process, EventKind::Ok, "write", Value::Int(value)),
            ]
        };
        let read =
            [event(60, 2, EventKind::Invoke, "read", Value::Nil), event(65, 2, EventKind::Ok, "read", Value::Int(7))];
        History::from_events([write(20, 2, 7), write(40, 3, 8), read].concat()).unwrap()
    }

    fn jump(nodes: &[&str], from: u64, to: u64, clock_ms: Option<i64>, outcome: FaultOutcome) -> FaultRecord {
        FaultRecord {
            id: 1,
            episode: 1,
            class: FaultClass::new("clock"),
            kind: "jump-ahead".to_owned(),
            description: String::new(),
            nodes: nodes.iter().map(|&node| node.to_owned()).collect(),
            begin_ns: from,
            end_ns: Some(to),
            outcome,
            proof: Vec::new(),
            healed: Vec::new(),
            reason: None,
            clock_ms,
            retry_of: None,
        }
    }

    fn explained(faults: &[FaultRecord]) -> Vec<String> {
        let anomaly = Anomaly {
            name: "lost write".to_owned(),
            sentence: "8 was lost".to_owned(),
            key: "1".to_owned(),
            operations: vec![OpId(0), OpId(1), OpId(2)],
            explanation: vec!["because".to_owned()],
            window: (0, 1),
            edges: Vec::new(),
        };
        let mut judgement = Judgement {
            checker: "eventual register".to_owned(),
            finding: Finding::Invalid,
            anomalies: vec![anomaly],
            unknown: Vec::new(),
            methods: Vec::new(),
            notes: Vec::new(),
            measurements: Vec::new(),
        };
        annotate(std::slice::from_mut(&mut judgement), &interface::REGISTER, &history(), faults);
        judgement.anomalies.remove(0).explanation
    }

    #[test]
    fn each_update_is_told_at_which_offset_it_was_taken() {
        let ahead = jump(&["n2", "n5"], 10, 50, Some(30_000), FaultOutcome::Installed);
        let expected = [
            "because",
            "n2's clock was 30.000 s ahead when it took op 0 (write 7)",
            "n3's clock was right when it took op 1 (write 8)",
        ];
        assert_eq!(explained(&[ahead]), expected);
        let back = jump(&["n3"], 30, 50, Some(-1_500), FaultOutcome::Unconfirmed);
        assert_eq!(explained(&[back])[2], "n3's clock was probably 1.500 s behind when it took op 1 (write 8)");
    }

    #[test]
    fn without_a_wrong_clock_nothing_is_said() {
        let elsewhere = jump(&["n4"], 0, 100, Some(5), FaultOutcome::Installed);
        let later = jump(&["n2"], 70, 100, Some(5), FaultOutcome::Installed);
        let kill = jump(&["n2"], 0, 100, None, FaultOutcome::Installed);
        assert_eq!(explained(&[elsewhere, later, kill]), ["because"]);
    }
}
