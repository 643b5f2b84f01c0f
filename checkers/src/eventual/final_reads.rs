//! Which reads may be held against an object: those that began after its updates had ended and the bound had passed.

use std::collections::BTreeMap;
use std::fmt;

use rashomon_history::{History, OpId, OpView, Outcome};

use super::EventualDemand;
use crate::findings::Findings;
use crate::level::Level;
use crate::subhistory::Keys;

/// What answers for a state: a node, or the session (the process that asked) where the node is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Site {
    Node(u16),
    Process(u32),
}

impl Site {
    pub(super) fn of(op: &OpView<'_>) -> Site {
        op.node.map_or(Site::Process(op.process), Site::Node)
    }

    /// Where a level promises something of an operation: at its replica, or in its session; nowhere where neither is
    /// promised, or the replica is unknown.
    pub(super) fn promised(op: &OpView<'_>, level: Level) -> Option<Site> {
        match op.node {
            Some(node) if level.implies(Level::REPLICA) => Some(Site::Node(node)),
            _ => level.implies(Level::SESSION).then_some(Site::Process(op.process)),
        }
    }

    /// The same at the beginning of a sentence: `n2`, `Process 7`.
    pub(super) fn opening(self) -> String {
        match self {
            Site::Node(node) => format!("n{node}"),
            Site::Process(process) => format!("Process {process}"),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Node(node) => write!(out, "n{node}"),
            Site::Process(process) => write!(out, "process {process}"),
        }
    }
}

/// A read that began when its object was quiescent.
#[derive(Clone, Copy, Debug)]
pub(super) struct FinalRead {
    /// Its index among the object's operations.
    pub(super) read: usize,
    /// Whether the object was settled when it began: then it must show what remains.
    pub(super) settled: bool,
    /// Whether it is the last of its site.
    pub(super) last: bool,
}

/// The final reads of one object, in order of invocation.
pub(super) struct FinalReads {
    /// When the object became quiescent, ns.
    pub(super) quiescent: u64,
    pub(super) reads: Vec<FinalRead>,
}

impl FinalReads {
    /// Of one object's operations, in order of invocation.
    pub(super) fn of(ops: &[OpView<'_>], demand: &EventualDemand) -> FinalReads {
        let end = |op: &OpView<'_>| op.complete_time.unwrap_or(op.invoke_time);
        let updates = ops.iter().filter(|op| op.f != "read" && op.outcome != Outcome::Fail);
        let quiescent = updates.map(end).max().unwrap_or(0).max(demand.quiescent_since_ns.unwrap_or(0));
        let settled = quiescent.saturating_add(demand.convergence_ns);
        let mut reads = Vec::new();
        let mut last: BTreeMap<Site, usize> = BTreeMap::new();
        for (index, op) in ops.iter().enumerate() {
            if is_answered(op) && op.invoke_time >= quiescent {
                last.insert(Site::of(op), reads.len());
                reads.push(FinalRead { read: index, settled: op.invoke_time >= settled, last: false });
            }
        }
        for index in last.into_values() {
            reads[index].last = true;
        }
        FinalReads { quiescent, reads }
    }

    /// The reads by which to judge what remains: all of the settled object, and the last of each site.
    pub(super) fn judged(&self) -> impl Iterator<Item = FinalRead> + '_ {
        self.reads.iter().copied().filter(|read| read.settled || read.last)
    }
}

/// Whether this is a read that returned.
pub(super) fn is_answered(op: &OpView<'_>) -> bool {
    op.f == "read" && op.outcome == Outcome::Ok && op.completed.is_some()
}

/// Counts over the objects of a history: how many were looked at in the end, and how many too early.
#[derive(Default)]
pub(super) struct Coverage {
    objects: u64,
    /// Objects with final reads.
    seen: u64,
    /// Objects whose final reads came too early, and what the first of them lacks.
    early: u64,
    first_early: Option<String>,
}

impl Coverage {
    /// Counts an object.
    pub(super) fn object(&mut self, final_reads: &FinalReads) {
        self.objects += 1;
        self.seen += u64::from(!final_reads.reads.is_empty());
    }

    /// An object that does not show what it must, but may still do so. At most one call per object.
    pub(super) fn too_early(&mut self, what: impl FnOnce() -> String) {
        self.early += 1;
        self.first_early.get_or_insert_with(what);
    }

    /// Says what is missing.
    pub(super) fn report(self, findings: &mut Findings) {
        if self.objects == 0 {
            return findings.unknown("the history has no operations".to_owned());
        }
        if self.seen == 0 {
            let what = "no read began after the last update (and the last fault), so none could show what remains; let \
                        every node be read at the end";
            return findings.unknown(what.to_owned());
        }
        if let Some(what) = self.first_early {
            findings.unknown(format!(
                "{what}; but the bound had not passed yet, so this may still come right ({} of {} objects); read \
                 every node once more after it",
                self.early, self.objects
            ));
        }
        if self.seen < self.objects {
            findings.note(format!(
                "{} of {} objects were not read after their last update: nothing is known of what remains of them",
                self.objects - self.seen,
                self.objects
            ));
        }
    }
}

/// Calls `judge` with each object's operations, in order of invocation.
pub(super) fn each_object(history: &History, mut judge: impl FnMut(&[OpView<'_>])) {
    let keys = Keys::of(history);
    for key in 0..keys.len() {
        let ops: Vec<OpView<'_>> = keys.ops(key).iter().map(|&op| history.op(OpId(op))).collect();
        judge(&ops);
    }
}
