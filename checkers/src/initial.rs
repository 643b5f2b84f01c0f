//! Objects that do not begin empty: the value is put into each of them before everything that was recorded.
//!
//! An operation that completed before all others began is what an initial value is to every checker. So no model needs
//! to know of it, and a core that depends on the value names it.

use rashomon_history::{Event, EventKind, History, HistoryError, OpView, Outcome, Value};
use rustc_hash::FxHashSet;

use crate::checker::Initially;

/// The history with this operation on each of its keys before its first event, by a process of its own. The operations
/// of the history are numbered on from there; the second result says by how much, the third names the process.
pub fn with_initial(
    history: &History,
    initially: Initially,
    value: &Value,
) -> Result<(History, u32, u32), InitialError> {
    let (function, input) = initially(value).map_err(InitialError::Unfit)?;
    let process = history.rows().map(|row| row.process).max().map_or(Some(0), |last| last.checked_add(1));
    let process = process.ok_or(InitialError::NoProcess)?;
    let mut seen = FxHashSet::default();
    let keys: Vec<Value> =
        history.rows().filter(|row| seen.insert(row.key)).map(|row| history.value(row.key)).collect();
    let first = if history.events() == 0 { 0 } else { history.time_at(0) };
    let event = |key: &Value, kind| Event {
        time: first,
        process,
        kind,
        f: function.into(),
        key: key.clone(),
        value: input.clone(),
        node: None,
        error: None,
    };
    let before = keys.iter().flat_map(|key| [event(key, EventKind::Invoke), event(key, EventKind::Ok)]);
    let all = before.chain(recorded(history));
    let history = History::from_events(all.collect::<Vec<_>>())?;
    Ok((history, keys.len() as u32, process))
}

/// The events of a history, in their order.
pub(crate) fn recorded(history: &History) -> impl Iterator<Item = Event> {
    let mut events: Vec<(u32, Event)> = Vec::with_capacity(history.events());
    for op in history.ops() {
        events.push((op.invoked, event(&op, op.invoke_time, EventKind::Invoke, &op.input)));
        if let (Some(completed), Some(time)) = (op.completed, op.complete_time) {
            let kind = match op.outcome {
                Outcome::Ok => EventKind::Ok,
                Outcome::Fail => EventKind::Fail,
                Outcome::Info => EventKind::Info,
            };
            events.push((completed, event(&op, time, kind, &op.output)));
        }
    }
    events.sort_unstable_by_key(|&(position, _)| position);
    events.into_iter().map(|(_, event)| event)
}

fn event(op: &OpView<'_>, time: u64, kind: EventKind, value: &Value) -> Event {
    Event {
        time,
        process: op.process,
        kind,
        f: op.f.into(),
        key: op.key.clone(),
        value: value.clone(),
        node: op.node,
        error: None,
    }
}

/// Why there is no such history.
#[derive(Debug, thiserror::Error)]
pub enum InitialError {
    /// The value does not fit the objects.
    #[error("{0}")]
    Unfit(String),
    /// All process numbers are taken.
    #[error("no process number is left for the initial value")]
    NoProcess,
    /// It would be too large.
    #[error(transparent)]
    History(#[from] HistoryError),
}
