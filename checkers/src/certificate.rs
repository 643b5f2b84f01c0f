//! An independent check of a *yes*: replays a linearization against the recorded history.
//!
//! It shares nothing with the engines but [`Model`]: it reads the history itself, keeps no index and does no search, so
//! it can be read and believed in a few minutes.

use std::collections::BTreeSet;

use rashomon_history::{History, OpId, Outcome};
use thiserror::Error;

use crate::model::Model;
use crate::specialist::Ops;

/// Why an order of operations does not prove anything.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// It names an operation that is not of this object, or one that says nothing.
    #[error("operation {} does not belong to it", .0.0)]
    Foreign(OpId),
    /// It names an operation twice.
    #[error("operation {} occurs twice", .0.0)]
    Twice(OpId),
    /// An operation that certainly took effect is missing.
    #[error("operation {} took effect but is missing", .0.0)]
    Missing(OpId),
    /// An operation comes after one that was invoked when it had already completed.
    #[error("operation {} had completed before operation {} was invoked, but comes after it", .late.0, .early.0)]
    RealTime {
        /// The one that comes too late.
        late: OpId,
        /// The one that comes too early.
        early: OpId,
    },
    /// The model does not allow an operation where it stands.
    #[error("operation {} is not allowed where it stands", .0.0)]
    Illegal(OpId),
}

/// Checks that `order` is a linearization of the operations `ops` of a history (those of one object).
///
/// It must hold each operation that certainly took effect once, any of unknown outcome at most once, keep real-time
/// order, and be allowed by the model step by step. A nondeterministic model is followed as a set of states.
pub fn verify<'a, M: Model>(model: &M, history: &History, ops: impl Into<Ops<'a>>, order: &[OpId]) -> Result<(), Flaw> {
    let mut expected = BTreeSet::new();
    let mut certain = BTreeSet::new();
    for id in ops.into().iter() {
        let op = history.op(id);
        if model.operation(&op).is_ok_and(|read| read.is_some()) {
            expected.insert(op.id);
            if op.outcome != Outcome::Info {
                certain.insert(op.id);
            }
        }
    }
    let mut states = vec![model.initial()];
    let mut latest: Option<(u32, OpId)> = None;
    let mut seen = BTreeSet::new();
    for &id in order {
        if !expected.contains(&id) {
            return Err(Flaw::Foreign(id));
        }
        if !seen.insert(id) {
            return Err(Flaw::Twice(id));
        }
        let op = history.op(id);
        if let (Some(completed), Some((invoked, early)), true) = (op.completed, latest, certain.contains(&id))
            && completed < invoked
        {
            return Err(Flaw::RealTime { late: id, early });
        }
        if latest.is_none_or(|(invoked, _)| invoked < op.invoked) {
            latest = Some((op.invoked, id));
        }
        let Ok(Some(call)) = model.operation(&op) else { return Err(Flaw::Foreign(id)) };
        let mut next: Vec<M::State> = Vec::new();
        for state in &states {
            for after in model.step(state, &call) {
                if !next.contains(&after) {
                    next.push(after);
                }
            }
        }
        if next.is_empty() {
            return Err(Flaw::Illegal(id));
        }
        states = next;
    }
    match certain.difference(&seen).next() {
        Some(&missing) => Err(Flaw::Missing(missing)),
        None => Ok(()),
    }
}
