//! Which part of a run belongs to one anomaly: its operations, and what happened around them.

use rashomon_checkers::Anomaly;
use rashomon_history::{History, OpId, OpView, Outcome};

use crate::log;
use crate::record::{FaultOutcome, FaultRecord};
use crate::run_files::{LogLine, NodeLog};

/// Operations drawn around an anomaly at most.
const OPERATIONS_MAX: usize = 40;
/// Faults drawn around an anomaly at most.
const FAULTS_MAX: usize = 12;
/// Node events drawn around an anomaly at most.
const EVENTS_MAX: usize = 24;

/// The operations of an anomaly that the history has, in order of invocation, and the numbers of those that it has
/// not (a history that was cut short).
pub(crate) fn core<'a>(history: &'a History, anomaly: &Anomaly) -> (Vec<OpView<'a>>, Vec<OpId>) {
    let mut ids = anomaly.operations.clone();
    ids.sort_unstable();
    ids.dedup();
    let (here, missing): (Vec<OpId>, Vec<OpId>) = ids.into_iter().partition(|id| (id.0 as usize) < history.len());
    (here.into_iter().map(|id| history.op(id)).collect(), missing)
}

/// The stretch of the run that a reader should look at, ns: the anomaly's window widened a little.
pub(crate) fn window(anomaly: &Anomaly, core: &[OpView<'_>]) -> (u64, u64) {
    let ends = core.iter().flat_map(|op| [Some(op.invoke_time), op.complete_time]).flatten();
    let (mut from, mut to) = anomaly.window;
    for end in ends {
        from = from.min(end);
        to = to.max(end);
    }
    let margin = ((to - from.min(to)) / 20).clamp(2_000_000, 200_000_000);
    (from.saturating_sub(margin), to.saturating_add(margin))
}

/// The operations around an anomaly.
pub(crate) struct Around<'a> {
    /// The nearest ones, those of the anomaly among them, in order of invocation.
    pub(crate) operations: Vec<OpView<'a>>,
    /// How many more operations on the same key the window has.
    pub(crate) left_out: u64,
}

/// All operations on the keys of the core that overlap the window, the nearest to the core first to be kept.
pub(crate) fn around<'a>(history: &'a History, core: &[OpView<'_>], window: (u64, u64)) -> Around<'a> {
    let mut keys: Vec<u32> = core.iter().map(|op| history.row(op.id).key).collect();
    keys.sort_unstable();
    keys.dedup();
    let edges: Vec<u64> = core.iter().flat_map(|op| [Some(op.invoke_time), op.complete_time]).flatten().collect();
    let on_key = (0..history.len() as u32).map(OpId).filter(|&id| keys.binary_search(&history.row(id).key).is_ok());
    let mut found: Vec<(u64, OpId)> = on_key
        .map(|id| history.op(id))
        .filter(|op| op.invoke_time <= window.1 && last_effect(op) >= window.0)
        .map(|op| {
            let own = core.iter().any(|other| other.id == op.id);
            (if own { 0 } else { 1 + distance(&op, &edges) }, op.id)
        })
        .collect();
    found.sort_unstable();
    let left_out = found.len().saturating_sub(OPERATIONS_MAX) as u64;
    found.truncate(OPERATIONS_MAX);
    let mut ids: Vec<OpId> = found.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    Around { operations: ids.into_iter().map(|id| history.op(id)).collect(), left_out }
}

/// When an operation took effect at the latest.
fn last_effect(op: &OpView<'_>) -> u64 {
    match op.outcome {
        Outcome::Info => u64::MAX,
        Outcome::Ok | Outcome::Fail => op.complete_time.unwrap_or(u64::MAX),
    }
}

/// How far an operation is from the nearest of some moments, ns; 0 while it ran.
fn distance(op: &OpView<'_>, moments: &[u64]) -> u64 {
    let (from, to) = (op.invoke_time, op.complete_time.unwrap_or(op.invoke_time));
    let apart = |&moment: &u64| if moment < from { from - moment } else { moment.saturating_sub(to) };
    moments.iter().map(apart).min().unwrap_or(0)
}

/// The faults in force at some moment of a window, in the order they began; of too many, the last to begin.
pub(crate) fn faults(faults: &[FaultRecord], window: (u64, u64)) -> Vec<&FaultRecord> {
    let in_force = |fault: &&FaultRecord| {
        was_tried(fault) && fault.begin_ns <= window.1 && fault.end_ns.is_none_or(|end| end >= window.0)
    };
    let mut found: Vec<&FaultRecord> = faults.iter().filter(in_force).collect();
    found.drain(..found.len().saturating_sub(FAULTS_MAX));
    found
}

/// The notable lines of all node logs in a window, those nearest to `moments` kept, in order of time.
pub(crate) fn node_events<'a>(logs: &'a [NodeLog], window: (u64, u64), moments: &[u64]) -> Vec<(&'a str, &'a LogLine)> {
    let near = |line: &LogLine| moments.iter().map(|&moment| moment.abs_diff(line.time_ns)).min().unwrap_or(0);
    let mut events: Vec<(&str, &LogLine)> = logs
        .iter()
        .flat_map(|log| log.lines.iter().map(|line| (log.node.as_str(), line)))
        .filter(|(_, line)| (window.0..=window.1).contains(&line.time_ns) && log::is_notable(&line.text))
        .collect();
    events.sort_by_key(|(_, line)| near(line));
    events.truncate(EVENTS_MAX);
    events.sort_by_key(|(node, line)| (line.time_ns, *node));
    events
}

/// Whether a fault took effect, or may have.
pub(crate) fn was_tried(fault: &FaultRecord) -> bool {
    fault.outcome != FaultOutcome::Skipped
}
