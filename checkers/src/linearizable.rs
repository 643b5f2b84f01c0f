//! Linearizability: every operation took effect at one moment between its invocation and its completion.
//!
//! Herlihy and Wing, *Linearizability: a correctness condition for concurrent objects* (1990). Each key is judged alone
//! (the property is local); what one key needs does not depend on the others, so verdicts do not either.

use rashomon_history::{History, OpId};

use crate::engine::{Answer, Answered, Shortage, search};
use crate::minimal::minimal_core;
use crate::model::Model;
use crate::part::{Item, Keys, Part, compile};
use crate::story::{Story, tell};
use crate::verdict::{Anomaly, Budget, Finding, Judgement, Method};

/// Each key may spend at least this many steps, however many keys there are.
const STEPS_PER_KEY: u64 = 100_000;
/// Cores are sought for this many keys; the others are only counted.
const EXPLAINED: usize = 8;
/// How many steps finding one core may take, as a multiple of those that refuting the history took.
const CORE_EFFORT: u64 = 1_000;

/// Judges whether a history is linearizable, key by key.
pub fn check<M: Model>(model: &M, history: &History, budget: &Budget) -> Judgement {
    let keys = Keys::of(history);
    let mut tally = Tally::default();
    let share = (budget.steps / keys.len().max(1) as u64).max(STEPS_PER_KEY).min(budget.steps);
    let mut short = Vec::new();
    for key in 0..keys.len() {
        match judge(model, history, keys.ops(key), &Budget { steps: share, ..*budget }) {
            Err(unusable) => return unreadable(model, unusable),
            Ok(judged) if matches!(judged.answered.answer, Answer::Unknown(_)) => short.push((key, judged)),
            Ok(judged) => tally.add(model, history, judged),
        }
    }
    // What the easy keys left over goes to the hard ones, in order.
    let mut left = budget.steps.saturating_sub(tally.steps);
    for (key, first) in short {
        let judged = if left > share {
            judge(model, history, keys.ops(key), &Budget { steps: left, ..*budget }).unwrap_or(first)
        } else {
            first
        };
        left = left.saturating_sub(judged.answered.steps);
        tally.add(model, history, judged);
    }
    tally.judgement(model, budget)
}

/// One key's answer.
struct Judged<Op> {
    part: Part<Op>,
    answered: Answered,
}

fn judge<M: Model>(
    model: &M,
    history: &History,
    ops: &[u32],
    budget: &Budget,
) -> Result<Judged<M::Op>, (OpId, crate::model::Unusable)> {
    let part = compile(model, history, ops)?;
    let answered = search(model, &part, budget);
    Ok(Judged { part, answered })
}

fn unreadable<M: Model>(model: &M, (op, error): (OpId, crate::model::Unusable)) -> Judgement {
    Judgement {
        checker: format!("linearizable {}", model.name()),
        finding: Finding::Unknown,
        anomalies: Vec::new(),
        unknown: vec![format!("operation {} cannot be read: {error}; choose the model that it is of", op.0)],
        methods: Vec::new(),
        notes: Vec::new(),
    }
}

#[derive(Default)]
struct Tally {
    parts: u64,
    operations: u64,
    steps: u64,
    violations: u64,
    anomalies: Vec<Anomaly>,
    unknown: Vec<String>,
}

impl Tally {
    fn add<M: Model>(&mut self, model: &M, history: &History, judged: Judged<M::Op>) {
        let Judged { part, answered } = judged;
        self.parts += 1;
        self.operations += part.items.len() as u64;
        self.steps += answered.steps;
        match answered.answer {
            Answer::Yes(_) => {}
            Answer::No { at } => {
                self.violations += 1;
                if self.anomalies.len() < EXPLAINED {
                    self.anomalies.push(explain(model, history, &part, at, answered.steps));
                }
            }
            Answer::Unknown(shortage) => self.unknown.push(name_shortage(&part, shortage, answered.steps)),
        }
    }

    fn judgement<M: Model>(self, model: &M, _budget: &Budget) -> Judgement {
        let finding = match (self.violations, self.unknown.len()) {
            (0, 0) => Finding::Valid,
            (0, _) => Finding::Unknown,
            _ => Finding::Invalid,
        };
        let mut notes = Vec::new();
        if self.violations as usize > self.anomalies.len() {
            notes.push(format!("{} keys are not linearizable; the first {EXPLAINED} are explained", self.violations));
        }
        Judgement {
            checker: format!("linearizable {}", model.name()),
            finding,
            anomalies: self.anomalies,
            unknown: self.unknown,
            methods: vec![Method {
                method: "search".to_owned(),
                parts: self.parts,
                operations: self.operations,
                steps: self.steps,
                why: "depth-first search works for every model".to_owned(),
            }],
            notes,
        }
    }
}

pub(crate) fn explain<M: Model>(model: &M, history: &History, part: &Part<M::Op>, at: u32, steps: u64) -> Anomaly {
    let mut left = steps.saturating_mul(CORE_EFFORT).max(1_000_000);
    let core: Vec<Item> = minimal_core(model, part, at, |weaker| {
        let answered = search(model, weaker, &Budget { steps: left, ..Budget::default() });
        left = left.saturating_sub(answered.steps);
        answered
    });
    let core: Vec<Item> = core.into_iter().filter(Item::is_certain).collect();
    tell(model, &Story { history, part, core: &core })
}

fn name_shortage<Op>(part: &Part<Op>, shortage: Shortage, steps: u64) -> String {
    let what = match shortage {
        Shortage::Steps => format!("{steps} steps were not enough; raise the step budget"),
        Shortage::Open => "too many operations are open at once".to_owned(),
        Shortage::Inexact => format!("{steps} steps told neither"),
        Shortage::Bytes => "the memory budget was not enough; raise it".to_owned(),
    };
    format!("key {}: {} operations: {what}, or use more keys with fewer clients each", part.key, part.items.len())
}
