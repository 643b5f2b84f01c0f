//! A queue's linearization, once it is known when it was empty: the order of its values, then everything as soon as
//! that order lets it. For a FIFO queue with peeks this is also what decides.

use super::super::call::{Call, NEVER, Placed};
use super::super::container::{Act, Container, Item, NONE};

/// A linearization; `None` where the caller's checks should have made one possible, and there is none.
pub(super) type Order = Option<Vec<Placed<Act>>>;

/// Which segment between two cuts an item lies in: the number of cuts before it.
fn segment(item: &Item, cuts: &[(u32, u32)]) -> usize {
    let (from, to) = item.certain();
    let moment = if from < to { from - 1 } else { item.put_invoked.max(item.take_invoked) };
    cuts.partition_point(|&(gap, _)| gap <= moment)
}

/// Items by segment, each in order of the puts' invocations.
fn by_segment(container: &Container, cuts: &[(u32, u32)]) -> Vec<Vec<u32>> {
    let mut segments = vec![Vec::new(); cuts.len() + 1];
    for (index, item) in container.items.iter().enumerate() {
        segments[segment(item, cuts)].push(index as u32);
    }
    segments
}

/// A linearization of a bag whose cuts are known: everything as soon as it can.
pub(super) fn in_any_order(calls: &[Call<Act>], container: &Container, cuts: &[(u32, u32)]) -> Vec<Placed<Act>> {
    let mut order = Vec::new();
    for (nth, items) in by_segment(container, cuts).into_iter().enumerate() {
        let since = enter_segment(&mut order, nth, cuts);
        // In one gap puts come first, then peeks, then takes.
        let mut moves: Vec<(u32, u8, Placed<Act>)> = Vec::with_capacity(2 * items.len());
        for item in items.iter().map(|&index| &container.items[index as usize]) {
            let put = item.put_invoked.max(since);
            moves.push((put, 0, Placed { call: item.put, act: Act::Put(item.value) }));
            for &peek in container.peeks_of(item) {
                let at = calls[peek as usize].invoked.max(put);
                moves.push((at, 1, Placed { call: peek, act: Act::Peek(item.value) }));
            }
            if item.take != NONE {
                moves.push((item.take_invoked.max(put), 2, Placed { call: item.take, act: Act::Take(item.value) }));
            }
        }
        moves.sort_unstable_by_key(|&(gap, rank, placed)| (gap, rank, placed.call));
        order.extend(moves.into_iter().map(|(.., placed)| placed));
    }
    order
}

/// Places the observation that ends a segment; returns from which gap on the next segment plays.
fn enter_segment(order: &mut Vec<Placed<Act>>, nth: usize, cuts: &[(u32, u32)]) -> u32 {
    let Some((gap, call)) = nth.checked_sub(1).map(|last| cuts[last]) else { return 0 };
    order.push(Placed { call, act: Act::Empty });
    gap
}

/// A linearization of a FIFO queue whose cuts are known. The error is a cycle of at most three items, each of which
/// must come before the next.
pub(super) fn in_order(calls: &[Call<Act>], container: &Container, cuts: &[(u32, u32)]) -> Result<Order, Vec<u32>> {
    let mut order = Vec::with_capacity(calls.len());
    for (nth, items) in by_segment(container, cuts).into_iter().enumerate() {
        let since = enter_segment(&mut order, nth, cuts);
        let values = value_order(container, &items)?;
        if play_in_order(calls, container, &values, since, &mut order).is_none() {
            return Ok(None);
        }
    }
    Ok(Some(order))
}

fn play_in_order(
    calls: &[Call<Act>],
    container: &Container,
    values: &[u32],
    since: u32,
    order: &mut Vec<Placed<Act>>,
) -> Option<()> {
    // Peeks and takes, with their gaps.
    let mut departures: Vec<(u32, Placed<Act>)> = Vec::with_capacity(values.len());
    let (mut put_at, mut departed_at) = (since, since);
    let mut next = 0;
    let mut stays = false;
    for item in values.iter().map(|&index| &container.items[index as usize]) {
        put_at = put_at.max(item.put_invoked);
        if put_at >= item.put_completed {
            return None;
        }
        while let Some(&(_, placed)) = departures.get(next).filter(|&&(at, _)| at < put_at) {
            order.push(placed);
            next += 1;
        }
        order.push(Placed { call: item.put, act: Act::Put(item.value) });
        let front_at = departed_at.max(put_at);
        for &peek in container.peeks_of(item) {
            let Call { invoked, completed, .. } = calls[peek as usize];
            let at = front_at.max(invoked);
            if at >= completed || stays {
                return None;
            }
            // Peeks of one value are in order of invocation.
            departures.push((at, Placed { call: peek, act: Act::Peek(item.value) }));
        }
        // What comes after a value that is never taken is not taken either: by a take of unknown outcome that did not
        // happen.
        stays |= item.take == NONE;
        if !stays {
            departed_at = front_at.max(item.take_invoked);
            if departed_at >= item.take_completed {
                return None;
            }
            departures.push((departed_at, Placed { call: item.take, act: Act::Take(item.value) }));
        } else if item.take != NONE && item.take_completed != NEVER {
            return None;
        }
    }
    order.extend(departures[next..].iter().map(|&(_, placed)| placed));
    Some(())
}

