//! FIFO queue and unordered queue (bag) with unique values, exact, unknown outcomes included.
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

use super::call::{Answer, Call, NEVER, Placed, Rule};
use super::container::{Act, Container, Item, NONE, impossible, sort_by_value};
use super::gaps::FreeGaps;
use super::slack::Slack;

/// Judges a FIFO queue, empty at first.
pub fn fifo(calls: &[Call<Act>]) -> Answer<Act> {
    judge(calls, true)
}

/// Judges an unordered queue, empty at first: a take may return any value inside.
pub fn bag(calls: &[Call<Act>]) -> Answer<Act> {
    judge(calls, false)
}

fn judge(calls: &[Call<Act>], ordered: bool) -> Answer<Act> {
    let mut container = match sort_by_value(calls) {
        Ok(container) => container,
        Err(answer) => return answer,
    };
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
    let order = if ordered { in_order(&container, &cuts) } else { Some(in_any_order(&container, &cuts)) };
    match order {
        Some(order) => Answer::Linearizable(order),
        None => Answer::Undecided("the queue's order of values could not be built; please report this history"),
    }
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
                Rule { name: "reordered values", because: "A value left the queue before one that was put in earlier" },
                vec![item.put, item.take, other.put, other.take],
            ));
        } else {
            deadlines[index] = earliest;
        }
    }
    Ok(deadlines)
}

/// A gap in which the container was empty, and the call that saw it.
#[derive(Clone, Copy, Debug)]
struct Cut {
    gap: u32,
    call: u32,
}

