//! A semaphore whose permits are taken several at a time.

use rashomon_history::{OpView, Value};

use super::lock::{happened, permit_verb};
use crate::model::{Model, Unusable};
use crate::objects::permits::PermitAct;

/// A semaphore without owners, all permits free at first: `acquire` and `release` with a number of permits, one where
/// none is given.
#[derive(Clone, Copy, Debug)]
pub struct WeightedSemaphore {
    /// How many permits there are.
    pub limit: u32,
}

impl Model for WeightedSemaphore {
    /// How many are taken.
    type State = u32;
    type Op = (PermitAct, u32);

    fn name(&self) -> &str {
        "weighted-semaphore"
    }

    fn initial(&self) -> u32 {
        0
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<Self::Op>, Unusable> {
        let act = permit_verb(op.f)?;
        let permits = match &op.input {
            Value::Nil => Some(1),
            Value::Int(permits) => u32::try_from(*permits).ok(),
            _ => None,
        };
        let permits = permits.ok_or_else(|| Unusable(format!("{} is no number of permits", op.input)))?;
        // None at all are always there.
        Ok((happened(op.outcome, &op.output) && permits > 0).then_some((act, permits)))
    }

    fn step(&self, &taken: &u32, &(act, permits): &Self::Op) -> impl IntoIterator<Item = u32> {
        match act {
            PermitAct::Acquire => taken.checked_add(permits).filter(|&taken| taken <= self.limit),
            PermitAct::Release => taken.checked_sub(permits),
        }
    }

    fn describe(&self, &(act, permits): &Self::Op) -> String {
        match act {
            PermitAct::Acquire => format!("acquire {permits}"),
            PermitAct::Release => format!("release {permits}"),
        }
    }
}