/// When the calls of a departure happen, as far as other values are concerned: from the last invocation, which may come
/// late, to the first completion, which may come before that. What was never taken leaves after everything, in any
/// order.
fn departure(item: &Item) -> (u32, u32) {
    let begin = if item.take == NONE { NEVER - 1 } else { item.take_invoked };
    (begin, item.take_completed.min(item.seen.first_completed))
}

/// An order of values in which neither two puts, nor two departures, nor one's departure and another's put contradict
/// real time: repeatedly any value whose put no other value's put or departure precedes, and whose departure no other
/// value's departure precedes. The error is a cycle.
fn value_order(container: &Container, items: &[u32]) -> Result<Vec<u32>, Vec<u32>> {
    let item = |&index: &u32| &container.items[index as usize];
    let puts = items.iter().map(item).map(|item| (item.put_invoked, item.put_completed.min(item.take_completed)));
    let mut puts = Frontier::new(puts);
    let mut departures = Frontier::new(items.iter().map(item).map(departure));
    let mut open = vec![2_u8; items.len()];
    let mut ready = Vec::new();
    let mut done = vec![false; items.len()];
    let mut values = Vec::with_capacity(items.len());
    while values.len() < items.len() {
        for frontier in [&mut puts, &mut departures] {
            frontier.advance(&done, |index| {
                open[index as usize] -= 1;
                if open[index as usize] == 0 {
                    ready.push(index);
                }
            });
        }
        let Some(next) = ready.pop() else {
            let first = done.iter().position(|&done| !done).expect("some value is left") as u32;
            let cycle = cycle(first, |of| puts.preceding(of).or(departures.preceding(of)));
            return Err(cycle.into_iter().map(|nth| items[nth as usize]).collect());
        };
        done[next as usize] = true;
        values.push(items[next as usize]);
    }
    Ok(values)
}

/// Who goes back from one value to one that must come before it comes round again: always to one of three.
fn cycle(first: u32, preceding: impl Fn(u32) -> Option<u32>) -> Vec<u32> {
    let mut path = vec![first];
    loop {
        let last = path[path.len() - 1];
        let before = preceding(last).expect("a value that nothing precedes is ready");
        if let Some(begin) = path.iter().position(|&other| other == before) {
            return path.split_off(begin);
        }
        path.push(before);
    }
}

/// The intervals that no other remaining interval precedes, found as the preceding ones are removed. An interval may
/// end before it begins; it does not precede itself.
struct Frontier {
    /// Begin or end, and whose it is.
    by_begin: Vec<u64>,
    by_end: Vec<u64>,
    next_begin: usize,
    /// Of those that remain, the first to end, and the second.
    first_end: usize,
    second_end: usize,
    begins: Vec<u32>,
    reached: Vec<bool>,
}

impl Frontier {
    fn new(intervals: impl Iterator<Item = (u32, u32)> + Clone) -> Frontier {
        let tagged = |at: u32, index: usize| u64::from(at) << 32 | index as u64;
        let mut by_begin: Vec<u64> = intervals.clone().enumerate().map(|(i, (begin, _))| tagged(begin, i)).collect();
        let mut by_end: Vec<u64> = intervals.clone().enumerate().map(|(i, (_, end))| tagged(end, i)).collect();
        by_begin.sort_unstable();
        by_end.sort_unstable();
        Frontier {
            next_begin: 0,
            first_end: 0,
            second_end: 1,
            reached: vec![false; by_begin.len()],
            begins: intervals.map(|(begin, _)| begin).collect(),
            by_begin,
            by_end,
        }
    }

    /// When the nth interval to end ends, and which it is.
    fn end(&self, nth: usize) -> Option<(u32, u32)> {
        self.by_end.get(nth).map(|&end| ((end >> 32) as u32, end as u32))
    }

    fn advance(&mut self, done: &[bool], mut reached: impl FnMut(u32)) {
        let skip = |frontier: &Frontier, mut nth: usize| {
            while frontier.end(nth).is_some_and(|(_, index)| done[index as usize]) {
                nth += 1;
            }
            nth
        };
        self.first_end = skip(self, self.first_end);
        self.second_end = skip(self, self.second_end.max(self.first_end + 1));
        let Some((first_end, first)) = self.end(self.first_end) else { return };
        while let Some(&begin) = self.by_begin.get(self.next_begin)
            && ((begin >> 32) as u32) < first_end
        {
            if !std::mem::replace(&mut self.reached[begin as u32 as usize], true) {
                reached(begin as u32);
            }
            self.next_begin += 1;
        }
        let others_end = self.end(self.second_end).map_or(NEVER, |(end, _)| end);
        if self.begins[first as usize] < others_end && !std::mem::replace(&mut self.reached[first as usize], true) {
            reached(first);
        }
    }

    /// Some other interval that precedes this one, if one does.
    fn preceding(&self, index: u32) -> Option<u32> {
        if self.reached[index as usize] {
            return None;
        }
        let first = self.end(self.first_end).filter(|&(_, first)| first != index);
        first.or(self.end(self.second_end)).map(|(_, other)| other)
    }
}
