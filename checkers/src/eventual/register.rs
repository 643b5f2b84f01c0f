//! `eventual-register`: of the acknowledged writes of a register, none is overwritten by one that was older in real
//! time.
//!
//! What a settled register holds was written by a write that no acknowledged write *follows*, that is, begins after it
//! had taken effect for certain (it was acknowledged, or a read had returned it). Writes that overlap may win either
//! way. That is what users take "last write wins" to mean; a store that orders writes by clocks keeps the promise only
//! as long as its clocks are right. Any read, early or late, must return a value whose write had begun and had not
//! failed. A successful compare-and-set counts as a write of its second value, and a write of nil as a write: it
//! deletes. All settled reads agree.
//!
//! `unordered-register` asks for less: writes may be ordered in any way, as by versions from quorums that need not
//! meet, or by clocks of which nobody says that they are right. Then a settled register with an acknowledged write
//! holds any value that was written, but not nothing.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::EventualDemand;
use super::convergence::agree;
use super::final_reads::{Coverage, FinalReads, Site, each_object, is_answered};
use crate::findings::{Findings, begun, between, ended, last_moment, on_key, precedes};
use crate::story::Span;
use crate::verdict::{Budget, Judgement};

pub(super) fn check(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    let what = "compares what remains with what was acknowledged last";
    judge_all(history, demand, Order::RealTime, Findings::new("eventual-register", what, history.len()))
}

pub(super) fn check_unordered(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    let what = "compares what remains with what was written";
    judge_all(history, demand, Order::Any, Findings::new("unordered-register", what, history.len()))
}

/// Which order of writes is demanded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    RealTime,
    Any,
}

fn judge_all(history: &History, demand: &EventualDemand, order: Order, mut findings: Findings) -> Judgement {
    let mut coverage = Coverage::default();
    each_object(history, |ops| {
        let final_reads = FinalReads::of(ops, demand);
        coverage.object(&final_reads);
        let before = findings.found();
        judge(ops, &final_reads, order, &mut findings, &mut coverage);
        agree(ops, &final_reads, demand, before, &mut findings);
    });
    coverage.report(&mut findings);
    findings.judgement()
}

/// What a write, or a compare-and-set that may have happened, writes.
pub(super) fn written<'a>(op: &'a OpView<'_>) -> Option<&'a Value> {
    match op.f {
        "write" => Some(&op.input),
        "cas" => op.input.as_list().and_then(|pair| pair.get(1)),
        _ => None,
    }
}

/// What is known of a value.
#[derive(Clone, Copy)]
struct Written<'a> {
    /// The write: of several of one value that may have happened, the one that began first.
    first: &'a OpView<'a>,
    /// The position by which it had certainly taken effect the last time; `u32::MAX` if never for certain.
    effect: u32,
    /// How many wrote it and may have happened.
    writes: u32,
}

