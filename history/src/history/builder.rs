//! From events to columns.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::values::{Interner, Values};
use super::{BOTH, FUNCTIONS_MAX, History, HistoryError, INPUT, Kind, NEVER, OUTPUT, SAME};
use crate::processes::PerProcess;
use crate::{Event, EventKind, EventRef, Outcome, Value};

/// Builds a [`History`] event by event, refusing what is not one.
#[derive(Debug, Default)]
pub struct HistoryBuilder {
    history: History,
    open: PerProcess<u32>,
    function_ids: FxHashMap<Arc<str>, u16>,
    interner: Interner,
}

impl HistoryBuilder {
    /// Adds the next event.
    pub fn push(&mut self, event: &Event) -> Result<(), HistoryError> {
        self.push_ref(event.borrowed())
    }

    /// Adds the next event, which may borrow from a reader's buffer.
    pub fn push_ref(&mut self, event: EventRef<'_>) -> Result<(), HistoryError> {
        let function = self.function_id(event.f)?;
        let value = self.value_id(event.value)?;
        // A completion is of its invocation's key.
        let key = if event.kind == EventKind::Invoke { self.value_id(event.key)? } else { Values::NIL };
        let EventRef { time, process, kind, node, .. } = event;
        self.push_ids(&EventIds { time, process, kind, function, key, value, node, error: event.error.map(Arc::from) })
    }

    /// Adds the next event, whose function and values have their ids.
    #[inline]
    pub(crate) fn push_ids(&mut self, event: &EventIds) -> Result<(), HistoryError> {
        let position = self.position();
        if position >= u64::from(u32::MAX >> 1) {
            return Err(HistoryError::TooLarge { position });
        }
        if let Some(previous) = self.history.times.last()
            && event.time < previous
        {
            return Err(HistoryError::TimeBackwards { position, time: event.time, previous });
        }
        let outcome = match event.kind {
            EventKind::Invoke => None,
            EventKind::Ok => Some(Outcome::Ok),
            EventKind::Fail => Some(Outcome::Fail),
            EventKind::Info => Some(Outcome::Info),
        };
        match outcome {
            None => self.invoke(event, position)?,
            Some(outcome) => self.complete(event, position, outcome)?,
        }
        self.history.times.push(event.time);
        Ok(())
    }

    /// The history of all events so far. Operations still open stay without a completion.
    pub fn finish(self) -> History {
        self.history
    }

    /// The position of the next event.
    fn position(&self) -> u64 {
        self.history.times.len() as u64
    }

    #[inline]
    fn invoke(&mut self, event: &EventIds, position: u64) -> Result<(), HistoryError> {
        if let Some(&row) = self.open.get(event.process) {
            return Err(HistoryError::AlreadyOpen {
                position,
                process: event.process,
                f: self.history.function(event.function).clone(),
                open: self.function_of(row).clone(),
                since: u64::from(self.history.invoked[row as usize]),
            });
        }
        let &EventIds { function, key, value: input, .. } = event;
        let history = &mut self.history;
        let row = history.process.len();
        if row == history.process.capacity() {
            make_room(history);
        }
        self.open.insert(event.process, row as u32);
        if key != Values::NIL && history.key.is_empty() {
            history.key.resize(row, Values::NIL);
        }
        if key != Values::NIL || !history.key.is_empty() {
            history.key.push(key);
        }
        let node = event.node.unwrap_or(0);
        if node != 0 && history.node.is_empty() {
            history.node.resize(row, 0);
        }
        if node != 0 || !history.node.is_empty() {
            history.node.push(node);
        }
        history.process.push(event.process);
        history.kind.push(Kind::new(function, Outcome::Info, SAME));
        history.value.push(input);
        history.invoked.push(position as u32);
        history.completed.push(NEVER);
        Ok(())
    }

