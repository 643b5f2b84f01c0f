//! `eventual-counter`: a counter at replicas (G-Counter and PN-Counter of Shapiro et al. 2011).
//!
//! The total of a settled counter is the sum of all acknowledged additions and of *some* of those with unknown outcome:
//! decided exactly, as a subset sum, within the budget. Any read lies between the sum of all subtractions and the sum
//! of all additions that had begun before it returned. Where nothing is subtracted and more than eventual agreement is
//! promised, what a site reads never becomes smaller, and includes what the site had acknowledged.

use std::collections::BTreeMap;

use rashomon_history::{History, OpView, Outcome};
use rustc_hash::FxHashSet;

use super::EventualDemand;
use super::convergence::agree;
use super::final_reads::{Coverage, FinalReads, Site, each_object, is_answered};
use super::sets::{promised, promises_nothing};
use crate::findings::{Findings, begun, between, ended, last_moment, on_key};
use crate::level::Level;
use crate::verdict::{Budget, Judgement};

pub(super) fn check(history: &History, demand: &EventualDemand, budget: &Budget) -> Judgement {
    let what = "compares what remains with the sum of what was acknowledged";
    let mut findings = Findings::new("eventual-counter", what, history.len());
    let mut coverage = Coverage::default();
    each_object(history, |ops| {
        let final_reads = FinalReads::of(ops, demand);
        coverage.object(&final_reads);
        let number = |op: &&OpView<'_>| {
            let value = if op.f == "add" { &op.input } else { &op.output };
            (op.f == "add" || is_answered(op)) && value.as_int().is_none()
        };
        if let Some(op) = ops.iter().find(number) {
            return findings.unknown(format!("operation {} has a value that is not a 64-bit integer", op.id.0));
        }
        let before = findings.found();
        bounds(ops, &mut findings);
        if !promises_nothing(demand) {
            own(ops, demand.promise, &mut findings);
        }
        remains(ops, &final_reads, budget, &mut findings, &mut coverage);
        agree(ops, &final_reads, demand, before, &mut findings);
    });
    coverage.report(&mut findings);
    promised(demand, &mut findings);
    findings.judgement()
}

fn amount(op: &OpView<'_>) -> i128 {
    i128::from(op.input.as_int().unwrap_or(0))
}

fn total(op: &OpView<'_>) -> i128 {
    i128::from(op.output.as_int().unwrap_or(0))
}

fn is_possible(op: &OpView<'_>) -> bool {
    op.f == "add" && op.outcome != Outcome::Fail
}

/// Every read lies between all subtractions and all additions that had begun before it returned.
fn bounds(ops: &[OpView<'_>], findings: &mut Findings) {
    let mut reads: Vec<&OpView<'_>> = ops.iter().filter(|op| is_answered(op)).collect();
    reads.sort_unstable_by_key(|read| last_moment(read));
    let mut adds = ops.iter().filter(|op| is_possible(op)).peekable();
    let (mut least, mut most) = (0, 0);
    for read in reads {
        while let Some(add) = adds.next_if(|add| add.invoked < last_moment(read)) {
            if amount(add) < 0 { least += amount(add) } else { most += amount(add) }
        }
        if total(read) > most {
            findings.anomaly("counter too large", &[read], || {
                format!(
                    "A read, {}, returned {}, but all that was asked for before it returned makes at most {most}.",
                    begun(read),
                    read.output
                )
            });
        } else if total(read) < least {
            findings.anomaly("counter too small", &[read], || {
                format!(
                    "A read, {}, returned {}, but all that was asked for before it returned makes at least {least}.",
                    begun(read),
                    read.output
                )
            });
        }
    }
}

/// What a site has acknowledged and shown so far.
#[derive(Default)]
struct Own<'a> {
    acknowledged: i128,
    last: Option<&'a OpView<'a>>,
    largest: Option<&'a OpView<'a>>,
}

