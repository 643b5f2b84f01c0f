//! A whole history: every object by its lane, what the lane leaves by the general engine, contradictions in words.

use rashomon_history::{History, OpId};

use super::call::Rule;
use super::models::{Decision, Lane, Scratch};
use crate::engine::{self, Shortage};
use crate::linearizable;
use crate::minimal::minimal_core;
use crate::model::Unusable;
use crate::part::{Item, Keys, compile};
use crate::story::{Story, name_operation, tell};
use crate::verdict::{Anomaly, Budget, Finding, Judgement, Method};

/// Contradictions are told in words for this many objects; the others are only counted.
const EXPLAINED: usize = 8;
/// A contradiction of more operations is told by this many of them.
const LISTED: usize = 12;
/// A contradiction of no more operations is shrunk further by relaxing single facts.
const RELAXED: usize = 40;
/// Steps that relaxing one contradiction may take.
const RELAXING: u64 = 2_000_000;

/// Judges whether a history is linearizable, object by object.
pub(super) fn check<L: Lane>(model: &L, history: &History, budget: &Budget) -> Judgement {
    let keys = Keys::of(history);
    let mut scratch = Scratch::new(history);
    let mut tally = Tally { lane: empty(L::METHOD, L::WHY), ..Tally::default() };
    for key in 0..keys.len() {
        let ops = keys.ops(key);
        match model.decide(history, ops, &mut scratch, false) {
            Err(unusable) => return unreadable(model, unusable),
            Ok(Decision::Linearizable(_)) => tally.by_lane(ops),
            Ok(Decision::Impossible(rule, core)) => {
                tally.by_lane(ops);
                tally.violation(|| tell_contradiction(model, history, rule, &core));
            }
            Ok(Decision::Undecided(why)) => {
                if let Err(unusable) = search(model, history, ops, why, budget, &mut tally) {
                    return unreadable(model, unusable);
                }
            }
        }
    }
    if scratch.observed == 0 {
        tally.unknown.push(format!("{}, so there is nothing to judge", L::UNOBSERVED));
    }
    tally.judgement(model)
}

/// The order that explains one object's operations, where there is one: for tests and for whoever wants the proof.
/// `None` when they are not linearizable or nobody can tell.
pub(super) fn certificate<L: Lane>(model: &L, history: &History, ops: &[u32], budget: &Budget) -> Option<Vec<OpId>> {
    match model.decide(history, ops, &mut Scratch::new(history), true).ok()? {
        Decision::Linearizable(order) => Some(order),
        Decision::Impossible(..) => None,
        Decision::Undecided(_) => {
            let part = compile(model, history, ops).ok()?;
            match engine::search(model, &part, budget).answer {
                engine::Answer::Yes(order) => Some(order),
                engine::Answer::No { .. } | engine::Answer::Unknown(_) => None,
            }
        }
    }
}

/// What the general engine alone says; `None` when the budget does not suffice.
pub(super) fn searched<L: Lane>(model: &L, history: &History, ops: &[u32], budget: &Budget) -> Option<bool> {
    let part = compile(model, history, ops).ok()?;
    match engine::search(model, &part, budget).answer {
        engine::Answer::Yes(_) => Some(true),
        engine::Answer::No { .. } => Some(false),
        engine::Answer::Unknown(_) => None,
    }
}

fn empty(method: &str, why: &str) -> Method {
    Method { method: method.to_owned(), parts: 0, operations: 0, steps: 0, why: why.to_owned() }
}

struct Tally {
    lane: Method,
    searched: Vec<Method>,
    violations: u64,
    anomalies: Vec<Anomaly>,
    unknown: Vec<String>,
    steps: u64,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            lane: empty("", ""),
            searched: Vec::new(),
            violations: 0,
            anomalies: Vec::new(),
            unknown: Vec::new(),
            steps: 0,
        }
    }
}

impl Tally {
    fn by_lane(&mut self, ops: &[u32]) {
        self.lane.parts += 1;
        self.lane.operations += ops.len() as u64;
        self.lane.steps += ops.len() as u64;
    }

    fn violation(&mut self, tell: impl FnOnce() -> Anomaly) {
        self.violations += 1;
        if self.anomalies.len() < EXPLAINED {
            self.anomalies.push(tell());
        }
    }

