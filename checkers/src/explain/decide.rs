//! Judging weaker histories of the same operations, within a common effort.

use rashomon_history::{History, OpId, Outcome, Row};
use rustc_hash::FxHashMap;

use crate::engine::{Answer, Answered, Shortage, decide};
use crate::model::Model;
use crate::specialist::{Broken, Decision, Rows, Scratch};
use crate::subhistory::{Item, Subhistory};
use crate::verdict::Budget;

/// How many steps finding one core may take in all: so many times those that refuting the history took, within bounds.
const LEAST_EFFORT: u64 = 500_000;
const EFFORT: u64 = 50;
const MOST_EFFORT: u64 = 20_000_000;
/// How many of them one attempt may take: a weakened history that is much harder than the whole is not worth it.
pub(super) const LEAST_ATTEMPT: u64 = 2_000;
pub(super) const LEAST_ATTEMPT_OF_SMALL: u64 = 20_000;
pub(super) const ATTEMPT: u64 = 4;
/// How many steps saying how far off it was may take, and each attempt at it.
const MEASURING: u64 = 200_000;
const MEASURED: u64 = 20_000;

/// Judges histories of the same operations that are weaker than what was recorded, or at other times: by the model's
/// specialist where it can, else by the general engine.
pub(crate) struct Decider<'a, M: Model> {
    model: &'a M,
    history: &'a History,
    classes: &'a [M::Op],
    left: u64,
    attempt: u64,
    scratch: Scratch,
}

impl<'a, M: Model> Decider<'a, M> {
    /// To shrink a contradiction that took so many steps to find; an attempt may take at least so many.
    pub(super) fn shrinking(
        model: &'a M,
        history: &'a History,
        classes: &'a [M::Op],
        steps: u64,
        least: u64,
    ) -> Decider<'a, M> {
        let effort = steps.saturating_mul(EFFORT).clamp(LEAST_EFFORT, MOST_EFFORT);
        let attempt = steps.saturating_mul(ATTEMPT).max(least);
        Decider { model, history, classes, left: effort, attempt, scratch: Scratch::default() }
    }

    /// To find out how far off it was.
    pub(super) fn measuring(model: &'a M, history: &'a History, classes: &'a [M::Op]) -> Decider<'a, M> {
        Decider { model, history, classes, left: MEASURING, attempt: MEASURED, scratch: Scratch::default() }
    }

    /// Judges these operations; their positions need not be those in the history.
    pub(crate) fn decide(&mut self, items: &[Item]) -> Answer {
        if self.left == 0 {
            return Answer::Unknown(Shortage::Steps);
        }
        let Answered { answer, steps } = match self.by_specialist(items) {
            Some(answered) => answered,
            None => self.by_engine(items),
        };
        self.left = self.left.saturating_sub(steps.max(1));
        answer
    }

    /// The rule that these operations break, if it is one that the specialist knows.
    pub(super) fn broken(&mut self, items: &[Item]) -> Option<Broken> {
        match self.ask(items)? {
            Decision::Broken(broken) => Some(broken),
            Decision::Decided(_) | Decision::Left(_) => None,
        }
    }

    fn ask(&mut self, items: &[Item]) -> Option<Decision> {
        let specialist = self.model.specialist()?;
        // A specialist that looks at processes may rely on their doing one thing after the other.
        if self.model.sees_process() && items.iter().any(|item| self.is_moved(item)) {
            return None;
        }
        let rows: Vec<(OpId, Row)> = items.iter().map(|item| (item.op, self.row(item))).collect();
        specialist.decide(&Rows::fetched(self.history, &rows), true, &mut self.scratch).ok()
    }

    fn by_specialist(&mut self, items: &[Item]) -> Option<Answered> {
        match self.ask(items)? {
            Decision::Decided(answered) => Some(answered),
            Decision::Broken(_) => {
                let steps = items.len() as u64;
                Some(Answered { answer: Answer::No { at: 0, among: Vec::new() }, steps })
            }
            Decision::Left(_) => None,
        }
    }

    /// Whether an operation began or ended at another time than here.
    fn is_moved(&self, item: &Item) -> bool {
        let row = self.history.row(item.op);
        row.invoked != item.invoked || item.is_certain() && row.completed != Some(item.completed)
    }

    /// The row of an operation as it is here: without an answer when it never completes.
    fn row(&self, item: &Item) -> Row {
        let row = self.history.row(item.op);
        if item.is_certain() {
            return Row { invoked: item.invoked, completed: Some(item.completed), ..row };
        }
        Row { invoked: item.invoked, completed: None, outcome: Outcome::Info, output: row.input, ..row }
    }

    fn by_engine(&self, items: &[Item]) -> Answered {
        // Only what occurs: a core may be a few of a million operations.
        let mut class_of: FxHashMap<u32, u32> = FxHashMap::default();
        let mut subhistory =
            Subhistory { key: rashomon_history::Value::Nil, items: items.to_vec(), classes: Vec::new() };
        for item in &mut subhistory.items {
            item.class = *class_of.entry(item.class).or_insert_with(|| {
                subhistory.classes.push(self.classes[item.class as usize].clone());
                subhistory.classes.len() as u32 - 1
            });
        }
        let steps = self.left.min(self.attempt);
        decide(self.model, &subhistory, &Budget { steps, ..Budget::default() }).0
    }
}
