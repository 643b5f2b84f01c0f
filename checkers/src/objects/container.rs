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
    /// Found that this value would be taken next, and left it inside. Never of unknown outcome: then it says nothing.
    Peek(u32),
    /// Wanted to take, and found the container empty.
    Empty,
    /// Wanted to take; nobody knows whether it took anything, and what. Always of unknown outcome.
    Unknown,
}

/// "No call": the value was never taken by a call that is known.
pub(super) const NONE: u32 = u32::MAX;

/// A value with the two calls that moved it. A value that was never taken has `take == NONE` and a take that lies
/// after everything.
///
/// Peeks narrow both: who is seen was put before the peek completed, and is taken after every peek was invoked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) value: u32,
    pub(super) put: u32,
    pub(super) take: u32,
    pub(super) put_invoked: u32,
    /// By when it was put: the first completion among its put and its peeks.
    pub(super) put_completed: u32,
    /// From when on it can be gone: the last invocation among its take and its peeks.
    pub(super) take_invoked: u32,
    pub(super) take_completed: u32,
    pub(super) seen: Seen,
}

/// The peeks that returned a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Where in [`Container::peeks`] they begin and end.
    from: u32,
    to: u32,
    /// The first completion; [`NEVER`] without a peek.
    pub(super) first_completed: u32,
    /// The last invocation; 0 without a peek.
    pub(super) last_invoked: u32,
}

impl Seen {
    pub(super) const NEVER: Seen = Seen { from: 0, to: 0, first_completed: NEVER, last_invoked: 0 };
}

impl Item {
    /// The gaps in which the value is inside whatever the order: from the put's completion to the take's invocation.
    /// Empty when both overlap.
    pub(super) fn certain(&self) -> (u32, u32) {
        (self.put_completed, self.take_invoked)
    }

    /// Gives it a take of unknown outcome that can happen from gap `from` on.
    pub(super) fn give(&mut self, take: u32, from: u32) {
        self.take = take;
        self.take_invoked = from.max(self.seen.last_invoked);
    }

    /// Undoes [`Item::give`].
    pub(super) fn take_back(&mut self) {
        self.take = NONE;
        self.take_invoked = NEVER;
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
    /// Calls that saw a value, value by value, in order of invocation.
    pub(super) peeks: Vec<u32>,
    /// One more than the largest position.
    pub(super) positions: u32,
}

impl Container {
    /// The calls that saw a value.
    pub(super) fn peeks_of(&self, item: &Item) -> &[u32] {
        &self.peeks[item.seen.from as usize..item.seen.to as usize]
    }

    /// All calls of a value.
    pub(super) fn calls_of(&self, item: &Item) -> impl Iterator<Item = u32> {
        let moves = [item.put, item.take].into_iter().filter(|&call| call != NONE);
        moves.chain(self.peeks_of(item).iter().copied())
    }

    /// Notes who saw an item: these calls, in order of invocation. The item's other calls are in place.
    pub(super) fn see(&mut self, index: usize, calls: &[Call<Act>], peeks: impl IntoIterator<Item = u32>) {
        let Container { items, peeks: all, .. } = self;
        let item = &mut items[index];
        let seen = &mut item.seen;
        seen.from = all.len() as u32;
        for peek in peeks {
            let Call { invoked, completed, .. } = calls[peek as usize];
            all.push(peek);
            seen.first_completed = seen.first_completed.min(completed);
            seen.last_invoked = seen.last_invoked.max(invoked);
        }
        seen.to = all.len() as u32;
        item.put_completed = item.put_completed.min(seen.first_completed);
        item.take_invoked = item.take_invoked.max(seen.last_invoked);
    }

    /// The gaps in which nothing is certainly inside.
    pub(super) fn free_gaps(&self) -> FreeGaps {
        let mut free = FreeGaps::new(self.positions);
        for item in &self.items {
            let (from, to) = item.certain();
            free.cover(from, to.min(self.positions));
        }
        free
    }

    /// A gap for every observation of "empty" in which nothing is certainly inside, in order of gaps.
    pub(super) fn place_empties(&self, calls: &[Call<Act>]) -> Result<Vec<(u32, u32)>, Answer<Act>> {
        if self.empties.is_empty() {
            return Ok(Vec::new());
        }
        let free = self.free_gaps();
        let mut cuts = Vec::with_capacity(self.empties.len());
        for &call in &self.empties {
            let Call { invoked, completed, .. } = calls[call as usize];
            match free.next(invoked).filter(|&gap| gap < completed) {
                Some(gap) => cuts.push((gap, call)),
                None => return Err(self.never_empty(calls, call)),
            }
        }
        cuts.sort_unstable();
        Ok(cuts)
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
            core.extend(self.calls_of(best));
        }
        impossible(
            Rule { name: "false empty", because: "It was found empty while something was certainly inside" },
            core,
        )
    }
}