    fn judgement<L: Lane>(self, model: &L) -> Judgement {
        let mut notes = Vec::new();
        if self.violations as usize > self.anomalies.len() {
            notes
                .push(format!("{} objects are not linearizable; the first {EXPLAINED} are explained", self.violations));
        }
        let mut methods = Vec::from_iter((self.lane.parts > 0).then_some(self.lane));
        methods.extend(self.searched);
        Judgement {
            checker: format!("linearizable {}", model.name()),
            finding: match (self.violations, self.unknown.is_empty()) {
                (0, true) => Finding::Valid,
                (0, false) => Finding::Unknown,
                _ => Finding::Invalid,
            },
            anomalies: self.anomalies,
            unknown: self.unknown,
            methods,
            notes,
            measurements: Vec::new(),
        }
    }
}

/// One object that its lane left to the general engine.
fn search<L: Lane>(
    model: &L,
    history: &History,
    ops: &[u32],
    why: &'static str,
    budget: &Budget,
    tally: &mut Tally,
) -> Result<(), (OpId, Unusable)> {
    let part = compile(model, history, ops)?;
    let left = Budget { steps: budget.steps.saturating_sub(tally.steps), ..*budget };
    let answered = engine::search(model, &part, &left);
    tally.steps += answered.steps;
    let method = match tally.searched.iter().position(|method| method.why == why) {
        Some(found) => &mut tally.searched[found],
        None => {
            tally.searched.push(empty("search", why));
            tally.searched.last_mut().expect("just pushed")
        }
    };
    method.parts += 1;
    method.operations += ops.len() as u64;
    method.steps += answered.steps;
    match answered.answer {
        engine::Answer::Yes(_) => {}
        engine::Answer::No { at, .. } => {
            tally.violation(|| linearizable::explain(model, history, &part, at, answered.steps));
        }
        engine::Answer::Unknown(shortage) => {
            let what = match shortage {
                Shortage::Steps => "the step budget",
                Shortage::Bytes => "the memory budget",
                Shortage::Open | Shortage::Inexact => "what it can follow",
            };
            tally.unknown.push(format!(
                "key {}: {why}, and the general search ran out of {what} after {} steps; raise it, or use more keys",
                part.key, answered.steps
            ));
        }
    }
    Ok(())
}

fn unreadable<L: Lane>(model: &L, (op, error): (OpId, Unusable)) -> Judgement {
    Judgement {
        checker: format!("linearizable {}", model.name()),
        finding: Finding::Unknown,
        anomalies: Vec::new(),
        unknown: vec![format!("operation {} cannot be read: {error}; choose the model that it is of", op.0)],
        methods: Vec::new(),
        notes: Vec::new(),
        measurements: Vec::new(),
    }
}

/// A lane's contradiction in words.
fn tell_contradiction<L: Lane>(model: &L, history: &History, rule: Rule, core: &[OpId]) -> Anomaly {
    let ops: Vec<u32> = core.iter().map(|op| op.0).collect();
    let mut part = compile(model, history, &ops).expect("the lane has read these operations");
    part.key = history.op(core[0]).key.clone();
    let mut kept: Vec<Item> = part.items.clone();
    if L::ALONE && kept.len() <= RELAXED {
        let mut left = RELAXING;
        kept = minimal_core(model, &part, crate::part::NEVER - 1, &[], |weaker| {
            let answered = engine::search(model, weaker, &Budget { steps: left, ..Budget::default() });
            left = left.saturating_sub(answered.steps);
            answered
        });
        // An operation whose completion does not matter is still part of the story: it happened, or may have.
        kept.sort_by_key(|item| item.op);
    }
    let certain: Vec<Item> = kept.iter().copied().filter(Item::is_certain).collect();
    let story = Story { history, part: &part, core: if certain.is_empty() { &kept } else { &certain } };
    let mut anomaly = tell(model, &story);
    let listed: Vec<String> = story
        .core
        .iter()
        .skip(story.core.len().saturating_sub(LISTED))
        .map(|item| name_operation(model, &story.view(item), story.op(item), item.is_certain()))
        .collect();
    let more = story.core.len().saturating_sub(LISTED);
    let earlier = if more > 0 { format!("after {more} earlier operations, ") } else { String::new() };
    anomaly.name = rule.name.to_owned();
    anomaly.sentence = format!("{}: {earlier}{}.", rule.because, listed.join("; "));
    anomaly
}
