//! All objects of a replica, with one causal context for all of them.
//!
//! A store is itself a state that joins: object by object, under the contexts of both sides. That a dot is in the
//! context must mean the same for every object, hence two rules: a store lists every object that any dot of its context
//! belongs to (also one that is empty again), and the dots of its objects are in its context. Deltas keep them, and so
//! do joins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::command::{Key, Query, Reading, SetKind, Update};
use crate::context::Context;
use crate::dot::Dot;
use crate::mutant::Mutant;
use crate::state::{DataType, Delta, Origin, Refusal, Sides};
use crate::types::{LwwRegister, LwwSet, MvPut, MvRegister, OrMap, OrSet, PnCounter, Rga};

/// Objects by type and key, and what they have seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Store {
    counters: Objects<PnCounter>,
    registers: Objects<LwwRegister>,
    siblings: Objects<MvRegister>,
    sets: Objects<OrSet>,
    lww_sets: Objects<LwwSet>,
    maps: Objects<OrMap>,
    texts: Objects<Rga>,
    context: Context,
}

type Objects<S> = BTreeMap<Key, S>;

impl Store {
    /// What an update changes in this store: itself a store, to be joined.
    pub fn update(&self, key: &Key, update: &Update, kind: SetKind, origin: &mut Origin) -> Result<Store, Refusal> {
        let mut store = Store::default();
        let dots = match update {
            Update::CounterAdd(amount) => object(&self.counters, &mut store.counters, key, amount, origin)?,
            Update::RegisterWrite(value) => object(&self.registers, &mut store.registers, key, value, origin)?,
            Update::SiblingsPut { value, seen } => {
                if !seen.iter().all(|dot| self.context.contains(*dot)) {
                    return Err(Refusal::UnknownContext);
                }
                let put = MvPut { value: *value, seen: seen.clone() };
                object(&self.siblings, &mut store.siblings, key, &put, origin)?
            }
            Update::Set(operation) => match kind {
                SetKind::ObservedRemove => object(&self.sets, &mut store.sets, key, operation, origin)?,
                SetKind::LastWriterWins => object(&self.lww_sets, &mut store.lww_sets, key, operation, origin)?,
            },
            Update::Map(operation) => object(&self.maps, &mut store.maps, key, operation, origin)?,
            Update::Text(operation) => object(&self.texts, &mut store.texts, key, operation, origin)?,
        };
        store.context = dots.into_iter().collect();
        Ok(store)
    }

    /// What a query reads here.
    pub fn read(&self, key: &Key, query: Query, kind: SetKind) -> Reading {
        match query {
            Query::Counter => Reading::Total(value(&self.counters, key)),
            Query::Register => Reading::Register(value(&self.registers, key)),
            Query::Siblings => Reading::Siblings(
                self.siblings.get(key).map(|register| register.siblings().collect()).unwrap_or_default(),
            ),
            Query::Set => Reading::Elements(match kind {
                SetKind::ObservedRemove => value(&self.sets, key).into_iter().collect(),
                SetKind::LastWriterWins => value(&self.lww_sets, key).into_iter().collect(),
            }),
            Query::Map => Reading::Fields(value(&self.maps, key)),
            Query::Text => Reading::Elements(value(&self.texts, key)),
        }
    }

    /// Takes in another store; true when that changed this one.
    pub fn join(&mut self, other: &Store, mutant: Option<Mutant>) -> bool {
        let sides = Sides { own: &self.context, theirs: &other.context, mutant };
        let changed = join(&mut self.counters, &other.counters, &sides)
            | join(&mut self.registers, &other.registers, &sides)
            | join(&mut self.siblings, &other.siblings, &sides)
            | join(&mut self.sets, &other.sets, &sides)
            | join(&mut self.lww_sets, &other.lww_sets, &sides)
            | join(&mut self.maps, &other.maps, &sides)
            | join(&mut self.texts, &other.texts, &sides);
        self.context.join(&other.context) | changed
    }

    /// Shows all times in it to the clocks.
    pub fn show_times(&self, origin: &mut Origin) {
        self.registers.values().for_each(|register| register.show_times(origin));
        self.lww_sets.values().for_each(|set| set.show_times(origin));
        self.texts.values().for_each(|text| text.show_times(origin));
    }

    /// Drops tombstones that every replica has seen; says how many.
    pub fn collect(&mut self, stable: &dyn Fn(Dot) -> bool) -> usize {
        let sets: usize = self.lww_sets.values_mut().map(|set| set.collect(stable)).sum();
        let texts: usize = self.texts.values_mut().map(|text| text.collect(stable)).sum();
        sets + texts
    }

    /// How many tombstones it holds.
    pub fn tombstones(&self) -> usize {
        let sets: usize = self.lww_sets.values().map(LwwSet::tombstones).sum();
        let texts: usize = self.texts.values().map(Rga::tombstones).sum();
        sets + texts
    }

    /// How many objects it has.
    pub fn objects(&self) -> usize {
        let causal = self.siblings.len() + self.sets.len() + self.maps.len() + self.texts.len();
        causal + self.counters.len() + self.registers.len() + self.lww_sets.len()
    }

    /// What it has seen.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// A last-writer-wins register.
    pub fn register(&self, key: &str) -> Option<&LwwRegister> {
        self.registers.get(key)
    }

    /// A last-writer-wins set.
    pub fn lww_set(&self, key: &str) -> Option<&LwwSet> {
        self.lww_sets.get(key)
    }

    /// A sequence.
    pub fn text(&self, key: &str) -> Option<&Rga> {
        self.texts.get(key)
    }
}

/// The delta of one object, put into an otherwise empty store; returns the dots that it speaks of.
fn object<S: DataType>(
    objects: &Objects<S>,
    delta: &mut Objects<S>,
    key: &Key,
    operation: &S::Operation,
    origin: &mut Origin,
) -> Result<BTreeSet<Dot>, Refusal> {
    let Delta { state, dots } = match objects.get(key) {
        Some(object) => object.update(operation, origin)?,
        None => S::default().update(operation, origin)?,
    };
    delta.insert(Arc::clone(key), state);
    Ok(dots)
}

fn value<S: DataType>(objects: &Objects<S>, key: &Key) -> S::Value {
    objects.get(key).map_or_else(|| S::default().value(), S::value)
}

fn join<S: DataType>(own: &mut Objects<S>, theirs: &Objects<S>, sides: &Sides) -> bool {
    let mut changed = false;
    for (key, object) in theirs {
        changed |= own.entry(Arc::clone(key)).or_default().join(object, sides);
    }
    changed
}
