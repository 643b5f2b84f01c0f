//! How far off a contradiction was.
//!
//! Clocks are wrong by a little, also where all times are read from one of them. So the question is how wrong they
//! would have to be: were every operation begun earlier and ended later by the same time, when would the facts no
//! longer contradict each other? The answer is exact for the operations that are looked at, and the least for every
//! history that has them in it.

use rashomon_history::History;

use crate::engine::Answer;
use crate::minimal::{Core, Operations};
use crate::story::Span;
use crate::subhistory::Item;

/// More pairs of operations than this are not looked at.
const PAIRS: usize = 1 << 18;

/// The timestamp error that would explain a contradiction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uncertainty {
    /// This many nanoseconds, and no less.
    Of(u64),
    /// None: the operations contradict each other at whatever time they ran.
    Never,
}

impl Uncertainty {
    /// As a sentence about `what`: `these operations`.
    pub(crate) fn sentence(self, what: &str) -> String {
        match self {
            Uncertainty::Of(error) => format!(
                "A timestamp error below {} does not explain this: {what} would be legal only if every operation began \
                 that much earlier and ended that much later.",
                Span(error).rounded_down()
            ),
            Uncertainty::Never => {
                format!("No timestamp error explains this: {what} would not be legal at any other times.")
            }
        }
    }
}

/// The least timestamp error that explains a core. `decide` judges a weaker history; `None` when it cannot.
pub(crate) fn of_core(
    history: &History,
    core: &Core,
    mut decide: impl FnMut(&[Item]) -> Answer,
) -> Option<Uncertainty> {
    let near = in_order(&[&core.facts, &core.beside]);
    let errors = errors(history, &core.facts, &near)?;
    let found = least(history, &near, &errors, &mut decide)?;
    if core.apart.is_empty() {
        return Some(found);
    }
    // What could not explain the facts as they were could perhaps with other clocks, unless it began too late even so.
    let last = core.facts.iter().map(|item| history.time_at(item.completed)).max().unwrap_or(0);
    let horizon = match found {
        Uncertainty::Of(error) => last.saturating_add(error.saturating_mul(2)),
        Uncertainty::Never => u64::MAX,
    };
    let apart = core.apart.iter().copied().filter(|item| history.time_at(item.invoked) <= horizon);
    let all = in_order(&[&core.facts, &core.beside, &apart.collect::<Vec<_>>()]);
    let errors = self::errors(history, &core.facts, &all)?;
    let short = match found {
        Uncertainty::Of(error) => errors.iter().rev().copied().find(|&shorter| shorter < error),
        Uncertainty::Never => errors.last().copied(),
    };
    match short.map(|short| decide(&moved(history, &all, short))) {
        None | Some(Answer::No { .. }) => Some(found),
        Some(_) => least(history, &all, &errors, &mut decide),
    }
}

/// The least timestamp error that explains what completed up to a position; what else there is counts as weakened.
pub(crate) fn of_prefix(
    history: &History,
    operations: Operations<'_>,
    at: u32,
    mut decide: impl FnMut(&[Item]) -> Answer,
) -> Option<Uncertainty> {
    let seen = operations.items.iter().zip(operations.weaker);
    let seen = seen.filter_map(|(item, weaker)| if item.completed <= at { Some(*item) } else { *weaker });
    let all: Vec<Item> = seen.collect();
    let errors = errors(history, &all, &all)?;
    least(history, &all, &errors, &mut decide)
}

/// Operations of several lists in order of invocation.
pub(crate) fn in_order(lists: &[&[Item]]) -> Vec<Item> {
    let mut items = lists.concat();
    items.sort_unstable_by_key(|item| item.op);
    items
}

/// The timestamp errors at which some operation no longer completes before another is invoked, in order.
fn errors(history: &History, first: &[Item], second: &[Item]) -> Option<Vec<u64>> {
    if first.len().saturating_mul(second.len()) > PAIRS {
        return None;
    }
    let mut errors = Vec::new();
    for before in first.iter().filter(|item| item.is_certain()) {
        let end = history.time_at(before.completed);
        let later = second.iter().filter(|item| item.invoked > before.completed);
        errors.extend(later.map(|item| history.time_at(item.invoked).saturating_sub(end).max(1).div_ceil(2)));
    }
    errors.sort_unstable();
    errors.dedup();
    Some(errors)
}

/// The least of these errors that explains a contradiction: whatever explains it, more does too.
fn least(
    history: &History,
    items: &[Item],
    errors: &[u64],
    decide: &mut impl FnMut(&[Item]) -> Answer,
) -> Option<Uncertainty> {
    let mut explains = |error: u64| match decide(&moved(history, items, error)) {
        Answer::Yes(_) => Some(true),
        Answer::No { .. } => Some(false),
        Answer::Unknown(_) => None,
    };
    let (mut low, mut high) = (0, errors.len());
    while low < high {
        let middle = low.midpoint(high);
        if explains(errors[middle])? { high = middle } else { low = middle + 1 }
    }
    Some(errors.get(low).map_or(Uncertainty::Never, |&error| Uncertainty::Of(error)))
}

/// The history with every invocation earlier and every completion later; what then happens at once overlaps.
fn moved(history: &History, items: &[Item], error: u64) -> Vec<Item> {
    let mut moments: Vec<(i128, bool, u32, u32)> = Vec::with_capacity(2 * items.len());
    for (index, item) in items.iter().enumerate() {
        let time = |position: u32| i128::from(history.time_at(position));
        moments.push((time(item.invoked) - i128::from(error), false, item.invoked, index as u32));
        if item.is_certain() {
            moments.push((time(item.completed) + i128::from(error), true, item.completed, index as u32));
        }
    }
    moments.sort_unstable();
    let mut moved: Vec<Item> = items.to_vec();
    for (position, &(_, completes, _, index)) in moments.iter().enumerate() {
        let item = &mut moved[index as usize];
        if completes { item.completed = position as u32 } else { item.invoked = position as u32 }
    }
    moved.sort_unstable_by_key(|item| item.invoked);
    moved
}
