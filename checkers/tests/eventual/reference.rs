//! Whether replicas that work as their type says can have answered as a small history tells: tries everything.
//!
//! The definition behind it is the usual one of replicated data types (Burckhardt, Gotsman, Yang and Zawirski,
//! *Replicated data types: specification, verification, optimality*, 2014): an operation takes effect at a site at one
//! moment between its invocation and its completion; an answer is a function of the updates visible there, of what was
//! visible to each of them, and of their order in time.

use std::collections::HashSet;

use rashomon_checkers::Level;
use rashomon_history::{History, OpView, Outcome, Value};

/// The visible updates of one answer.
pub(crate) struct Visible<'a> {
    /// All operations.
    pub(crate) ops: &'a [OpView<'a>],
    /// The updates visible, as a set of indices.
    pub(crate) mask: u32,
    /// What was visible to each update.
    pub(crate) seen: &'a [u32],
    /// The updates in the order in which they took effect.
    pub(crate) order: &'a [u8],
}

impl Visible<'_> {
    pub(crate) fn has(&self, op: usize) -> bool {
        self.mask & 1 << op != 0
    }

    /// The visible updates, in the order in which they took effect.
    pub(crate) fn updates(&self) -> impl Iterator<Item = (usize, &OpView<'_>)> {
        self.order.iter().map(|&op| usize::from(op)).filter(|&op| self.has(op)).map(|op| (op, &self.ops[op]))
    }
}

/// The answer to a read, normalised.
pub(crate) type Answer<'f> = &'f dyn Fn(&Visible<'_>) -> Value;

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    /// The next event.
    position: u32,
    /// Per site, what it has.
    masks: Vec<u32>,
    /// Per operation, what was visible to it.
    seen: Vec<u32>,
    order: Vec<u8>,
    /// Operations that have taken effect.
    done: u32,
}

struct Reference<'a> {
    /// Whether order matters in an answer.
    ordered: bool,
    ops: Vec<OpView<'a>>,
    answers: Vec<Value>,
    site: Vec<usize>,
    promise: Level,
    /// The position of the first event of the settled object.
    settled: u32,
    answer: Answer<'a>,
    tried: HashSet<State>,
}

/// Whether the history is possible. Its objects are settled from a second on.
pub(crate) fn is_possible(history: &History, promise: Level, answer: Answer<'_>, ordered: bool) -> bool {
    let ops: Vec<OpView<'_>> = history.ops().collect();
    let mut sites: Vec<u32> = Vec::new();
    let site = ops
        .iter()
        .map(|op| {
            let name = match promise.name() {
                "replica" => u32::from(op.node.expect("tests name nodes")),
                "session" => op.process,
                _ => op.id.0,
            };
            sites.iter().position(|&site| site == name).unwrap_or_else(|| {
                sites.push(name);
                sites.len() - 1
            })
        })
        .collect();
    let events = history.events() as u32;
    let settled = (0..events).find(|&event| history.time_at(event) >= 1_000_000_000).unwrap_or(events);
    let start =
        State { position: 0, masks: vec![0; sites.len()], seen: vec![0; ops.len()], order: Vec::new(), done: 0 };
    let answers = ops.iter().map(|op| if ordered { op.output.clone() } else { normal(&op.output) }).collect();
    Reference { ordered, ops, answers, site, promise, settled, answer, tried: HashSet::new() }.explains(start, events)
}

/// Lists and maps as sets.
pub(crate) fn normal(value: &Value) -> Value {
    match value {
        Value::List(items) => {
            let mut items = items.to_vec();
            items.sort();
            Value::list(items)
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key.clone(), normal(value))).collect();
            entries.sort();
            Value::Map(entries.into())
        }
        other => other.clone(),
    }
}

