//! Replaying the checker's proofs. Nothing here is shared with the checker: values are read from the history anew.
//!
//! A *yes* is an order of commits, or of begins and commits, in which every read must return the state it finds. A *no*
//! is a cycle, each edge of which must follow from reads and writes of the history alone.

use rashomon_history::{History, OpId, Outcome, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::explain::{TxnAnomaly, TxnEdge};
use super::graph::Dependency;
use super::input::Objects;
use super::levels::Order;
use crate::level::Level;

/// A proof that a level holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Certificate {
    /// The transactions that took effect, in a serial order that explains every read.
    Serial(Vec<OpId>),
    /// Begins and commits of the transactions that took effect: each reads the state at its begin, and no two that
    /// overlap write the same key.
    Snapshots(Vec<Moment>),
}

/// A moment of a schedule of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// The transaction takes its snapshot.
    Begin(OpId),
    /// Its writes take effect.
    Commit(OpId),
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the proof does not hold: {0}")]
pub struct Refuted(pub String);

fn refuted<T>(what: impl Into<String>) -> Result<T, Refuted> {
    Err(Refuted(what.into()))
}

/// What a transaction did, as the history has it.
struct Steps(Vec<(bool, Value, Value)>);

impl Steps {
    fn of(history: &History, id: OpId) -> Result<Steps, Refuted> {
        let op = history.op(id);
        let value = if op.outcome == Outcome::Ok { &op.output } else { &op.input };
        let Some(list) = value.as_list() else { return refuted(format!("op {} is no transaction", id.0)) };
        let mut steps = Vec::new();
        for step in list {
            match step.as_list() {
                Some([f, key, value]) => match f.as_text() {
                    Some("r" | "read") if op.outcome == Outcome::Ok => steps.push((false, key.clone(), value.clone())),
                    Some("r" | "read") => {}
                    _ => steps.push((true, key.clone(), value.clone())),
                },
                _ => return refuted(format!("op {} has an unknown micro-operation", id.0)),
            }
        }
        Ok(Steps(steps))
    }

    fn writes(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.0.iter().filter(|step| step.0).map(|step| (&step.1, &step.2))
    }

    fn reads(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.0.iter().filter(|step| !step.0).map(|step| (&step.1, &step.2))
    }
}

/// The state of all keys: a list of all elements, or of all values that a register ever had.
#[derive(Default)]
struct State(FxHashMap<Value, Vec<Value>>);

/// True when the key's states, of which the first `seen` commits count, and own writes give this result.
fn fits(objects: Objects, result: &Value, before: &[Value], own: &[&Value]) -> bool {
    match objects {
        Objects::Registers => *result == own.last().copied().or(before.last()).cloned().unwrap_or(Value::Nil),
        Objects::Lists => {
            let list = result.as_list().unwrap_or(&[]);
            list.len() == before.len() + own.len()
                && list[..before.len()] == *before
                && list[before.len()..].iter().zip(own).all(|(one, other)| one == *other)
        }
    }
}

/// Checks the reads of one transaction, given how long each key's history was at its snapshot.
fn reads_fit(
    steps: &Steps,
    objects: Objects,
    id: OpId,
    state: &State,
    length: impl Fn(&Value) -> usize,
) -> Result<(), Refuted> {
    for (place, (write, key, result)) in steps.0.iter().enumerate() {
        if *write {
            continue;
        }
        let own: Vec<&Value> =
            steps.0[..place].iter().filter(|step| step.0 && step.1 == *key).map(|step| &step.2).collect();
        let before = state.0.get(key).map_or(&[][..], |all| &all[..length(key).min(all.len())]);
        if !fits(objects, result, before, &own) {
            return refuted(format!("op {} read key {key} as {result}, which is not the state there", id.0));
        }
    }
    Ok(())
}

