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
//! `s` only grows and `e` only shrinks as parts become smaller, so a value, once it can be first, stays so. A segment
//! tree over the values in order of the pushes' completions finds bottoms and cuts: O(n log n) time, O(n) memory.
//!
//! Decrease and conquer as an idea is Lee and Mathur's (*Efficient decrease-and-conquer linearizability monitoring*,
//! OOPSLA 2025); this derivation is our own.

use super::call::{Answer, Call, NEVER, Placed, Rule};
use super::container::{Act, Container, Item, NONE, impossible, sort_by_value};
use super::unknown::soonest::Soonest;
use super::unknown::with_unknown_takes;

/// Judges a stack, empty at first.
pub fn stack(calls: &[Call<Act>]) -> Answer<Act> {
    match sort_by_value(calls) {
        Ok(container) => with_unknown_takes(calls, container, complete, pairs),
        Err(answer) => answer,
    }
}

/// Judges a stack whose unknown takes, if any, never happened or were given a value.
pub(super) fn complete(calls: &[Call<Act>], container: &Container) -> Answer<Act> {
    let cuts = match place_empties(calls, container) {
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
            moments.push((gap, item.take, Act::Take(item.value)));
        }
    }
    nested.sort_unstable_by_key(|item| item.put_completed);
    match nest(&nested) {
        Ok(word) => match merge(&nested, &word, &cuts, moments) {
            Some(order) => Answer::Linearizable(order),
            None => Answer::Undecided("the stack's order could not be built; please report this history"),
        },
        Err(part) => {
            let moves = part.iter().flat_map(|&index| [nested[index as usize].put, nested[index as usize].take]);
            impossible(
                Rule { name: "not last in, first out", because: "No value can have been at the bottom of the stack" },
                moves.filter(|&call| call != NONE).collect(),
            )
        }
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

/// A gap for every observation of "empty".
fn place_empties(calls: &[Call<Act>], container: &Container) -> Result<Vec<(u32, u32)>, Answer<Act>> {
    if container.empties.is_empty() {
        return Ok(Vec::new());
    }
    let free = container.free_gaps();
    let mut cuts = Vec::with_capacity(container.empties.len());
    for &call in &container.empties {
        let Call { invoked, completed, .. } = calls[call as usize];
        match free.next(invoked).filter(|&gap| gap < completed) {
            Some(gap) => cuts.push((gap, call)),
            None => return Err(container.never_empty(calls, call)),
        }
    }
    cuts.sort_unstable();
    Ok(cuts)
}

/// One letter of the nesting: an item's push, or its pop.
#[derive(Clone, Copy)]
enum Letter {
    Push(u32),
    Pop(u32),
}

/// What is left to nest, or to emit.
enum Task {
    /// The items from the first (which remains) to before the second, those of them that remain.
    Part(u32, u32),
    /// The pop of a bottom.
    Pop(u32),
}

/// When an item's pop can come. One that was never popped is popped after everything, and so may be one whose pop has
/// no known outcome.
fn pop_interval(item: &Item) -> (u32, u32) {
    if item.take == NONE { (NEVER - 1, NEVER) } else { (item.take_invoked, item.take_completed) }
}

/// Nests the items, given in order of the pushes' completions. The error is a part that has no bottom.
fn nest(items: &[&Item]) -> Result<Vec<Letter>, Vec<u32>> {
    let count = items.len() as u32;
    let mut word = Vec::with_capacity(2 * items.len());
    let (mut covers, starts) = Covers::new(items);
    // Items that cannot come first yet, by push invocation, turned round so that the earliest is the largest.
    let mut closed = Largest::new(items.iter().map(|item| NEVER - item.put_invoked));
    // Pop completions of those that can; pop invocations of all that remain.
    let mut open = Largest::new(items.iter().map(|_| 0));
    let mut certain = Largest::new(items.iter().map(|item| pop_interval(item).0));
    let mut tasks = Vec::new();
    push_parts(&mut tasks, &starts, count);
    let mut starts = Vec::new();
    while let Some(task) = tasks.pop() {
        let (from, to) = match task {
            Task::Part(from, to) => (from, to),
            Task::Pop(item) => {
                word.push(Letter::Pop(item));
                continue;
            }
        };
        while let Some(item) = closed.find(from, to, NEVER - items[from as usize].put_completed) {
            closed.set(item, 0);
            open.set(item, pop_interval(items[item as usize]).1);
        }
        let last = certain.largest(from, to);
        let Some(bottom) = open.find(from, to, last) else {
            return Err(chain(items, &certain, from, last));
        };
        word.push(Letter::Push(bottom));
        tasks.push(Task::Pop(bottom));
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
        push_parts(&mut tasks, &starts, to);
    }
    Ok(word)
}

/// Few items of a part that together keep the stack from being empty as long as all of it does: always the one that
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

/// Adds the parts that begin at `starts` and end where the next one begins, the first on top.
fn push_parts(tasks: &mut Vec<Task>, starts: &[u32], end: u32) {
    let mut end = end;
    for &start in starts.iter().rev() {
        tasks.push(Task::Part(start, end));
        end = start;
    }
}

/// Every letter as soon as the word lets it, with everything that happens beside the nesting in between.
fn merge(
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
        };
        at = at.max(begin);
        if at >= end {
            return None;
        }
        while let Some((_, call, act)) = moments.next_if(|&(gap, ..)| gap < at) {
            order.push(Placed { call, act });
        }
        order.push(match letter {
            Letter::Push(_) => Placed { call: item.put, act: Act::Put(item.value) },
            Letter::Pop(_) => Placed { call: item.take, act: Act::Take(item.value) },
        });
    }
    order.extend(moments.map(|(_, call, act)| Placed { call, act }));
    Some(order)
}

