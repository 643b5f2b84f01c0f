//! A history cut into independent objects, each compiled to small integers.
//!
//! Linearizability is local (Herlihy and Wing, *Linearizability*, 1990, theorem 1): a history is linearizable exactly
//! when the history of every object is. So each key is judged alone.

use rashomon_history::{History, OpId, Value};
use rustc_hash::FxHashMap;

pub use crate::keys::Keys;
use crate::model::{Model, Unusable};
use crate::specialist::{Ops, Rows};

/// The position of a completion that never came.
pub const NEVER: u32 = u32::MAX;

/// One operation of a subhistory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The operation in its history.
    pub op: OpId,
    /// What it does: an index into [`Subhistory::classes`].
    pub class: u32,
    /// Position of its invocation among the history's events.
    pub invoked: u32,
    /// Position of its completion; [`NEVER`] when its outcome is unknown, so that it may have taken effect at any
    /// moment after its invocation, or never.
    pub completed: u32,
}

impl Item {
    /// Whether it certainly took effect.
    pub fn is_certain(&self) -> bool {
        self.completed != NEVER
    }
}

/// The history of one object, in order of invocation. Operations that say nothing are left out.
#[derive(Clone, Debug)]
pub struct Subhistory<Op> {
    /// The object.
    pub key: Value,
    /// Its operations, in order of invocation.
    pub items: Vec<Item>,
    /// The distinct operations (with their results) that occur.
    pub classes: Vec<Op>,
}

impl<Op> Subhistory<Op> {
    /// What an operation does.
    pub fn class(&self, item: usize) -> &Op {
        &self.classes[self.items[item].class as usize]
    }
}

/// Compiles some operations of a history (one key's, in order of invocation) for a model.
pub fn compile<'a, M: Model>(
    model: &M,
    history: &History,
    ops: impl Into<Ops<'a>>,
) -> Result<Subhistory<M::Op>, (OpId, Unusable)> {
    compile_rows(model, &Rows::of(history, ops.into()))
}

/// The same for operations whose rows were fetched before.
pub fn compile_rows<M: Model>(model: &M, rows: &Rows<'_>) -> Result<Subhistory<M::Op>, (OpId, Unusable)> {
    let history = rows.history();
    let mut items = Vec::with_capacity(rows.len() as usize);
    let mut classes: Vec<M::Op> = Vec::new();
    let mut class_of: FxHashMap<M::Op, u32> = FxHashMap::default();
    // Equal rows mean equal operations, so the model reads each kind of row once.
    let mut class_of_row: FxHashMap<(u16, u8, u32, u32, u32), Option<u32>> = FxHashMap::default();
    for index in 0..rows.len() {
        let (id, row) = (rows.op(index), rows.get(index));
        let process = if model.sees_process() { row.process } else { 0 };
        let kind = (row.function, row.outcome as u8, row.input, row.output, process);
        let class = match class_of_row.get(&kind) {
            Some(&class) => class,
            None => {
                let view = history.op(id);
                let class = model.operation(&view).map_err(|error| (id, error))?.map(|op| {
                    *class_of.entry(op.clone()).or_insert_with(|| {
                        classes.push(op);
                        classes.len() as u32 - 1
                    })
                });
                class_of_row.insert(kind, class);
                class
            }
        };
        if let Some(class) = class {
            let certain = row.outcome != rashomon_history::Outcome::Info;
            let completed = if certain { row.completed.unwrap_or(NEVER) } else { NEVER };
            items.push(Item { op: id, class, invoked: row.invoked, completed });
        }
    }
    let key = if rows.is_empty() { Value::Nil } else { history.value(rows.get(0).key) };
    Ok(Subhistory { key, items, classes })
}
