//! The replicated growable array (Roh, Jeon, Kim and Lee, Replicated abstract data types: Building blocks for
//! collaborative applications, JPDC 2011, section 5), as a state-based type.
//!
//! Every element was inserted after an anchor, another element or the beginning. A new element goes behind its anchor
//! and then behind all that follows there with a later stamp (Roh's insertion rule); it does not matter in which order
//! elements arrive, as long as anchors come first. So the nodes alone are the state, and the order follows from them. A
//! deleted element stays as a tombstone, since others may be anchored at it. It may go when nothing is anchored at it
//! and its deletion is causally stable: every replica has seen the deletion, and what each replica did before it saw it
//! has arrived. Nothing will ever be anchored there then, since no replica anchors anything at what it has seen
//! deleted: it refuses to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Element;
use crate::clock::Lamport;
use crate::dot::Dot;
use crate::mutant::Mutant;
use crate::state::{DataType, Delta, Origin, Refusal, Sides, Stamp};

/// A sequence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rga {
    nodes: BTreeMap<Dot, RgaNode>,
    /// The nodes in their order, those excepted whose anchor is not here (which a delta's often is not).
    #[serde(skip)]
    order: Vec<Dot>,
}

impl PartialEq for Rga {
    fn eq(&self, other: &Rga) -> bool {
        self.nodes == other.nodes
    }
}

/// An element at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RgaNode {
    /// The element.
    pub element: Element,
    /// What it was inserted after; `None` for the beginning.
    pub anchor: Option<Dot>,
    /// When it was inserted.
    pub stamp: Stamp<Lamport>,
    /// Its deletion.
    pub deleted: Option<Dot>,
}

/// What can be done to a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RgaOperation {
    /// Inserts an element after another that is not deleted here, or at the beginning. An element can be inserted only
    /// once.
    Insert(Element, Option<Element>),
    /// Deletes an element.
    Delete(Element),
}

impl Rga {
    /// The node of an element, deleted or not, with its name.
    pub fn node(&self, element: Element) -> Option<(Dot, &RgaNode)> {
        self.nodes.iter().find(|(_, node)| node.element == element).map(|(dot, node)| (*dot, node))
    }

    /// How many tombstones it holds.
    pub fn tombstones(&self) -> usize {
        self.nodes.values().filter(|node| node.deleted.is_some()).count()
    }

    /// Gives their places to nodes that came in.
    fn place_new(&mut self, mutant: Option<Mutant>) {
        if self.order.len() == self.nodes.len() {
            return;
        }
        let placed: BTreeSet<Dot> = self.order.iter().copied().collect();
        let mut new: Vec<(Dot, RgaNode)> =
            self.nodes.iter().filter(|(name, _)| !placed.contains(name)).map(|(name, node)| (*name, *node)).collect();
        // An anchor is older than what is anchored at it.
        new.sort_by_key(|(_, node)| node.stamp);
        for (name, node) in new {
            let mut place = match node.anchor {
                None => 0,
                Some(anchor) => match self.order.iter().position(|other| *other == anchor) {
                    Some(at) => at + 1,
                    None => continue,
                },
            };
            let comes_first = |other: &RgaNode| match mutant {
                Some(Mutant::SiblingOrderNotTotal) => other.stamp.time > node.stamp.time,
                _ => other.stamp > node.stamp,
            };
            while self.order.get(place).is_some_and(|other| comes_first(&self.nodes[other])) {
                place += 1;
            }
            self.order.insert(place, name);
        }
    }
}

impl DataType for Rga {
    type Operation = RgaOperation;
    /// The elements that are not deleted, in their order.
    type Value = Vec<Element>;

    fn update(&self, operation: &RgaOperation, origin: &mut Origin) -> Result<Delta<Rga>, Refusal> {
        let (name, node) = match *operation {
            RgaOperation::Insert(element, after) => {
                if self.node(element).is_some() {
                    return Err(Refusal::ElementExists);
                }
                let anchor = match after {
                    // Where everybody has seen a deletion the tombstone may be gone already: nothing can be anchored
                    // at what was seen deleted.
                    Some(after) => match self.node(after) {
                        Some((name, node)) if node.deleted.is_none() => Some(name),
                        _ => return Err(Refusal::UnknownElement),
                    },
                    None => None,
                };
                (origin.dot(), RgaNode { element, anchor, stamp: origin.lamport(), deleted: None })
            }
            RgaOperation::Delete(element) => {
                let (name, node) = self.node(element).ok_or(Refusal::UnknownElement)?;
                if node.deleted.is_some() {
                    return Ok(Delta::new(Rga::default(), []));
                }
                (name, RgaNode { deleted: Some(origin.dot()), ..*node })
            }
        };
        Ok(Delta::new(Rga { nodes: BTreeMap::from([(name, node)]), order: Vec::new() }, []))
    }

    fn value(&self) -> Vec<Element> {
        let there = self.order.iter().map(|name| &self.nodes[name]).filter(|node| node.deleted.is_none());
        there.map(|node| node.element).collect()
    }

    fn join(&mut self, other: &Rga, sides: &Sides) -> bool {
        let before = self.nodes.len();
        self.nodes.retain(|name, _| other.nodes.contains_key(name) || sides.keeps(*name));
        let mut changed = self.nodes.len() != before;
        if changed {
            self.order.retain(|name| self.nodes.contains_key(name));
        }
        for (name, theirs) in &other.nodes {
            match self.nodes.get_mut(name) {
                // Deleted by several replicas at once: any of these deletions, the same everywhere.
                Some(own) => {
                    let deleted = own.deleted.into_iter().chain(theirs.deleted).min();
                    changed |= own.deleted != deleted;
                    own.deleted = deleted;
                }
                None if sides.takes(*name) => {
                    self.nodes.insert(*name, *theirs);
                    changed = true;
                }
                None => {}
            }
        }
        self.place_new(sides.mutant);
        changed
    }

    fn dots(&self) -> BTreeSet<Dot> {
        self.nodes.iter().flat_map(|(name, node)| [Some(*name), node.deleted]).flatten().collect()
    }

    fn show_times(&self, origin: &mut Origin) {
        self.nodes.values().for_each(|node| origin.see_lamport(node.stamp));
    }

    fn collect(&mut self, stable: &dyn Fn(Dot) -> bool) -> usize {
        let before = self.nodes.len();
        // A tombstone that goes may have been all that held another one.
        loop {
            let anchors: BTreeSet<Dot> = self.nodes.values().filter_map(|node| node.anchor).collect();
            let count = self.nodes.len();
            self.nodes.retain(|name, node| anchors.contains(name) || !node.deleted.is_some_and(stable));
            if self.nodes.len() == count {
                self.order.retain(|name| self.nodes.contains_key(name));
                return before - count;
            }
        }
    }
}
