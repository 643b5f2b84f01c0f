//! What the operations of a history are worth once their outcome is taken for unknown.
//!
//! A weaker history allows whatever the recorded one does, and more: an observer is left out, and any other operation
//! is read as if its client had never got an answer, so that what it returned is forgotten too and it may take effect
//! at any time after its invocation, or never.

use rashomon_history::{History, OpView, Outcome};
use rustc_hash::FxHashMap;

use crate::model::{Model, Nature};
use crate::subhistory::{Item, NEVER, Subhistory};

/// The operations of one object, each with its weaker self.
#[derive(Clone, Debug)]
pub(crate) struct Weakened<Op> {
    /// The operations as recorded, and those that only weaker selves are, after them.
    pub(crate) classes: Vec<Op>,
    /// For each item: its weaker self; `None` where it is left out.
    pub(crate) selves: Vec<Option<Item>>,
}

impl<Op> Weakened<Op> {
    /// Weakens every operation of a subhistory.
    pub(crate) fn of<M: Model<Op = Op>>(model: &M, history: &History, subhistory: &Subhistory<Op>) -> Weakened<Op>
    where
        Op: Clone + Eq + std::hash::Hash,
    {
        let mut classes = subhistory.classes.clone();
        // Most operations return nothing, so that their weaker selves are of their own class.
        let mut class_of: FxHashMap<Op, u32> = FxHashMap::default();
        // Equal classes mean equal operations, but not that the same was asked.
        let mut known: FxHashMap<(u32, u16, u32, u32), u32> = FxHashMap::default();
        let weaker = |item: &Item| {
            if !item.is_certain() {
                return Some(*item);
            }
            let op = &subhistory.classes[item.class as usize];
            if model.nature(op) == Nature::Observer {
                return None;
            }
            let row = history.row(item.op);
            let process = if model.sees_process() { row.process } else { 0 };
            let class = *known.entry((item.class, row.function, row.input, process)).or_insert_with(|| {
                let weaker = unanswered(model, &history.op(item.op), op);
                if weaker == *op {
                    return item.class;
                }
                if class_of.is_empty() {
                    class_of.extend(classes.iter().enumerate().map(|(class, op)| (op.clone(), class as u32)));
                }
                *class_of.entry(weaker.clone()).or_insert_with(|| {
                    classes.push(weaker);
                    classes.len() as u32 - 1
                })
            });
            Some(Item { class, completed: NEVER, ..*item })
        };
        let selves = subhistory.items.iter().map(weaker).collect();
        Weakened { classes, selves }
    }
}

/// An operation that changes something, without its answer.
fn unanswered<M: Model>(model: &M, view: &OpView<'_>, op: &M::Op) -> M::Op {
    let unknown = OpView {
        outcome: Outcome::Info,
        output: view.input.clone(),
        completed: None,
        complete_time: None,
        ..view.clone()
    };
    // A model that reads no operation of unknown outcome has to keep it as it was: leaving out what changed the state
    // would be no weaker history.
    model.operation(&unknown).ok().flatten().unwrap_or_else(|| op.clone())
}
