//! Takes of unknown outcome, for containers where no counting argument decides them: a search led by contradictions.
//!
//! A take of unknown outcome removes, at some time after its invocation, a value that no known take returned, or does
//! nothing. No polynomial method is known for stacks and priority queues. Two answers bracket the truth: without any
//! such take (if that is possible, all is well), and with every such value removable from the first such take on (if
//! that is impossible, all is lost). In between: a contradiction names the values it needs, at least one value in it
//! that still lies inside must have been removed, so try each with each take that is left. Exact when it ends; it is
//! cut off after a number of steps that depends on nothing but the history.

use super::call::{Answer, Call, NEVER};
use super::container::{Act, Container, Item, NONE, impossible};

/// Items looked at, summed over all histories tried.
const STEPS: u64 = 20_000_000;

/// Judges one complete history: every item has its take, or stays.
pub(super) type Complete = fn(&[Call<Act>], &Container) -> Answer<Act>;

/// Judges a container with takes of unknown outcome, given the method for complete histories.
pub(super) fn with_unknown_takes(calls: &[Call<Act>], mut container: Container, complete: Complete) -> Answer<Act> {
    let first = complete(calls, &container);
    let Answer::Impossible(contradiction) = &first else { return first };
    if container.unknown_takes.is_empty() {
        return first;
    }
    let mut core = container.unknown_takes.clone();
    let mut search = Search { calls, complete, core: &mut core, steps: 0 };
    let rule = contradiction.rule;
    match search.explore(&mut container) {
        Found::Yes(answer) => answer,
        Found::No => impossible(rule, core),
        Found::Exhausted => Answer::Undecided("too many takes of unknown outcome to try every explanation"),
    }
}

struct Search<'a> {
    calls: &'a [Call<Act>],
    complete: Complete,
    /// All calls of all contradictions found: together they contradict whatever the unknown takes did.
    core: &'a mut Vec<u32>,
    steps: u64,
}

enum Found {
    Yes(Answer<Act>),
    No,
    Exhausted,
}

impl Search<'_> {
    fn judge(&mut self, container: &Container) -> Option<Result<Answer<Act>, Vec<u32>>> {
        self.steps += container.items.len() as u64 + 1;
        if self.steps > STEPS {
            return None;
        }
        match (self.complete)(self.calls, container) {
            Answer::Impossible(contradiction) => Some(Err(contradiction.calls)),
            Answer::Undecided(_) => None,
            yes => Some(Ok(yes)),
        }
    }

    fn explore(&mut self, container: &mut Container) -> Found {
        let blamed = match self.judge(container) {
            None => return Found::Exhausted,
            Some(Ok(answer)) => return Found::Yes(answer),
            Some(Err(blamed)) => blamed,
        };
        let used = |take: u32| container.items.iter().any(|item| item.take == take);
        let left: Vec<u32> = container.unknown_takes.iter().copied().filter(|&take| !used(take)).collect();
        let Some(&earliest) = left.first() else {
            self.core.extend(blamed);
            return Found::No;
        };
        let mut best = container.clone();
        for item in best.items.iter_mut().filter(|item| item.take == NONE) {
            give(item, earliest, self.calls);
        }
        match self.judge(&best) {
            None => return Found::Exhausted,
            Some(Err(blamed)) => {
                self.core.extend(blamed);
                return Found::No;
            }
            Some(Ok(_)) => {}
        }
        let inside: Vec<usize> = (0..container.items.len())
            .filter(|&i| container.items[i].take == NONE && blamed.contains(&container.items[i].put))
            .collect();
        self.core.extend(blamed);
        let mut exhausted = false;
        for index in inside {
            for &take in &left {
                let before = container.items[index];
                give(&mut container.items[index], take, self.calls);
                let found = self.explore(container);
                container.items[index] = before;
                match found {
                    Found::Yes(answer) => return Found::Yes(answer),
                    Found::No => {}
                    Found::Exhausted if self.steps > STEPS => return Found::Exhausted,
                    Found::Exhausted => exhausted = true,
                }
            }
        }
        if exhausted { Found::Exhausted } else { Found::No }
    }
}

fn give(item: &mut Item, take: u32, calls: &[Call<Act>]) {
    item.take = take;
    item.take_invoked = calls[take as usize].invoked;
    item.take_completed = NEVER;
}
