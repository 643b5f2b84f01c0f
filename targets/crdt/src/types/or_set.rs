//! The observed-remove set, add wins, without tombstones (Bieniusa et al., An Optimized Conflict-free Replicated Set,
//! 2012; Almeida et al. 2018, section 7.4.2, AWSet).
//!
//! An element is there as long as one of its adds is. A remove takes away the adds that its replica has seen and no
//! others, so an add that is concurrent with it survives. An add takes the place of the adds before it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Element;
use crate::dot::Dot;
use crate::mutant::Mutant;
use crate::state::{DataType, Delta, Origin, Refusal, Sides};

/// A set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrSet {
    /// The adds of each element.
    elements: BTreeMap<Element, BTreeSet<Dot>>,
}

/// What can be done to a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetOperation {
    /// Puts an element in.
    Add(Element),
    /// Takes an element out; of one that is not there, changes nothing.
    Remove(Element),
}

impl DataType for OrSet {
    type Operation = SetOperation;
    type Value = BTreeSet<Element>;

    fn update(&self, operation: &SetOperation, origin: &mut Origin) -> Result<Delta<OrSet>, Refusal> {
        let seen = |element| self.elements.get(&element).into_iter().flatten().copied();
        Ok(match *operation {
            SetOperation::Add(element) => {
                let elements = BTreeMap::from([(element, BTreeSet::from([origin.dot()]))]);
                Delta::new(OrSet { elements }, seen(element))
            }
            SetOperation::Remove(element) => {
                let mut delta = OrSet::default();
                if origin.mutant == Some(Mutant::RemoveByValue) {
                    // No adds at all: "the element is gone", whoever added it.
                    delta.elements.insert(element, BTreeSet::new());
                }
                Delta::new(delta, seen(element))
            }
        })
    }

    fn value(&self) -> BTreeSet<Element> {
        self.elements.iter().filter(|(_, adds)| !adds.is_empty()).map(|(element, _)| *element).collect()
    }

    fn join(&mut self, other: &OrSet, sides: &Sides) -> bool {
        let by_value = sides.mutant == Some(Mutant::RemoveByValue);
        let mut changed = false;
        for (element, own) in &mut self.elements {
            let before = own.len();
            match other.elements.get(element) {
                Some(_) if sides.mutant == Some(Mutant::KeepsCommonElements) => {}
                Some(theirs) if by_value && theirs.is_empty() => own.clear(),
                theirs => own.retain(|dot| theirs.is_some_and(|dots| dots.contains(dot)) || sides.keeps(*dot)),
            }
            changed |= own.len() != before;
        }
        for (element, theirs) in &other.elements {
            let own = self.elements.entry(*element).or_default();
            for dot in theirs {
                changed |= !own.contains(dot) && sides.takes(*dot) && own.insert(*dot);
            }
        }
        self.elements.retain(|_, adds| !adds.is_empty() || by_value);
        changed
    }

    fn dots(&self) -> BTreeSet<Dot> {
        self.elements.values().flatten().copied().collect()
    }
}
