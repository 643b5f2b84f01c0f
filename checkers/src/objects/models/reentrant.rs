//! A mutex that its holder may acquire again.

use rashomon_history::OpView;

use super::lock::{happened, permit_verb};
use crate::model::{Model, Unusable};
use crate::objects::permits::PermitAct;

/// A lock with one holder, who may acquire it again and releases it as often: Java's `ReentrantLock`.
#[derive(Clone, Copy, Debug)]
pub struct ReentrantMutex;

impl Model for ReentrantMutex {
    /// Who holds it, and how often.
    type State = Option<(u32, u32)>;
    /// Of which process.
    type Op = (u32, PermitAct);

    fn name(&self) -> &str {
        "reentrant-mutex"
    }

    fn initial(&self) -> Self::State {
        None
    }

    fn sees_process(&self) -> bool {
        true
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<Self::Op>, Unusable> {
        let act = permit_verb(op.f)?;
        Ok(happened(op.outcome, &op.output).then_some((op.process, act)))
    }

    fn step(&self, state: &Self::State, &(process, act): &Self::Op) -> impl IntoIterator<Item = Self::State> {
        match (act, *state) {
            (PermitAct::Acquire, None) => Some(Some((process, 1))),
            (PermitAct::Acquire, Some((holder, held))) if holder == process => Some(Some((holder, held + 1))),
            (PermitAct::Release, Some((holder, 1))) if holder == process => Some(None),
            (PermitAct::Release, Some((holder, held))) if holder == process => Some(Some((holder, held - 1))),
            _ => None,
        }
    }

    fn describe(&self, &(process, act): &Self::Op) -> String {
        match act {
            PermitAct::Acquire => format!("acquire by process {process}"),
            PermitAct::Release => format!("release by process {process}"),
        }
    }
}
