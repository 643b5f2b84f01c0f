//! From a refuted history to an anomaly: a minimal core, described in words, and how far off it was.

mod rule;

use rashomon_history::{History, OpId, OpView, Value};
use rustc_hash::FxHashMap;

use crate::engine::{Answer, Shortage, decide, refuted_suffix};
use crate::minimal::{Core, minimal_core};
use crate::model::{Model, Nature, Unusable};
use crate::severity;
use crate::story::{Span, Story, describe};
use crate::subhistory::{Item, Subhistory};
use crate::verdict::{Anomaly, Budget};
pub(crate) use rule::explain_rule;

/// How many steps finding one core may take in all: this many, and so many times those that refuting the history took.
const LEAST_EFFORT: u64 = 500_000;
const EFFORT: u64 = 50;
/// How many of them one attempt may take: a weakened history that is much harder than the whole is not worth it.
const LEAST_ATTEMPT: u64 = 2_000;
const ATTEMPT: u64 = 4;
/// How many steps saying how far off it was may take, and each attempt at it.
const MEASURING: u64 = 200_000;
const MEASURED: u64 = 20_000;

/// What is known of a history that is not linearizable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refuted<'a> {
    /// Already the events up to this position contradict each other.
    pub(crate) at: u32,
    /// Operations that contradict each other alone; empty when nobody knows which.
    pub(crate) among: &'a [OpId],
    /// Steps that this took to find out.
    pub(crate) steps: u64,
}

/// Explains why a subhistory is not linearizable.
pub(crate) fn explain<M: Model>(
    model: &M,
    history: &History,
    subhistory: &Subhistory<M::Op>,
    refuted: Refuted<'_>,
) -> Anomaly {
    let Refuted { at, among, steps } = refuted;
    // A history in which values repeat would need almost all of its writes in the core: to say that none of them
    // explains the contradiction. So the argument begins where every explanation of what came before agrees on the
    // state.
    let again = Budget { steps: steps.saturating_mul(ATTEMPT).max(LEAST_ATTEMPT), ..Budget::default() };
    if among.is_empty()
        && let Some((state, since, suffix)) = refuted_suffix(model, subhistory, &again)
    {
        let resumed = Resumed { model, state };
        let core = core_of(&resumed, &suffix, refuted);
        if !core.facts.is_empty() {
            let mut anomaly = describe(model, &Story { history, subhistory, core: &core.facts, order: &core.order });
            let state = model.describe_state(&resumed.state);
            let when = Span(history.time_at(since));
            let lemma =
                format!("At {when} every explanation of what had happened so far agrees: the state was {state}.");
            anomaly.explanation.insert(0, lemma);
            // With other clocks they would perhaps not agree, so what came before counts as well.
            let error = severity::of_prefix(history, &subhistory.items, at, measuring(model, &subhistory.classes));
            anomaly.explanation.extend(error.map(|error| error.sentence("everything up to then")));
            return anomaly;
        }
    }
    let core = core_of(model, subhistory, refuted);
    let mut anomaly = describe(model, &Story { history, subhistory, core: &core.facts, order: &core.order });
    anomaly.explanation.extend(uncertainty(model, history, subhistory, &core));
    anomaly
}

fn core_of<M: Model>(model: &M, subhistory: &Subhistory<M::Op>, refuted: Refuted<'_>) -> Core {
    let observes = |item: &Item| model.nature(&subhistory.classes[item.class as usize]) == Nature::Observer;
    let decide = decider(model, &subhistory.classes, refuted.steps);
    minimal_core(&subhistory.items, refuted.at, refuted.among, observes, decide)
}

/// The timestamp error that would explain a core, as a sentence.
fn uncertainty<M: Model>(model: &M, history: &History, subhistory: &Subhistory<M::Op>, core: &Core) -> Option<String> {
    let error = severity::of_core(history, core, measuring(model, &subhistory.classes))?;
    Some(error.sentence(if core.facts.len() == 1 { "this operation" } else { "these operations" }))
}

/// Judges weaker histories of the same operations; `steps` is what refuting the whole took.
pub(crate) fn decider<'a, M: Model>(
    model: &'a M,
    classes: &'a [M::Op],
    steps: u64,
) -> impl FnMut(&[Item]) -> Answer + 'a {
    let effort = steps.saturating_mul(EFFORT).max(LEAST_EFFORT);
    within(model, classes, effort, steps.saturating_mul(ATTEMPT).max(LEAST_ATTEMPT))
}

/// Judges histories of the same operations at other times.
pub(crate) fn measuring<'a, M: Model>(model: &'a M, classes: &'a [M::Op]) -> impl FnMut(&[Item]) -> Answer + 'a {
    within(model, classes, MEASURING, MEASURED)
}

fn within<'a, M: Model>(
    model: &'a M,
    classes: &'a [M::Op],
    effort: u64,
    attempt: u64,
) -> impl FnMut(&[Item]) -> Answer + 'a {
    let mut left = effort;
    move |items| {
        if left == 0 {
            return Answer::Unknown(Shortage::Steps);
        }
        // Only what occurs: a core may be a few of a million operations.
        let mut class_of: FxHashMap<u32, u32> = FxHashMap::default();
        let mut subhistory = Subhistory { key: Value::Nil, items: items.to_vec(), classes: Vec::new() };
        for item in &mut subhistory.items {
            item.class = *class_of.entry(item.class).or_insert_with(|| {
                subhistory.classes.push(classes[item.class as usize].clone());
                subhistory.classes.len() as u32 - 1
            });
        }
        let (answered, _) = decide(model, &subhistory, &Budget { steps: left.min(attempt), ..Budget::default() });
        left = left.saturating_sub(answered.steps);
        answered.answer
    }
}

/// A model that begins in another state.
struct Resumed<'a, M: Model> {
    model: &'a M,
    state: M::State,
}

impl<M: Model> Model for Resumed<'_, M> {
    type State = M::State;
    type Op = M::Op;

    fn name(&self) -> &str {
        self.model.name()
    }

    fn initial(&self) -> M::State {
        self.state.clone()
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<M::Op>, Unusable> {
        self.model.operation(op)
    }

    fn step(&self, state: &M::State, op: &M::Op) -> impl IntoIterator<Item = M::State> {
        self.model.step(state, op)
    }

    fn nature(&self, op: &M::Op) -> Nature {
        self.model.nature(op)
    }

    fn held(&self, state: &M::State) -> usize {
        self.model.held(state)
    }
}
