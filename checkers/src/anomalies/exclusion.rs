//! `lock-exclusion` and `lock-fencing`: what a lock promises its holders.
//!
//! A process certainly holds a lock from its acquire's completion to the invocation of its next release that may have
//! happened (for ever, if there is none; not at all, if the acquire's outcome is unknown, or it returned false). Two
//! certain holds of different processes must not overlap. A holder that acquires again is no second holder.
//!
//! A lock with leases cannot promise that, so it hands out fencing tokens (Kleppmann, *How to do distributed locking*,
//! 2016): an acquire that begins after another returned gets a larger token, and no two get the same. The guarded
//! resource must refuse what is older than anything it has accepted: a `write` with a token that succeeds after a write
//! with a larger token had returned is an anomaly. A write's input is the token, or `[token …]`.

use rashomon_history::{History, Outcome, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::checker::Shape;
use crate::findings::{Findings, between};
use crate::operations::{Object, Operation};
use crate::story::Span;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    judge_all(history, "lock-exclusion", true)
}

pub(super) fn check_fencing(history: &History) -> Judgement {
    judge_all(history, "lock-fencing", false)
}

fn judge_all(history: &History, name: &'static str, exclusive: bool) -> Judgement {
    let why = "compares holds and tokens in order of time";
    Findings::of_keys(name, why, history, |object, findings| {
        let acquired = object.done("acquire").filter(succeeded).count();
        let key = object.on_key();
        if acquired < 2 {
            findings.unknown(format!("the lock{key} was acquired {acquired} times: too few to contradict"));
        }
        let Holds { holds, again } = holds(object);
        if exclusive {
            overlaps(object, holds, history.end_time(), findings);
        }
        let tokens = rising(object, "acquire", |op| op.output().as_int(), Some(&again), findings);
        rising(object, "write", |op| token_of(&op.input()), None, findings);
        if !exclusive && tokens < 2 {
            findings.unknown(format!("{tokens} acquires{key} returned an integer token: too few to compare"));
        }
    })
}

/// Whether an operation that ended `ok` did what it was asked: one that returned false did not.
fn succeeded(op: &Operation<'_>) -> bool {
    op.output() != Value::Bool(false)
}

/// What a write to the guarded resource carries.
pub(super) const TOKEN: Shape =
    Shape::Of { text: "an integer token, or [token …]", fits: |_, value| token_of(value).is_some() };

fn token_of(input: &Value) -> Option<i64> {
    input.as_int().or_else(|| input.as_list()?.first()?.as_int())
}

/// A certain hold, by its operations' indices.
struct Hold {
    acquire: u32,
    release: Option<u32>,
    /// The positions between which it certainly lasts.
    from: u32,
    until: u32,
}

/// The certain holds of a lock.
struct Holds {
    holds: Vec<Hold>,
    /// Acquires by a process that held the lock already: no holds of their own.
    again: FxHashSet<u32>,
}

fn holds(object: &Object<'_>) -> Holds {
    let mut holds: Vec<Hold> = Vec::new();
    let mut again = FxHashSet::default();
    let mut held_by: FxHashMap<u32, usize> = FxHashMap::default();
    for (index, op) in (0..).zip(object.iter()) {
        match (op.f(), op.outcome) {
            ("acquire", Outcome::Ok) if succeeded(&op) => {
                if held_by.contains_key(&op.process) {
                    again.insert(index);
                    continue;
                }
                held_by.insert(op.process, holds.len());
                holds.push(Hold { acquire: index, release: None, from: op.last_moment(), until: u32::MAX });
            }
            // What failed released nothing. Of several acquires in a row the first release may have ended them all.
            ("release", Outcome::Ok | Outcome::Info) if op.outcome == Outcome::Info || succeeded(&op) => {
                if let Some(hold) = held_by.remove(&op.process) {
                    holds[hold].release = Some(index);
                    holds[hold].until = op.invoked;
                }
            }
            _ => {}
        }
    }
    holds.sort_unstable_by_key(|hold| hold.from);
    Holds { holds, again }
}

fn overlaps(object: &Object<'_>, holds: Vec<Hold>, end_time: u64, findings: &mut Findings) {
    let mut longest: Option<&Hold> = None;
    for hold in &holds {
        if let Some(other) = longest.filter(|other| other.until > hold.from) {
            let involved = [Some(other.acquire), other.release, Some(hold.acquire), hold.release];
            let involved: Vec<_> = involved.into_iter().flatten().map(|op| object.get(op).view()).collect();
            findings.anomaly("mutual exclusion violated", &Vec::from_iter(&involved), || {
                let (first, second) = (object.get(other.acquire).view(), object.get(hold.acquire).view());
                let from = second.complete_time.unwrap_or(second.invoke_time);
                let until =
                    |hold: &Hold| hold.release.map_or(end_time, |release| object.get(release).view().invoke_time);
                format!(
                    "Processes {} and {} both held the lock{} for at least {}, from {} on.",
                    first.process,
                    second.process,
                    object.on_key(),
                    Span(until(other).min(until(hold)).saturating_sub(from)),
                    Span(from)
                )
            });
        }
        if longest.is_none_or(|longest| longest.until < hold.until) {
            longest = Some(hold);
        }
    }
}

/// Whether the tokens of successful operations rise in order of real time; returns how many have one. No two may have
/// the same where `again` is given, which names acquires by one that held the lock already.
fn rising(
    object: &Object<'_>,
    f: &'static str,
    token: impl Fn(&Operation<'_>) -> Option<i64>,
    again: Option<&FxHashSet<u32>>,
    findings: &mut Findings,
) -> u64 {
    let distinct = again.is_some();
    let done = (0..).zip(object.iter()).filter(|(_, op)| op.f() == f && op.outcome == Outcome::Ok);
    let tokens: Vec<(u32, i64)> = done.filter_map(|(index, op)| Some((index, token(&op)?))).collect();
    let ended = tokens.iter().map(|&(index, token)| (object.get(index).last_moment(), index, token));
    let mut ended: Vec<(u32, u32, i64)> = ended.collect();
    ended.sort_unstable();
    let mut ended = ended.into_iter().peekable();
    let mut largest: Option<(u32, i64)> = None;
    let mut first: FxHashMap<i64, u32> = FxHashMap::default();
    for &(index, token) in &tokens {
        let op = object.get(index);
        while let Some((_, earlier, token)) = ended.next_if(|&(ended, ..)| ended < op.invoked) {
            if largest.is_none_or(|(_, largest)| largest < token) {
                largest = Some((earlier, token));
            }
        }
        if let Some((earlier, larger)) = largest.filter(|&(_, larger)| larger > token) {
            let (name, what) = match distinct {
                true => ("fencing token does not rise", "An acquire got"),
                false => ("stale write accepted", "A write was accepted with"),
            };
            findings.report(name, [object.get(earlier), op], |[earlier, op]| {
                format!(
                    "{what} token {token} though token {larger} had been used; it began {} after that had returned.",
                    between(earlier, op)
                )
            });
        } else if let Some(&other) = first.get(&token).filter(|&&other| {
            // Its holder may be told its own token again.
            again.is_some_and(|again| !again.contains(&index) || object.get(other).process != op.process)
        }) {
            findings.report("fencing token given twice", [object.get(other), op], |[other, op]| {
                format!("Processes {} and {} both got token {token}.", other.process, op.process)
            });
        }
        first.entry(token).or_insert(index);
    }
    tokens.len() as u64
}
