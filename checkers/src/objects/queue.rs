//! FIFO queue and unordered queue (bag) with unique values, exact; unknown outcomes by counting, but for those of a
//! FIFO queue that was peeked by a search, see [`super::unknown`].
//!
//! # The argument
//!
//! Without observations of "empty" a history of complete operations is a queue's exactly if no value is taken before
//! it is put, twice, or unput, and no two values change order: put(a) before put(b) in real time, but take(b) before
//! take(a), or take(a) missing (Henzinger, Sezgin, Vafeiadis, *Aspect-oriented linearizability proofs*, CONCUR 2013;
//! Bouajjani, Emmi, Enea, Hamza, ICALP 2015). For a bag the order does not matter. One backward scan over the positions
//! finds for each value the earliest completion among takes of values put later: its *deadline*.
//!
//! "Empty" holds in a gap exactly if no value is *certainly inside*, that is, between its put's completion and its
//! take's invocation. Each observation picks such a gap in its interval; the choices do not disturb each other, because
//! a gap in which nothing is certainly inside cuts the history into two that can be judged apart.
//!
//! A take of unknown outcome can remove, at any time after its invocation, one value that no known take returned.
//! Which values *must* be removed, and by when, follows from the deadlines and from the chosen gaps of "empty"; since
//! such takes have no latest time, assigning them is matching with deadlines, decided by counting (Hall's condition).
//! A gap `p` can be chosen for "empty" when for each later moment the values that must be gone by then are no more
//! than the unknown takes invoked by then; of several chosen gaps only the last one before a moment binds, so each is
//! tested alone.
//!
//! Cost: O(n), plus sorting for the linearization; O(n log n) where both "empty" and unknown takes occur.
//!
//! # Peeks
//!
//! A value's peeks and its take are its *departure*. A bag's peek only narrows when its value was inside: it was put
//! before the peek completed and taken after the peek was invoked. In a FIFO queue departures follow each other whole,
//! in the order of the puts. So `a` must come before `b` when put(a) ends before put(b) begins, or when some call of
//! `a`'s departure ends before some call of `b`'s begins; and a history is a queue's exactly if no value was seen or
//! taken too early or seen too late, "empty" has its gaps, and these constraints have no cycle: given an order of the
//! values that respects them, a cycle of it with real time has two calls next to each other in the one and in the
//! other, and every such pair is one of the constraints. A gap for "empty" in which nothing is certainly inside never
//! closes a cycle: who must come before it began before it, and who must come after it ended after it.
//!
//! A departure whose first completion comes before its last invocation takes *time*, so unlike without peeks three
//! values can contradict each other though no two of them do; more than three need never be looked at, because who
//! holds others up is always one of three: the first put and the first two departures to end ([`order`]).

mod order;

use super::call::{Answer, Call, NEVER, Rule};
use super::container::{Act, Container, NONE, impossible, sort_by_value};
use super::gaps::FreeGaps;
use super::slack::Slack;
use super::unknown::soonest::Soonest;
use super::unknown::with_unknown_takes;
use order::{in_any_order, in_order};

/// Judges a FIFO queue, empty at first.
pub fn fifo(calls: &[Call<Act>]) -> Answer<Act> {
    match sort_by_value(calls) {
        Ok(container) if container.peeks.is_empty() => by_counting(calls, container, true),
        Ok(container) => with_unknown_takes(calls, container, complete, pairs),
        Err(answer) => answer,
    }
}

/// Judges an unordered queue, empty at first: a take may return any value inside.
pub fn bag(calls: &[Call<Act>]) -> Answer<Act> {
    match sort_by_value(calls) {
        Ok(container) => by_counting(calls, container, false),
        Err(answer) => answer,
    }
}

/// Judges a FIFO queue whose unknown takes, if any, never happened or were given a value.
pub(super) fn complete(calls: &[Call<Act>], container: &Container) -> Answer<Act> {
    match container.place_empties(calls) {
        Ok(cuts) => answer(in_order(calls, container, &cuts), container),
        Err(answer) => answer,
    }
}

