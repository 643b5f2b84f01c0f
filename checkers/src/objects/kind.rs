//! The models of objects with a specialist of their own, by kind.

use rashomon_history::{History, OpId};

use super::holds::Exclusion;
use super::models::{Container, Counter, Discipline, OwnedLock, Permits, Set};
use crate::linearizable::{self, Options};
use crate::verdict::{Budget, Judgement};

/// An object whose histories are judged for linearizability by a specialist of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// First in, first out.
    FifoQueue,
    /// Any order.
    UnorderedQueue,
    /// Last in, first out.
    Stack,
    /// The smallest integer first.
    PriorityQueue,
    /// Elements added, removed, asked for, read.
    Set,
    /// Amounts added, the value read.
    Counter,
    /// Amounts added by who learns the value before or after.
    FetchAndAdd,
    /// One permit, without owners.
    Mutex,
    /// So many permits, without owners.
    Semaphore(u32),
    /// One holder, who alone releases.
    OwnedMutex,
    /// So many holders, who alone release.
    OwnedSemaphore(u32),
    /// Readers beside each other, writers alone.
    ReadersWriterLock,
    /// One holder with a rising token.
    FencedLock,
}

/// Calls a generic function with the model of a kind.
macro_rules! with_model {
    ($kind:expr, $model:ident => $call:expr) => {
        match $kind {
            ObjectKind::FifoQueue => with_model!(@ $model, Container { discipline: Discipline::Fifo }, $call),
            ObjectKind::UnorderedQueue => with_model!(@ $model, Container { discipline: Discipline::Any }, $call),
            ObjectKind::Stack => with_model!(@ $model, Container { discipline: Discipline::Lifo }, $call),
            ObjectKind::PriorityQueue => with_model!(@ $model, Container { discipline: Discipline::Least }, $call),
            ObjectKind::Set => with_model!(@ $model, Set, $call),
            ObjectKind::Counter => with_model!(@ $model, Counter { blind: true }, $call),
            ObjectKind::FetchAndAdd => with_model!(@ $model, Counter { blind: false }, $call),
            ObjectKind::Mutex => with_model!(@ $model, Permits { limit: 1 }, $call),
            ObjectKind::Semaphore(limit) => with_model!(@ $model, Permits { limit }, $call),
            ObjectKind::OwnedMutex => with_model!(@ $model, OwnedLock { exclusion: Exclusion::AtMost(1) }, $call),
            ObjectKind::OwnedSemaphore(limit) => {
                with_model!(@ $model, OwnedLock { exclusion: Exclusion::AtMost(limit) }, $call)
            }
            ObjectKind::ReadersWriterLock => {
                with_model!(@ $model, OwnedLock { exclusion: Exclusion::ReadersWriter }, $call)
            }
            ObjectKind::FencedLock => with_model!(@ $model, OwnedLock { exclusion: Exclusion::Fenced }, $call),
        }
    };
    (@ $model:ident, $value:expr, $call:expr) => {{
        let $model = &$value;
        $call
    }};
}

/// Judges whether a history of these objects is linearizable, key by key.
pub fn check(history: &History, kind: ObjectKind, budget: &Budget) -> Judgement {
    check_with(history, kind, &Options { budget: *budget, ..Options::default() })
}

/// As [`check`], with options.
pub fn check_with(history: &History, kind: ObjectKind, options: &Options) -> Judgement {
    with_model!(kind, model => linearizable::check_with(model, history, options))
}

/// An order of one object's operations that explains them all; see [`linearizable::prove`]. Verify it with [`verify`].
pub fn certificate(history: &History, ops: &[u32], kind: ObjectKind, budget: &Budget) -> Option<Vec<OpId>> {
    with_model!(kind, model => linearizable::prove(model, history, ops, budget))
}

/// Replays a certificate; see [`crate::certificate::verify`].
pub fn verify(
    history: &History,
    ops: &[u32],
    kind: ObjectKind,
    order: &[OpId],
) -> Result<(), crate::certificate::Flaw> {
    with_model!(kind, model => crate::certificate::verify(model, history, ops, order))
}

/// What trying every order says; see [`crate::brute::is_linearizable`]. For tests.
pub fn is_linearizable(history: &History, ops: &[u32], kind: ObjectKind) -> bool {
    with_model!(kind, model => crate::brute::is_linearizable(model, history, ops))
}
