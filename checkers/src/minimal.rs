//! Minimal cores: which facts of a history contradict each other.
//!
//! A history is weakened step by step and stays refuted: an observer is dropped, the answer of any other operation is
//! forgotten (so that it may happen at any time or never; see [`crate::weakened`]), and what is left is *widened*: an
//! operation may begin earlier or end later than it did. Only such *relaxations* are sound. Deleting an operation that
//! took effect is not: it would orphan whoever saw its effect and make a contradiction where there was none.
//!
//! Most of what was weakened has nothing to do with the contradiction. So the search leaves it out at first, and brings
//! in what turns out to be needed to explain a core that was too small (refinement by counterexample; Clarke, Grumberg,
//! Jha, Lu, Veith 2000). Every core is refuted at last beside everything that was weakened. It is minimal even so: what
//! cannot be weakened further where less may explain it cannot be where more may.

use rashomon_history::OpId;

use crate::engine::Answer;
use crate::subhistory::{Item, NEVER};

/// How often operations are brought in before all are.
const ROUNDS: usize = 64;
/// Cores of more operations are not widened.
const STRETCHED: usize = 64;
/// Nor where more others had to be brought in.
const STRETCHED_BESIDE: usize = 256;

/// Facts that contradict each other.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    /// The operations that certainly took effect, as recorded, in order of invocation.
    pub(crate) facts: Vec<Item>,
    /// The others that could have explained them, weakened.
    pub(crate) beside: Vec<Item>,
    /// Everything else, weakened: it cannot explain them.
    pub(crate) apart: Vec<Item>,
    /// Which completion came before which invocation, as far as that matters and does not follow from other such pairs.
    pub(crate) order: Vec<(OpId, OpId)>,
    /// Whether the effort was enough to find that each fact is needed.
    pub(crate) is_minimal: bool,
    /// All of them, widened until any further widening would explain them. What is refuted at last.
    #[cfg(test)]
    pub(crate) widened: Vec<Item>,
}

/// Operations of one object with their weaker selves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operations<'a> {
    /// As recorded, in order of invocation.
    pub(crate) items: &'a [Item],
    /// See [`crate::weakened::Weakened::selves`].
    pub(crate) weaker: &'a [Option<Item>],
}

/// Shrinks a contradiction to facts among some operations; `None` when these contradict each other only as long as
/// some other operation is not weakened, or the effort did not suffice to tell.
///
/// `decide` judges a weaker history, items in order of invocation, and only a definite *no* counts. None of the facts
/// that come back can be weakened: greedily, observers before others, oldest first.
pub(crate) fn core_among(
    operations: Operations<'_>,
    among: &[OpId],
    mut decide: impl FnMut(&[Item]) -> Answer,
) -> Option<Core> {
    let last = |item: &&Item| item.is_certain() && among.binary_search(&item.op).is_ok();
    let at = operations.items.iter().filter(last).map(|item| item.completed).max()?;
    let prefix = Prefix::of(operations, at);
    let certain = prefix.certain(|item| among.binary_search(&item.op).is_ok());
    let refuted = matches!(decide(&prefix.all(&certain)), Answer::No { .. });
    refuted.then(|| Shrinking::new(&prefix, decide).core(certain))
}

/// Shrinks a refuted history: all events up to and including position `at` contradict each other, for certain or
/// probably. `None` when the effort did not suffice to find that again.
pub(crate) fn core_until(
    operations: Operations<'_>,
    at: u32,
    certain: bool,
    mut decide: impl FnMut(&[Item]) -> Answer,
) -> Option<Core> {
    for at in [at, NEVER - 1] {
        let prefix = Prefix::of(operations, at);
        let facts = prefix.certain(|_| true);
        // That the prefix is refuted is known, unless what was pending then counts for more.
        let is_known = certain && prefix.is_as_recorded;
        if is_known || matches!(decide(&prefix.all(&facts)), Answer::No { .. }) {
            return Some(Shrinking::new(&prefix, decide).core(facts));
        }
    }
    None
}

/// A history up to some position.
struct Prefix<'a> {
    /// What was invoked until then; what was pending is weakened.
    items: Vec<Item>,
    weaker: Vec<Option<Item>>,
    /// What was invoked later.
    later: &'a [Option<Item>],
    /// Whether what was pending could return nothing that it has forgotten.
    is_as_recorded: bool,
}

