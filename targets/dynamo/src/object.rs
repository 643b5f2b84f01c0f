//! What a key holds: registers, siblings, sets, counters. Each is a semilattice; replicas only ever merge.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::causal::{Actor, Context, Dotted};
use crate::cells::Cells;
use crate::mutant::Mutant;

/// What clients write.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// An integer.
    Int(i64),
    /// Text.
    Text(Arc<str>),
}

/// Which kind of object a key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Space {
    /// One value.
    Register,
    /// Concurrent values, for the client to resolve.
    Siblings,
    /// A set that only grows.
    Set,
    /// A set of which elements are removed, too.
    Cart,
    /// A sum.
    Counter,
}

/// A key; the same name in two spaces is two keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// What kind of object it names.
    pub space: Space,
    /// Its name.
    pub name: Arc<str>,
}

/// The order of a register's writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// One more than the writer saw, or its wall clock in µs where the last write wins.
    pub stamp: u64,
    /// Who wrote, where stamps are equal.
    pub node: NodeId,
    /// Which of its writes, where even that is.
    pub unique: u64,
}

/// A register's latest write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// When.
    pub version: Version,
    /// What; `None` when it was deleted.
    pub value: Option<Value>,
}

/// A sum of what each actor added and took away (a PN-counter: Shapiro et al. 2011, section 3.1.3). Only an actor
/// itself changes its part, so of two states of a part the larger is the later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Sums of additions and of subtractions.
    pub parts: BTreeMap<Actor, (u64, u64)>,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Object {
    /// A register.
    Register(Register),
    /// Siblings, or a set's elements.
    Dotted(Dotted),
    /// A counter.
    Counter(Counter),
    /// A set's elements, for D18.
    Cells(Cells),
}

/// How a client wants to change an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Update {
    /// Register: write a value.
    Write(Value),
    /// Register, or siblings with what the client has seen of them: delete.
    Delete(Context),
    /// Siblings: write a value that supersedes what the client has seen.
    Put(Value, Context),
    /// Set, cart: add an element.
    Add(Value),
    /// Cart: remove an element.
    Remove(Value),
    /// Counter: add a number.
    Count(i64),
}

impl Object {
    /// What a key of this kind holds before its first write.
    pub fn empty(space: Space, mutant: Option<Mutant>) -> Object {
        match space {
            // D18: collections are made of cells with timestamps.
            Space::Set | Space::Cart if mutant == Some(Mutant::TimestampedCells) => Object::Cells(Cells::default()),
            Space::Register => Object::Register(Register::default()),
            Space::Siblings | Space::Set | Space::Cart => Object::Dotted(Dotted::default()),
            Space::Counter => Object::Counter(Counter::default()),
        }
    }

    /// Takes in another replica's state. Objects of different kinds never meet, as their keys differ.
    pub fn merge(&mut self, other: &Object, mutant: Option<Mutant>) {
        match (self, other) {
            (Object::Register(mine), Object::Register(theirs)) => {
                // D4: equal stamps are no reason to change anything; each replica keeps what came first.
                let later = match mutant {
                    Some(Mutant::TieByArrival) => theirs.version.stamp > mine.version.stamp,
                    _ => theirs.version > mine.version,
                };
                if later {
                    *mine = theirs.clone();
                }
            }
            (Object::Dotted(mine), Object::Dotted(theirs)) => mine.merge(theirs),
            (Object::Counter(mine), Object::Counter(theirs)) => {
                for (actor, (up, down)) in &theirs.parts {
                    let part = mine.parts.entry(*actor).or_default();
                    *part = (part.0.max(*up), part.1.max(*down));
                }
            }
            (Object::Cells(mine), Object::Cells(theirs)) => mine.merge(theirs),
            _ => {}
        }
    }

    /// The last write was a deletion, or all elements are gone: kept only so that older writes do not come back.
    pub fn is_tombstone(&self) -> bool {
        match self {
            Object::Register(register) => register.value.is_none(),
            Object::Dotted(dotted) => dotted.values.is_empty(),
            Object::Counter(_) => false,
            Object::Cells(cells) => cells.live().next().is_none(),
        }
    }

    /// The stamp of a register's last write; 0 for anything else.
    pub(crate) fn stamp(&self) -> u64 {
        match self {
            Object::Register(register) => register.version.stamp,
            Object::Dotted(_) | Object::Counter(_) | Object::Cells(_) => 0,
        }
    }
}

impl Counter {
    /// The sum.
    pub fn total(&self) -> i64 {
        self.parts.values().fold(0, |total, (up, down)| total.wrapping_add_unsigned(*up).wrapping_sub_unsigned(*down))
    }

    /// Adds a number as `actor`.
    pub fn count(&mut self, actor: Actor, amount: i64) {
        let part = self.parts.entry(actor).or_default();
        if amount < 0 {
            part.1 = part.1.saturating_add(amount.unsigned_abs());
        } else {
            part.0 = part.0.saturating_add(amount.unsigned_abs());
        }
    }
}
