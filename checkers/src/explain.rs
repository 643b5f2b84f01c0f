//! From a refuted history to an anomaly: a minimal core, described in words, and how far off it was.

mod decide;
mod rule;

use rashomon_history::{History, OpId, OpView};

use crate::engine::refuted_suffix;
use crate::minimal::{Core, Operations, core_among, core_until};
use crate::model::{Model, Nature, Unusable};
use crate::severity;
use crate::specialist::Rule;
use crate::story::{Span, Story, describe};
use crate::subhistory::{Item, Subhistory};
use crate::verdict::{Anomaly, Budget};
use crate::weakened::Weakened;
use decide::{ATTEMPT, Decider, LEAST_ATTEMPT, LEAST_ATTEMPT_OF_SMALL};
pub(crate) use rule::explain_rule;

/// A history in which values repeat is searched for a core of its own up to this many operations.
const SMALL: usize = 32;
/// And the core is reported up to this many; see [`from_agreement`].
const FEW: usize = 12;
/// Said of a core that could not be shrunk to the end.
pub(crate) const NOT_MINIMAL: &str =
    "The effort for shrinking this contradiction ran out: some of these operations may not be needed for it.";

/// What is known of a history that is not linearizable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refuted<'a> {
    /// Already the events up to this position contradict each other.
    pub(crate) at: u32,
    /// Operations that contradict each other even if all others are weakened, probably; empty when nobody knows which.
    pub(crate) among: &'a [OpId],
    /// Steps that this took to find out.
    pub(crate) steps: u64,
}

/// One object's operations and what is needed to weaken them.
pub(crate) struct Case<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) history: &'a History,
    /// With the classes of the weakened operations.
    pub(crate) subhistory: Subhistory<M::Op>,
    selves: Vec<Option<Item>>,
}

impl<'a, M: Model> Case<'a, M> {
    pub(crate) fn new(model: &'a M, history: &'a History, mut subhistory: Subhistory<M::Op>) -> Case<'a, M> {
        let Weakened { classes, selves } = Weakened::of(model, history, &subhistory);
        subhistory.classes = classes;
        Case { model, history, subhistory, selves }
    }

    pub(crate) fn operations(&self) -> Operations<'_> {
        Operations { items: &self.subhistory.items, weaker: &self.selves }
    }

    /// Judges weaker histories; `steps` is what refuting the whole took.
    pub(crate) fn shrinking(&self, steps: u64) -> Decider<'_, M> {
        let least = if self.subhistory.items.len() <= SMALL { LEAST_ATTEMPT_OF_SMALL } else { LEAST_ATTEMPT };
        Decider::shrinking(self.model, self.history, &self.subhistory.classes, steps, least)
    }

    fn measuring(&self) -> Decider<'_, M> {
        Decider::measuring(self.model, self.history, &self.subhistory.classes)
    }

    /// The rule that a core breaks, everything else weakened, and because of which operations.
    fn broken_rule(&self, core: &Core) -> Option<(Rule, Vec<OpId>)> {
        let all = severity::in_order(&[&core.facts, &core.beside, &core.apart]);
        let broken = self.measuring().broken(&all)?;
        Some((broken.rule, broken.among))
    }

    /// The anomaly of a core, with the timestamp error that would explain it.
    pub(crate) fn anomaly(&self, core: &Core) -> Anomaly {
        let story =
            Story { history: self.history, subhistory: &self.subhistory, core: &core.facts, order: &core.order };
        let mut anomaly = describe(self.model, &story);
        let mut measuring = self.measuring();
        if let Some(error) = severity::of_core(self.history, core, |items| measuring.decide(items)) {
            anomaly.explanation.push(error.sentence(match core.facts.len() {
                1 => "this operation",
                _ => "these operations",
            }));
        }
        if !core.is_minimal {
            anomaly.explanation.push(NOT_MINIMAL.to_owned());
        }
        anomaly
    }
}