    #[inline]
    fn complete(&mut self, event: &EventIds, position: u64, outcome: Outcome) -> Result<(), HistoryError> {
        let function = || self.history.function(event.function).clone();
        let Some(&row) = self.open.get(event.process) else {
            return Err(HistoryError::NotOpen { position, process: event.process, f: function() });
        };
        if self.history.kind[row as usize].function() != event.function {
            let open = self.function_of(row).clone();
            return Err(HistoryError::Mismatch { position, process: event.process, f: function(), open });
        }
        let output = event.value;
        self.open.remove(event.process);
        let history = &mut self.history;
        let index = row as usize;
        // Until now the entry was the input.
        let input = history.value[index];
        let (shape, entry) = if input == output {
            (SAME, input)
        } else if input == Values::NIL {
            (OUTPUT, output)
        } else if output == Values::NIL {
            (INPUT, input)
        } else {
            history.both.push((input, output));
            (BOTH, history.both.len() as u32 - 1)
        };
        history.kind[index] = Kind::new(history.kind[index].function(), outcome, shape);
        history.value[index] = entry;
        history.completed[index] = position as u32;
        if let Some(node) = event.node {
            set_node(history, index, node);
        }
        if let Some(error) = &event.error {
            history.errors.insert(row, error.clone());
        }
        Ok(())
    }

    fn function_of(&self, row: u32) -> &Arc<str> {
        self.history.function(self.history.kind[row as usize].function())
    }

    /// The id of a function.
    pub(crate) fn function_id(&mut self, name: &str) -> Result<u16, HistoryError> {
        // Few functions, short names: comparing the first is faster than hashing.
        let first = self.history.functions.iter().take(8).position(|known| **known == *name);
        if let Some(id) = first.map(|id| id as u16).or_else(|| self.function_ids.get(name).copied()) {
            return Ok(id);
        }
        if self.history.functions.len() == FUNCTIONS_MAX {
            return Err(HistoryError::TooManyFunctions { position: self.position(), f: Arc::from(name) });
        }
        let id = self.history.functions.len() as u16;
        let name: Arc<str> = Arc::from(name);
        self.history.functions.push(name.clone());
        self.function_ids.insert(name, id);
        Ok(id)
    }

    /// The id of an integer.
    #[inline]
    pub(crate) fn int_id(&mut self, number: i64) -> Result<u32, HistoryError> {
        Interner::small(number).map_or_else(|| self.value_id(&Value::Int(number)), Ok)
    }

    /// The id of a value.
    pub(crate) fn value_id(&mut self, value: &Value) -> Result<u32, HistoryError> {
        let id = self.interner.id(value, &mut self.history.values);
        id.ok_or_else(|| HistoryError::TooLarge { position: self.position() })
    }
}

/// The node that answered, which may be another one than the node that was asked.
#[inline]
fn set_node(history: &mut History, row: usize, node: u16) {
    match history.node.get_mut(row) {
        Some(known) => *known = node,
        None if node == 0 => {}
        None => {
            history.node.resize(history.process.len(), 0);
            history.node[row] = node;
        }
    }
}

/// Makes room in all columns. More than they would make themselves, for they are copied each time; memory that nothing
/// was written to is only reserved.
fn make_room(history: &mut History) {
    let more = (history.process.len() * 3).max(1024);
    history.process.reserve_exact(more);
    history.kind.reserve_exact(more);
    history.value.reserve_exact(more);
    history.invoked.reserve_exact(more);
    history.completed.reserve_exact(more);
    history.key.reserve_exact(if history.key.is_empty() { 0 } else { more });
    history.node.reserve_exact(if history.node.is_empty() { 0 } else { more });
    history.times.reserve(2 * more);
}

/// An event whose function and values have their ids in the history that is built.
pub(crate) struct EventIds {
    pub(crate) time: u64,
    pub(crate) process: u32,
    pub(crate) kind: EventKind,
    pub(crate) function: u16,
    /// Of an invocation.
    pub(crate) key: u32,
    pub(crate) value: u32,
    pub(crate) node: Option<u16>,
    pub(crate) error: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpId;