fn judge(ops: &[OpView<'_>], final_reads: &FinalReads, order: Order, findings: &mut Findings, coverage: &mut Coverage) {
    let mut values: FxHashMap<&Value, Written<'_>> = FxHashMap::default();
    let mut newest: Option<&OpView<'_>> = None;
    for op in ops {
        let Some(value) = written(op).filter(|_| op.outcome != Outcome::Fail) else { continue };
        let known = values.entry(value).or_insert(Written { first: op, effect: 0, writes: 0 });
        known.effect = known.effect.max(last_moment(op));
        known.writes += 1;
        if op.outcome == Outcome::Ok {
            newest = Some(op);
        }
    }
    let failed = failed_writes(ops);
    for read in ops.iter().filter(|op| is_answered(op) && !op.output.is_nil()) {
        match values.get_mut(&read.output) {
            Some(known) if known.first.invoked < last_moment(read) => {
                // Seen, so it had happened; where several wrote the value, nobody knows which of them.
                if known.writes == 1 {
                    known.effect = known.effect.min(last_moment(read));
                }
            }
            Some(known) => findings.anomaly("read from the future", &[read, known.first], || {
                let write = known.first;
                format!("A read returned {} {}, before its write began {}.", read.output, ended(read), begun(write))
            }),
            None => unwritten(failed.get(&read.output).copied(), read, findings),
        }
    }
    // The acknowledged write that began last follows whatever any acknowledged write follows.
    let Some(newest) = newest else { return };
    let mut early = None;
    for final_read in final_reads.judged() {
        let read = &ops[final_read.read];
        let winner = values.get(&read.output);
        let followed = |winner: &Written<'_>| order == Order::RealTime && winner.effect < newest.invoked;
        // Nil is a value like any other where it was written, and else what a register holds without a write.
        let lost = winner.map_or(read.output.is_nil(), followed);
        if lost && final_read.settled {
            lost_write(ops, read, winner, newest, findings);
            return;
        } else if lost {
            early = Some(read);
        }
    }
    if let Some(read) = early {
        coverage.too_early(|| {
            format!(
                "{} still answered {}{} though write {} had been acknowledged",
                Site::of(read),
                read.output,
                on_key(&read.key),
                written(newest).unwrap_or(&Value::Nil)
            )
        });
    }
}

/// The failed writes of an object, by value.
pub(super) fn failed_writes<'a>(ops: &'a [OpView<'a>]) -> FxHashMap<&'a Value, &'a OpView<'a>> {
    let mut failed = FxHashMap::default();
    for op in ops.iter().filter(|op| op.outcome == Outcome::Fail) {
        if let Some(value) = written(op) {
            failed.entry(value).or_insert(op);
        }
    }
    failed
}

/// A read of a value that nobody wrote, or whose write failed.
pub(super) fn unwritten(failed: Option<&OpView<'_>>, read: &OpView<'_>, findings: &mut Findings) {
    match failed {
        Some(write) => findings.anomaly("aborted read", &[write, read], || {
            format!("A read {} returned {}, whose write had failed and so never took effect.", begun(read), read.output)
        }),
        None => findings.anomaly("thin-air read", &[read], || {
            format!("A read {} returned {}, which no operation wrote.", begun(read), read.output)
        }),
    }
}

/// Tells the clearest of the writes that were lost: the last one that follows the winner.
fn lost_write(
    ops: &[OpView<'_>],
    read: &OpView<'_>,
    winner: Option<&Written<'_>>,
    newest: &OpView<'_>,
    findings: &mut Findings,
) {
    let value = |op: &OpView<'_>| written(op).cloned().unwrap_or_default();
    let Some(winner) = winner else {
        return findings.anomaly("lost write", &[newest, read], || {
            format!(
                "Write {} was acknowledged by {} {}, but {} holds nothing: a read that began {} later returned nil.",
                value(newest),
                Site::of(newest),
                ended(newest),
                Site::of(read),
                between(newest, read)
            )
        });
    };
    let acknowledged = |op: &&OpView<'_>| op.outcome == Outcome::Ok && written(op).is_some();
    let lost = ops.iter().filter(acknowledged).filter(|op| op.invoked > winner.effect).count();
    // Where the winner was not acknowledged, a read proves that it had happened.
    let proof = (!precedes(winner.first, newest))
        .then(|| ops.iter().filter(|op| is_answered(op) && op.output == read.output).min_by_key(|op| last_moment(op)))
        .flatten();
    let mut reported = vec![winner.first, newest, read];
    reported.extend(proof);
    findings.anomaly("lost write", &reported, || {
        let (one, other) = (Site::of(newest), Site::of(winner.first));
        let more = match lost {
            0 | 1 => String::new(),
            2 => " One more acknowledged write was lost the same way.".to_owned(),
            _ => format!(" {} more acknowledged writes were lost the same way.", lost - 1),
        };
        let earlier = match proof {
            None => format!("which {other} had acknowledged {} before that write began", between(winner.first, newest)),
            Some(proof) => {
                let before = Span(newest.invoke_time.saturating_sub(proof.complete_time.unwrap_or(0)));
                format!("which was taken by {other} and had been read {before} before that write began")
            }
        };
        format!(
            "Write {}, acknowledged by {one} {}, was overwritten by the older write {}, {earlier}: {} still returned \
             {} {}.{more}",
            value(newest),
            ended(newest),
            value(winner.first),
            Site::of(read),
            read.output,
            begun(read),
        )
    });
}