/// Gives unknown takes to the values that must have gone, and a gap to each observation of "empty".
fn remove_and_cut(
    calls: &[Call<Act>],
    container: &mut Container,
    deadlines: &[Deadline],
) -> Result<Vec<Cut>, Answer<Act>> {
    let mut cuts = Vec::new();
    if !container.empties.is_empty() {
        let free = free_gaps(calls, container, deadlines);
        for &call in &container.empties {
            let Call { invoked, completed, .. } = calls[call as usize];
            match free.next(invoked).filter(|&gap| gap < completed) {
                Some(gap) => cuts.push(Cut { gap, call }),
                None => return Err(never_empty(calls, container, deadlines, call)),
            }
        }
        cuts.sort_by_key(|cut| cut.gap);
    }
    let mut must_go: Vec<(u32, u32)> = Vec::new();
    for (index, item) in container.items.iter().enumerate().filter(|(_, item)| item.take == NONE) {
        let cut = cuts.get(cuts.partition_point(|cut| cut.gap < item.put_completed)).map_or(NEVER, |cut| cut.gap);
        let last_gap = cut.min(deadlines[index].last_gap());
        if last_gap != NEVER {
            must_go.push((last_gap, index as u32));
        }
    }
    must_go.sort_unstable();
    for (nth, &(last_gap, index)) in must_go.iter().enumerate() {
        match container.unknown_takes.get(nth).map(|&take| (take, calls[take as usize].invoked)) {
            Some((take, invoked)) if invoked <= last_gap => {
                let item = &mut container.items[index as usize];
                item.take = take;
                item.take_invoked = invoked;
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
    for item in container.items.iter().filter(|item| item.take != NONE) {
        let (from, to) = item.certain();
        free.cover(from, to);
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
            core.push(item.put);
            push_overtaker(&mut core, container, deadlines, index);
        } else if item.put_completed < completed && item.take_invoked > invoked {
            core.extend([item.put, item.take]);
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
        core.push(container.items[index as usize].put);
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

/// Which stretch between two cuts an item lies in: the number of cuts before it.
fn stretch(item: &Item, cuts: &[Cut]) -> usize {
    let (from, to) = item.certain();
    let moment = if from < to { from - 1 } else { item.put_invoked.max(item.take_invoked) };
    cuts.partition_point(|cut| cut.gap <= moment)
}

/// Items by stretch, each in order of the puts' invocations.
fn by_stretch(container: &Container, cuts: &[Cut]) -> Vec<Vec<Item>> {
    let mut stretches = vec![Vec::new(); cuts.len() + 1];
    for item in &container.items {
        stretches[stretch(item, cuts)].push(*item);
    }
    stretches
}

/// A linearization of a bag whose cuts are known: everything as soon as it can.
fn in_any_order(container: &Container, cuts: &[Cut]) -> Vec<Placed<Act>> {
    let mut order = Vec::new();
    for (nth, items) in by_stretch(container, cuts).into_iter().enumerate() {
        let since = enter_stretch(&mut order, nth, cuts);
        let mut moves: Vec<(u32, u32, Act)> = Vec::with_capacity(2 * items.len());
        for item in &items {
            let put = item.put_invoked.max(since);
            moves.push((put, item.put, Act::Put(item.value)));
            if item.take != NONE {
                moves.push((item.take_invoked.max(put), item.take, Act::Take(item.value)));
            }
        }
        moves.sort_unstable_by_key(|&(gap, call, act)| (gap, matches!(act, Act::Take(_)), call));
        order.extend(moves.into_iter().map(|(_, call, act)| Placed { call, act }));
    }
    order
}

/// Places the observation that ends a stretch; returns from which gap on the next stretch plays.
fn enter_stretch(order: &mut Vec<Placed<Act>>, nth: usize, cuts: &[Cut]) -> u32 {
    let Some(cut) = nth.checked_sub(1).map(|last| cuts[last]) else { return 0 };
    order.push(Placed { call: cut.call, act: Act::Empty });
    cut.gap
}

/// A linearization of a FIFO queue whose cuts are known: an order of values that both puts and takes allow, then
/// everything as soon as that order lets it.
fn in_order(container: &Container, cuts: &[Cut]) -> Option<Vec<Placed<Act>>> {
    let mut order = Vec::with_capacity(2 * container.items.len() + cuts.len());
    if cuts.is_empty() {
        play_in_order(&container.items, 0, &mut order)?;
        return Some(order);
    }
    for (nth, items) in by_stretch(container, cuts).into_iter().enumerate() {
        let since = enter_stretch(&mut order, nth, cuts);
        play_in_order(&items, since, &mut order)?;
    }
    Some(order)
}

fn play_in_order(items: &[Item], since: u32, order: &mut Vec<Placed<Act>>) -> Option<()> {
    let values = value_order(items)?;
    let mut takes: Vec<(u32, u32)> = Vec::with_capacity(values.len());
    let (mut put_at, mut take_at) = (since, since);
    let mut next_take = 0;
    let place_take = |order: &mut Vec<Placed<Act>>, item: u32| {
        let item = &items[item as usize];
        order.push(Placed { call: item.take, act: Act::Take(item.value) });
    };
    for &index in &values {
        let item = &items[index as usize];
        put_at = put_at.max(item.put_invoked);
        if put_at >= item.put_completed {
            return None;
        }
        while let Some(&(_, earlier)) = takes.get(next_take).filter(|&&(at, _)| at < put_at) {
            place_take(order, earlier);
            next_take += 1;
        }
        order.push(Placed { call: item.put, act: Act::Put(item.value) });
        if item.take != NONE {
            take_at = take_at.max(item.take_invoked).max(put_at);
            if take_at >= item.take_completed {
                return None;
            }
            takes.push((take_at, index));
        }
    }
    for &(_, index) in &takes[next_take..] {
        place_take(order, index);
    }
    Some(())
}

/// An order of values in which neither two puts, nor two takes, nor one's take and another's put contradict real time:
/// repeatedly any value whose put no other value's put or take precedes, and whose take no other value's take precedes.
/// Values never taken come last.
fn value_order(items: &[Item]) -> Option<Vec<u32>> {
    let mut puts =
        Frontier::new(items.iter().map(|item| (item.put_invoked, item.put_completed.min(item.take_completed))));
    let mut takes = Frontier::new(items.iter().map(Item::take_interval));
    let mut open = vec![2_u8; items.len()];
    let mut ready = Vec::new();
    let mut done = vec![false; items.len()];
    let mut values = Vec::with_capacity(items.len());
    while values.len() < items.len() {
        for frontier in [&mut puts, &mut takes] {
            frontier.advance(&done, |index| {
                open[index as usize] -= 1;
                if open[index as usize] == 0 {
                    ready.push(index);
                }
            });
        }
        let next = ready.pop()?;
        done[next as usize] = true;
        values.push(next);
    }
    Some(values)
}

/// The intervals that no remaining interval precedes, found as the preceding ones are removed.
struct Frontier {
    by_begin: Vec<u64>,
    by_end: Vec<u64>,
    next_begin: usize,
    next_end: usize,
}

impl Frontier {
    fn new(intervals: impl Iterator<Item = (u32, u32)> + Clone) -> Frontier {
        let tagged = |at: u32, index: usize| u64::from(at) << 32 | index as u64;
        let mut by_begin: Vec<u64> = intervals.clone().enumerate().map(|(i, (begin, _))| tagged(begin, i)).collect();
        let mut by_end: Vec<u64> = intervals.enumerate().map(|(i, (_, end))| tagged(end, i)).collect();
        by_begin.sort_unstable();
        by_end.sort_unstable();
        Frontier { by_begin, by_end, next_begin: 0, next_end: 0 }
    }

    fn advance(&mut self, done: &[bool], mut reached: impl FnMut(u32)) {
        while self.by_end.get(self.next_end).is_some_and(|&end| done[end as u32 as usize]) {
            self.next_end += 1;
        }
        let first_end = self.by_end.get(self.next_end).map_or(NEVER, |&end| (end >> 32) as u32);
        while let Some(&begin) = self.by_begin.get(self.next_begin)
            && ((begin >> 32) as u32) < first_end
        {
            reached(begin as u32);
            self.next_begin += 1;
        }
    }
}
