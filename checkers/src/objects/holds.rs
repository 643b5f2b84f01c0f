//! Locks with owners, exact: mutex, reader–writer lock, semaphore and fenced lock. Only the process that acquired can
//! release.
//!
//! # The argument
//!
//! A process is sequential, so its acquires and releases pair up, and each pair holds the lock *at least* from the
//! acquire's completion to the release's invocation. Every pair can be placed to hold it for just that long, and a
//! shorter hold hinders nobody; so the history is possible exactly if these certain holds fit together: at most one
//! at a time, at most `limit`, no writer beside anyone. A hold without release lasts for ever. A release of unknown
//! outcome is as good as one that worked. An acquire of unknown outcome whose process never comes back is best left
//! out.
//!
//! A fenced lock hands out a token with each acquire. Certain holds are disjoint, hence ordered; tokens must rise.
//!
//! Precondition: no process does anything after an operation of unknown outcome (the recorder gives its client a new
//! id). Cost: sorting, O(n log n).

use super::call::{Answer, Call, Contradiction, NEVER, Placed, Rule};

/// What an operation on a lock with owners does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HoldAct {
    /// The process.
    pub process: u32,
    /// Takes the lock, or gives it back.
    pub step: HoldStep,
}

/// The two operations on a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldStep {
    /// Takes the lock.
    Acquire {
        /// Beside other shared holders, as a reader.
        shared: bool,
        /// The fencing token that came with it, where one did.
        token: Option<i64>,
    },
    /// Gives it back.
    Release {
        /// What its acquire must have been.
        shared: bool,
    },
}

/// Which holds fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exclusion {
    /// At most this many at a time.
    AtMost(u32),
    /// One exclusive hold, or any number of shared ones.
    ReadersWriter,
    /// One at a time, and tokens rise.
    Fenced,
}

impl Exclusion {
    /// Whether another process may hold it beside those that do, given the last token.
    pub(super) fn allows(self, held: &[(u32, bool)], shared: bool, token: Option<i64>, last: Option<i64>) -> bool {
        match self {
            Exclusion::AtMost(limit) => held.len() < limit as usize,
            Exclusion::ReadersWriter => held.iter().all(|&(_, other)| other && shared),
            Exclusion::Fenced => held.is_empty() && (token.is_none() || token > last),
        }
    }
}

struct Hold {
    acquire: u32,
    release: Option<u32>,
    /// Certainly held from here on ...
    from: u32,
    /// ... to here.
    to: u32,
    shared: bool,
    token: Option<i64>,
}

/// Judges a lock with owners, free at first.
pub fn holds(calls: &[Call<HoldAct>], exclusion: Exclusion) -> Answer<HoldAct> {
    let mut holds = match pair_up(calls) {
        Ok(holds) => holds,
        Err(answer) => return answer,
    };
    holds.sort_unstable_by_key(|hold| hold.from);
    if let Some(answer) = conflict(&holds, exclusion) {
        return answer;
    }
    // In the gap before its completion an acquire happens last, in the gap after its invocation a release first.
    let mut moments: Vec<(u32, bool, u32)> = Vec::with_capacity(calls.len());
    for hold in &holds {
        moments.push((hold.from - 1, true, hold.acquire));
        moments.extend(hold.release.map(|release| (hold.to, false, release)));
    }
    moments.sort_unstable();
    let placed = |(_, _, call): (u32, bool, u32)| Placed { call, act: calls[call as usize].act };
    Answer::Linearizable(moments.into_iter().map(placed).collect())
}

fn impossible(rule: Rule, mut calls: Vec<u32>) -> Answer<HoldAct> {
    calls.sort_unstable();
    calls.dedup();
    Answer::Impossible(Contradiction { rule, calls })
}

/// What a process is at: nothing, holding (which hold), or gone after an unknown outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Idle,
    Holding(u32),
    Gone,
}

