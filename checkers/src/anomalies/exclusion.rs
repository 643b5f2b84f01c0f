//! `lock-exclusion` and `lock-fencing`: what a lock promises its holders.
//!
//! A process certainly holds a lock from its acquire's completion to its next release's invocation (for ever, if it
//! never releases; not at all, if the acquire's outcome is unknown). Two certain holds must not overlap.
//!
//! A lock with leases cannot promise that, so it hands out fencing tokens (Kleppmann, *How to do distributed locking*,
//! 2016): an acquire that begins after another returned gets a larger token, and no two get the same. The guarded
//! resource must refuse what is older than anything it has accepted: a `write` with a token that succeeds after a write
//! with a larger token had returned is an anomaly. A write's input is the token, or `[token …]`.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::findings::{Findings, between, last_moment, of_key};
use crate::story::Span;
use crate::verdict::Judgement;

pub(super) fn check(history: &History) -> Judgement {
    judge_all(history, "lock-exclusion", true)
}

pub(super) fn check_fencing(history: &History) -> Judgement {
    judge_all(history, "lock-fencing", false)
}

fn judge_all(history: &History, name: &'static str, exclusive: bool) -> Judgement {
    let mut findings = Findings::new(name, "compares holds and tokens in order of time", history.len());
    findings.by_key(history, |ops, findings| {
        let acquired = ops.iter().filter(|op| op.f == "acquire" && op.outcome == Outcome::Ok).count();
        if acquired < 2 {
            findings.unknown(format!(
                "the lock{} was acquired {acquired} times: too few to contradict",
                of_key(&ops[0].key)
            ));
        }
        if exclusive {
            overlaps(ops, history.end_time(), findings);
        }
        let tokens = rising(ops, "acquire", |op| op.output.as_int(), true, findings);
        rising(ops, "write", |op| token_of(&op.input), false, findings);
        if !exclusive && tokens < 2 {
            findings.unknown(format!(
                "{tokens} acquires{} returned an integer token: too few to compare",
                of_key(&ops[0].key)
            ));
        }
    });
    findings.judgement()
}

fn token_of(input: &Value) -> Option<i64> {
    input.as_int().or_else(|| input.as_list()?.first()?.as_int())
}

struct Hold<'a> {
    acquire: &'a OpView<'a>,
    release: Option<&'a OpView<'a>>,
}

impl Hold<'_> {
    fn end(&self) -> u32 {
        self.release.map_or(u32::MAX, |release| release.invoked)
    }
}

fn overlaps(ops: &[OpView<'_>], end_time: u64, findings: &mut Findings) {
    let mut holds: Vec<Hold<'_>> = Vec::new();
    let mut held_by: FxHashMap<u32, usize> = FxHashMap::default();
    for op in ops {
        match (op.f, op.outcome) {
            ("acquire", Outcome::Ok) => {
                held_by.insert(op.process, holds.len());
                holds.push(Hold { acquire: op, release: None });
            }
            // Whether it succeeded or not: it was asked for, so the hold may have ended here.
            ("release", _) => {
                if let Some(hold) = held_by.remove(&op.process) {
                    holds[hold].release = Some(op);
                }
            }
            _ => {}
        }
    }
    holds.sort_unstable_by_key(|hold| last_moment(hold.acquire));
    let mut longest: Option<&Hold<'_>> = None;
    for hold in &holds {
        if let Some(other) = longest.filter(|other| other.end() > last_moment(hold.acquire)) {
            let both = [Some(other.acquire), other.release, Some(hold.acquire), hold.release];
            let both: Vec<&OpView<'_>> = both.into_iter().flatten().collect();
            findings.anomaly("two holders", &both, || {
                let from = hold.acquire.complete_time.unwrap_or(hold.acquire.invoke_time);
                let until = |hold: &Hold<'_>| hold.release.map_or(end_time, |release| release.invoke_time);
                format!(
                    "Processes {} and {} both held the lock{} for at least {}, from {} on.",
                    other.acquire.process,
                    hold.acquire.process,
                    of_key(&hold.acquire.key),
                    Span(until(other).min(until(hold)).saturating_sub(from)),
                    Span(from)
                )
            });
        }
        if longest.is_none_or(|longest| longest.end() < hold.end()) {
            longest = Some(hold);
        }
    }
}

/// Whether the tokens of successful operations rise in order of real time; returns how many have one.
fn rising(
    ops: &[OpView<'_>],
    f: &str,
    token: impl Fn(&OpView<'_>) -> Option<i64>,
    distinct: bool,
    findings: &mut Findings,
) -> u64 {
    let of_f = |op: &&OpView<'_>| op.f == f && op.outcome == Outcome::Ok;
    let tokens: Vec<(&OpView<'_>, i64)> = ops.iter().filter(of_f).filter_map(|op| Some((op, token(op)?))).collect();
    let mut ended = tokens.clone();
    ended.sort_unstable_by_key(|(op, _)| last_moment(op));
    let mut ended = ended.into_iter().peekable();
    let mut largest: Option<(&OpView<'_>, i64)> = None;
    let mut first: FxHashMap<i64, &OpView<'_>> = FxHashMap::default();
    for &(op, token) in &tokens {
        while let Some((earlier, token)) = ended.next_if(|(earlier, _)| last_moment(earlier) < op.invoked) {
            if largest.is_none_or(|(_, largest)| largest < token) {
                largest = Some((earlier, token));
            }
        }
        if let Some((earlier, larger)) = largest.filter(|&(_, larger)| larger > token) {
            let (name, what) = match distinct {
                true => ("fencing token does not rise", "acquire got"),
                false => ("stale write accepted", "write was accepted with"),
            };
            findings.anomaly(name, &[earlier, op], || {
                format!(
                    "An {what} token {token} though token {larger} had been used; it began {} after that had returned.",
                    between(earlier, op)
                )
                .replace("An write", "A write")
            });
        } else if let Some(other) = first.get(&token).filter(|_| distinct) {
            findings.anomaly("fencing token given twice", &[other, op], || {
                format!("Processes {} and {} both got token {token}.", other.process, op.process)
            });
        }
        first.entry(token).or_insert(op);
    }
    tokens.len() as u64
}
