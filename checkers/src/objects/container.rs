//! What queues, stacks, bags and priority queues have in common: values that are put once and taken at most once.

use super::call::{Answer, Call, Contradiction, NEVER, Rule, positions};
use super::gaps::FreeGaps;

/// What an operation on a container does. Values are small numbers, given out by whoever reads the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// Puts a value in: enqueue, push, add.
    Put(u32),
    /// Took this value out: dequeue, pop.
    Take(u32),
    /// Wanted to take, and found the container empty.
    Empty,
    /// Wanted to take; nobody knows whether it took anything, and what. Always of unknown outcome.
    Unknown,
}

/// "No call": the value was never taken by a call that is known.
pub(super) const NONE: u32 = u32::MAX;

/// A value with the two calls that moved it. A value that was never taken has `take == NONE` and a take that lies
/// after everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) value: u32,
    pub(super) put: u32,
    pub(super) take: u32,
    pub(super) put_invoked: u32,
    pub(super) put_completed: u32,
    pub(super) take_invoked: u32,
    pub(super) take_completed: u32,
}

impl Item {
    /// The gaps in which the value is inside whatever the order: from the put's completion to the take's invocation.
    /// Empty when both overlap.
    pub(super) fn certain(&self) -> (u32, u32) {
        (self.put_completed, self.take_invoked)
    }

    /// The take's interval, with values that were never taken as if taken after everything, in any order.
    pub(super) fn take_interval(&self) -> (u32, u32) {
        match self.take {
            NONE => (NEVER - 1, NEVER),
            _ => (self.take_invoked, self.take_completed.min(NEVER - 2)),
        }
    }
}

/// A history of a container with unique values, by value.
#[derive(Clone, Debug)]
pub(super) struct Container {
    /// Values that were certainly put, in order of the puts' invocations.
    pub(super) items: Vec<Item>,
    /// Calls that found it empty.
    pub(super) empties: Vec<u32>,
    /// Takes of unknown outcome, in order of invocation.
    pub(super) unknown_takes: Vec<u32>,
    /// One more than the largest position.
    pub(super) positions: u32,
}

impl Container {
    /// The gaps in which nothing is certainly inside.
    pub(super) fn free_gaps(&self) -> FreeGaps {
        let mut free = FreeGaps::new(self.positions);
        for item in &self.items {
            let (from, to) = item.certain();
            free.cover(from, to.min(self.positions));
        }
        free
    }

    /// An observation of "empty" with the fewest values that cover its whole interval: always the one that reaches
    /// furthest.
    pub(super) fn never_empty(&self, calls: &[Call<Act>], empty: u32) -> Answer<Act> {
        let Call { invoked, completed, .. } = calls[empty as usize];
        let mut covers: Vec<&Item> = self.items.iter().filter(|item| item.put_completed < completed).collect();
        covers.sort_unstable_by_key(|item| item.put_completed);
        let mut covers = covers.into_iter().peekable();
        let mut core = vec![empty];
        let mut reached = invoked;
        while reached < completed {
            let mut best: Option<&Item> = None;
            while let Some(item) = covers.next_if(|item| item.put_completed <= reached) {
                best = best.filter(|best| best.take_invoked >= item.take_invoked).or(Some(item));
            }
            let Some(best) = best else { break };
            reached = best.take_invoked;
            core.extend([best.put, best.take].into_iter().filter(|&call| call != NONE));
        }
        impossible(
            Rule { name: "false empty", because: "It was found empty while something was certainly inside" },
            core,
        )
    }
}

