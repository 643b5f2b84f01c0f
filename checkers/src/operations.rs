//! One object's operations in small integers; values and texts are fetched only where somebody looks at them.

use std::ops::Deref;

use rashomon_history::{History, OpId, OpView, Outcome, Row, Value};

use crate::findings::on_key;
use crate::specialist::Rows;

/// The operations of one key, at least one, in order of invocation.
pub(crate) struct Object<'a>(Rows<'a>);

impl<'a> Object<'a> {
    pub(crate) fn new(rows: Rows<'a>) -> Object<'a> {
        Object(rows)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len() as usize
    }

    /// One of them, by its index. Panics when there are not so many.
    pub(crate) fn get(&self, index: u32) -> Operation<'a> {
        Operation { history: self.0.history(), id: self.0.op(index), row: self.0.get(index) }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Operation<'a>> + Clone {
        (0..self.0.len()).map(|index| self.get(index))
    }

    /// Those of one function.
    pub(crate) fn of(&self, f: &'static str) -> impl DoubleEndedIterator<Item = Operation<'a>> + Clone {
        self.iter().filter(move |op| op.f() == f)
    }

    /// Those of one function that succeeded.
    pub(crate) fn done(&self, f: &'static str) -> impl DoubleEndedIterator<Item = Operation<'a>> + Clone {
        self.of(f).filter(|op| op.outcome == Outcome::Ok)
    }

    pub(crate) fn key(&self) -> Value {
        self.0.history().value(self.0.get(0).key)
    }

    /// ` on key 7`, or nothing where there is only one object.
    pub(crate) fn on_key(&self) -> String {
        on_key(&self.key())
    }
}

/// One operation.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'a> {
    history: &'a History,
    pub(crate) id: OpId,
    row: Row,
}

impl Deref for Operation<'_> {
    type Target = Row;

    fn deref(&self) -> &Row {
        &self.row
    }
}

impl<'a> Operation<'a> {
    pub(crate) fn of(history: &'a History, id: OpId) -> Operation<'a> {
        Operation { history, id, row: history.row(id) }
    }

    /// What it does.
    pub(crate) fn f(&self) -> &'a str {
        self.history.function(self.function)
    }

    /// The object it works on.
    pub(crate) fn key(&self) -> Value {
        self.history.value(self.row.key)
    }

    /// What was asked.
    pub(crate) fn input(&self) -> Value {
        self.history.value(self.row.input)
    }

    /// What came back.
    pub(crate) fn output(&self) -> Value {
        self.history.value(self.row.output)
    }

    /// Everything known of it.
    pub(crate) fn view(&self) -> OpView<'a> {
        self.history.op(self.id)
    }

    /// The last position at which it can have taken effect.
    pub(crate) fn last_moment(&self) -> u32 {
        match self.outcome {
            Outcome::Info => u32::MAX,
            _ => self.completed.unwrap_or(u32::MAX),
        }
    }

    /// Whether it had completed, with a known effect, before another was invoked.
    pub(crate) fn precedes(&self, other: &Operation<'_>) -> bool {
        self.last_moment() < other.invoked
    }
}
