//! Mutex and semaphore without owners, exact: any release gives back what any acquire took.
//!
//! # The argument
//!
//! All acquires are alike, and so are all releases. Run through the events and do nothing until a call is about to
//! complete: then it must happen. If the number of permits in use does not allow it, one open call of the other kind
//! has to happen first: the one that must happen soonest anyway. Waiting is never worse, because a pair of an acquire
//! and a release that could happen now can happen later as well (nothing completes before); and of calls that are alike
//! and all open, the one with the earliest completion can be exchanged into the first place. Calls of unknown outcome
//! complete never, so they happen last, or not at all. Cost: O(n log p) for p open calls.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::call::{Answer, Call, Contradiction, Placed, Rule, positions};
use super::events::events;

/// What an operation on a mutex or semaphore does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermitAct {
    /// Takes a permit.
    Acquire,
    /// Gives a permit back.
    Release,
}

/// Judges a semaphore of `limit` permits, all free at first; a mutex has one.
pub fn permits(calls: &[Call<PermitAct>], limit: u32) -> Answer<PermitAct> {
    let mut open: [BinaryHeap<Reverse<(u32, u32)>>; 2] = [BinaryHeap::new(), BinaryHeap::new()];
    let mut placed = vec![false; calls.len()];
    let mut order = Vec::with_capacity(calls.len());
    let mut used = 0;
    // Where the last segment began that a contradiction has to tell: nothing was open, everything free and certain.
    let (mut since, mut calls_open, mut certain) = (0, 0_u32, true);
    for event in events(calls, positions(calls)) {
        let call = &calls[event.call as usize];
        let mine = call.act as usize;
        if !event.completes {
            if calls_open == 0 && used == 0 && certain {
                since = call.invoked;
            }
            calls_open += 1;
            certain &= !call.is_unknown();
            open[mine].push(Reverse((call.completed, event.call)));
            continue;
        }
        calls_open -= 1;
        if placed[event.call as usize] {
            continue;
        }
        let allowed = match call.act {
            PermitAct::Acquire => used < limit,
            PermitAct::Release => used > 0,
        };
        let mut happens = |call: u32| {
            placed[call as usize] = true;
            let act = calls[call as usize].act;
            order.push(Placed { call, act });
            match act {
                PermitAct::Acquire => used += 1,
                PermitAct::Release => used -= 1,
            }
        };
        if !allowed {
            match open[1 - mine].pop() {
                Some(Reverse((_, other))) => happens(other),
                None => {
                    let rule = match call.act {
                        PermitAct::Acquire => Rule {
                            name: "mutual exclusion violated",
                            because: "It was acquired while all permits were taken",
                        },
                        PermitAct::Release => {
                            Rule { name: "release of a free lock", because: "It was released while nobody held it" }
                        }
                    };
                    let calls = (0..calls.len() as u32)
                        .filter(|&other| (since..=call.completed).contains(&calls[other as usize].invoked));
                    return Answer::Impossible(Contradiction { rule, calls: calls.collect() });
                }
            }
        }
        happens(event.call);
        // Of the calls of its kind that are open, it completes first.
        open[mine].pop();
    }
    Answer::Linearizable(order)
}