/// Explains why a subhistory is not linearizable.
pub(crate) fn explain<M: Model>(
    model: &M,
    history: &History,
    subhistory: Subhistory<M::Op>,
    refuted: Refuted<'_>,
) -> Anomaly {
    let Refuted { at, among, steps } = refuted;
    let case = Case::new(model, history, subhistory);
    let mut shrinking = case.shrinking(steps);
    let among_them =
        (!among.is_empty()).then(|| core_among(case.operations(), among, |items| shrinking.decide(items))).flatten();
    if let Some(core) = among_them {
        return case.anomaly(&core);
    }
    // Often the last operation suffices: nothing in the whole history explains what it returned.
    let last = case.subhistory.items.iter().find(|item| item.completed == at).map(|item| item.op);
    let alone = last.and_then(|last| core_among(case.operations(), &[last], |items| shrinking.decide(items)));
    if let Some(core) = alone {
        return case.anomaly(&core);
    }
    let small = case.subhistory.items.partition_point(|item| item.invoked <= at) <= SMALL;
    let mut own = None;
    if small || !among.is_empty() {
        own = core_until(case.operations(), at, among.is_empty(), |items| shrinking.decide(items));
        if let Some(core) = own.as_ref().filter(|core| core.is_minimal && core.facts.len() <= FEW) {
            return case.anomaly(core);
        }
    }
    if let Some(anomaly) = from_agreement(&case, refuted) {
        return anomaly;
    }
    let core = own.or_else(|| core_until(case.operations(), at, among.is_empty(), |items| shrinking.decide(items)));
    case.anomaly(&core.unwrap_or_else(|| everything(case.operations(), at)))
}

/// What contradicts each other when nothing could be weakened within the effort.
fn everything(operations: Operations<'_>, at: u32) -> Core {
    let certain = |item: &Item| item.completed <= at;
    let facts: Vec<Item> = operations.items.iter().copied().filter(certain).collect();
    let others = operations.items.iter().zip(operations.weaker).filter(|(item, _)| !certain(item));
    Core {
        facts,
        beside: others.filter_map(|(_, weaker)| *weaker).collect(),
        apart: Vec::new(),
        order: Vec::new(),
        is_minimal: false,
        #[cfg(test)]
        widened: operations.items.to_vec(),
    }
}

/// The anomaly of a core that begins where every explanation of what came before agrees on the state.
///
/// A history in which values repeat would need almost all of its writes in a core of its own: to say that none of them
/// explains the contradiction.
fn from_agreement<M: Model>(case: &Case<'_, M>, refuted: Refuted<'_>) -> Option<Anomaly> {
    let Refuted { at, steps, .. } = refuted;
    let again = Budget { steps: steps.saturating_mul(ATTEMPT).max(LEAST_ATTEMPT), ..Budget::default() };
    let (state, since, suffix) = refuted_suffix(case.model, &case.subhistory, &again)?;
    let resumed = Resumed { model: case.model, state };
    let later = Case::new(&resumed, case.history, suffix);
    let mut shrinking = later.shrinking(steps);
    let core = core_until(later.operations(), at, false, |items| shrinking.decide(items))
        .filter(|core| !core.facts.is_empty())?;
    let facts: Vec<OpId> = core.facts.iter().map(|item| item.op).collect();
    let mut shrinking = case.shrinking(steps);
    if let Some(core) = core_among(case.operations(), &facts, |items| shrinking.decide(items)) {
        // They do not need that the explanations agree.
        return Some(case.anomaly(&core));
    }
    let story = Story { history: case.history, subhistory: &case.subhistory, core: &core.facts, order: &core.order };
    let mut anomaly = describe(case.model, &story);
    let state = case.model.describe_state(&resumed.state);
    let when = Span(case.history.time_at(since));
    let lemma = format!(
        "Every explanation of what had completed by {when} leaves the state {state}; what was pending then counts as later."
    );
    anomaly.explanation.insert(0, lemma);
    // With other clocks they would perhaps not agree, so what came before counts as well.
    let mut measuring = case.measuring();
    let error = severity::of_prefix(case.history, case.operations(), at, |items| measuring.decide(items));
    anomaly.explanation.extend(error.map(|error| error.sentence("everything up to the last of them")));
    if !core.is_minimal {
        anomaly.explanation.push(NOT_MINIMAL.to_owned());
    }
    Some(anomaly)
}

/// A model that begins in another state.
pub(crate) struct Resumed<'a, M: Model> {
    pub(crate) model: &'a M,
    pub(crate) state: M::State,
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