/// Where nothing is subtracted, what a site reads never becomes smaller and includes what it acknowledged.
fn own(ops: &[OpView<'_>], promise: Level, findings: &mut Findings) {
    if ops.iter().any(|op| is_possible(op) && amount(op) < 0) {
        return;
    }
    let site = |op: &OpView<'_>| Site::promised(op, promise);
    let known = |op: &&OpView<'_>| is_answered(op) || (op.f == "add" && op.outcome == Outcome::Ok);
    let mut by_end: Vec<&OpView<'_>> = ops.iter().filter(known).collect();
    by_end.sort_unstable_by_key(|op| last_moment(op));
    let mut by_end = by_end.into_iter().peekable();
    let mut sites: BTreeMap<Site, Own<'_>> = BTreeMap::new();
    for read in ops.iter().filter(|op| is_answered(op)) {
        while let Some(op) = by_end.next_if(|op| last_moment(op) < read.invoked) {
            let Some(site) = site(op) else { continue };
            let own = sites.entry(site).or_default();
            if op.f == "add" {
                own.acknowledged += amount(op);
                own.last = Some(op);
            } else if own.largest.is_none_or(|largest| total(largest) < total(op)) {
                own.largest = Some(op);
            }
        }
        let Some(site) = site(read) else { continue };
        let Some(own) = sites.get(&site) else { continue };
        if let Some(largest) = own.largest.filter(|largest| total(largest) > total(read)) {
            findings.anomaly("non-monotonic counter read", &[largest, read], || {
                format!(
                    "{} had shown {} {}; a read there that began {} later returned {}, though nothing was subtracted.",
                    site.opening(),
                    largest.output,
                    ended(largest),
                    between(largest, read),
                    read.output
                )
            });
        } else if let Some(last) = own.last.filter(|_| own.acknowledged > total(read)) {
            findings.anomaly("read your writes violated", &[last, read], || {
                format!(
                    "{} alone had acknowledged additions of {}, the last {}; a read there that began {} later returned \
                     {}.",
                    site.opening(),
                    own.acknowledged,
                    ended(last),
                    between(last, read),
                    read.output
                )
            });
        }
    }
}

/// The total of the settled counter.
fn remains(
    ops: &[OpView<'_>],
    final_reads: &FinalReads,
    budget: &Budget,
    findings: &mut Findings,
    coverage: &mut Coverage,
) {
    let certain: i128 = ops.iter().filter(|op| op.f == "add" && op.outcome == Outcome::Ok).map(amount).sum();
    let doubtful: Vec<i128> =
        ops.iter().filter(|op| op.f == "add" && op.outcome == Outcome::Info).map(amount).collect();
    let mut early = None;
    for final_read in final_reads.judged() {
        let read = &ops[final_read.read];
        match is_sum(total(read) - certain, &doubtful, budget) {
            Some(true) => {}
            Some(false) if final_read.settled => return wrong(ops, read, certain, &doubtful, findings),
            Some(false) => early = Some(read),
            None => {
                return findings.unknown(format!(
                    "{} additions{} have an unknown outcome: too many to decide whether some of them make the \
                     difference between {certain}, which was acknowledged, and {}; raise the step or memory budget",
                    doubtful.len(),
                    on_key(&read.key),
                    read.output
                ));
            }
        }
    }
    if let Some(read) = early {
        coverage
            .too_early(|| format!("{} returned {}{}, not {certain}", Site::of(read), read.output, on_key(&read.key)));
    }
}

fn wrong(ops: &[OpView<'_>], read: &OpView<'_>, certain: i128, doubtful: &[i128], findings: &mut Findings) {
    let name = if total(read) < certain + doubtful.iter().filter(|amount| **amount < 0).sum::<i128>() {
        "lost addition"
    } else if total(read) > certain + doubtful.iter().filter(|amount| **amount > 0).sum::<i128>() {
        "addition counted twice"
    } else {
        "wrong total"
    };
    let last = ops.iter().rfind(|op| op.f == "add" && op.outcome == Outcome::Ok);
    let reported: Vec<&OpView<'_>> = last.into_iter().chain([read]).collect();
    findings.anomaly(name, &reported, || {
        let doubt = match doubtful {
            [] => "nothing else may have been added".to_owned(),
            [one] => format!("only one more addition, of {one}, may have happened"),
            more => format!("no choice of the {} additions of unknown outcome explains the difference", more.len()),
        };
        format!(
            "The acknowledged additions{} make {certain}, and {doubt}; yet {} returned {} in a read that began {}, after the \
             convergence bound.",
            on_key(&read.key),
            Site::of(read),
            read.output,
            begun(read),
        )
    });
}

/// Whether some of these numbers have this sum; `None` when the budget does not suffice to tell.
///
/// Equal numbers are counted, so the usual counters, which add a few different amounts, are decided at once. Dynamic
/// programming over the reachable sums: exact, and bounded by the smaller of `2^n` and the range of sums.
fn is_sum(wanted: i128, numbers: &[i128], budget: &Budget) -> Option<bool> {
    let positive: i128 = numbers.iter().filter(|number| **number > 0).sum();
    let negative: i128 = numbers.iter().filter(|number| **number < 0).sum();
    if wanted == 0 || wanted == positive || wanted == negative {
        return Some(true);
    }
    if wanted < negative || wanted > positive {
        return Some(false);
    }
    let divisor = numbers.iter().fold(0, |divisor, number| gcd(divisor, number.unsigned_abs()));
    if !wanted.unsigned_abs().is_multiple_of(divisor) {
        return Some(false);
    }
    let mut counts: BTreeMap<i128, usize> = BTreeMap::new();
    for &number in numbers.iter().filter(|number| **number != 0) {
        *counts.entry(number).or_default() += 1;
    }
    let mut steps = budget.steps;
    let mut sums: FxHashSet<i128> = FxHashSet::from_iter([0]);
    for (number, count) in counts {
        let mut more = Vec::new();
        for &sum in &sums {
            for times in 1..=count as i128 {
                more.push(sum + times * number);
            }
            steps = steps.checked_sub(count as u64)?;
            if (more.len() + sums.len()) as u64 * 32 > budget.bytes {
                return None;
            }
        }
        sums.extend(more);
        if sums.contains(&wanted) {
            return Some(true);
        }
    }
    Some(false)
}

fn gcd(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}
