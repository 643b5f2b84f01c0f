//! Takes of unknown outcome, for containers where no counting argument decides them: a search led by contradictions.
//!
//! A take of unknown outcome removes, at some time after its invocation, a value that no known take returned, or does
//! nothing. Call such values *loose*. Two things make the search short:
//!
//! * **Takes are alike but for their invocation, and an earlier one is never worse**: what can be explained when a
//!   value may be gone from one time on can be explained when it may be gone from an earlier time on. So nothing needs
//!   to be known of an explanation but by when each loose value needs its take, and whether there are takes for all is
//!   matching with deadlines ([`tokens`]).
//! * **Contradictions are small.** Only values that once contradicted each other are looked at ([`fragment`]); each
//!   such *fragment* says by when its loose values must have a take even if all others could have theirs as early as
//!   there is one to spare. Takes that suit every fragment are tried on the whole history, which yields the next
//!   fragment, or an explanation.
//!
//! Only where a fragment can be made good by this value *or* by that one there is a choice, and all of them are tried.
//! So the search is exact when it ends; it gives up after a number of steps that depends on nothing but the history.
//!
//! Fragments found so far that cannot all be made good contradict each other, whatever the takes did.

mod fragment;
pub(super) mod soonest;
mod tokens;

use super::call::{Answer, Call, Rule};
use super::container::{Act, Container, NONE, impossible};
use fragment::Fragment;
use tokens::{Range, assign, earliest};

/// Items looked at, summed over all histories and fragments judged.
const STEPS: u64 = 100_000_000;

/// Judges one complete history: every item has its take, or stays.
pub(super) type Complete = fn(&[Call<Act>], &Container) -> Answer<Act>;

/// Contradictions between a loose value and one other value, or an observation of "empty", that are found without
/// judging; the search would find them one by one. As calls.
pub(super) type Pairs = fn(&[Call<Act>], &Container) -> Vec<Vec<u32>>;

/// Judges a container with takes of unknown outcome, given the method for complete histories.
pub(super) fn with_unknown_takes(
    calls: &[Call<Act>],
    container: Container,
    complete: Complete,
    pairs: Pairs,
) -> Answer<Act> {
    if container.unknown_takes.is_empty() {
        return complete(calls, &container);
    }
    Search::new(calls, container, complete).run(pairs)
}

struct Search<'a> {
    calls: &'a [Call<Act>],
    complete: Complete,
    container: Container,
    /// When each take of unknown outcome was invoked.
    invoked: Vec<u32>,
    /// The item that a call puts or takes.
    item_of: Vec<u32>,
    /// Loose values that some fragment has, as items.
    loose: Vec<u32>,
    /// The place in `loose` of an item; [`NONE`] for others.
    number_of: Vec<u32>,
    /// Which takes each of them may have.
    ranges: Vec<Range>,
    /// What `ranges` held before, for going back.
    trail: Vec<(u32, Range)>,
    fragments: Vec<Fragment>,
    /// All calls of all fragments.
    core: Vec<u32>,
    steps: u64,
}

/// Loose values of a fragment of which at least one must have an earlier take than it was given.
struct Choice {
    /// Values with the takes they were given.
    alternatives: Vec<(u32, u32)>,
    /// Which of them is tried.
    tried: usize,
    /// How much of the trail is older.
    trail: usize,
}

/// What follows from the ranges.
enum Settled {
    /// There are too few takes.
    Conflict,
    /// These takes suit every fragment.
    Suits(Vec<u32>),
    /// These do not, and which value needs another one does not follow.
    Open(Choice),
}