/// Replays a proof that a level holds.
pub fn verify(history: &History, objects: Objects, level: Level, proof: &Certificate) -> Result<(), Refuted> {
    let moments: Vec<Moment> = match proof {
        Certificate::Serial(order) => order.iter().flat_map(|&id| [Moment::Begin(id), Moment::Commit(id)]).collect(),
        Certificate::Snapshots(moments) => moments.clone(),
    };
    let serial = matches!(proof, Certificate::Serial(_));
    let enough = if serial { Level::STRICT_SERIALIZABLE } else { Level::STRONG_SNAPSHOT_ISOLATION };
    if !enough.implies(level) {
        return refuted(format!("an order of this kind is no proof of {level}"));
    }
    let mut state = State::default();
    let mut snapshots: FxHashMap<OpId, FxHashMap<Value, usize>> = FxHashMap::default();
    let mut committed: FxHashSet<OpId> = FxHashSet::default();
    for moment in &moments {
        match *moment {
            Moment::Begin(id) => {
                let steps = Steps::of(history, id)?;
                let lengths = steps.0.iter().map(|step| (step.1.clone(), state.0.get(&step.1).map_or(0, Vec::len)));
                if snapshots.insert(id, lengths.collect()).is_some() {
                    return refuted(format!("op {} begins twice", id.0));
                }
            }
            Moment::Commit(id) => {
                let Some(snapshot) = snapshots.get(&id) else { return refuted(format!("op {} never began", id.0)) };
                let steps = Steps::of(history, id)?;
                if history.op(id).outcome == Outcome::Fail || !committed.insert(id) {
                    return refuted(format!("op {} must not commit here", id.0));
                }
                let length = |key: &Value| snapshot.get(key).copied().unwrap_or(0);
                reads_fit(&steps, objects, id, &state, length)?;
                for (key, _) in steps.writes() {
                    if state.0.get(key).map_or(0, Vec::len) != length(key) {
                        return refuted(format!("op {} writes key {key}, which changed since its snapshot", id.0));
                    }
                }
                for (key, value) in steps.writes() {
                    state.0.entry(key.clone()).or_default().push(value.clone());
                }
            }
        }
    }
    if let Some(op) = history.ops().find(|op| op.outcome == Outcome::Ok && !committed.contains(&op.id)) {
        return refuted(format!("op {} was acknowledged and is missing", op.id.0));
    }
    keeps_order(history, level.order(), &moments)
}

/// True order of processes or of real time: whoever ended before another began committed before that one's snapshot.
fn keeps_order(history: &History, order: Order, moments: &[Moment]) -> Result<(), Refuted> {
    // The latest invocation among those whose snapshot was taken so far, of all or of each process.
    let mut latest: FxHashMap<u32, (u32, OpId)> = FxHashMap::default();
    for moment in moments {
        let (Moment::Begin(id) | Moment::Commit(id)) = *moment;
        let op = history.op(id);
        let group = match order {
            Order::Any => return Ok(()),
            Order::Session => op.process,
            Order::RealTime => 0,
        };
        let entry = latest.entry(group).or_insert((op.invoked, id));
        match moment {
            Moment::Begin(_) => *entry = (*entry).max((op.invoked, id)),
            Moment::Commit(_) => {
                let ended = op.completed.filter(|_| op.outcome == Outcome::Ok);
                if ended.is_some_and(|ended| ended < entry.0) {
                    return refuted(format!("op {} ended before op {} began, but comes after it", id.0, entry.1.0));
                }
            }
        }
    }
    Ok(())
}

/// Derives the edges of a cycle from the history.
pub fn verify_cycle(history: &History, objects: Objects, anomaly: &TxnAnomaly) -> Result<(), Refuted> {
    let edges = &anomaly.edges;
    if edges.len() < 2 {
        return refuted("no cycle");
    }
    for (place, edge) in edges.iter().enumerate() {
        if edge.to != edges[(place + 1) % edges.len()].from {
            return refuted("the edges do not join");
        }
        took_effect(history, edge.from)?;
        let follows = match edge.dependency {
            Dependency::Process => ended_before(history, edge) && same_process(history, edge),
            Dependency::RealTime => ended_before(history, edge),
            data => follows(history, objects, data, edge)?,
        };
        if !follows {
            return refuted(format!("op {} need not come before op {}: {}", edge.from.0, edge.to.0, edge.sentence));
        }
    }
    if objects == Objects::Registers {
        // Where the order of writes is inferred, the name says which level is broken.
        return Ok(());
    }
    let count = |kind| edges.iter().filter(|edge| edge.dependency == kind).count();
    let anti = count(Dependency::Rw);
    let right = match anomaly.name.split("-process").next().and_then(|name| name.split("-realtime").next()) {
        Some("G0") => anti == 0 && count(Dependency::Wr) == 0,
        Some("G1c") => anti == 0,
        Some("G-single") => anti == 1,
        Some("G-nonadjacent" | "G2-item") => anti >= 2,
        _ => true,
    };
    if right { Ok(()) } else { refuted(format!("its edges are not those of {}", anomaly.name)) }
}

