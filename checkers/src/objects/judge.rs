//! A whole history: every object by its lane, what the lane leaves by the general engine, contradictions in words.

use rashomon_history::{History, OpId};

use super::call::Rule;
use super::models::{Decision, Lane, Scratch};
use crate::engine::{self, Shortage};
use crate::explain::{Refuted, clock_error, decider, explain};
use crate::minimal::minimal_core;
use crate::model::{Nature, Unusable};
use crate::part::{Item, Keys, NEVER, compile};
use crate::story::{Story, name_operation, tell};
use crate::verdict::{Anomaly, Budget, Finding, Judgement, Method};

/// Contradictions are told in words for this many objects; the others are only counted.
const EXPLAINED: usize = 8;
/// A contradiction of more operations is told by this many of them.
const LISTED: usize = 12;
/// A contradiction of no more operations is shrunk further by relaxing single facts.
const RELAXED: usize = 2_000;

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
            tally.violation(|| explain(model, history, &part, Refuted { at, among: &[], steps: answered.steps }));
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
fn tell_contradiction<L: Lane>(model: &L, history: &History, rule: Rule, contradiction: &[OpId]) -> Anomaly {
    let ops: Vec<u32> = contradiction.iter().map(|op| op.0).collect();
    let mut part = compile(model, history, &ops).expect("the lane has read these operations");
    part.key = history.op(contradiction[0]).key.clone();
    let core = (L::ALONE && part.items.len() <= RELAXED).then(|| {
        let observes = |item: &Item| model.nature(&part.classes[item.class as usize]) == Nature::Observer;
        minimal_core(&part.items, NEVER - 1, &[], observes, decider(model, &part.classes, part.items.len() as u64))
    });
    let facts = match &core {
        Some(core) => core.facts.clone(),
        None => part.items.iter().copied().filter(Item::is_certain).collect(),
    };
    // An operation whose completion does not matter is still part of the story: it happened, or may have.
    let told = if facts.is_empty() { &part.items } else { &facts };
    let order = core.as_ref().map_or(&[][..], |core| &core.order);
    let story = Story { history, part: &part, core: told, order };
    let mut anomaly = tell(model, &story);
    anomaly.explanation.extend(core.as_ref().and_then(|core| clock_error(model, history, &part, core)));
    let listed: Vec<String> = told
        .iter()
        .skip(told.len().saturating_sub(LISTED))
        .map(|item| name_operation(model, &story.view(item), story.op(item), item.is_certain()))
        .collect();
    let more = told.len().saturating_sub(LISTED);
    let earlier = if more > 0 { format!("after {more} earlier operations, ") } else { String::new() };
    anomaly.name = rule.name.to_owned();
    anomaly.sentence = format!("{}: {earlier}{}.", rule.because, listed.join("; "));
    anomaly
}
