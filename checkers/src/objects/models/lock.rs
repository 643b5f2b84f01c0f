//! Mutex, semaphore, reader–writer lock and fenced lock.

use rashomon_history::{OpId, OpView, Outcome, Row, Value};

use super::reading::{Verbs, calls, decision, observations};
use crate::model::{Model, Unusable};
use crate::objects::holds::{Exclusion, HoldAct, HoldStep, holds};
use crate::objects::permits::{PermitAct, permits};
use crate::specialist::{Decision, Rows, Scratch, Specialist};

/// A semaphore without owners, all permits free at first: `acquire`, `release`. With one permit it is Jepsen's mutex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permits {
    /// How many can be taken at a time.
    pub limit: u32,
}

/// A lock that only its holder can release: `acquire` and `release`; for [`Exclusion::ReadersWriter`] `acquire-read`,
/// `release-read`, `acquire-write` and `release-write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedLock {
    /// Which holds fit together.
    pub exclusion: Exclusion,
}

/// An operation on a lock with what it returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LockOp(pub HoldAct);

/// Whether an operation may have taken effect: one that failed did not, nor one that returned false (a try-lock that
/// found the lock taken).
pub(super) fn happened(outcome: Outcome, output: &Value) -> bool {
    match outcome {
        Outcome::Ok => *output != Value::Bool(false),
        Outcome::Info => true,
        Outcome::Fail => false,
    }
}

pub(super) fn permit_verb(name: &str) -> Result<PermitAct, Unusable> {
    match name {
        "acquire" => Ok(PermitAct::Acquire),
        "release" => Ok(PermitAct::Release),
        _ => Err(Unusable(format!("`{name}` is not an operation of a lock; it knows acquire and release"))),
    }
}

impl Model for Permits {
    type State = u32;
    type Op = PermitAct;

    fn name(&self) -> &str {
        if self.limit == 1 { "mutex" } else { "semaphore" }
    }

    fn initial(&self) -> u32 {
        0
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<PermitAct>, Unusable> {
        let act = permit_verb(op.f)?;
        Ok(happened(op.outcome, &op.output).then_some(act))
    }

    fn step(&self, &used: &u32, op: &PermitAct) -> impl IntoIterator<Item = u32> {
        match op {
            PermitAct::Acquire => (used < self.limit).then_some(used + 1),
            PermitAct::Release => used.checked_sub(1),
        }
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(self)
    }

    fn describe(&self, op: &PermitAct) -> String {
        match op {
            PermitAct::Acquire => "acquire".to_owned(),
            PermitAct::Release => "release".to_owned(),
        }
    }
}

impl Specialist for Permits {
    fn method(&self) -> &'static str {
        "earliest completion first"
    }

    fn why(&self) -> &'static str {
        "all acquires are alike, and all releases"
    }

    fn unobserved(&self) -> Option<&'static str> {
        Some("nothing was ever acquired")
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let history = rows.history();
        let mut verbs = Verbs::new();
        let calls = calls(rows, |row| {
            let act = verbs.of(history, row, permit_verb)?;
            Ok(happened(row.outcome, &history.value(row.output)).then_some(act))
        })?;
        scratch.observe(observations(&calls, |act| act == PermitAct::Acquire));
        Ok(decision(rows, &calls, permits(&calls, self.limit), prove, true))
    }
}

impl OwnedLock {
    fn verb(self, name: &str) -> Result<HoldStep, Unusable> {
        let acquire = |shared| HoldStep::Acquire { shared, token: None };
        match (self.exclusion, name) {
            (Exclusion::ReadersWriter, "acquire-read") => Ok(acquire(true)),
            (Exclusion::ReadersWriter, "acquire-write") => Ok(acquire(false)),
            (Exclusion::ReadersWriter, "release-read") => Ok(HoldStep::Release { shared: true }),
            (Exclusion::ReadersWriter, "release-write") => Ok(HoldStep::Release { shared: false }),
            (Exclusion::ReadersWriter, _) => Err(Unusable(format!(
                "`{name}` is not an operation of a readers-writer lock; it knows acquire-read, release-read, \
                 acquire-write and release-write"
            ))),
            (_, "acquire") => Ok(acquire(false)),
            (_, "release") => Ok(HoldStep::Release { shared: false }),
            _ => Err(Unusable(format!("`{name}` is not an operation of a lock; it knows acquire and release"))),
        }
    }