impl<'a> Prefix<'a> {
    fn of(operations: Operations<'a>, at: u32) -> Prefix<'a> {
        let end = operations.items.partition_point(|item| item.invoked <= at);
        let (now, later) = operations.weaker.split_at(end);
        let mut prefix =
            Prefix { items: Vec::with_capacity(end), weaker: Vec::with_capacity(end), later, is_as_recorded: true };
        for (item, weaker) in operations.items.iter().zip(now) {
            let is_pending = item.completed > at;
            let Some(seen) = (if is_pending { *weaker } else { Some(*item) }) else { continue };
            prefix.is_as_recorded &= seen.class == item.class;
            prefix.items.push(seen);
            prefix.weaker.push(*weaker);
        }
        prefix
    }

    /// The operations that certainly took effect, of some.
    fn certain(&self, of: impl Fn(&Item) -> bool) -> Vec<u32> {
        (0..self.items.len() as u32)
            .filter(|&item| self.items[item as usize].is_certain() && of(&self.items[item as usize]))
            .collect()
    }

    /// These facts, and everything else weakened.
    fn all(&self, facts: &[u32]) -> Vec<Item> {
        let is_fact = |index: usize| facts.binary_search(&(index as u32)).is_ok();
        let seen = |index: usize| if is_fact(index) { Some(self.items[index]) } else { self.weaker[index] };
        (0..self.items.len()).filter_map(seen).collect()
    }
}

/// The search for a core. Operations are indices into the prefix.
struct Shrinking<'a, D> {
    /// The history to weaken.
    prefix: &'a Prefix<'a>,
    decide: D,
    /// Which operations are looked at once they are weakened.
    beside: Vec<bool>,
    /// Whether it was not found out if some single operation is needed.
    is_short: bool,
}

/// An operation's invocation or completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    item: u32,
    completes: bool,
}

