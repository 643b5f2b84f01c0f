//! The observed-remove map of multi-value registers (Almeida et al. 2018, section 7.5, recursive maps).
//!
//! A put supersedes the values of its field that its replica has seen; a remove takes these away and no others, so a
//! put that is concurrent with it survives. A field without values is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Element;
use super::mv_register::{MvPut, MvRegister};
use crate::dot::Dot;
use crate::mutant::Mutant;
use crate::state::{DataType, Delta, Origin, Refusal, Sides};

/// A map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrMap {
    fields: BTreeMap<Arc<str>, MvRegister>,
}

/// What can be done to a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MapOperation {
    /// Gives a field a value.
    Put(Arc<str>, Element),
    /// Takes a field out; of one that is not there, changes nothing.
    Remove(Arc<str>),
}

impl DataType for OrMap {
    type Operation = MapOperation;
    /// The values of each field, ascending.
    type Value = BTreeMap<Arc<str>, Vec<Element>>;

    fn update(&self, operation: &MapOperation, origin: &mut Origin) -> Result<Delta<OrMap>, Refusal> {
        let seen = |field: &str| self.fields.get(field).map(DataType::dots).unwrap_or_default();
        Ok(match operation {
            MapOperation::Put(field, value) => {
                let put = MvPut { value: *value, seen: seen(field) };
                let register = self.fields.get(field).cloned().unwrap_or_default();
                let delta = register.update(&put, origin)?;
                Delta::new(OrMap { fields: BTreeMap::from([(field.clone(), delta.state)]) }, delta.dots)
            }
            MapOperation::Remove(field) => {
                let mut delta = OrMap::default();
                if origin.mutant == Some(Mutant::BlindMapRemove) {
                    // No values at all: "the field is gone", whoever put it.
                    delta.fields.insert(field.clone(), MvRegister::default());
                }
                Delta::new(delta, seen(field))
            }
        })
    }

    fn value(&self) -> BTreeMap<Arc<str>, Vec<Element>> {
        let there = self.fields.iter().filter(|(_, values)| **values != MvRegister::default());
        there.map(|(field, values)| (field.clone(), values.value())).collect()
    }

    fn join(&mut self, other: &OrMap, sides: &Sides) -> bool {
        let (absent, blind) = (MvRegister::default(), sides.mutant == Some(Mutant::BlindMapRemove));
        let mut changed = false;
        for (field, own) in &mut self.fields {
            match other.fields.get(field) {
                Some(theirs) if blind && *theirs == absent => {
                    changed |= *own != absent;
                    *own = MvRegister::default();
                }
                theirs => changed |= own.join(theirs.unwrap_or(&absent), sides),
            }
        }
        for (field, theirs) in &other.fields {
            if !self.fields.contains_key(field) {
                changed |= self.fields.entry(field.clone()).or_default().join(theirs, sides);
            }
        }
        self.fields.retain(|_, values| *values != absent || blind);
        changed
    }

    fn dots(&self) -> BTreeSet<Dot> {
        self.fields.values().flat_map(DataType::dots).collect()
    }
}
