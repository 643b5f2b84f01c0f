//! What clients can ask of a replica.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::dot::Dot;
use crate::types::{Element, MapOperation, RgaOperation, SetOperation};

/// The name of an object within its type.
pub type Key = Arc<str>;

/// Which set the cluster serves; the same at all replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetKind {
    /// [`OrSet`](crate::types::OrSet): adds win.
    #[default]
    ObservedRemove,
    /// [`LwwSet`](crate::types::LwwSet): the latest stamp wins.
    LastWriterWins,
}

/// A change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// Of a counter.
    CounterAdd(i64),
    /// Of a last-writer-wins register.
    RegisterWrite(Element),
    /// Of a multi-value register.
    SiblingsPut {
        /// The new value.
        value: Element,
        /// The dots of the values it supersedes, as a read returned them.
        seen: BTreeSet<Dot>,
    },
    /// Of a set.
    Set(SetOperation),
    /// Of a map.
    Map(MapOperation),
    /// Of a sequence.
    Text(RgaOperation),
}

/// Which object to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// A counter.
    Counter,
    /// A last-writer-wins register.
    Register,
    /// A multi-value register.
    Siblings,
    /// A set.
    Set,
    /// A map.
    Map,
    /// A sequence.
    Text,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// A counter's total.
    Total(i64),
    /// A register's value; `None` before the first write.
    Register(Option<Element>),
    /// All siblings, with the dots that a put gives back to supersede them.
    Siblings(Vec<(Dot, Element)>),
    /// A set's elements, ascending, or a sequence's in its order.
    Elements(Vec<Element>),
    /// A map's fields with their values.
    Fields(BTreeMap<Arc<str>, Vec<Element>>),
}