impl<'a, D: FnMut(&[Item]) -> Answer> Shrinking<'a, D> {
    fn new(prefix: &'a Prefix<'a>, decide: D) -> Shrinking<'a, D> {
        Shrinking { prefix, decide, beside: vec![false; prefix.items.len()], is_short: false }
    }

    /// The core of facts that are refuted beside everything else weakened.
    fn core(mut self, refuted: Vec<u32>) -> Core {
        for _ in 0..ROUNDS {
            let facts = self.shrink(refuted.clone());
            let mut moments = self.moments(&facts);
            let mut all = self.beside_all(&facts, &moments);
            let mut answer = (self.decide)(&all);
            if matches!(answer, Answer::No { .. }) {
                moments = self.widen(&facts, moments);
                all = self.beside_all(&facts, &moments);
                answer = (self.decide)(&all);
            }
            match answer {
                Answer::No { .. } => return self.finish(&facts, &moments, all),
                Answer::Yes(order) if self.bring_in(&facts, &order) => {}
                Answer::Yes(_) | Answer::Unknown(_) => break,
            }
        }
        self.beside.fill(true);
        let facts = self.shrink(refuted);
        let moments = self.moments(&facts);
        let all = self.beside_all(&facts, &moments);
        self.finish(&facts, &moments, all)
    }

    /// Looks from now on at what an explanation needed; false when it needed nothing new.
    fn bring_in(&mut self, facts: &[u32], explanation: &[OpId]) -> bool {
        let mut new = false;
        for op in explanation {
            let item = self.prefix.items.binary_search_by_key(op, |item| item.op).expect("it is one of the items");
            if facts.binary_search(&(item as u32)).is_err() {
                new |= !std::mem::replace(&mut self.beside[item], true);
            }
        }
        new
    }

    /// An operation as far as it is looked at: its facts, or its weaker self, or not at all.
    fn as_seen(&self, item: u32, facts: &[u32]) -> Option<Item> {
        if facts.binary_search(&item).is_ok() {
            return Some(self.prefix.items[item as usize]);
        }
        self.prefix.weaker[item as usize].filter(|_| self.beside[item as usize])
    }

    /// Whether some facts are refuted; `None` when the effort did not suffice.
    fn is_refuted(&mut self, facts: &[u32]) -> Option<bool> {
        let seen: Vec<Item> =
            (0..self.prefix.items.len() as u32).filter_map(|item| self.as_seen(item, facts)).collect();
        match (self.decide)(&seen) {
            Answer::No { .. } => Some(true),
            Answer::Yes(_) => Some(false),
            Answer::Unknown(_) => None,
        }
    }

    fn observes(&self, item: u32) -> bool {
        self.prefix.weaker[item as usize].is_none()
    }

    /// Weakens what can be, in chunks of halving size.
    fn shrink(&mut self, mut facts: Vec<u32>) -> Vec<u32> {
        self.is_short = false;
        // Other clients' reads go first: an acknowledged write is the better evidence.
        for only_observers in [true, false] {
            let mut chunk = facts.len().next_power_of_two();
            while chunk > 0 {
                let mut start = 0;
                while start < facts.len() {
                    let end = (start + chunk).min(facts.len());
                    let stays = |&&item: &&u32| only_observers && !self.observes(item);
                    let mut fewer = facts[..start].to_vec();
                    fewer.extend(facts[start..end].iter().filter(stays));
                    let next = fewer.len();
                    fewer.extend(&facts[end..]);
                    let refuted = if fewer.len() < facts.len() { self.is_refuted(&fewer) } else { Some(false) };
                    self.is_short |= refuted.is_none() && chunk == 1;
                    if refuted == Some(true) {
                        (start, facts) = (next, fewer);
                    } else {
                        start = end;
                    }
                }
                chunk /= 2;
            }
        }
        facts
    }

    /// The events of what is looked at, in order.
    fn moments(&self, facts: &[u32]) -> Vec<Moment> {
        let mut moments = Vec::new();
        for item in 0..self.prefix.items.len() as u32 {
            let Some(seen) = self.as_seen(item, facts) else { continue };
            moments.push((seen.invoked, Moment { item, completes: false }));
            if seen.is_certain() {
                moments.push((seen.completed, Moment { item, completes: true }));
            }
        }
        moments.sort_unstable_by_key(|&(position, _)| position);
        moments.into_iter().map(|(_, moment)| moment).collect()
    }

    /// Lets operations begin earlier and end later, as long as they contradict each other.
    fn widen(&mut self, facts: &[u32], mut moments: Vec<Moment>) -> Vec<Moment> {
        if facts.len() > STRETCHED || moments.len() - facts.len() > STRETCHED + STRETCHED_BESIDE {
            return moments;
        }
        // As far as can be, in chunks of halving size.
        for completes in [false, true] {
            let ends: Vec<Moment> = moments.iter().copied().filter(|moment| moment.completes == completes).collect();
            let mut chunks = vec![&ends[..]];
            while let Some(chunk) = chunks.pop() {
                let (moved, others): (Vec<Moment>, Vec<Moment>) =
                    moments.iter().partition(|moment| chunk.contains(moment));
                let widened = if completes { [others, moved].concat() } else { [moved, others].concat() };
                if self.contradict(&widened) {
                    moments = widened;
                } else if chunk.len() > 1 {
                    let (first, second) = chunk.split_at(chunk.len() / 2);
                    chunks.extend([first, second]);
                }
            }
        }
        // Then by one pair at a time. A pair that was needed once is needed in all weaker histories.
        let mut needed: Vec<(u32, u32)> = Vec::new();
        loop {
            let pairs = neighbours(&moments);
            let open = pairs
                .into_iter()
                .find(|&(first, second)| !needed.contains(&(moments[first].item, moments[second].item)));
            let Some((first, second)) = open else { return moments };
            let widened = exchange(&moments, first, second);
            if self.contradict(&widened) {
                moments = widened;
            } else {
                needed.push((moments[first].item, moments[second].item));
            }
        }
    }

    fn contradict(&mut self, moments: &[Moment]) -> bool {
        let items = self.arrange(moments);
        matches!((self.decide)(&items), Answer::No { .. })
    }

    /// Operations with these events, in order of invocation.
    fn arrange(&self, moments: &[Moment]) -> Vec<Item> {
        let mut completes = vec![false; self.prefix.items.len()];
        for moment in moments {
            completes[moment.item as usize] |= moment.completes;
        }
        let mut arranged: Vec<Item> = Vec::with_capacity(moments.len());
        for (position, moment) in moments.iter().enumerate() {
            let item = self.prefix.items[moment.item as usize];
            if !moment.completes {
                // What never completes is there as its weaker self.
                let seen =
                    if completes[moment.item as usize] { Some(item) } else { self.prefix.weaker[moment.item as usize] };
                let class = seen.map_or(item.class, |seen| seen.class);
                arranged.push(Item { class, invoked: position as u32, completed: NEVER, ..item });
            } else if let Some(begun) = arranged.iter_mut().rev().find(|begun| begun.op == item.op) {
                begun.completed = position as u32;
            }
        }
        arranged
    }

    /// The same beside all others without their completions. Each of them is invoked as late as can be without coming
    /// after a completion that it did not come after.
    fn beside_all(&self, facts: &[u32], moments: &[Moment]) -> Vec<Item> {
        let items = &self.prefix.items;
        let mut all = Vec::with_capacity(items.len() + facts.len());
        let mut next = 0;
        for (index, item) in items.iter().enumerate() {
            let seen = self.beside[index] || facts.binary_search(&(index as u32)).is_ok();
            if seen || self.observes(index as u32) {
                continue;
            }
            let later = |moment: &&Moment| moment.completes && items[moment.item as usize].completed > item.invoked;
            let until = moments[next..].iter().position(|moment| later(&moment)).map_or(moments.len(), |at| next + at);
            all.extend_from_slice(&moments[next..until]);
            all.push(Moment { item: index as u32, completes: false });
            next = until;
        }
        all.extend_from_slice(&moments[next..]);
        self.arrange(&all)
    }

    fn finish(&self, facts: &[u32], moments: &[Moment], _all: Vec<Item>) -> Core {
        let items = &self.prefix.items;
        let is_fact = |index: usize| facts.binary_search(&(index as u32)).is_ok();
        let others = (0..items.len()).filter(|&index| !is_fact(index));
        let (beside, apart): (Vec<usize>, Vec<usize>) = others.partition(|&index| self.beside[index]);
        let weaker = |indices: Vec<usize>| indices.into_iter().filter_map(|index| self.prefix.weaker[index]);
        Core {
            facts: facts.iter().map(|&item| items[item as usize]).collect(),
            beside: weaker(beside).collect(),
            apart: weaker(apart).chain(self.prefix.later.iter().flatten().copied()).collect(),
            order: self.order(moments),
            is_minimal: !self.is_short,
            #[cfg(test)]
            widened: _all,
        }
    }

    /// The pairs of completion and invocation that follow from no others.
    fn order(&self, moments: &[Moment]) -> Vec<(OpId, OpId)> {
        let op = |item: u32| self.prefix.items[item as usize].op;
        let mut order = Vec::new();
        for (at, second) in moments.iter().enumerate().filter(|(_, moment)| !moment.completes) {
            // What completed before the latest invocation of what completed before is ordered through that.
            let before = || moments[..at].iter().enumerate().filter(|(_, moment)| moment.completes);
            let begun = |item: u32| moments.iter().position(|moment| moment.item == item).unwrap_or(0);
            let latest = before().map(|(_, first)| begun(first.item)).max().unwrap_or(0);
            order.extend(before().filter(|&(end, _)| end > latest).map(|(_, first)| (op(first.item), op(second.item))));
        }
        order
    }
}

/// Every completion with every invocation that only other completions and invocations alike stand between.
fn neighbours(moments: &[Moment]) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for middle in 1..moments.len() {
        if !moments[middle - 1].completes || moments[middle].completes {
            continue;
        }
        let first = moments[..middle].iter().rposition(|moment| !moment.completes).map_or(0, |place| place + 1);
        let last = moments[middle..].iter().position(|moment| moment.completes).map_or(moments.len(), |at| middle + at);
        pairs.extend((first..middle).flat_map(|end| (middle..last).map(move |begin| (end, begin))));
    }
    pairs
}

/// Lets one of two neighbours begin before the other ends, and changes no other pair.
fn exchange(moments: &[Moment], first: usize, second: usize) -> Vec<Moment> {
    let middle = moments[first..].iter().position(|moment| !moment.completes).map_or(second, |at| first + at);
    let mut exchanged = moments[..first].to_vec();
    exchanged.extend_from_slice(&moments[first + 1..middle]);
    exchanged.extend([moments[second], moments[first]]);
    exchanged.extend_from_slice(&moments[middle..second]);
    exchanged.extend_from_slice(&moments[second + 1..]);
    exchanged
}
