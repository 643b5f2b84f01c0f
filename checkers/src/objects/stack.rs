//! Stack (LIFO) with unique values, exact; takes of unknown outcome by a search, see [`super::unknown`].
//!
//! # The argument
//!
//! Write `I(a)` for the time in which value `a` is *certainly inside*: from its push's completion to its pop's
//! invocation; a value never popped stays to the end, as if popped there.
//!
//! 1. A value whose push and pop overlap can be pushed and popped at one moment and disturbs nobody. Leave it out.
//! 2. A gap that no `I` covers cuts the history into two that can be judged apart; "empty" can be observed exactly in
//!    such gaps.
//! 3. Between two neighbouring cuts, from `s` (the first push completed) to `e` (the last pop invoked), the stack is
//!    never empty, so one value lies at the bottom all the time: its push can come first (it was invoked before `s`)
//!    and its pop last (it completed after `e`). *Any* such value will do: take a linearization and move that value's
//!    push to the front and its pop to the end; the rest stays a stack's, and real time allows it.
//!    If there is none, the history is impossible. Otherwise leave it out and go on with the rest (2).
//!
//! `s` only grows and `e` only shrinks as segments become smaller, so a value, once it can be first, stays so. A
//! segment tree over the values in order of the pushes' completions finds bottoms and cuts: O(n log n) time, O(n)
//! memory.
//!
//! # Peeks
//!
//! A peek of `a` needs a moment in which `a` is inside and nothing above it is. `I(a)` begins with the first completion
//! among its push and peeks, and ends with the last invocation among its pop and peeks. Where it is empty, all of
//! `a`'s calls overlap and 1 holds. In 3 the value at the bottom sees the rest empty when it is peeked: its peeks are
//! observations of "empty" of the rest, so each needs a gap that no `I` of the rest covers; and where it has one, it
//! can be seen there, because the rest, if it is a stack's, can be explained so that it is empty in all such gaps (2).
//! So any value will do of those that can be pushed first, popped last *and* whose peeks have such gaps: whatever value
//! was at the bottom, the rest without another one is still a stack's. What lies inside only becomes less, so a peek
//! that has a gap keeps it ([`peeks`]).
//!
//! Decrease and conquer as an idea is Lee and Mathur's (*Efficient decrease-and-conquer linearizability monitoring*,
//! OOPSLA 2025); this derivation is our own.

mod peeks;
mod trees;

use super::call::{Answer, Call, NEVER, Placed, Rule};
use super::container::{Act, Container, Item, NONE, impossible, sort_by_value};
use super::unknown::soonest::Soonest;
use super::unknown::with_unknown_takes;
use peeks::Peeks;
use trees::{Covers, Largest};

/// Judges a stack, empty at first.
pub fn stack(calls: &[Call<Act>]) -> Answer<Act> {
    match sort_by_value(calls) {
        Ok(container) => with_unknown_takes(calls, container, complete, pairs),
        Err(answer) => answer,
    }
}

/// Judges a stack whose unknown takes, if any, never happened or were given a value.
pub(super) fn complete(calls: &[Call<Act>], container: &Container) -> Answer<Act> {
    let cuts = match container.place_empties(calls) {
        Ok(cuts) => cuts,
        Err(answer) => return answer,
    };
    let mut nested: Vec<&Item> = Vec::with_capacity(container.items.len());
    let mut moments = Vec::new();
    for item in &container.items {
        let (from, to) = item.certain();
        if from < to {
            nested.push(item);
        } else {
            let gap = item.put_invoked.max(item.take_invoked);
            moments.push((gap, item.put, Act::Put(item.value)));
            moments.extend(container.peeks_of(item).iter().map(|&peek| (gap, peek, Act::Peek(item.value))));
            moments.push((gap, item.take, Act::Take(item.value)));
        }
    }
    nested.sort_unstable_by_key(|item| item.put_completed);
    let peeks = (!container.peeks.is_empty()).then(|| Peeks::new(calls, container, &nested));
    match nest(&nested, peeks) {
        Ok(word) => match merge(calls, &nested, &word, &cuts, moments) {
            Some(order) => Answer::Linearizable(order),
            None => Answer::Undecided("the stack's order could not be built; please report this history"),
        },
        Err(segment) => impossible(
            Rule { name: "LIFO order violated", because: "No value can have been at the bottom of the stack" },
            segment.iter().flat_map(|&index| container.calls_of(nested[index as usize])).collect(),
        ),
    }
}

