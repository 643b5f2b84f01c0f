//! Counter: increments, reads, and increments that return what they found (fetch-and-add).
//!
//! # Equal increments
//!
//! If every increment adds the same positive amount, the counter passes through every multiple of it. Run through the
//! events and keep the counter as small as it can be: an increment happens only when it is about to complete, or when a
//! read or fetch-and-add that is about to complete needs a larger value. Among open increments the one that completes
//! first goes first (exchange: they are alike). A read happens as soon as its value is there while it is open. A step
//! from a value that some fetch-and-add is known to have found can only be that one. Everything done is forced, so when
//! a read's value has been passed before it was invoked, or cannot be reached, there is no order. Increments of unknown
//! outcome complete never: they go last, or not at all. Cost: O(n log p) for p open increments.
//!
//! # Different increments
//!
//! If every increment is positive and says what it found, the order is forced: each begins where the one before ended.
//! Otherwise (blind increments of different amounts, decrements) deciding is subset sum in disguise: not this class.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustc_hash::FxHashMap;

use super::blocks::in_blocks;
use super::call::{Answer, Call, Contradiction, Placed, Rule, positions};
use super::events::events;

/// What an operation on a counter does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterAct {
    /// Adds an amount and says nothing.
    Add(i64),
    /// Adds an amount to what it found.
    FetchAdd {
        /// The amount.
        amount: i64,
        /// What it found.
        found: i64,
    },
    /// Read this value.
    Read(i64),
}

/// Judges a counter that is 0 at first.
pub fn counter(calls: &[Call<CounterAct>]) -> Answer<CounterAct> {
    let amounts = calls.iter().filter_map(|call| match call.act {
        CounterAct::Add(amount) | CounterAct::FetchAdd { amount, .. } => Some(amount),
        CounterAct::Read(_) => None,
    });
    let (mut least, mut most) = (i64::MAX, i64::MIN);
    amounts.for_each(|amount| (least, most) = (least.min(amount), most.max(amount)));
    if least > most {
        (least, most) = (1, 1);
    }
    let blind = calls.iter().any(|call| matches!(call.act, CounterAct::Add(_)));
    match (least, most) {
        (least, _) if least <= 0 => Answer::Undecided("an increment is not positive"),
        (least, most) if least == most && least.checked_mul(calls.len() as i64).is_none() => {
            Answer::Undecided("the counter may exceed 64 bits")
        }
        (least, most) if least == most => Equal::new(calls, least).judge(),
        _ if blind => Answer::Undecided("increments of different amounts, not all of which say what they found"),
        _ => forced(calls),
    }
}

fn impossible(rule: Rule, mut calls: Vec<u32>) -> Answer<CounterAct> {
    calls.sort_unstable();
    calls.dedup();
    Answer::Impossible(Contradiction { rule, calls })
}

/// The run through a history of equal increments.
struct Equal<'a> {
    calls: &'a [Call<CounterAct>],
    amount: i64,
    value: i64,
    order: Vec<Placed<CounterAct>>,
    placed: Vec<bool>,
    /// Open increments that say nothing, by completion.
    blind: BinaryHeap<Reverse<(u32, u32)>>,
    /// Which fetch-and-add found a value.
    finder: FxHashMap<i64, u32>,
    /// Open reads by value.
    waiting: FxHashMap<i64, Vec<u32>>,
}

