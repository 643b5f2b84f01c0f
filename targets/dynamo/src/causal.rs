//! Causal histories: dots, contexts, and values that know which events they rest on.
//!
//! A write is an event; its *dot* names it by actor and number. A *context* is the set of events somebody has seen, in
//! the form of a version vector. [`Dotted`] holds the values nobody has superseded yet, each under its own dot, and the
//! context of everything that was ever seen here: a container of dotted version vectors (Preguiça, Baquero, Almeida,
//! Fonte, Gonçalves: Brief announcement: Efficient causality tracking in distributed storage systems with dotted
//! version vectors, PODC 2012; Almeida et al.: Scalable and accurate causality tracking for eventually consistent
//! stores, DAIS 2014). With set elements for values it is the optimized observed-remove set of Bieniusa et al. (An
//! optimized conflict-free replicated set, 2012): an element is there while one of its dots is.
//!
//! A version vector can stand for a set of events only if nobody knows a later event of an actor without knowing its
//! earlier ones. So an actor is not a node, but a node's *stay* with a key: it ends when the node forgets the key, and
//! the next stay is another actor (as Riak 2.1 has it with its per-key actor epochs).

use std::collections::{BTreeMap, BTreeSet};

use rashomon_protocol::NodeId;
use serde::{Deserialize, Serialize};

use crate::object::Value;

/// A node's stay with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The node.
    pub node: NodeId,
    /// Which of its stays; no number is used twice on a node.
    pub birth: u64,
}

/// An event: the `number`th of an actor, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Dot {
    /// Whose.
    pub actor: Actor,
    /// Which of its events.
    pub number: u64,
}

/// A set of events, as a version vector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context(pub BTreeMap<Actor, u64>);

impl Context {
    /// Whether an event is in it.
    pub fn covers(&self, dot: Dot) -> bool {
        self.0.get(&dot.actor).is_some_and(|latest| dot.number <= *latest)
    }

    /// Adds an event and all earlier ones of its actor.
    pub fn add(&mut self, dot: Dot) {
        let latest = self.0.entry(dot.actor).or_default();
        *latest = (*latest).max(dot.number);
    }

    /// Adds all events of another.
    pub fn merge(&mut self, other: &Context) {
        for (actor, number) in &other.0 {
            self.add(Dot { actor: *actor, number: *number });
        }
    }

    /// Whether all events of the other are in it.
    pub fn includes(&self, other: &Context) -> bool {
        other.0.iter().all(|(actor, number)| self.covers(Dot { actor: *actor, number: *number }))
    }
}

/// Values with the events that wrote them, and everything that was ever seen here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dotted {
    /// All events seen.
    pub context: Context,
    /// What is not superseded.
    pub values: BTreeMap<Dot, Value>,
}

impl Dotted {
    /// Takes in what another has seen: a value stays if both have it, or if the one that has it not has not seen it.
    pub fn merge(&mut self, other: &Dotted) {
        self.values.retain(|dot, _| other.values.contains_key(dot) || !other.context.covers(*dot));
        for (dot, value) in &other.values {
            if !self.context.covers(*dot) {
                self.values.insert(*dot, value.clone());
            }
        }
        self.context.merge(&other.context);
    }

    /// Writes a value as `actor`'s next event; it supersedes what `seen` covers.
    pub fn put(&mut self, actor: Actor, seen: &Context, value: Value) {
        self.supersede(seen);
        let number = self.context.0.get(&actor).copied().unwrap_or(0) + 1;
        self.put_at(Dot { actor, number }, value);
    }

    /// Writes a value under this dot.
    pub(crate) fn put_at(&mut self, dot: Dot, value: Value) {
        self.values.insert(dot, value);
        self.context.add(dot);
    }

    /// Drops the values that `seen` covers.
    pub fn supersede(&mut self, seen: &Context) {
        self.values.retain(|dot, _| !seen.covers(*dot));
        self.context.merge(seen);
    }

    /// Adds an element to a set; its dots so far are superseded by the new one.
    pub fn add(&mut self, actor: Actor, element: Value) {
        self.remove(&element);
        self.put(actor, &Context::default(), element);
    }

    /// Removes an element from a set: all of its dots that are known here.
    pub fn remove(&mut self, element: &Value) {
        self.values.retain(|_, value| value != element);
    }

    /// The distinct values, in order.
    pub fn distinct(&self) -> Vec<Value> {
        self.values.values().cloned().collect::<BTreeSet<Value>>().into_iter().collect()
    }
}