/// For each value that no known take returned: the first pop to complete of a value that certainly lies below it, and
/// the first observation of "empty" to complete, of those that began while it was certainly inside.
fn pairs(calls: &[Call<Act>], container: &Container) -> Vec<Vec<u32>> {
    let mut empties = Soonest::new(container.positions);
    for &empty in &container.empties {
        let Call { invoked, completed, .. } = calls[empty as usize];
        empties.add(invoked, completed, empty);
    }
    let (mut loose, mut below): (Vec<&Item>, Vec<&Item>) = container.items.iter().partition(|item| item.take == NONE);
    loose.sort_unstable_by_key(|item| item.put_invoked);
    below.sort_unstable_by_key(|item| item.put_completed);
    let mut below = below.into_iter().peekable();
    let mut pops = Soonest::new(container.positions);
    let mut pairs = Vec::new();
    for item in loose {
        while let Some(lower) = below.next_if(|lower| lower.put_completed < item.put_invoked) {
            pops.add(lower.take_invoked, lower.take_completed, lower.take);
        }
        for (_, call) in [&pops, &empties].into_iter().filter_map(|calls| calls.beginning_at(item.put_completed)) {
            pairs.push(vec![item.put, call]);
        }
    }
    pairs
}

/// One letter of the nesting: an item's push, or its pop, or a call that peeked it.
#[derive(Clone, Copy)]
enum Letter {
    Push(u32),
    Pop(u32),
    Peek(u32, u32),
}

/// What is left to nest, or to emit.
enum Task {
    /// The items from the first (which remains) to before the second, those of them that remain.
    Nest(u32, u32),
    /// The pop of a bottom, or a peek.
    Letter(Letter),
}

/// When an item's pop can come. One that was never popped is popped after everything, and so may be one whose pop has
/// no known outcome.
fn pop_interval(item: &Item) -> (u32, u32) {
    if item.take == NONE { (NEVER - 1, NEVER) } else { (item.take_invoked, item.take_completed) }
}

/// Nests the items, given in order of the pushes' completions. The error is a segment that has no bottom.
fn nest(items: &[&Item], mut peeks: Option<Peeks>) -> Result<Vec<Letter>, Vec<u32>> {
    let count = items.len() as u32;
    let mut word = Vec::with_capacity(2 * items.len());
    let (mut covers, starts) = covers(items);
    // Items that cannot come first yet, by push invocation, turned round so that the earliest is the largest.
    let mut closed = Largest::new(items.iter().map(|item| NEVER - item.put_invoked));
    // Pop completions of those that can, and whose peeks all have a gap; pop invocations of all that remain.
    let mut open = Largest::new(items.iter().map(|_| 0));
    let mut certain = Largest::new(items.iter().map(|item| pop_interval(item).0));
    let mut tasks = Vec::new();
    push_parts(&mut tasks, items, &starts, count, &[]);
    let (mut starts, mut settled) = (Vec::new(), Vec::new());
    while let Some(task) = tasks.pop() {
        let (from, to) = match task {
            Task::Nest(from, to) => (from, to),
            Task::Letter(letter) => {
                word.push(letter);
                continue;
            }
        };
        while let Some(item) = closed.find(from, to, NEVER - items[from as usize].put_completed) {
            closed.set(item, 0);
            if peeks.as_ref().is_none_or(|peeks| peeks.settled(item)) {
                open.set(item, pop_interval(items[item as usize]).1);
            }
        }
        let last = certain.largest(from, to);
        let Some(bottom) = open.find(from, to, last) else {
            return Err(blame(items, &certain, peeks.as_ref(), from, to));
        };
        word.push(Letter::Push(bottom));
        tasks.push(Task::Letter(Letter::Pop(bottom)));
        open.set(bottom, 0);
        certain.set(bottom, 0);
        covers.leave_out(bottom);
        let pop = pop_interval(items[bottom as usize]).0;
        let covered = items[..to as usize].partition_point(|item| item.put_completed < pop) as u32;
        starts.clear();
        if bottom != from {
            starts.push(from);
        }
        covers.uncover(bottom + 1, covered, &mut starts);
        match &mut peeks {
            Some(peeks) => {
                push_parts(&mut tasks, items, &starts, to, &peeks.of(bottom));
                peeks.leave_out(bottom, items[bottom as usize], &mut settled);
                for item in settled.drain(..).filter(|&item| closed.get(item) == 0) {
                    open.set(item, pop_interval(items[item as usize]).1);
                }
            }
            None => push_parts(&mut tasks, items, &starts, to, &[]),
        }
    }
    Ok(word)
}

/// For every item, how many of those that remain are certainly inside when its push completes, and those that none
/// covers: each begins a segment.
fn covers(items: &[&Item]) -> (Covers, Vec<u32>) {
    let mut pops: Vec<u32> = items.iter().map(|item| pop_interval(item).0).collect();
    pops.sort_unstable();
    let mut popped = 0;
    Covers::new(items.iter().enumerate().map(|(index, item)| {
        while popped < pops.len() && pops[popped] < item.put_completed {
            popped += 1;
        }
        Some((index - popped) as u32)
    }))
}

