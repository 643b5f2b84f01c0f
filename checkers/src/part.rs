//! A history cut into independent objects, each compiled to small integers.
//!
//! Linearizability is local (Herlihy and Wing, *Linearizability*, 1990, theorem 1): a history is linearizable exactly
//! when the history of every object is. So each key is judged alone.

use std::sync::OnceLock;

use rashomon_history::{History, OpId, Row, Value};
use rustc_hash::FxHashMap;

use crate::model::{Model, Unusable};
use crate::specialist::Ops;

/// The position of a completion that never came.
pub const NEVER: u32 = u32::MAX;

/// One operation of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The operation in its history.
    pub op: OpId,
    /// What it does: an index into [`Part::classes`].
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
pub struct Part<Op> {
    /// The object.
    pub key: Value,
    /// Its operations, in order of invocation.
    pub items: Vec<Item>,
    /// The distinct operations (with their results) that occur.
    pub classes: Vec<Op>,
}

impl<Op> Part<Op> {
    /// What an operation does.
    pub fn class(&self, item: usize) -> &Op {
        &self.classes[self.items[item].class as usize]
    }
}

/// Which operations belong to which key: a counting sort, so nothing is copied but operation ids, and with one key not
/// even those.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Operation ids, key by key, each key's in order of invocation.
    ops: Vec<u32>,
    /// The end of each key's range in `ops`.
    ends: Vec<u32>,
    /// With one key: how many operations it has, and `ops` is empty.
    single: Option<u32>,
    /// Its operations as a list, once somebody asked for it.
    all: OnceLock<Vec<u32>>,
}

impl Keys {
    /// Groups a history's operations by key; keys in order of their first operation.
    pub fn of(history: &History) -> Keys {
        let mut numbers = Numbers::of(history);
        let mut counts: Vec<u32> = Vec::new();
        for id in 0..history.len() as u32 {
            let key = numbers.number(history.key_of(OpId(id)));
            if key as usize == counts.len() {
                counts.push(0);
            }
            counts[key as usize] += 1;
        }
        if let [count] = counts[..] {
            return Keys { ops: Vec::new(), ends: vec![count], single: Some(count), all: OnceLock::new() };
        }
        let mut starts: Vec<u32> = Vec::with_capacity(counts.len());
        let mut total = 0;
        for count in &counts {
            starts.push(total);
            total += count;
        }
        let mut ops = vec![0; history.len()];
        for id in 0..history.len() as u32 {
            let slot = &mut starts[numbers.number(history.key_of(OpId(id))) as usize];
            ops[*slot as usize] = id;
            *slot += 1;
        }
        Keys { ops, ends: starts, single: None, all: OnceLock::new() }
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One key's operations in order of invocation; takes no memory when there is only one key.
    pub fn of_key(&self, key: usize) -> Ops<'_> {
        match self.single {
            Some(count) => Ops::All(count),
            None => Ops::Listed(self.ops(key)),
        }
    }

    /// The same as a list.
    pub fn ops(&self, key: usize) -> &[u32] {
        if let Some(count) = self.single {
            return self.all.get_or_init(|| (0..count).collect());
        }
        let start = if key == 0 { 0 } else { self.ends[key - 1] };
        &self.ops[start as usize..self.ends[key] as usize]
    }
}

/// Numbers keys in the order in which they are first asked for: directly where their ids are close together.
struct Numbers {
    first: u32,
    near: Vec<u32>,
    far: FxHashMap<u32, u32>,
    known: u32,
}

impl Numbers {
    fn of(history: &History) -> Numbers {
        let ids = || (0..history.len() as u32).map(|id| history.key_of(OpId(id)));
        let (first, last) = ids().fold((u32::MAX, 0), |(first, last), id| (first.min(id), last.max(id)));
        let width = if first > last { 0 } else { (last - first) as usize + 1 };
        let near = if width <= history.len() { vec![NEVER; width] } else { Vec::new() };
        Numbers { first, near, far: FxHashMap::default(), known: 0 }
    }

    fn number(&mut self, id: u32) -> u32 {
        let number = match self.near.get_mut((id - self.first) as usize) {
            Some(number) => number,
            None => self.far.entry(id).or_insert(NEVER),
        };
        if *number == NEVER {
            *number = self.known;
            self.known += 1;
        }
        *number
    }
}

/// Compiles some operations of a history (one key's, in order of invocation) for a model.
pub fn compile<'a, M: Model>(
    model: &M,
    history: &History,
    ops: impl Into<Ops<'a>>,
) -> Result<Part<M::Op>, (OpId, Unusable)> {
    let ops = ops.into();
    let mut items = Vec::with_capacity(ops.len());
    let mut classes: Vec<M::Op> = Vec::new();
    let mut class_of: FxHashMap<M::Op, u32> = FxHashMap::default();
    // Equal rows mean equal operations, so the model reads each kind of row once.
    let mut class_of_row: FxHashMap<(u16, u8, u32, u32, u32), Option<u32>> = FxHashMap::default();
    for id in ops.iter() {
        let row: Row = history.row(id);
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
    let key = if ops.is_empty() { Value::Nil } else { history.value(history.key_of(ops.get(0))) };
    Ok(Part { key, items, classes })
}