    fn event(time: u64, process: u32, kind: EventKind, f: &str, value: Value) -> Event {
        let (key, node) = (Value::Nil, None);
        Event { time, process, kind, f: Arc::from(f), key, value, node, error: None }
    }

    #[test]
    fn inputs_and_outputs_come_back_in_every_shape() {
        let samples = [Value::Nil, Value::Int(1), Value::pair(Value::Int(1), Value::Nil), Value::text("x")];
        for input in &samples {
            for output in &samples {
                let mut builder = HistoryBuilder::default();
                builder.push(&event(5, 1, EventKind::Invoke, "f", input.clone())).expect("it may begin");
                let mut completion = event(9, 1, EventKind::Fail, "f", output.clone());
                completion.error = Some(Arc::from("timeout"));
                builder.push(&completion).expect("it may end");
                let mut other = event(9, 1, EventKind::Invoke, "g", input.clone());
                other.key = Value::Int(4);
                other.node = Some(3);
                builder.push(&other).expect("the next may begin");
                let history = builder.finish();
                let first = history.op(OpId(0));
                assert_eq!((&first.input, &first.output, first.outcome), (input, output, Outcome::Fail));
                assert_eq!((first.key, first.node, first.error), (Value::Nil, None, Some("timeout")));
                assert_eq!((first.invoke_time, first.complete_time), (5, Some(9)));
                let second = history.op(OpId(1));
                assert_eq!((&second.input, &second.output, second.outcome), (input, input, Outcome::Info));
                assert_eq!((second.key, second.node, second.completed), (Value::Int(4), Some(3), None));
            }
        }
    }

    #[test]
    fn the_node_that_answered_counts() {
        let mut builder = HistoryBuilder::default();
        let nodes = [(None, None), (None, Some(2)), (Some(1), None), (Some(1), Some(1)), (Some(1), Some(3))];
        for (time, (asked, answered)) in (1..).zip(nodes) {
            builder.push(&Event { node: asked, ..event(time, 1, EventKind::Invoke, "f", Value::Nil) }).expect("begin");
            builder.push(&Event { node: answered, ..event(time, 1, EventKind::Ok, "f", Value::Nil) }).expect("end");
        }
        let nodes: Vec<Option<u16>> = builder.finish().ops().map(|op| op.node).collect();
        assert_eq!(nodes, [None, Some(2), Some(1), Some(1), Some(3)]);
    }

    #[test]
    fn what_is_not_a_history_is_refused() {
        let run = |events: &[(u64, u32, EventKind, &str)]| {
            History::from_events(
                events.iter().map(|&(time, process, kind, f)| event(time, process, kind, f, Value::Nil)),
            )
        };
        use EventKind::{Invoke, Ok};
        assert!(matches!(run(&[(1, 0, Invoke, "f"), (1, 0, Invoke, "g")]), Err(HistoryError::AlreadyOpen { .. })));
        assert!(matches!(run(&[(1, 0, Ok, "f")]), Err(HistoryError::NotOpen { position: 0, .. })));
        assert!(matches!(run(&[(1, 0, Invoke, "f"), (1, 0, Ok, "g")]), Err(HistoryError::Mismatch { .. })));
        assert!(matches!(run(&[(2, 0, Invoke, "f"), (1, 0, Ok, "f")]), Err(HistoryError::TimeBackwards { .. })));
        let names: Vec<String> = (0..=FUNCTIONS_MAX).map(|name| name.to_string()).collect();
        let many: Vec<_> = names.iter().enumerate().map(|(at, f)| (1, at as u32, Invoke, f.as_str())).collect();
        assert!(run(&many[..FUNCTIONS_MAX]).is_ok());
        assert!(matches!(run(&many), Err(HistoryError::TooManyFunctions { position: 4096, .. })));
    }
}