/// For each value that no known take returned, calls that contradict each other unless it was taken: of what was put
/// after it the first to be taken or seen; if it was seen, the first of what was taken or seen after that, and the next
/// that was seen and never taken; the first observation of "empty".
fn pairs(calls: &[Call<Act>], container: &Container) -> Vec<Vec<u32>> {
    let items = &container.items;
    let (mut by_put, mut empties) = (Soonest::new(container.positions), Soonest::new(container.positions));
    let mut departures = Soonest::new(container.positions);
    for (index, item) in items.iter().enumerate() {
        let completed = item.seen.first_completed.min(item.take_completed);
        by_put.add(item.put_invoked, completed, index as u32);
        if item.take != NONE {
            departures.add(item.take_invoked, completed, index as u32);
        }
    }
    for &empty in &container.empties {
        let Call { invoked, completed, .. } = calls[empty as usize];
        empties.add(invoked, completed, empty);
    }
    let mut loose: Vec<u32> = (0..items.len() as u32).filter(|&index| items[index as usize].take == NONE).collect();
    loose.sort_by_key(|&index| items[index as usize].seen.first_completed);
    let mut pairs = Vec::new();
    for (nth, &index) in loose.iter().enumerate() {
        let item = &items[index as usize];
        let seen = item.seen.first_completed;
        let mut others: Vec<u32> =
            by_put.beginning_at(item.put_completed).map(|(_, other)| other).into_iter().collect();
        if seen != NEVER {
            others.extend(departures.beginning_at(seen).map(|(_, other)| other));
            others.extend(loose.get(nth + 1).filter(|&&other| items[other as usize].seen.first_completed != NEVER));
        }
        pairs.extend(others.into_iter().map(|other| vec![item.put, items[other as usize].put]));
        pairs.extend(empties.beginning_at(item.put_completed).map(|(_, empty)| vec![item.put, empty]));
    }
    pairs
}

/// The answer that an order, or a cycle of values, is.
fn answer(order: Result<order::Order, Vec<u32>>, container: &Container) -> Answer<Act> {
    match order {
        Ok(Some(order)) => Answer::Linearizable(order),
        Ok(None) => Answer::Undecided("the queue's order of values could not be built; please report this history"),
        Err(cycle) => impossible(
            Rule {
                name: "FIFO order violated",
                because: "No order of the values explains when they were next to leave",
            },
            cycle.iter().flat_map(|&index| container.calls_of(&container.items[index as usize])).collect(),
        ),
    }
}

fn by_counting(calls: &[Call<Act>], mut container: Container, ordered: bool) -> Answer<Act> {
    let deadlines = if ordered {
        match deadlines(&container) {
            Ok(deadlines) => deadlines,
            Err(answer) => return answer,
        }
    } else {
        vec![Deadline::NONE; container.items.len()]
    };
    let cuts = match remove_and_cut(calls, &mut container, &deadlines) {
        Ok(cuts) => cuts,
        Err(answer) => return answer,
    };
    let order =
        if ordered { in_order(calls, &container, &cuts) } else { Ok(Some(in_any_order(calls, &container, &cuts))) };
    answer(order, &container)
}

/// Before which position a value must have been taken, because a value put later was taken by then.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    /// The completion of that take; [`NEVER`] when there is none.
    before: u32,
    /// Index of the item it took.
    overtaker: u32,
}

impl Deadline {
    const NONE: Deadline = Deadline { before: NEVER, overtaker: NONE };

    /// The last gap in which the value can be taken; [`NEVER`] without a deadline.
    fn last_gap(self) -> u32 {
        if self.before == NEVER { NEVER } else { self.before - 1 }
    }
}

/// Each item's deadline, unless a known take misses its own.
fn deadlines(container: &Container) -> Result<Vec<Deadline>, Answer<Act>> {
    let items = &container.items;
    let mut deadlines = vec![Deadline::NONE; items.len()];
    let mut at = vec![NONE; container.positions as usize];
    for (index, item) in items.iter().enumerate() {
        at[item.put_invoked as usize] = (index as u32) << 1;
        if item.put_completed != NEVER {
            at[item.put_completed as usize] = (index as u32) << 1 | 1;
        }
    }
    let mut earliest = Deadline::NONE;
    for event in at.into_iter().rev().filter(|&event| event != NONE) {
        let index = (event >> 1) as usize;
        let item = &items[index];
        if event & 1 == 0 {
            if item.take_completed < earliest.before {
                earliest = Deadline { before: item.take_completed, overtaker: index as u32 };
            }
        } else if item.take != NONE && earliest.before < item.take_invoked {
            let other = &items[earliest.overtaker as usize];
            return Err(impossible(
                Rule {
                    name: "FIFO order violated",
                    because: "A value left the queue before one that was put in earlier",
                },
                vec![item.put, item.take, other.put, other.take],
            ));
        } else {
            deadlines[index] = earliest;
        }
    }
    Ok(deadlines)
}

/// Gives unknown takes to the values that must have gone, and a gap to each observation of "empty", in order of gaps.
fn remove_and_cut(
    calls: &[Call<Act>],
    container: &mut Container,
    deadlines: &[Deadline],
) -> Result<Vec<(u32, u32)>, Answer<Act>> {
    let mut cuts = Vec::new();
    if !container.empties.is_empty() {
        let free = free_gaps(calls, container, deadlines);
        for &call in &container.empties {
            let Call { invoked, completed, .. } = calls[call as usize];
            match free.next(invoked).filter(|&gap| gap < completed) {
                Some(gap) => cuts.push((gap, call)),
                None => return Err(never_empty(calls, container, deadlines, call)),
            }
        }
        cuts.sort_unstable();
    }
    let mut must_go: Vec<(u32, u32)> = Vec::new();
    for (index, item) in container.items.iter().enumerate().filter(|(_, item)| item.take == NONE) {
        let cut = cuts.get(cuts.partition_point(|&(gap, _)| gap < item.put_completed)).map_or(NEVER, |&(gap, _)| gap);
        let last_gap = cut.min(deadlines[index].last_gap());
        if last_gap != NEVER {
            must_go.push((last_gap, index as u32));
        }
    }
    must_go.sort_unstable();
    for (nth, &(last_gap, index)) in must_go.iter().enumerate() {
        match container.unknown_takes.get(nth).map(|&take| (take, calls[take as usize].invoked)) {
            Some((take, invoked)) if invoked <= last_gap => {
                container.items[index as usize].give(take, invoked);
            }
            _ => return Err(too_few_unknown_takes(calls, container, deadlines, &must_go[..=nth])),
        }
    }
    Ok(cuts)
}

