//! The brute-force reference: tries every order. For tests only; exponential on purpose.
//!
//! Written from the definition (Herlihy and Wing 1990, section 2) and nothing else: a history is linearizable when some
//! of its operations of unknown outcome can be added to those that certainly took effect, and all of them ordered so
//! that real-time order is kept and the model allows every step.

use rashomon_history::{History, OpView, Outcome};

use crate::model::Model;
use crate::specialist::Ops;

/// Whether these operations of a history (one object's) are linearizable. Panics on operations the model cannot read.
pub fn is_linearizable<'a, M: Model>(model: &M, history: &History, ops: impl Into<Ops<'a>>) -> bool {
    exists_order(model, history, ops.into(), |first, second| {
        first.outcome != Outcome::Info && first.completed.is_some_and(|completed| completed < second.invoked)
    })
}

/// Whether these operations are sequentially consistent (Lamport 1979): as [`is_linearizable`], but only the order of
/// each process is kept.
pub fn is_sequentially_consistent<'a, M: Model>(model: &M, history: &History, ops: impl Into<Ops<'a>>) -> bool {
    exists_order(model, history, ops.into(), |first, second| {
        first.process == second.process && first.invoked < second.invoked
    })
}

/// Whether some order keeps `must_precede` and is allowed by the model.
fn exists_order<M: Model>(
    model: &M,
    history: &History,
    ops: Ops<'_>,
    must_precede: impl Fn(&OpView<'_>, &OpView<'_>) -> bool,
) -> bool {
    let mut calls = Vec::new();
    for id in ops.iter() {
        let view = history.op(id);
        if let Some(call) = model.operation(&view).expect("the test's history is of this model") {
            calls.push((view, call));
        }
    }
    let mut chosen = Vec::new();
    choose(model, &calls, &must_precede, &mut chosen)
}

/// Extends the order `chosen` in every possible way.
fn choose<M: Model>(
    model: &M,
    calls: &[(OpView<'_>, M::Op)],
    must_precede: &impl Fn(&OpView<'_>, &OpView<'_>) -> bool,
    chosen: &mut Vec<usize>,
) -> bool {
    let complete = (0..calls.len()).all(|index| chosen.contains(&index) || calls[index].0.outcome == Outcome::Info);
    if complete && allowed(model, calls, chosen) {
        return true;
    }
    for index in 0..calls.len() {
        if chosen.contains(&index) {
            continue;
        }
        let keeps_order = chosen.iter().all(|&before| !must_precede(&calls[index].0, &calls[before].0));
        chosen.push(index);
        // Looking at the steps so far only saves time: no order that begins with a forbidden step is allowed.
        if keeps_order && allowed(model, calls, chosen) && choose(model, calls, must_precede, chosen) {
            return true;
        }
        chosen.pop();
    }
    false
}

/// Whether the model allows these operations in this order.
fn allowed<M: Model>(model: &M, calls: &[(OpView<'_>, M::Op)], order: &[usize]) -> bool {
    let mut states = vec![model.initial()];
    for &index in order {
        states = states.iter().flat_map(|state| model.step(state, &calls[index].1)).collect();
    }
    !states.is_empty()
}
