//! Priority queue with distinct priorities, exact; takes of unknown outcome by a search, see [`super::unknown`].
//!
//! # The argument
//!
//! A take returns the *least* value inside. So what a value does matters only to larger ones: to them it is something
//! that must be out when they are taken. Go from the least value to the largest and keep the gaps in which some value
//! so far is inside. A value's take needs a gap of its own interval that is not kept, after its put's invocation; the
//! earliest one is best, because then the value is inside for the shortest time: from its put's completion, at the
//! latest, to that gap; or not at all, when the put can happen right before. Every choice the larger values will have
//! with any other gap they have with this one, so the greedy choice is exact. "Empty" is the take of something larger
//! than every value, that does not stay.
//!
//! A peek is like a take that leaves the value inside: it needs a gap of its own interval that is not kept. So the put
//! is as late as the last such gap of every peek allows, and where that is not before the take, all happens in one gap.
//!
//! Cost: sorting by value, then O(n) words of the free-gap map. The idea of decreasing a history value by value is Lee
//! and Mathur's (OOPSLA 2025); this derivation is our own.

use super::call::{Answer, Call, Placed, Rule};
use super::container::{Act, Container, NONE, impossible, sort_by_value};
use super::gaps::FreeGaps;
use super::unknown::soonest::Soonest;
use super::unknown::with_unknown_takes;

/// Judges a priority queue, empty at first, in which a take returns the smallest value. Values are ranks: give the
/// value that should be taken first the smallest number.
pub fn priority_queue(calls: &[Call<Act>]) -> Answer<Act> {
    match sort_by_value(calls) {
        Ok(mut container) => {
            container.items.sort_unstable_by_key(|item| item.value);
            with_unknown_takes(calls, container, complete, pairs)
        }
        Err(answer) => answer,
    }
}

/// What happens in one gap comes in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Takes, the least value first, each with its put where that was not earlier; peeks of what was put earlier.
    Take,
    /// Observations of "empty".
    Empty,
    /// Puts that nobody else here needs, the greatest value first, each with its peeks.
    Put,
}

/// Judges a priority queue whose unknown takes, if any, never happened or were given a value.
pub(super) fn complete(calls: &[Call<Act>], container: &Container) -> Answer<Act> {
    let mut free = FreeGaps::new(container.positions);
    let mut stays: Vec<Stay> = Vec::with_capacity(container.items.len());
    let mut moments: Vec<(u32, Phase, Placed<Act>)> = Vec::with_capacity(calls.len());
    for (index, item) in container.items.iter().enumerate() {
        let blame = |stays: &[Stay], from, to| {
            let rule = Rule {
                name: "wrong priority",
                because: "A value was next to leave while one that goes first was certainly inside",
            };
            impossible(rule, Blame { container, stays }.of(index, from, to))
        };
        // The last gap in which the put can come, and the completion of the peek because of which it cannot come later.
        let (mut put_gap, mut put_wanted) = (item.put_completed - 1, item.put_completed);
        for &peek in container.peeks_of(item) {
            let Call { invoked, completed, .. } = calls[peek as usize];
            let earliest = invoked.max(item.put_invoked);
            match free.last(completed - 1).filter(|&gap| gap >= earliest) {
                None => return blame(&stays, earliest, completed),
                Some(gap) if gap < put_gap => (put_gap, put_wanted) = (gap, completed),
                Some(_) => {}
            }
        }
        let earliest = item.put_invoked.max(item.take_invoked);
        let gap = if item.take == NONE { None } else { free.next(earliest) };
        let gap = gap.filter(|&gap| gap < item.take_completed);
        // A take of unknown outcome that cannot happen did not.
        if gap.is_none() && item.take != NONE && !calls[item.take as usize].is_unknown() {
            return blame(&stays, earliest, item.take_completed);
        }
        let put = Placed { call: item.put, act: Act::Put(item.value) };
        let at_once = gap.is_some_and(|gap| gap <= put_gap);
        if at_once {
            moments.extend(gap.map(|gap| (gap, Phase::Take, put)));
        }
        for &peek in container.peeks_of(item) {
            let Call { invoked, completed, .. } = calls[peek as usize];
            let first = free.next(invoked.max(item.put_invoked)).filter(|&first| first >= put_gap || at_once);
            let peek_gap = first.or_else(|| free.last(completed - 1)).map(|peek| gap.map_or(peek, |gap| gap.min(peek)));
            let peek_gap = if at_once { gap } else { peek_gap }.expect("every peek has a gap");
            let phase = if peek_gap == put_gap && !at_once { Phase::Put } else { Phase::Take };
            moments.push((peek_gap, phase, Placed { call: peek, act: Act::Peek(item.value) }));
        }
        let stay = match gap {
            None => {
                let wanted = if item.take == NONE { container.positions } else { earliest };
                Stay { from: put_gap + 1, to: container.positions, put_wanted, wanted }
            }
            Some(gap) => Stay { from: (put_gap + 1).min(gap), to: gap, put_wanted, wanted: earliest },
        };
        free.cover(stay.from, stay.to);
        stays.push(stay);
        if !at_once {
            moments.push((put_gap, Phase::Put, put));
        }
        let take = Placed { call: item.take, act: Act::Take(item.value) };
        moments.extend(gap.map(|gap| (gap, Phase::Take, take)));
    }
    for &empty in &container.empties {
        let Call { invoked, completed, .. } = calls[empty as usize];
        let Some(gap) = free.next(invoked).filter(|&gap| gap < completed) else {
            let mut core = Blame { container, stays: &stays }.of(stays.len(), invoked, completed);
            core.push(empty);
            return impossible(
                Rule { name: "false empty", because: "It was found empty while something was certainly inside" },
                core,
            );
        };
        moments.push((gap, Phase::Empty, Placed { call: empty, act: Act::Empty }));
    }
    Answer::Linearizable(in_order(&moments, container.positions))
}