/// For every item, how many of those that remain are certainly inside when its push completes. An item that none
/// covers begins a part; it is reported once.
struct Covers {
    size: usize,
    /// Per node, the least number below it, and what is to be added to everything below (already in the former).
    nodes: Vec<(i32, i32)>,
}

const REPORTED: i32 = i32::MAX / 2;

impl Covers {
    /// The tree, and the items that nothing covers from the beginning.
    fn new(items: &[&Item]) -> (Covers, Vec<u32>) {
        let size = items.len().next_power_of_two();
        let mut nodes = vec![(REPORTED, 0); 2 * size];
        let mut starts = Vec::new();
        let mut pops: Vec<u32> = items.iter().map(|item| pop_interval(item).0).collect();
        pops.sort_unstable();
        let mut popped = 0;
        for (index, item) in items.iter().enumerate() {
            while popped < pops.len() && pops[popped] < item.put_completed {
                popped += 1;
            }
            if popped == index {
                starts.push(index as u32);
            } else {
                nodes[size + index].0 = (index - popped) as i32;
            }
        }
        for node in (1..size).rev() {
            nodes[node].0 = nodes[2 * node].0.min(nodes[2 * node + 1].0);
        }
        (Covers { size, nodes }, starts)
    }

    /// An item that is gone begins nothing.
    fn leave_out(&mut self, item: u32) {
        let mut node = self.size + item as usize;
        self.nodes[node].0 = REPORTED;
        while node > 1 {
            node /= 2;
            let (_, pending) = self.nodes[node];
            self.nodes[node].0 = self.nodes[2 * node].0.min(self.nodes[2 * node + 1].0) + pending;
        }
    }

    /// Takes one cover off the items `from .. to`; adds those that nothing covers now to `starts`, in order.
    fn uncover(&mut self, from: u32, to: u32, starts: &mut Vec<u32>) {
        if from < to {
            self.uncover_below(1, 0, self.size as u32, from, to, 0, starts);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a recursion over a tree: node, its range, the range asked for")]
    fn uncover_below(
        &mut self,
        node: usize,
        begin: u32,
        end: u32,
        from: u32,
        to: u32,
        above: i32,
        starts: &mut Vec<u32>,
    ) {
        if to <= begin || end <= from {
            return;
        }
        let (least, pending) = self.nodes[node];
        if from <= begin && end <= to {
            if least + above > 1 {
                self.nodes[node] = (least - 1, pending - 1);
                return;
            }
            if end - begin == 1 {
                starts.push(begin);
                self.nodes[node] = (REPORTED, 0);
                return;
            }
        }
        let middle = begin.midpoint(end);
        self.uncover_below(2 * node, begin, middle, from, to, above + pending, starts);
        self.uncover_below(2 * node + 1, middle, end, from, to, above + pending, starts);
        self.nodes[node].0 = self.nodes[2 * node].0.min(self.nodes[2 * node + 1].0) + pending;
    }
}

/// Numbers at fixed places that change; the largest of a range, and some place in a range with a number above a bound.
struct Largest {
    size: usize,
    nodes: Vec<u32>,
}

impl Largest {
    fn new(numbers: impl ExactSizeIterator<Item = u32>) -> Largest {
        let size = numbers.len().next_power_of_two();
        let mut nodes = vec![0; 2 * size];
        for (node, number) in nodes[size..].iter_mut().zip(numbers) {
            *node = number;
        }
        for node in (1..size).rev() {
            nodes[node] = nodes[2 * node].max(nodes[2 * node + 1]);
        }
        Largest { size, nodes }
    }

    fn get(&self, place: u32) -> u32 {
        self.nodes[self.size + place as usize]
    }

    fn set(&mut self, place: u32, number: u32) {
        let mut node = self.size + place as usize;
        self.nodes[node] = number;
        while node > 1 {
            node /= 2;
            let largest = self.nodes[2 * node].max(self.nodes[2 * node + 1]);
            if self.nodes[node] == largest {
                return;
            }
            self.nodes[node] = largest;
        }
    }

    fn largest(&self, from: u32, to: u32) -> u32 {
        let (mut low, mut high) = (self.size + from as usize, self.size + to as usize);
        let mut largest = 0;
        while low < high {
            if low % 2 == 1 {
                largest = largest.max(self.nodes[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                largest = largest.max(self.nodes[high]);
            }
            low /= 2;
            high /= 2;
        }
        largest
    }

    fn find(&self, from: u32, to: u32, above: u32) -> Option<u32> {
        let (mut low, mut high) = (self.size + from as usize, self.size + to as usize);
        while low < high {
            if low % 2 == 1 {
                if self.nodes[low] > above {
                    return Some(self.descend(low, above));
                }
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                if self.nodes[high] > above {
                    return Some(self.descend(high, above));
                }
            }
            low /= 2;
            high /= 2;
        }
        None
    }

    fn descend(&self, mut node: usize, above: u32) -> u32 {
        while node < self.size {
            node = 2 * node + usize::from(self.nodes[2 * node] <= above);
        }
        (node - self.size) as u32
    }
}