fn ended_before(history: &History, edge: &TxnEdge) -> bool {
    let (from, to) = (history.op(edge.from), history.op(edge.to));
    from.outcome == Outcome::Ok && from.completed.is_some_and(|end| end < to.invoked)
}

fn same_process(history: &History, edge: &TxnEdge) -> bool {
    history.op(edge.from).process == history.op(edge.to).process
}

/// A transaction took effect when it was acknowledged, or when one that was read something it wrote.
fn took_effect(history: &History, id: OpId) -> Result<(), Refuted> {
    let op = history.op(id);
    if op.outcome == Outcome::Ok {
        return Ok(());
    }
    let steps = Steps::of(history, id)?;
    let shows =
        |result: &Value, value: &Value| result == value || result.as_list().is_some_and(|list| list.contains(value));
    for other in history.ops().filter(|other| other.outcome == Outcome::Ok) {
        let reads = Steps::of(history, other.id)?;
        if steps.writes().any(|(key, value)| reads.reads().any(|(of, result)| of == key && shows(result, value))) {
            return Ok(());
        }
    }
    refuted(format!("op {} may never have happened", id.0))
}

/// Whether a dependency on one key follows from what was read.
fn follows(history: &History, objects: Objects, kind: Dependency, edge: &TxnEdge) -> Result<bool, Refuted> {
    let (from, to) = (Steps::of(history, edge.from)?, Steps::of(history, edge.to)?);
    let about = |key: &Value| key.to_string() == edge.key;
    let element = |steps: &Steps, value: &Value| steps.writes().any(|(key, written)| about(key) && written == value);
    if objects == Objects::Registers {
        return Ok(match kind {
            Dependency::Wr => to.reads().any(|(key, result)| about(key) && element(&from, result)),
            _ => true,
        });
    }
    let lists = |steps: &Steps| -> Vec<Vec<Value>> {
        let reads = steps.reads().filter(|(key, _)| about(key));
        reads.map(|(_, result)| result.as_list().unwrap_or(&[]).to_vec()).collect()
    };
    // A list with one element and without another: the other came later, or both are in it in their order.
    let earlier = |list: &[Value], first: &Value, second: &Value| {
        let place = |value: &Value| list.iter().position(|other| other == value);
        match (place(first), place(second)) {
            (Some(first), Some(second)) => first < second,
            (Some(_), None) => true,
            _ => false,
        }
    };
    let written = |steps: &Steps| -> Vec<Value> {
        steps.writes().filter(|(key, _)| about(key)).map(|(_, value)| value.clone()).collect()
    };
    let (mine, theirs) = (written(&from), written(&to));
    Ok(match kind {
        Dependency::Wr => lists(&to).iter().any(|list| mine.iter().any(|value| list.contains(value))),
        Dependency::Rw => lists(&from).iter().any(|list| theirs.iter().any(|value| !list.contains(value))),
        _ => {
            let mut some = lists(&from).iter().any(|list| theirs.iter().any(|value| !list.contains(value)));
            for op in history.ops().filter(|op| op.outcome == Outcome::Ok) {
                let reads = Steps::of(history, op.id)?;
                some |= lists(&reads)
                    .iter()
                    .any(|list| mine.iter().any(|first| theirs.iter().any(|second| earlier(list, first, second))));
            }
            some && !mine.is_empty()
        }
    })
}