/// For each value that no known take returned: the first take or peek of a larger one, or observation of "empty", to
/// complete of those that began while it was certainly inside.
fn pairs(calls: &[Call<Act>], container: &Container) -> Vec<Vec<u32>> {
    let mut soonest = Soonest::new(container.positions);
    for &empty in &container.empties {
        let Call { invoked, completed, .. } = calls[empty as usize];
        soonest.add(invoked, completed, empty);
    }
    let mut pairs = Vec::new();
    for item in container.items.iter().rev() {
        if item.take != NONE {
            soonest.add(item.put_invoked.max(item.take_invoked), item.take_completed, item.take);
        } else if let Some((_, take)) = soonest.beginning_at(item.put_completed) {
            pairs.push(vec![item.put, take]);
        }
        for &peek in container.peeks_of(item) {
            let Call { invoked, completed, .. } = calls[peek as usize];
            soonest.add(invoked.max(item.put_invoked), completed, peek);
        }
    }
    pairs
}

/// Sorts by gap and phase by counting; what is equal keeps its order, which is by value, or turns it round: puts.
fn in_order(moments: &[(u32, Phase, Placed<Act>)], positions: u32) -> Vec<Placed<Act>> {
    let bucket = |gap: u32, phase: Phase| gap as usize * 3 + phase as usize;
    let mut begin = vec![0_u32; positions as usize * 3 + 1];
    for &(gap, phase, _) in moments {
        begin[bucket(gap, phase) + 1] += 1;
    }
    for index in 1..begin.len() {
        begin[index] += begin[index - 1];
    }
    let mut order = vec![Placed { call: NONE, act: Act::Empty }; moments.len()];
    let puts = |&&(_, phase, _): &&(u32, Phase, Placed<Act>)| phase == Phase::Put;
    for &(gap, phase, placed) in moments.iter().filter(|moment| !puts(moment)).chain(moments.iter().rev().filter(puts))
    {
        let place = &mut begin[bucket(gap, phase)];
        order[*place as usize] = placed;
        *place += 1;
    }
    order
}

/// The gaps `from .. to` in which a value was found to be inside, the gap its take would have liked, and the one before
/// which a peek, and so its put, would have liked to come.
#[derive(Clone, Copy)]
struct Stay {
    from: u32,
    to: u32,
    put_wanted: u32,
    wanted: u32,
}

/// Finds the values because of which gaps are not free.
struct Blame<'a> {
    container: &'a Container,
    stays: &'a [Stay],
}

impl Blame<'_> {
    /// The calls of item `index`, if there is one, and of smaller ones that together occupy the gaps `from .. to`;
    /// where such a value stays long only because of still smaller ones, those too.
    fn of(&self, index: usize, from: u32, to: u32) -> Vec<u32> {
        let mut core: Vec<u32> = Vec::new();
        let mut blamed = vec![false; self.container.items.len()];
        let mut windows = vec![(index, from, to)];
        let mut by_begin: Vec<u32> = (0..self.stays.len() as u32).collect();
        by_begin.sort_unstable_by_key(|&item| self.stays[item as usize].from);
        if let Some(item) = self.container.items.get(index) {
            core.extend(self.container.calls_of(item));
        }
        while let Some((below, from, to)) = windows.pop() {
            let mut candidates = by_begin.iter().copied().filter(|&item| (item as usize) < below).peekable();
            let mut reached = from;
            while reached < to {
                let mut best: Option<u32> = None;
                let end = |item: u32| self.stays[item as usize].to;
                while let Some(item) = candidates.next_if(|&item| self.stays[item as usize].from <= reached) {
                    best = best.filter(|&best| end(best) >= end(item)).or(Some(item));
                }
                let Some(best) = best.filter(|&best| end(best) > reached) else { break };
                reached = end(best);
                if !std::mem::replace(&mut blamed[best as usize], true) {
                    let item = &self.container.items[best as usize];
                    core.extend(self.container.calls_of(item));
                    let Stay { from, to, put_wanted, wanted } = self.stays[best as usize];
                    windows.extend([(best as usize, wanted, to), (best as usize, from, put_wanted)]);
                }
            }
        }
        core
    }
}