/// The gaps in which the container can be empty.
fn free_gaps(calls: &[Call<Act>], container: &Container, deadlines: &[Deadline]) -> FreeGaps {
    if container.unknown_takes.is_empty() {
        return container.free_gaps();
    }
    let mut free = FreeGaps::new(container.positions);
    for item in &container.items {
        // A value that no known take returned is inside for certain until it is seen for the last time.
        let to = if item.take == NONE { item.seen.last_invoked } else { item.take_invoked };
        free.cover(item.put_completed, to);
    }
    for gap in gaps_with_too_few_unknown_takes(calls, container, deadlines) {
        free.cover(gap, gap + 1);
    }
    free
}

/// The gaps that no observation of "empty" can choose, because more values would have to be gone by then, or by some
/// later moment, than there are unknown takes.
fn gaps_with_too_few_unknown_takes(calls: &[Call<Act>], container: &Container, deadlines: &[Deadline]) -> Vec<u32> {
    let count = container.positions as usize;
    // slack[t]: unknown takes invoked by gap t, less the values whose own deadline is no later.
    let mut slack = vec![0_i32; count];
    for &take in &container.unknown_takes {
        slack[calls[take as usize].invoked as usize] += 1;
    }
    let mut put_at: Vec<(u32, u32)> = Vec::new();
    for (index, item) in container.items.iter().enumerate().filter(|(_, item)| item.take == NONE) {
        let last_gap = deadlines[index].last_gap();
        if last_gap != NEVER {
            slack[last_gap as usize] -= 1;
        }
        put_at.push((item.put_completed, last_gap));
    }
    for t in 1..count {
        slack[t] += slack[t - 1];
    }
    put_at.sort_unstable();
    let mut slack = Slack::new(&slack);
    let mut next = put_at.into_iter().peekable();
    let mut refused = Vec::new();
    for gap in 0..count as u32 {
        while let Some((put, last_gap)) = next.next_if(|&(put, _)| put <= gap) {
            // From its own deadline on it is counted already.
            slack.lower(put, last_gap.min(count as u32));
        }
        if slack.least_from(gap) < 0 {
            refused.push(gap);
        }
    }
    refused
}

/// The values and takes because of which one observation of "empty" has no gap.
fn never_empty(calls: &[Call<Act>], container: &Container, deadlines: &[Deadline], empty: u32) -> Answer<Act> {
    if container.unknown_takes.is_empty() {
        return container.never_empty(calls, empty);
    }
    let Call { invoked, completed, .. } = calls[empty as usize];
    let mut core = vec![empty];
    core.extend(&container.unknown_takes);
    for (index, item) in container.items.iter().enumerate() {
        if item.take == NONE {
            core.extend(container.calls_of(item));
            push_overtaker(&mut core, container, deadlines, index);
        } else if item.put_completed < completed && item.take_invoked > invoked {
            core.extend(container.calls_of(item));
        }
    }
    impossible(Rule { name: "false empty", because: "It was found empty while something was certainly inside" }, core)
}

fn too_few_unknown_takes(
    calls: &[Call<Act>],
    container: &Container,
    deadlines: &[Deadline],
    must_go: &[(u32, u32)],
) -> Answer<Act> {
    let last_gap = must_go[must_go.len() - 1].0;
    let mut core: Vec<u32> =
        container.unknown_takes.iter().copied().filter(|&take| calls[take as usize].invoked <= last_gap).collect();
    core.extend(&container.empties);
    for &(_, index) in must_go {
        // The assignment made so far is no part of the argument.
        let item = &container.items[index as usize];
        core.push(item.put);
        core.extend(container.peeks_of(item));
        push_overtaker(&mut core, container, deadlines, index as usize);
    }
    impossible(
        Rule { name: "skipped value", because: "A value never left the queue, although one that was put in later did" },
        core,
    )
}

fn push_overtaker(core: &mut Vec<u32>, container: &Container, deadlines: &[Deadline], index: usize) {
    if let Some(overtaker) = container.items.get(deadlines[index].overtaker as usize) {
        core.extend([overtaker.put, overtaker.take]);
    }
}
