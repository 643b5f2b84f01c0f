//! Minimal cores: which facts of a history contradict each other.
//!
//! A history is weakened step by step and stays refuted: an observer is dropped, the completion of any other operation
//! is forgotten (so that it may happen at any time or never). Only such *relaxations* are sound. Deleting an operation
//! that took effect is not: it would orphan whoever saw its effect and make a contradiction where there was none.

use std::ops::Range;

use rashomon_history::OpId;

use crate::engine::{Answer, Answered};
use crate::model::{Model, Nature};
use crate::part::{Item, NEVER, Part};

/// Shrinks the refuted prefix of a part (all events up to and including position `at`), or what of it is `among` some
/// operations, if those alone are refuted too.
///
/// `refute` decides a part; only a definite *no* counts. Returns the items that are left: those certain ones of which
/// none can be relaxed (greedily: observers before others, oldest first), and those of unknown outcome that were in the
/// history anyway.
pub(crate) fn minimal_core<M: Model>(
    model: &M,
    part: &Part<M::Op>,
    at: u32,
    among: &[OpId],
    mut refute: impl FnMut(&Part<M::Op>) -> Answered,
) -> Vec<Item> {
    let observes = |item: &Item| model.nature(&part.classes[item.class as usize]) == Nature::Observer;
    let mut is_refuted = |items: &[Item]| {
        let weaker = Part { key: part.key.clone(), items: items.to_vec(), classes: part.classes.clone() };
        matches!(refute(&weaker).answer, Answer::No { .. })
    };
    let mut prefix: Vec<Item> = part.items.iter().copied().filter(|item| item.invoked <= at).collect();
    for item in &mut prefix {
        if item.completed > at {
            item.completed = NEVER;
        }
    }
    prefix.retain(|item| item.is_certain() || !observes(item));
    let mut items: Vec<Item> = prefix.iter().copied().filter(|item| among.binary_search(&item.op).is_ok()).collect();
    if items.is_empty() || !is_refuted(&items) {
        items = prefix;
    }
    // Other clients' reads go first: an acknowledged write is the better evidence.
    for only_observers in [true, false] {
        let mut chunk = items.len().next_power_of_two();
        while chunk > 0 {
            let mut start = 0;
            while start < items.len() {
                let end = (start + chunk).min(items.len());
                let mut weaker = items.clone();
                let may_relax = |item: &Item| item.is_certain() && (!only_observers || observes(item));
                if relax(&mut weaker, start..end, may_relax, observes) && is_refuted(&weaker) {
                    start = end - (items.len() - weaker.len());
                    items = weaker;
                } else {
                    start = end;
                }
            }
            chunk /= 2;
        }
    }
    items
}

/// Relaxes the items of a range that may be; false when there was none.
fn relax(
    items: &mut Vec<Item>,
    range: Range<usize>,
    may_relax: impl Fn(&Item) -> bool,
    observes: impl Fn(&Item) -> bool,
) -> bool {
    let mut changed = false;
    let mut index = 0;
    items.retain_mut(|item| {
        let inside = range.contains(&index);
        index += 1;
        if !inside || !may_relax(item) {
            return true;
        }
        changed = true;
        item.completed = NEVER;
        !observes(item)
    });
    changed
}