fn pair_up(calls: &[Call<HoldAct>]) -> Result<Vec<Hold>, Answer<HoldAct>> {
    let mut holds: Vec<Hold> = Vec::with_capacity(calls.len() / 2 + 1);
    let mut at: rustc_hash::FxHashMap<u32, At> = rustc_hash::FxHashMap::default();
    for (index, call) in calls.iter().enumerate() {
        let index = index as u32;
        let at = at.entry(call.act.process).or_insert(At::Idle);
        match (*at, call.act.step) {
            (At::Gone, _) => return Err(Answer::Undecided("a process went on after an operation of unknown outcome")),
            (_, HoldStep::Acquire { .. }) if call.is_unknown() => *at = At::Gone,
            (At::Idle, HoldStep::Acquire { shared, token }) => {
                *at = At::Holding(holds.len() as u32);
                let (acquire, from) = (index, call.completed);
                holds.push(Hold { acquire, release: None, from, to: NEVER, shared, token });
            }
            (At::Holding(hold), HoldStep::Acquire { .. }) => {
                let held = holds[hold as usize].acquire;
                return Err(impossible(
                    Rule { name: "acquired twice", because: "A process acquired what it already held" },
                    vec![held, index],
                ));
            }
            (At::Holding(hold), HoldStep::Release { shared }) if holds[hold as usize].shared == shared => {
                holds[hold as usize].release = Some(index);
                holds[hold as usize].to = call.invoked;
                *at = if call.is_unknown() { At::Gone } else { At::Idle };
            }
            (_, HoldStep::Release { .. }) if call.is_unknown() => *at = At::Gone,
            (At::Idle, HoldStep::Release { .. }) => {
                let calls = earlier(calls, index);
                return Err(impossible(
                    Rule { name: "release without hold", because: "A process released what it did not hold" },
                    calls,
                ));
            }
            (At::Holding(hold), HoldStep::Release { .. }) => {
                let held = holds[hold as usize].acquire;
                return Err(impossible(
                    Rule {
                        name: "release in another mode",
                        because: "A process released in another mode than it held",
                    },
                    vec![held, index],
                ));
            }
        }
    }
    Ok(holds)
}

/// A release with everything its process did before since its last acquire.
fn earlier(calls: &[Call<HoldAct>], release: u32) -> Vec<u32> {
    let process = calls[release as usize].act.process;
    let mut core = vec![release];
    for index in (0..release).rev().filter(|&index| calls[index as usize].act.process == process) {
        core.push(index);
        if matches!(calls[index as usize].act.step, HoldStep::Acquire { .. }) {
            break;
        }
    }
    core
}

fn conflict(holds: &[Hold], exclusion: Exclusion) -> Option<Answer<HoldAct>> {
    let both = |holds: &[&Hold]| holds.iter().flat_map(|hold| [Some(hold.acquire), hold.release]).flatten().collect();
    // Those that may still be held, by exclusive and shared, and the last token.
    let mut held: Vec<&Hold> = Vec::new();
    let mut last: Option<&Hold> = None;
    for hold in holds {
        held.retain(|other| other.to > hold.from);
        let clash: Vec<&Hold> = match exclusion {
            Exclusion::AtMost(limit) if held.len() < limit as usize => Vec::new(),
            Exclusion::AtMost(_) => held.clone(),
            Exclusion::Fenced => held.clone(),
            Exclusion::ReadersWriter => {
                held.iter().copied().filter(|other| !(other.shared && hold.shared)).take(1).collect()
            }
        };
        if !clash.is_empty() || exclusion == Exclusion::AtMost(0) {
            let because = match exclusion {
                Exclusion::AtMost(limit) if limit > 1 => "More processes held it at the same time than it has permits",
                Exclusion::ReadersWriter => "A process held it for writing while another held it",
                _ => "Two processes held it at the same time",
            };
            let rule = Rule { name: "mutual exclusion violated", because };
            return Some(impossible(rule, both(&[clash, vec![hold]].concat())));
        }
        if exclusion == Exclusion::Fenced && hold.token.is_some() {
            if let Some(last) = last.filter(|last| last.token >= hold.token) {
                return Some(impossible(TOKEN, both(&[last, hold])));
            }
            last = Some(hold);
        }
        held.push(hold);
    }
    None
}

const TOKEN: Rule =
    Rule { name: "fencing token does not rise", because: "A later holder got a token that is not larger" };
