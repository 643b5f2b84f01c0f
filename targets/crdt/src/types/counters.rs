//! Counters (Shapiro, Preguiça, Baquero and Zawirski, A Comprehensive Study of Convergent and Commutative Replicated
//! Data Types, 2011, specifications 6 and 7).
//!
//! Each actor counts in a slot of its own; a join takes the larger of two versions of a slot. A counter that also goes
//! down is two that go up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dot::Actor;
use crate::mutant::Mutant;
use crate::state::{DataType, Delta, Origin, Refusal, Sides};

/// A counter that only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GCounter {
    slots: BTreeMap<Actor, u64>,
}

impl DataType for GCounter {
    /// How much is added.
    type Operation = u64;
    type Value = u64;

    fn update(&self, amount: &u64, origin: &mut Origin) -> Result<Delta<GCounter>, Refusal> {
        let before = match origin.mutant {
            Some(Mutant::MergeBySum) => 0,
            _ => self.slots.get(&origin.actor).copied().unwrap_or(0),
        };
        let slots = BTreeMap::from([(origin.actor, before.saturating_add(*amount))]);
        Ok(Delta::new(GCounter { slots }, []))
    }

    fn value(&self) -> u64 {
        self.slots.values().fold(0, |sum, slot| sum.saturating_add(*slot))
    }

    fn join(&mut self, other: &GCounter, sides: &Sides) -> bool {
        let mut changed = false;
        for (actor, theirs) in &other.slots {
            let own = self.slots.entry(*actor).or_insert(0);
            let joined = match sides.mutant {
                Some(Mutant::MergeBySum) => own.saturating_add(*theirs),
                _ => (*own).max(*theirs),
            };
            changed |= joined != *own;
            *own = joined;
        }
        changed
    }
}

/// A counter that goes up and down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PnCounter {
    up: GCounter,
    down: GCounter,
}

impl DataType for PnCounter {
    /// How much is added; may be negative.
    type Operation = i64;
    type Value = i64;

    fn update(&self, amount: &i64, origin: &mut Origin) -> Result<Delta<PnCounter>, Refusal> {
        let mut delta = PnCounter::default();
        if *amount >= 0 {
            delta.up = self.up.update(&amount.unsigned_abs(), origin)?.state;
        } else {
            delta.down = self.down.update(&amount.unsigned_abs(), origin)?.state;
        }
        Ok(Delta::new(delta, []))
    }

    fn value(&self) -> i64 {
        let difference = i128::from(self.up.value()) - i128::from(self.down.value());
        difference.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    fn join(&mut self, other: &PnCounter, sides: &Sides) -> bool {
        self.up.join(&other.up, sides) | self.down.join(&other.down, sides)
    }
}