/// Sorts calls by value. The error is the answer: a value put twice is not this class; one that was taken twice, never
/// put, or taken before it was put is impossible for any container; so is one that was seen without having been put,
/// before it was put, or after it was taken.
///
/// A put of unknown outcome whose value no known call took or saw is left out: it can only have made things harder.
/// That is exact: a linearization with it, less the value's put and whatever unknown call took it, is still one.
pub(super) fn sort_by_value(calls: &[Call<Act>]) -> Result<Container, Answer<Act>> {
    let positions = positions(calls);
    let mut items: Vec<Item> = Vec::with_capacity(calls.len() / 2 + 1);
    let mut item_of: Vec<u32> = Vec::with_capacity(calls.len() / 2 + 1);
    let mut empties = Vec::new();
    let mut unknown_takes = Vec::new();
    // The value, then the call.
    let mut peeks: Vec<(u32, u32)> = Vec::new();
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
                    seen: Seen::NEVER,
                });
            }
            Act::Take(_) => {}
            Act::Peek(value) => peeks.push((value, index as u32)),
            Act::Empty => empties.push(index as u32),
            Act::Unknown => unknown_takes.push(index as u32),
        }
    }
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
    let mut container = Container { items, empties, unknown_takes, peeks: Vec::with_capacity(peeks.len()), positions };
    peeks.sort_unstable();
    for peeks in peeks.chunk_by(|one, other| one.0 == other.0) {
        let slot = item_of.get(peeks[0].0 as usize).copied().unwrap_or(NONE);
        if let Some(answer) =
            peeks.iter().find_map(|&(_, peek)| not_inside(calls, container.items.get(slot as usize), peek))
        {
            return Err(answer);
        }
        container.see(slot as usize, calls, peeks.iter().map(|&(_, peek)| peek));
    }
    let certain = |item: &Item| item.put_completed != NEVER || item.take != NONE;
    if !container.items.iter().all(certain) {
        container.items.retain(certain);
    }
    Ok(container)
}

/// Why a value cannot have been inside when a call saw it, whatever the container.
fn not_inside(calls: &[Call<Act>], item: Option<&Item>, peek: u32) -> Option<Answer<Act>> {
    let Call { invoked, completed, .. } = calls[peek as usize];
    let (rule, core) = match item {
        None => (Rule { name: "unexpected value", because: "A value was seen that nobody put" }, vec![peek]),
        Some(item) if completed < item.put_invoked => {
            let because = "A value was seen before it was put";
            (Rule { name: "value seen before it was put", because }, vec![item.put, peek])
        }
        Some(item) if item.take != NONE && item.take_completed < invoked => {
            let because = "A value was seen after it was taken";
            (Rule { name: "value seen after it was taken", because }, vec![item.put, item.take, peek])
        }
        Some(_) => return None,
    };
    Some(impossible(rule, core))
}

/// An answer of "impossible", with its calls in order.
pub(super) fn impossible(rule: Rule, mut calls: Vec<u32>) -> Answer<Act> {
    calls.sort_unstable();
    calls.dedup();
    Answer::Impossible(Contradiction { rule, calls })
}

/// How many calls [`shrink`] may look at.
const SHRINKING: usize = 50_000_000;

/// Leaves values out of a contradiction, with all their calls, and single peeks, as long as the rest contradicts.
/// Sound, because a linearization less one value's calls is still one: in every container here a value that is not
/// there disturbs nobody. Takes of unknown outcome stay: without them the history would say more.
pub(super) fn shrink(
    calls: &[Call<Act>],
    contradiction: Contradiction,
    specialist: fn(&[Call<Act>]) -> Answer<Act>,
) -> Contradiction {
    let value = |call: u32| match calls[call as usize].act {
        Act::Put(value) | Act::Take(value) | Act::Peek(value) => Some((0, value)),
        Act::Empty | Act::Unknown => None,
    };
    let alone = |call: u32| matches!(calls[call as usize].act, Act::Empty | Act::Peek(_)).then_some((1, call));
    let mut effort = 0;
    let mut refute = |core: &[u32]| {
        effort += core.len();
        let kept: Vec<Call<Act>> = core.iter().map(|&call| calls[call as usize]).collect();
        match specialist(&kept) {
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
        let mut groups: Vec<(u32, u32)> = core.iter().flat_map(|&call| [value(call), alone(call)]).flatten().collect();
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
            let stays = |group: Option<(u32, u32)>| group.is_none_or(|group| left_out.binary_search(&group).is_err());
            let rest: Vec<u32> =
                best.calls.iter().copied().filter(|&call| stays(value(call)) && stays(alone(call))).collect();
            match refute(&rest) {
                Some(less) => best = less,
                None => start += chunk,
            }
        }
        chunk /= 2;
    }
    best
}