/// Sorts calls by value. The error is the answer: a value put twice is not this class; one that was taken twice, never
/// put, or taken before it was put is impossible for any container.
///
/// A put of unknown outcome whose value no known call took is left out: it can only have made things harder. That is
/// exact: a linearization with it, less the value's put and whatever unknown call took it, is still one.
pub(super) fn sort_by_value(calls: &[Call<Act>]) -> Result<Container, Answer<Act>> {
    let positions = positions(calls);
    let mut items: Vec<Item> = Vec::with_capacity(calls.len() / 2 + 1);
    let mut item_of: Vec<u32> = Vec::with_capacity(calls.len() / 2 + 1);
    let mut empties = Vec::new();
    let mut unknown_takes = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        match call.act {
            Act::Put(value) => {
                let slot = value as usize;
                if item_of.len() <= slot {
                    item_of.resize(slot + 1, NONE);
                }
                if item_of[slot] != NONE {
                    return Err(Answer::Undecided("a value was put twice"));
                }
                item_of[slot] = items.len() as u32;
                items.push(Item {
                    value,
                    put: index as u32,
                    take: NONE,
                    put_invoked: call.invoked,
                    put_completed: call.completed,
                    take_invoked: NEVER,
                    take_completed: NEVER,
                });
            }
            Act::Take(_) => {}
            Act::Empty => empties.push(index as u32),
            Act::Unknown => unknown_takes.push(index as u32),
        }
    }
    let mut unsure = false;
    for (index, call) in calls.iter().enumerate() {
        let index = index as u32;
        let Act::Take(value) = call.act else { continue };
        let Some(&slot) = item_of.get(value as usize).filter(|&&slot| slot != NONE) else {
            return Err(impossible(
                Rule { name: "unexpected value", because: "A value was taken that nobody put" },
                vec![index],
            ));
        };
        let item = &mut items[slot as usize];
        if item.take != NONE {
            return Err(impossible(
                Rule { name: "duplicated value", because: "A value was taken twice" },
                vec![item.put, item.take, index],
            ));
        }
        if call.completed < item.put_invoked {
            return Err(impossible(
                Rule { name: "value taken before it was put", because: "A value was taken before it was put" },
                vec![item.put, index],
            ));
        }
        item.take = index;
        item.take_invoked = call.invoked;
        item.take_completed = call.completed;
    }
    for item in &items {
        unsure |= item.put_completed == NEVER && item.take == NONE;
    }
    if unsure {
        items.retain(|item| item.put_completed != NEVER || item.take != NONE);
    }
    Ok(Container { items, empties, unknown_takes, positions })
}

/// An answer of "impossible", with its calls in order.
pub(super) fn impossible(rule: Rule, mut calls: Vec<u32>) -> Answer<Act> {
    calls.sort_unstable();
    calls.dedup();
    Answer::Impossible(Contradiction { rule, calls })
}

/// How many calls [`shrink`] may look at.
const SHRINKING: usize = 50_000_000;

/// Leaves values out of a contradiction, with their puts and takes, as long as the rest contradicts. Sound, because a
/// linearization less one value's calls is still one: in every container here a value that is not there disturbs
/// nobody. Takes of unknown outcome stay: without them the history would say more.
pub(super) fn shrink(
    calls: &[Call<Act>],
    contradiction: Contradiction,
    lane: fn(&[Call<Act>]) -> Answer<Act>,
) -> Contradiction {
    let value = |call: u32| match calls[call as usize].act {
        Act::Put(value) | Act::Take(value) => (0, value),
        Act::Empty => (1, call),
        Act::Unknown => (2, 0),
    };
    let mut effort = 0;
    let mut refute = |core: &[u32]| {
        effort += core.len();
        let kept: Vec<Call<Act>> = core.iter().map(|&call| calls[call as usize]).collect();
        match lane(&kept) {
            _ if effort > SHRINKING => None,
            Answer::Impossible(less) => {
                let calls = less.calls.iter().map(|&call| core[call as usize]).collect();
                Some(Contradiction { rule: less.rule, calls })
            }
            _ => None,
        }
    };
    let mut best = contradiction;
    let groups = |core: &[u32]| {
        let mut groups: Vec<(u32, u32)> = core.iter().map(|&call| value(call)).filter(|&(kind, _)| kind < 2).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    };
    let mut chunk = groups(&best.calls).len().next_power_of_two();
    while chunk > 0 {
        let mut start = 0;
        loop {
            let groups = groups(&best.calls);
            let Some(left_out) = groups.get(start..(start + chunk).min(groups.len())).filter(|chunk| !chunk.is_empty())
            else {
                break;
            };
            let rest: Vec<u32> =
                best.calls.iter().copied().filter(|&call| left_out.binary_search(&value(call)).is_err()).collect();
            match refute(&rest) {
                Some(less) => best = less,
                None => start += chunk,
            }
        }
        chunk /= 2;
    }
    best
}