impl Reference<'_> {
    fn explains(&mut self, state: State, events: u32) -> bool {
        if state.position == events {
            return true;
        }
        if !self.tried.insert(state.clone()) {
            return false;
        }
        // The next event happens.
        let ending = self.ops.iter().position(|op| op.completed == Some(state.position) && op.outcome == Outcome::Ok);
        if ending.is_none_or(|op| state.done & 1 << op != 0) {
            let mut next = state.clone();
            next.position += 1;
            if next.position == self.settled {
                let all = next.masks.iter().fold(0, |all, mask| all | mask);
                next.masks.fill(all);
            }
            if self.explains(next, events) {
                return true;
            }
        }
        let late = state.position >= self.settled;
        for op in 0..self.ops.len() {
            let view = &self.ops[op];
            let begun = view.invoked < state.position;
            let over = view.outcome != Outcome::Info && view.completed.is_some_and(|end| end < state.position);
            let failed = view.outcome == Outcome::Fail;
            if !begun || over || failed || state.done & 1 << op != 0 || (late && view.f != "read") {
                continue;
            }
            let site = self.site[op];
            let mut next = state.clone();
            next.done |= 1 << op;
            if view.f != "read" {
                next.seen[op] = next.masks[site];
                next.masks[site] |= 1 << op;
                next.order.push(op as u8);
            } else if view.outcome == Outcome::Ok {
                let visible =
                    Visible { ops: &self.ops, mask: state.masks[site], seen: &state.seen, order: &state.order };
                let answer = (self.answer)(&visible);
                let answer = if self.ordered { answer } else { normal(&answer) };
                if answer != self.answers[op] {
                    continue;
                }
            } else {
                continue;
            }
            if self.explains(next, events) {
                return true;
            }
        }
        // A replica may take over news at any time, to hand them on; elsewhere what is not needed now can wait.
        let needs = |site: usize| {
            self.promise == Level::REPLICA
                || self.ops.iter().enumerate().any(|(op, view)| {
                    let over = view.completed.is_some_and(|end| end < state.position && view.outcome != Outcome::Info);
                    self.site[op] == site && view.invoked < state.position && !over && state.done & 1 << op == 0
                })
        };
        for site in (0..state.masks.len()).filter(|&site| needs(site)).collect::<Vec<_>>() {
            // A replica takes over another's whole state; elsewhere single updates arrive in any order.
            let news: Vec<u32> = match self.promise == Level::REPLICA {
                true => state.masks.clone(),
                false => state.order.iter().map(|&op| 1 << op).collect(),
            };
            for news in news {
                if state.masks[site] | news != state.masks[site] {
                    let mut next = state.clone();
                    next.masks[site] |= news;
                    if self.explains(next, events) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

pub(crate) fn grow_only(visible: &Visible<'_>) -> Value {
    distinct(visible.updates().map(|(_, op)| op.input.clone()))
}

pub(crate) fn sum(visible: &Visible<'_>) -> Value {
    Value::Int(visible.updates().filter_map(|(_, op)| op.input.as_int()).sum())
}

pub(crate) fn or_set(visible: &Visible<'_>) -> Value {
    let alive = |&(add, op): &(usize, &OpView<'_>)| {
        let mut removes = visible.updates().filter(|(_, remove)| remove.f == "remove" && remove.input == op.input);
        op.f == "add" && removes.all(|(remove, _)| visible.seen[remove] & 1 << add == 0)
    };
    distinct(visible.updates().filter(alive).map(|(_, op)| op.input.clone()))
}

pub(crate) fn lww_set(visible: &Visible<'_>) -> Value {
    let wins = |&(at, op): &(usize, &OpView<'_>)| {
        let last = visible.updates().filter(|(_, other)| other.input == op.input).last();
        op.f == "add" && last.is_some_and(|(last, _)| last == at)
    };
    distinct(visible.updates().filter(wins).map(|(_, op)| op.input.clone()))
}

pub(crate) fn siblings(visible: &Visible<'_>) -> Value {
    let parts = |op: &OpView<'_>| {
        let pair = op.input.as_list().expect("[value seen]");
        (pair[0].clone(), pair[1].as_list().unwrap_or_default().to_vec())
    };
    let all: Vec<(Value, Vec<Value>)> = visible.ops.iter().filter(|op| op.f == "put").map(parts).collect();
    // What a put has seen it supersedes, and all that this had superseded before.
    let mut superseded: Vec<Value> = Vec::new();
    for (_, op) in visible.updates() {
        let mut past = parts(op).1;
        while let Some(value) = past.pop() {
            if !superseded.contains(&value) {
                past.extend(all.iter().filter(|(other, _)| *other == value).flat_map(|(_, seen)| seen.clone()));
                superseded.push(value);
            }
        }
    }
    distinct(visible.updates().map(|(_, op)| parts(op).0).filter(|value| !superseded.contains(value)))
}

pub(crate) fn or_map(visible: &Visible<'_>) -> Value {
    let field = |op: &OpView<'_>| match op.f {
        "put" => op.input.as_list().expect("[field value]")[0].clone(),
        _ => op.input.clone(),
    };
    let alive = |&(put, op): &(usize, &OpView<'_>)| {
        let mut others = visible.updates().filter(|(other, view)| *other != put && field(view) == field(op));
        op.f == "put" && others.all(|(other, _)| visible.seen[other] & 1 << put == 0)
    };
    let mut fields: std::collections::BTreeMap<Value, Vec<Value>> = std::collections::BTreeMap::new();
    for (_, op) in visible.updates().filter(alive) {
        fields.entry(field(op)).or_default().push(op.input.as_list().expect("[field value]")[1].clone());
    }
    Value::Map(fields.into_iter().map(|(field, values)| (field, Value::list(values))).collect())
}

/// Whether an RGA explains the history, for any order of timestamps that keeps causality.
pub(crate) fn is_possible_text(history: &History, promise: Level) -> bool {
    let inserts: Vec<usize> = history.ops().filter(|op| op.f == "insert").map(|op| op.id.0 as usize).collect();
    permutations(&inserts).iter().any(|timestamps| {
        let rga = |visible: &Visible<'_>| rga(visible, timestamps).unwrap_or(Value::Bool(false));
        is_possible(history, promise, &rga, true)
    })
}

pub(crate) fn permutations(items: &[usize]) -> Vec<Vec<usize>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let rest = |skip: usize| items.iter().copied().filter(|&item| item != skip).collect::<Vec<_>>();
    let with = |first: usize| permutations(&rest(first)).into_iter().map(move |rest| [vec![first], rest].concat());
    items.iter().flat_map(|&first| with(first)).collect()
}

/// What an RGA answers whose inserts have timestamps in this order; `None` if those cannot be.
fn rga(visible: &Visible<'_>, timestamps: &[usize]) -> Option<Value> {
    let time = |op: usize| timestamps.iter().position(|&other| other == op);
    let pair = |op: usize| visible.ops[op].input.as_list().expect("[element after]").to_vec();
    let inserts: Vec<usize> = timestamps.iter().copied().filter(|&op| visible.has(op)).collect();
    for &op in &inserts {
        let seen = visible.seen[op];
        let later = inserts.iter().any(|&other| seen & 1 << other != 0 && time(other) > time(op));
        let after = pair(op)[1].clone();
        let anchored = after.is_nil() || inserts.iter().any(|&other| seen & 1 << other != 0 && pair(other)[0] == after);
        if later || !anchored {
            return None;
        }
    }
    // Behind their anchor the latest comes first.
    let mut list: Vec<Value> = Vec::new();
    fn behind(anchor: &Value, inserts: &[(Value, Value)], list: &mut Vec<Value>) {
        for (element, _) in inserts.iter().rev().filter(|(_, after)| after == anchor) {
            list.push(element.clone());
            behind(element, inserts, list);
        }
    }
    let inserts: Vec<(Value, Value)> = inserts.iter().map(|&op| (pair(op)[0].clone(), pair(op)[1].clone())).collect();
    behind(&Value::Nil, &inserts, &mut list);
    let deleted: Vec<&Value> = visible.updates().filter(|(_, op)| op.f == "delete").map(|(_, op)| &op.input).collect();
    list.retain(|element| !deleted.contains(&element));
    Some(Value::list(list))
}

fn distinct(values: impl Iterator<Item = Value>) -> Value {
    Value::list(values.collect::<std::collections::BTreeSet<Value>>())
}