impl<'a> Equal<'a> {
    fn new(calls: &'a [Call<CounterAct>], amount: i64) -> Equal<'a> {
        Equal {
            calls,
            amount,
            value: 0,
            order: Vec::with_capacity(calls.len()),
            placed: vec![false; calls.len()],
            blind: BinaryHeap::new(),
            finder: FxHashMap::default(),
            waiting: FxHashMap::default(),
        }
    }

    fn judge(mut self) -> Answer<CounterAct> {
        for (index, call) in self.calls.iter().enumerate() {
            let index = index as u32;
            let seen = match call.act {
                CounterAct::FetchAdd { found, .. } => found,
                CounterAct::Read(value) => value,
                CounterAct::Add(_) => continue,
            };
            if seen < 0 || seen % self.amount != 0 {
                return impossible(
                    Rule { name: "impossible value", because: "No number of increments gives this value" },
                    vec![index],
                );
            }
            if let CounterAct::FetchAdd { found, .. } = call.act
                && let Some(other) = self.finder.insert(found, index)
            {
                return impossible(
                    Rule { name: "lost increment", because: "Two increments found the same value" },
                    vec![other, index],
                );
            }
        }
        for event in events(self.calls, positions(self.calls)) {
            let call = &self.calls[event.call as usize];
            let done = match (event.completes, call.act) {
                (true, _) if self.placed[event.call as usize] => Ok(()),
                (false, CounterAct::Add(_)) => {
                    self.blind.push(Reverse((call.completed, event.call)));
                    Ok(())
                }
                // That its value is not passed before is seen when it is about to be.
                (false, CounterAct::FetchAdd { .. }) => Ok(()),
                (false, CounterAct::Read(value)) if value < self.value => Err(PASSED),
                (false, CounterAct::Read(value)) => {
                    if value == self.value {
                        self.place(event.call);
                    } else {
                        self.waiting.entry(value).or_default().push(event.call);
                    }
                    Ok(())
                }
                (true, CounterAct::Add(_)) => self.pass_known(call.completed).map(|()| {
                    // Of the open increments it completes first.
                    self.blind.pop();
                    self.step(event.call);
                }),
                (true, CounterAct::FetchAdd { found: value, .. }) => {
                    self.reach(value, call.completed).map(|()| self.step(event.call))
                }
                (true, CounterAct::Read(value)) => self.reach(value, call.completed),
            };
            if let Err(rule) = done {
                let until = if event.completes { call.completed } else { call.invoked };
                let finder = self.finder.get(&self.value).map_or(0, |&finder| self.calls[finder as usize].invoked);
                let until = if rule == NOT_YET { finder } else { until };
                let core = (0..self.calls.len() as u32).filter(|&other| self.calls[other as usize].invoked <= until);
                return impossible(rule, core.collect());
            }
        }
        Answer::Linearizable(self.order)
    }

    fn place(&mut self, call: u32) {
        self.placed[call as usize] = true;
        self.order.push(Placed { call, act: self.calls[call as usize].act });
    }

    /// An increment happens, and the reads that waited for its result.
    fn step(&mut self, increment: u32) {
        self.place(increment);
        self.value += self.amount;
        for read in self.waiting.remove(&self.value).unwrap_or_default() {
            self.place(read);
        }
    }

    /// The fetch-and-add that found the present value, if one did.
    fn known(&self, now: u32) -> Option<Result<u32, Rule>> {
        let &call = self.finder.get(&self.value)?;
        Some(if self.calls[call as usize].invoked < now { Ok(call) } else { Err(NOT_YET) })
    }

    /// Steps until an increment that says nothing can happen.
    fn pass_known(&mut self, now: u32) -> Result<(), Rule> {
        while let Some(call) = self.known(now) {
            self.step(call?);
        }
        Ok(())
    }

    fn reach(&mut self, value: i64, now: u32) -> Result<(), Rule> {
        while self.value < value {
            match self.known(now) {
                Some(call) => self.step(call?),
                None => match self.blind.pop() {
                    Some(Reverse((_, call))) => self.step(call),
                    None => {
                        return Err(Rule {
                            name: "value too large",
                            because: "The increments invoked by then cannot have led to this value",
                        });
                    }
                },
            }
        }
        Ok(())
    }
}

const PASSED: Rule =
    Rule { name: "stale read", because: "Increments that had happened before add up to more than this value" };
const NOT_YET: Rule =
    Rule { name: "lost increment", because: "An increment found a value that was left behind before it was invoked" };

/// Increments of different positive amounts, all of which say what they found.
fn forced(calls: &[Call<CounterAct>]) -> Answer<CounterAct> {
    let mut chain: Vec<(i64, i64, u32)> = Vec::new();
    let mut reads: Vec<(i64, u32)> = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        match call.act {
            CounterAct::FetchAdd { amount, found } => chain.push((found, amount, index as u32)),
            CounterAct::Read(value) => reads.push((value, index as u32)),
            CounterAct::Add(_) => unreachable!("only called when every increment says what it found"),
        }
    }
    chain.sort_unstable();
    let mut blocks: Vec<Vec<u32>> = vec![Vec::new(); 2 * chain.len() + 1];
    let mut values = vec![0];
    for (place, &(found, amount, call)) in chain.iter().enumerate() {
        let value = values[place];
        if found < value {
            return match place.checked_sub(1) {
                Some(before) => impossible(
                    Rule { name: "lost increment", because: "Two increments overlap in value" },
                    vec![chain[before].2, call],
                ),
                None => impossible(
                    Rule { name: "impossible value", because: "No sum of increments gives what this one found" },
                    vec![call],
                ),
            };
        }
        if found > value {
            let all = chain.iter().map(|&(.., call)| call).collect();
            return impossible(
                Rule { name: "impossible value", because: "No sum of increments gives what this one found" },
                all,
            );
        }
        match value.checked_add(amount) {
            Some(next) => values.push(next),
            None => return Answer::Undecided("the counter exceeds 64 bits"),
        }
        blocks[2 * place + 1].push(call);
    }
    for (value, call) in reads {
        match values.binary_search(&value) {
            Ok(place) => blocks[2 * place].push(call),
            Err(_) => {
                let all = chain.iter().map(|&(.., call)| call).chain([call]).collect();
                return impossible(
                    Rule { name: "impossible value", because: "No sum of increments gives this value" },
                    all,
                );
            }
        }
    }
    match in_blocks(calls, &mut blocks) {
        Ok(order) => Answer::Linearizable(order),
        Err((early, late)) => impossible(
            Rule { name: "stale read", because: "The values order these operations against real time" },
            vec![early, late],
        ),
    }
}
