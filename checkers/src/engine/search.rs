//! Depth-first search for a linearization: Wing and Gong, *Testing and verifying concurrent objects* (1993), with the
//! configurations remembered as in Lowe, *Testing for linearizability* (2017).
//!
//! Works for any [`Model`]. Often quick on linearizable histories; exponential in the number of operations pending at
//! once. Operations of unknown outcome are interchangeable tokens.

use rustc_hash::FxHashSet;

use super::space::{Interned, Next, Space};
use super::tokens::Tokens;
use super::{Answer, Answered, Shortage};
use crate::model::{Model, Nature};
use crate::subhistory::{Item, Subhistory};
use crate::verdict::Budget;

/// What the rest of the search depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Config {
    /// The first certain operation not placed.
    low: u32,
    state: u32,
    used: u32,
    /// Which certain operations after `low` are placed; bit 0 is `low + 1`. No trailing zero word.
    placed: Vec<u64>,
}

impl Config {
    fn is_placed(&self, op: u32) -> bool {
        let offset = op - self.low;
        offset != 0 && {
            let bit = offset as usize - 1;
            self.placed.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
        }
    }

    /// Places a certain operation.
    fn place(&mut self, op: u32) {
        if op != self.low {
            let bit = (op - self.low) as usize - 1;
            if self.placed.len() <= bit / 64 {
                self.placed.resize(bit / 64 + 1, 0);
            }
            self.placed[bit / 64] |= 1 << (bit % 64);
            return;
        }
        // Move on to the next operation that is not placed.
        let run = self.placed.iter().take_while(|&&word| word == u64::MAX).count();
        let ones = run * 64 + self.placed.get(run).map_or(0, |word| word.trailing_ones() as usize);
        self.shift(ones + 1);
        self.low += ones as u32 + 1;
    }

    /// Drops the lowest bits.
    fn shift(&mut self, bits: usize) {
        self.placed.drain(..(bits / 64).min(self.placed.len()));
        let rest = bits % 64;
        if rest != 0 {
            for index in 0..self.placed.len() {
                let above = self.placed.get(index + 1).map_or(0, |word| word << (64 - rest));
                self.placed[index] = self.placed[index] >> rest | above;
            }
        }
        while self.placed.last() == Some(&0) {
            self.placed.pop();
        }
    }
}

/// One way to go on.
#[derive(Clone, Copy)]
enum Choice {
    /// Site this certain operation (an index into the certain ones).
    Certain(u32, u32),
    /// Use a token of this kind.
    Token(u32, u32),
}

/// A configuration on the current path and what is left to try from it.
struct Frame {
    config: Config,
    choices: Vec<Choice>,
    /// The item placed to get here; the first frame has none.
    placed: Option<u32>,
}

/// Decides a subhistory by search.
pub fn search<M: Model>(model: &M, subhistory: &Subhistory<M::Op>, budget: &Budget) -> Answered {
    let certain: Vec<u32> =
        (0..subhistory.items.len() as u32).filter(|&index| subhistory.items[index as usize].is_certain()).collect();
    Search {
        items: &subhistory.items,
        certain,
        space: Space::new(&mut Interned::new(model, &subhistory.classes)),
        tokens: Tokens::of(&subhistory.items),
        steps: 0,
        deepest: 0,
    }
    .run(budget)
}

struct Search<'a> {
    items: &'a [Item],
    /// The items that certainly took effect.
    certain: Vec<u32>,
    space: Space<'a>,
    tokens: Tokens,
    steps: u64,
    /// The latest completion that could not be passed.
    deepest: u32,
}

impl Search<'_> {
    fn run(mut self, budget: &Budget) -> Answered {
        let mut seen: FxHashSet<Config> = FxHashSet::default();
        let mut held = 0u64;
        let start = Config { low: 0, state: 0, used: 0, placed: Vec::new() };
        let mut path = Vec::new();
        self.enter(start, None, &mut path);
        loop {
            let Some(frame) = path.last_mut() else {
                return Answered { answer: Answer::No { at: self.deepest, among: Vec::new() }, steps: self.steps };
            };
            if frame.config.low as usize == self.certain.len() {
                let order = path.iter().filter_map(|frame| frame.placed).map(|item| self.items[item as usize].op);
                return Answered { answer: Answer::Yes(order.collect()), steps: self.steps };
            }
            let Some(choice) = frame.choices.pop() else {
                path.pop();
                continue;
            };
            let mut config = frame.config.clone();
            let item = match choice {
                Choice::Certain(op, state) => {
                    config.place(op);
                    config.state = state;
                    self.certain[op as usize]
                }
                Choice::Token(kind, state) => {
                    let next = self.tokens.next(config.used, kind as usize, 0);
                    let (item, count) = next.expect("offered only while one is left");
                    config.used = self.tokens.with(config.used, kind as usize, count);
                    config.state = state;
                    item
                }
            };
            if seen.insert(config.clone()) {
                held += 64 + 8 * config.placed.len() as u64;
                self.enter(config, Some(item), &mut path);
            }
            let shortage = if self.steps > budget.steps {
                Some(Shortage::Steps)
            } else if held + self.space.bytes() + self.tokens.bytes() > budget.bytes {
                Some(Shortage::Bytes)
            } else {
                None
            };
            if let Some(shortage) = shortage {
                return Answered { answer: Answer::Unknown(shortage), steps: self.steps };
            }
        }
    }

    /// Pushes a configuration with everything that may come next, the last to be tried first.
    fn enter(&mut self, config: Config, placed: Option<u32>, path: &mut Vec<Frame>) {
        let mut choices = Vec::new();
        let mut first_completion = u32::MAX;
        let mut observed = None;
        for op in config.low..self.certain.len() as u32 {
            let item = self.items[self.certain[op as usize] as usize];
            if item.invoked > first_completion {
                break;
            }
            if config.is_placed(op) {
                continue;
            }
            first_completion = first_completion.min(item.completed);
            self.steps += 1;
            let next = self.space.step(config.state, item.class);
            // An observer that is allowed here can be placed here: it changes nothing for the others.
            if observed.is_none() && matches!(next, Next::One(_)) && self.space.nature(item.class) == Nature::Observer {
                observed = Some(Choice::Certain(op, config.state));
            }
            self.offer(next, &mut choices, |state| Choice::Certain(op, state));
        }
        self.deepest = self.deepest.max(if first_completion == u32::MAX { 0 } else { first_completion });
        for kind in 0..self.tokens.kinds() {
            let invoked = self.tokens.next(config.used, kind, 0).map(|(item, _)| self.items[item as usize].invoked);
            if invoked.is_some_and(|invoked| invoked < first_completion) {
                self.steps += 1;
                let next = self.space.step(config.state, self.tokens.class(kind));
                // A token that changes nothing is not worth using.
                if !matches!(next, Next::One(state) if state == config.state) {
                    self.offer(next, &mut choices, |state| Choice::Token(kind as u32, state));
                }
            }
        }
        choices.reverse();
        if let Some(choice) = observed {
            choices = vec![choice];
        }
        path.push(Frame { config, choices, placed });
    }

    fn offer(&self, next: Next, choices: &mut Vec<Choice>, choice: impl Fn(u32) -> Choice) {
        match next {
            Next::None => {}
            Next::One(state) => choices.push(choice(state)),
            Next::Several(list) => choices.extend(self.space.list(list).iter().map(|&state| choice(state))),
        }
    }
}