impl Search<'_> {
    fn new(calls: &[Call<Act>], container: Container, complete: Complete) -> Search<'_> {
        let mut item_of = vec![NONE; calls.len()];
        for (index, item) in container.items.iter().enumerate() {
            for call in container.calls_of(item) {
                item_of[call as usize] = index as u32;
            }
        }
        Search {
            calls,
            complete,
            item_of,
            invoked: container.unknown_takes.iter().map(|&take| calls[take as usize].invoked).collect(),
            loose: Vec::new(),
            number_of: vec![NONE; container.items.len()],
            ranges: Vec::new(),
            trail: Vec::new(),
            fragments: Vec::new(),
            core: container.unknown_takes.clone(),
            steps: 0,
            container,
        }
    }

    fn run(mut self, pairs: Pairs) -> Answer<Act> {
        for pair in pairs(self.calls, &self.container) {
            self.learn(&pair);
        }
        let any = vec![0; self.takes() as usize + 1];
        for fragment in 0..self.fragments.len() {
            self.narrow(fragment, &any);
        }
        self.trail.clear();
        let mut choices: Vec<Choice> = Vec::new();
        let mut judged = false;
        while self.steps <= STEPS {
            match self.settle() {
                Settled::Suits(takes) => {
                    let contradiction = match self.judge(&takes) {
                        Answer::Impossible(contradiction) => contradiction,
                        answer => return answer,
                    };
                    if !std::mem::replace(&mut judged, true)
                        && let Answer::Impossible(contradiction) = self.judge_with_first_take()
                    {
                        return self.impossible(contradiction.rule, contradiction.calls);
                    }
                    let fragment = self.learn(&contradiction.calls);
                    if !self.holds(fragment, |_, _| 0) {
                        return self.impossible(contradiction.rule, contradiction.calls);
                    }
                    if self.holds(fragment, |number, _| takes.get(number as usize).copied().unwrap_or(NONE)) {
                        return Answer::Undecided("a contradiction does not contradict; please report this history");
                    }
                }
                Settled::Open(choice) => {
                    self.choose(&choice);
                    choices.push(choice);
                }
                Settled::Conflict => {
                    if !self.go_back(&mut choices) {
                        let rule = self.fragments[0].rule(self.complete);
                        let core = std::mem::take(&mut self.core);
                        return self.impossible(rule, core);
                    }
                }
            }
        }
        Answer::Undecided("too many takes of unknown outcome to try every explanation")
    }

    fn takes(&self) -> u32 {
        self.invoked.len() as u32
    }

    /// Whatever the takes of unknown outcome did, these calls contradict each other.
    fn impossible(&self, rule: Rule, mut core: Vec<u32>) -> Answer<Act> {
        core.extend(&self.container.unknown_takes);
        impossible(rule, core)
    }

    /// Keeps the values and observations of a contradiction as a fragment.
    fn learn(&mut self, contradiction: &[u32]) -> usize {
        let item_of = |&call: &u32| Some(self.item_of[call as usize]).filter(|&item| item != NONE);
        let mut items: Vec<u32> = contradiction.iter().filter_map(item_of).collect();
        items.sort_unstable();
        items.dedup();
        let empty = |&call: &u32| matches!(self.calls[call as usize].act, Act::Empty);
        let mut empties: Vec<u32> = contradiction.iter().copied().filter(empty).collect();
        empties.sort_unstable();
        empties.dedup();
        for &index in &items {
            let item = &self.container.items[index as usize];
            self.core.extend(self.container.calls_of(item));
            if item.take == NONE && self.number_of[index as usize] == NONE {
                self.number_of[index as usize] = self.loose.len() as u32;
                self.loose.push(index);
                self.ranges.push(Range { from: 0, to: self.invoked.len() as u32 });
            }
        }
        self.core.extend(&empties);
        self.fragments.push(Fragment::new(self.calls, &self.container, &items, &empties, &self.number_of));
        self.fragments.len() - 1
    }

    /// Draws what conclusions there are from the ranges.
    fn settle(&mut self) -> Settled {
        while self.steps <= STEPS {
            let Some(takes) = assign(&self.ranges, self.takes()) else { return Settled::Conflict };
            let earliest = earliest(&self.ranges, self.takes());
            let (mut narrowed, mut open) = (false, None);
            for fragment in 0..self.fragments.len() {
                if self.holds(fragment, |number, _| takes[number as usize]) {
                    continue;
                }
                if !self.holds(fragment, |_, range| range.first(&earliest)) {
                    return Settled::Conflict;
                }
                if self.narrow(fragment, &earliest) {
                    narrowed = true;
                } else if open.is_none_or(|open: usize| self.fragments[fragment].size < self.fragments[open].size) {
                    open = Some(fragment);
                }
            }
            match open {
                _ if narrowed => {}
                None => return Settled::Suits(takes),
                Some(fragment) => return Settled::Open(self.choice(fragment, &takes, &earliest)),
            }
        }
        Settled::Conflict
    }

    /// Whether a fragment is explained when its loose values have these takes.
    fn holds(&mut self, fragment: usize, take: impl Fn(u32, Range) -> u32) -> bool {
        self.steps += self.fragments[fragment].size + 1;
        let Search { fragments, ranges, invoked, .. } = self;
        fragments[fragment]
            .holds(self.complete, |number| invoked.get(take(number, ranges[number as usize]) as usize).copied())
    }

    /// Says of each loose value of a fragment by when it needs its take, the others having theirs as early as they can.
    fn narrow(&mut self, fragment: usize, earliest: &[u32]) -> bool {
        let mut narrowed = false;
        for number in self.fragments[fragment].loose() {
            let range = self.ranges[number as usize];
            // The first take that is too late lies in `low + 1 ..= high`.
            let (mut low, mut high) = (range.first(earliest), range.to + 1);
            while low + 1 < high {
                // The last one first: most often it will do.
                let middle = if high > range.to { range.to } else { low.midpoint(high) };
                let at = |other, range: Range| if other == number { middle } else { range.first(earliest) };
                if self.holds(fragment, at) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            if low < range.to {
                self.set(number, Range { to: low, ..range });
                narrowed = true;
            }
        }
        narrowed
    }

    fn set(&mut self, number: u32, range: Range) {
        self.trail.push((number, self.ranges[number as usize]));
        self.ranges[number as usize] = range;
    }

    /// The values one of which must have an earlier take; those that need one anyway come first.
    fn choice(&self, fragment: usize, takes: &[u32], earliest: &[u32]) -> Choice {
        let given = |number: u32| (number, takes[number as usize]);
        let range = |number: u32| self.ranges[number as usize];
        let mut alternatives: Vec<(u32, u32)> = self.fragments[fragment].loose().into_iter().map(given).collect();
        alternatives.retain(|&(number, take)| range(number).first(earliest) < take);
        alternatives.sort_by_key(|&(number, _)| range(number).to == self.takes());
        Choice { alternatives, tried: 0, trail: self.trail.len() }
    }

    /// The alternative that is being tried, and not those before it.
    fn choose(&mut self, choice: &Choice) {
        for &(number, take) in &choice.alternatives[..choice.tried] {
            let range = self.ranges[number as usize];
            self.set(number, Range { from: range.from.max(take), ..range });
        }
        let (number, take) = choice.alternatives[choice.tried];
        let range = self.ranges[number as usize];
        self.set(number, Range { to: range.to.min(take - 1), ..range });
    }

    /// Goes on with the next alternative of the last choice that has one.
    fn go_back(&mut self, choices: &mut Vec<Choice>) -> bool {
        while let Some(mut choice) = choices.pop() {
            for (number, range) in self.trail.drain(choice.trail..).rev() {
                self.ranges[number as usize] = range;
            }
            choice.tried += 1;
            if choice.tried < choice.alternatives.len() {
                self.choose(&choice);
                choices.push(choice);
                return true;
            }
        }
        false
    }

    /// Judges the whole history with these takes for the loose values of fragments.
    fn judge(&mut self, takes: &[u32]) -> Answer<Act> {
        self.steps += self.container.items.len() as u64 + 1;
        for (&item, &take) in self.loose.iter().zip(takes) {
            if let Some(&take) = self.container.unknown_takes.get(take as usize) {
                self.container.items[item as usize].give(take, self.calls[take as usize].invoked);
            }
        }
        let answer = (self.complete)(self.calls, &self.container);
        for &item in &self.loose {
            self.container.items[item as usize].take_back();
        }
        answer
    }

    /// Judges the whole history as if every loose value could be gone from the first take on.
    fn judge_with_first_take(&mut self) -> Answer<Act> {
        self.steps += self.container.items.len() as u64 + 1;
        let (first, invoked) = (self.container.unknown_takes[0], self.invoked[0]);
        let mut best = self.container.clone();
        best.items.iter_mut().filter(|item| item.take == NONE).for_each(|item| item.give(first, invoked));
        (self.complete)(self.calls, &best)
    }
}

#[cfg(test)]
mod tests;
