//! Which part of a run belongs to one anomaly: its operations, and what happened around them.

use std::cmp::Reverse;

use rashomon_checkers::Anomaly;
use rashomon_history::{History, OpId, OpView, Outcome, Value};

use crate::log;
use crate::run_files::{LogLine, NodeLog};
use rashomon_runs::{FaultOutcome, FaultRecord};

/// Operations of one anomaly that are drawn large.
const PRINCIPAL_MAX: usize = 7;
/// Operations drawn around an anomaly at most.
const OPERATIONS_MAX: usize = 40;
/// Faults drawn around an anomaly at most.
const FAULTS_MAX: usize = 12;
/// Node events drawn around an anomaly at most.
const EVENTS_MAX: usize = 24;

/// The operations of an anomaly.
pub(crate) struct Core<'a> {
    /// All that the history has, in order of invocation.
    pub(crate) all: Vec<OpView<'a>>,
    /// Those to look at first: all of them, or, of very many, the ones nearest to the contradiction.
    pub(crate) principal: Vec<OpView<'a>>,
    /// Those that the history has not, because it was cut short.
    pub(crate) missing: Vec<OpId>,
}

impl<'a> Core<'a> {
    /// The operations of an anomaly, looked up in the history.
    pub(crate) fn of(history: &'a History, anomaly: &Anomaly) -> Core<'a> {
        let mut ids = anomaly.operations.clone();
        ids.sort_unstable();
        ids.dedup();
        let (here, missing): (Vec<OpId>, Vec<OpId>) = ids.into_iter().partition(|id| (id.0 as usize) < history.len());
        let all: Vec<OpView<'a>> = here.into_iter().map(|id| history.op(id)).collect();
        let principal = principal(&all);
        Core { all, principal, missing }
    }

    /// The stretch of the run that a reader should look at, ns: from just before the first principal operation to just
    /// after the last one.
    pub(crate) fn window(&self, anomaly: &Anomaly) -> (u64, u64) {
        let shown_in_full = self.principal.len() == self.all.len();
        let start = if shown_in_full { anomaly.window } else { (u64::MAX, 0) };
        let (from, to) = self.moments().into_iter().fold(start, |(from, to), end| (from.min(end), to.max(end)));
        let margin = (to.saturating_sub(from) / 20).clamp(2_000_000, 200_000_000);
        (from.saturating_sub(margin), to.saturating_add(margin))
    }

    /// When the principal operations began and ended, ns.
    pub(crate) fn moments(&self) -> Vec<u64> {
        self.principal.iter().flat_map(|op| [Some(op.invoke_time), op.complete_time]).flatten().collect()
    }
}

/// Of too many operations, those to show: the last one, in which the contradiction came to light, those that handled
/// the value it returned, and those just before it.
fn principal<'a>(all: &[OpView<'a>]) -> Vec<OpView<'a>> {
    let Some(last) = all.last().filter(|_| all.len() > PRINCIPAL_MAX) else { return all.to_vec() };
    let handles = |op: &OpView<'_>, value: &Value| {
        let within = |side: &Value| side == value || side.as_list().is_some_and(|items| items.contains(value));
        !value.is_nil() && (within(&op.input) || within(&op.output))
    };
    let mut ranked: Vec<(bool, Reverse<OpId>)> =
        all.iter().map(|op| (!handles(op, &last.output) && op.id != last.id, Reverse(op.id))).collect();
    ranked.sort_unstable();
    // Values may repeat: half of the room is for the latest operations, whatever they handled.
    let mut ids: Vec<OpId> = ranked.iter().take(PRINCIPAL_MAX / 2).map(|(_, id)| id.0).collect();
    let latest = all.iter().rev().map(|op| op.id).filter(|id| !ids.contains(id));
    let latest: Vec<OpId> = latest.take(PRINCIPAL_MAX - ids.len()).collect();
    ids.extend(latest);
    all.iter().filter(|op| ids.contains(&op.id)).cloned().collect()
}

/// The operations around an anomaly.
pub(crate) struct Around<'a> {
    /// The nearest ones, those of the anomaly among them, in order of invocation.
    pub(crate) operations: Vec<OpView<'a>>,
    /// How many more operations on the same key the window has.
    pub(crate) left_out: u64,
}

/// All operations on the keys of the core that overlap the window, the nearest to the core first to be kept.
pub(crate) fn around<'a>(history: &'a History, core: &Core<'_>, window: (u64, u64)) -> Around<'a> {
    let mut keys: Vec<u32> = core.principal.iter().map(|op| history.row(op.id).key).collect();
    keys.sort_unstable();
    keys.dedup();
    let edges = core.moments();
    let on_key = (0..history.len() as u32).map(OpId).filter(|&id| keys.binary_search(&history.row(id).key).is_ok());
    let mut found: Vec<(u64, OpId)> = on_key
        .map(|id| history.op(id))
        .filter(|op| op.invoke_time <= window.1 && last_effect(op) >= window.0)
        .map(|op| {
            let own = core.principal.iter().any(|other| other.id == op.id);
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