    /// The act of an operation that did not fail.
    fn act(self, step: HoldStep, process: u32, outcome: Outcome, output: &Value) -> Result<HoldAct, Unusable> {
        let step = match step {
            HoldStep::Acquire { shared, .. } if self.exclusion == Exclusion::Fenced && outcome == Outcome::Ok => {
                match output {
                    Value::Nil | Value::Bool(true) => HoldStep::Acquire { shared, token: None },
                    Value::Int(token) => HoldStep::Acquire { shared, token: Some(*token) },
                    other => return Err(Unusable(format!("an acquire returns an integer token, not {other}"))),
                }
            }
            other => other,
        };
        Ok(HoldAct { process, step })
    }
}

impl Model for OwnedLock {
    /// The holders, each with its mode, and the last token.
    type State = (Vec<(u32, bool)>, Option<i64>);
    type Op = LockOp;

    fn name(&self) -> &str {
        match self.exclusion {
            Exclusion::AtMost(1) => "owned-mutex",
            Exclusion::AtMost(_) => "owned-semaphore",
            Exclusion::ReadersWriter => "readers-writer-lock",
            Exclusion::Fenced => "fenced-lock",
        }
    }

    fn initial(&self) -> Self::State {
        (Vec::new(), None)
    }

    fn sees_process(&self) -> bool {
        true
    }

    fn operation(&self, op: &OpView<'_>) -> Result<Option<LockOp>, Unusable> {
        let step = self.verb(op.f)?;
        if !happened(op.outcome, &op.output) {
            return Ok(None);
        }
        self.act(step, op.process, op.outcome, &op.output).map(|act| Some(LockOp(act)))
    }

    fn step(&self, (held, last): &Self::State, LockOp(act): &LockOp) -> impl IntoIterator<Item = Self::State> {
        let mine = held.iter().position(|&(process, _)| process == act.process);
        let mut next = held.clone();
        match (act.step, mine) {
            (HoldStep::Acquire { shared, token }, None) => {
                next.push((act.process, shared));
                next.sort_unstable();
                self.exclusion.allows(held, shared, token, *last).then(|| (next, token.or(*last)))
            }
            (HoldStep::Release { shared }, Some(mine)) if held[mine].1 == shared => {
                next.remove(mine);
                Some((next, *last))
            }
            _ => None,
        }
    }

    fn held(&self, (held, _): &Self::State) -> usize {
        size_of_val(held.as_slice())
    }

    fn specialist(&self) -> Option<&dyn Specialist> {
        Some(self)
    }

    fn describe(&self, LockOp(act): &LockOp) -> String {
        let mode = |shared: bool| match (self.exclusion, shared) {
            (Exclusion::ReadersWriter, true) => " for reading",
            (Exclusion::ReadersWriter, false) => " for writing",
            _ => "",
        };
        match act.step {
            HoldStep::Acquire { shared, token: None } => format!("acquire{}", mode(shared)),
            HoldStep::Acquire { token: Some(token), .. } => format!("acquire → token {token}"),
            HoldStep::Release { shared } => format!("release{}", mode(shared)),
        }
    }
}

impl Specialist for OwnedLock {
    fn method(&self) -> &'static str {
        "hold intervals"
    }

    fn why(&self) -> &'static str {
        "only the holder releases, and no process goes on after an unknown outcome"
    }

    fn unobserved(&self) -> Option<&'static str> {
        Some("nothing was ever acquired")
    }

    fn decide(&self, rows: &Rows<'_>, prove: bool, scratch: &mut Scratch) -> Result<Decision, (OpId, Unusable)> {
        let history = rows.history();
        let mut verbs = Verbs::new();
        let calls = calls(rows, |row: &Row| {
            let step = verbs.of(history, row, |name| self.verb(name))?;
            let output = history.value(row.output);
            if !happened(row.outcome, &output) {
                return Ok(None);
            }
            self.act(step, row.process, row.outcome, &output).map(Some)
        })?;
        scratch.observe(observations(&calls, |act| matches!(act.step, HoldStep::Acquire { .. })));
        Ok(decision(rows, &calls, holds(&calls, self.exclusion), prove, true))
    }
}
