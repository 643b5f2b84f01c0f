//! The last-writer-wins element set (Shapiro et al., A Comprehensive Study, 2011, section 3.3.3).
//!
//! For each element the add or remove with the largest stamp decides. A remove leaves a tombstone, without which an
//! older add that arrives later would bring the element back. A tombstone may go when it is causally stable: every
//! replica has seen the remove, so an add that it does not know of has the larger stamp. The context then keeps late
//! copies of what was collected from coming back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Element;
use super::or_set::SetOperation;
use crate::clock::Hybrid;
use crate::dot::Dot;
use crate::mutant::Mutant;
use crate::state::{DataType, Delta, Origin, Refusal, Sides, Stamp};

/// A set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LwwSet {
    elements: BTreeMap<Element, LwwEntry>,
}

/// The latest update of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LwwEntry {
    /// When it was.
    pub stamp: Stamp<Hybrid>,
    /// True for an add; false for a remove, which makes this a tombstone.
    pub present: bool,
    /// Its name.
    pub dot: Dot,
}

impl LwwSet {
    /// The latest update of an element, unless its tombstone was collected.
    pub fn entry(&self, element: Element) -> Option<&LwwEntry> {
        self.elements.get(&element)
    }

    /// How many tombstones it holds.
    pub fn tombstones(&self) -> usize {
        self.elements.values().filter(|entry| !entry.present).count()
    }
}

impl DataType for LwwSet {
    type Operation = SetOperation;
    type Value = BTreeSet<Element>;

    fn update(&self, operation: &SetOperation, origin: &mut Origin) -> Result<Delta<LwwSet>, Refusal> {
        let (element, present) = match *operation {
            SetOperation::Add(element) => (element, true),
            SetOperation::Remove(element) => (element, false),
        };
        let entry = LwwEntry { stamp: origin.hybrid(), present, dot: origin.dot() };
        Ok(Delta::new(LwwSet { elements: BTreeMap::from([(element, entry)]) }, []))
    }

    fn value(&self) -> BTreeSet<Element> {
        self.elements.iter().filter(|(_, entry)| entry.present).map(|(element, _)| *element).collect()
    }

    fn join(&mut self, other: &LwwSet, sides: &Sides) -> bool {
        let before = self.elements.len();
        self.elements.retain(|element, own| other.elements.contains_key(element) || sides.keeps(own.dot));
        let mut changed = self.elements.len() != before;
        for (element, theirs) in &other.elements {
            let joined = match self.elements.get(element) {
                Some(own) => latest(own, theirs, sides.mutant),
                None if sides.takes(theirs.dot) => *theirs,
                None => continue,
            };
            changed |= self.elements.insert(*element, joined) != Some(joined);
        }
        changed
    }

    fn dots(&self) -> BTreeSet<Dot> {
        self.elements.values().map(|entry| entry.dot).collect()
    }

    fn show_times(&self, origin: &mut Origin) {
        self.elements.values().for_each(|entry| origin.see_hybrid(entry.stamp));
    }

    fn collect(&mut self, stable: &dyn Fn(Dot) -> bool) -> usize {
        let before = self.elements.len();
        self.elements.retain(|_, entry| entry.present || !stable(entry.dot));
        before - self.elements.len()
    }
}

/// Which of two updates of an element decides.
fn latest(own: &LwwEntry, theirs: &LwwEntry, mutant: Option<Mutant>) -> LwwEntry {
    let later = if theirs.stamp > own.stamp { *theirs } else { *own };
    match mutant {
        Some(Mutant::FlagByBothSides) => LwwEntry { present: own.present && theirs.present, ..later },
        Some(Mutant::RemoveIgnoresStamp) if !theirs.present => *theirs,
        _ => later,
    }
}
