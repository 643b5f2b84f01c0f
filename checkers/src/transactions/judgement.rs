//! The answer in the form that all checkers give.

use rashomon_history::History;

use super::explain::{TxnAnomaly, TxnEdge};
use super::{Dependency, Options, TxnResult};
use crate::level::Level;
use crate::verdict::{Anomaly, Edge, EdgeKind, Finding, Judgement, Method};

/// The answer as a judgement; `history` is what was judged.
pub(super) fn judgement(history: &History, options: &Options, result: &TxnResult) -> Judgement {
    let named = |levels: &[Level]| levels.iter().map(|level| level.name()).collect::<Vec<_>>().join(", ");
    let mut notes = Vec::new();
    if !result.holds.is_empty() {
        notes.push(format!("strongest levels that hold: {}", named(&result.holds)));
    }
    if !result.broken.is_empty() {
        notes.push(format!("weakest levels that are broken: {}", named(&result.broken)));
    }
    if !result.open.is_empty() && !result.measured.is_nothing() {
        notes.push(format!("not decided: {}", named(&result.open)));
    }
    notes.extend(result.notes.iter().cloned());
    for anomaly in &result.allowed {
        notes.push(format!("allowed by {}: {} ({})", options.level, full_name(anomaly), anomaly.sentence));
    }
    let why = match options.objects {
        super::Objects::Lists => "reads of lists show the order of appends",
        super::Objects::Registers => "orders of writes are inferred from what was read, then searched for",
    };
    let method = Method {
        method: "dependency graph".to_owned(),
        parts: 1,
        operations: result.measured.transactions,
        steps: result.measured.steps,
        why: format!("{why}; {} dependencies", result.measured.dependencies),
    };
    Judgement {
        checker: format!("{} {}", options.level, options.objects.name()),
        finding: result.finding,
        anomalies: match result.finding {
            Finding::Invalid => result.anomalies.iter().map(|anomaly| plain(history, anomaly)).collect(),
            _ => Vec::new(),
        },
        unknown: result.unknown.clone(),
        methods: if result.measured.is_nothing() { Vec::new() } else { vec![method] },
        notes,
        measurements: Vec::new(),
    }
}

fn full_name(anomaly: &TxnAnomaly) -> String {
    anomaly.also.as_ref().map_or(anomaly.name.clone(), |also| format!("{}, {also}", anomaly.name))
}

fn plain(history: &History, anomaly: &TxnAnomaly) -> Anomaly {
    let mut operations = anomaly.transactions.clone();
    operations.sort_unstable();
    operations.dedup();
    let times = operations.iter().map(|&id| history.op(id));
    let begin = times.clone().map(|op| op.invoke_time).min().unwrap_or(0);
    let end = times.map(|op| op.complete_time.unwrap_or(op.invoke_time)).max().unwrap_or(0);
    // A little on both sides, so that the operations do not touch the edges of a drawing.
    let margin = ((end - begin) / 4).max(1_000);
    Anomaly {
        name: anomaly.name.clone(),
        sentence: anomaly.sentence.clone(),
        key: anomaly.key.clone(),
        operations,
        explanation: anomaly.explanation.clone(),
        window: (begin.saturating_sub(margin), end + margin),
        edges: anomaly.edges.iter().map(typed).collect(),
    }
}

fn typed(edge: &TxnEdge) -> Edge {
    let kind = match edge.dependency {
        Dependency::Ww => EdgeKind::WW,
        Dependency::Wr => EdgeKind::WR,
        Dependency::Rw => EdgeKind::RW,
        Dependency::Process => EdgeKind::PROCESS,
        Dependency::RealTime => EdgeKind::REAL_TIME,
    };
    Edge { from: edge.from, to: edge.to, kind, why: edge.label.clone() }
}
