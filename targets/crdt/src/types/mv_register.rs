//! The multi-value register: concurrent writes stay beside each other as siblings (DeCandia et al., Dynamo, SOSP 2007,
//! section 4.4; as a causal type Almeida et al. 2018, section 7.4.3).
//!
//! A put supersedes exactly the values that its writer had read; the dots of these are the context a client gives back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Element;
use crate::dot::Dot;
use crate::state::{DataType, Delta, Origin, Refusal, Sides};

/// A register.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MvRegister {
    values: BTreeMap<Dot, Element>,
}

/// A new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MvPut {
    /// The value.
    pub value: Element,
    /// The dots of the values it supersedes.
    pub seen: BTreeSet<Dot>,
}

impl MvRegister {
    /// The values with their dots.
    pub fn siblings(&self) -> impl Iterator<Item = (Dot, Element)> + '_ {
        self.values.iter().map(|(dot, value)| (*dot, *value))
    }
}

impl DataType for MvRegister {
    type Operation = MvPut;
    /// All siblings, ascending.
    type Value = Vec<Element>;

    fn update(&self, put: &MvPut, origin: &mut Origin) -> Result<Delta<MvRegister>, Refusal> {
        let superseded = put.seen.iter().filter(|dot| self.values.contains_key(dot)).copied();
        Ok(Delta::new(MvRegister { values: BTreeMap::from([(origin.dot(), put.value)]) }, superseded))
    }

    fn value(&self) -> Vec<Element> {
        let mut values: Vec<Element> = self.values.values().copied().collect();
        values.sort_unstable();
        values
    }

    fn join(&mut self, other: &MvRegister, sides: &Sides) -> bool {
        let before = self.values.len();
        self.values.retain(|dot, _| other.values.contains_key(dot) || sides.keeps(*dot));
        let mut changed = self.values.len() != before;
        for (dot, value) in &other.values {
            if !self.values.contains_key(dot) && sides.takes(*dot) {
                self.values.insert(*dot, *value);
                changed = true;
            }
        }
        changed
    }

    fn dots(&self) -> BTreeSet<Dot> {
        self.values.keys().copied().collect()
    }
}