/// Few items of a segment because of which it has no bottom: those of [`chain`], and for each that could be the bottom
/// but for a peek, such that together are inside as long as that peek takes, and so on.
fn blame(items: &[&Item], certain: &Largest, peeks: Option<&Peeks>, from: u32, to: u32) -> Vec<u32> {
    let last = certain.largest(from, to);
    let mut core = chain(items, certain, from, last);
    let Some(peeks) = peeks else { return core };
    let mut blamed = vec![false; (to - from) as usize];
    core.iter().for_each(|&item| blamed[(item - from) as usize] = true);
    let mut next = 0;
    while let Some(&index) = core.get(next) {
        next += 1;
        let item = items[index as usize];
        if item.put_invoked > items[from as usize].put_completed || pop_interval(item).1 <= last {
            continue;
        }
        let Some((mut reached, end)) = peeks.without_gap(index) else { continue };
        while reached < end {
            let inside = items[..to as usize].partition_point(|item| item.put_completed <= reached) as u32;
            let longest =
                certain.largest(from, index.min(inside)).max(certain.largest((index + 1).min(inside), inside));
            let before = certain.find(from, index.min(inside), longest - 1);
            let Some(best) = before.or_else(|| certain.find((index + 1).min(inside), inside, longest - 1)) else {
                break;
            };
            reached = longest;
            if !std::mem::replace(&mut blamed[(best - from) as usize], true) {
                core.push(best);
            }
        }
    }
    core
}

/// Few items of a segment that together keep the stack from being empty as long as all of it does: always the one that
/// stays longest of those that begin before the last one ends. None of them can be at the bottom of all of it.
fn chain(items: &[&Item], certain: &Largest, from: u32, last: u32) -> Vec<u32> {
    let mut chain = vec![from];
    let mut reached = certain.get(from);
    let mut next = from + 1;
    while reached < last {
        let mut best = next;
        while items.get(next as usize).is_some_and(|item| item.put_completed < reached) {
            if certain.get(next) > certain.get(best) {
                best = next;
            }
            next += 1;
        }
        reached = certain.get(best);
        chain.push(best);
    }
    chain
}

/// Adds the segments that begin at `starts` and end where the next one begins, the first on top, and between them the
/// peeks of what lies below them, given with their gaps in order.
fn push_parts(tasks: &mut Vec<Task>, items: &[&Item], starts: &[u32], end: u32, peeks: &[(u32, Letter)]) {
    let (mut end, mut peeks) = (end, peeks);
    for &start in starts.iter().rev() {
        let (before, after) =
            peeks.split_at(peeks.partition_point(|&(gap, _)| gap < items[start as usize].put_completed));
        tasks.extend(after.iter().rev().map(|&(_, peek)| Task::Letter(peek)));
        tasks.push(Task::Nest(start, end));
        (end, peeks) = (start, before);
    }
    tasks.extend(peeks.iter().rev().map(|&(_, peek)| Task::Letter(peek)));
}

/// Every letter as soon as the word lets it, with everything that happens beside the nesting in between.
fn merge(
    calls: &[Call<Act>],
    items: &[&Item],
    word: &[Letter],
    cuts: &[(u32, u32)],
    mut moments: Vec<(u32, u32, Act)>,
) -> Option<Vec<Placed<Act>>> {
    moments.extend(cuts.iter().map(|&(gap, call)| (gap, call, Act::Empty)));
    moments.sort_by_key(|&(gap, ..)| gap);
    let mut moments = moments.into_iter().peekable();
    let mut order = Vec::with_capacity(2 * items.len() + moments.len());
    let mut at = 0;
    let mut stays = false;
    for letter in word {
        let (item, begin, end) = match *letter {
            Letter::Push(item) => {
                let item = items[item as usize];
                let cut = cuts.partition_point(|&(gap, _)| gap < item.put_completed);
                let since = cut.checked_sub(1).map_or(0, |last| cuts[last].0);
                // What saw it empty before this value was in comes before it.
                while let Some((_, call, act)) = moments.next_if(|&(gap, ..)| cut > 0 && gap <= since) {
                    order.push(Placed { call, act });
                }
                (item, item.put_invoked.max(since), item.put_completed)
            }
            Letter::Pop(item) => {
                let item = items[item as usize];
                // What lies below a value that is never popped is not popped either: by a take of unknown outcome that
                // did not happen.
                stays |= item.take == NONE;
                if stays {
                    continue;
                }
                (item, item.take_invoked, item.take_completed)
            }
            // A value that stays above it would have covered its gap.
            Letter::Peek(..) if stays => return None,
            Letter::Peek(item, peek) => {
                let Call { invoked, completed, .. } = calls[peek as usize];
                (items[item as usize], invoked, completed)
            }
        };
        at = at.max(begin);
        if at >= end {
            return None;
        }
        while let Some((_, call, act)) = moments.next_if(|&(gap, ..)| gap < at) {
            order.push(Placed { call, act });
        }
        order.push(match *letter {
            Letter::Push(_) => Placed { call: item.put, act: Act::Put(item.value) },
            Letter::Pop(_) => Placed { call: item.take, act: Act::Take(item.value) },
            Letter::Peek(_, call) => Placed { call, act: Act::Peek(item.value) },
        });
    }
    order.extend(moments.map(|(_, call, act)| Placed { call, act }));
    Some(order)
}
