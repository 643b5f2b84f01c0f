//! `staleness`: how old what reads return is. A measurement, never a violation.
//!
//! For registers with unique values, and sets. A read is **stale** when some acknowledged update certainly came after
//! what it returned and had completed before it began: a later write in real time, an element that is missing. Measured
//! are how long before (in time, from the first such update) and how many such updates there were (in versions). And
//! **t-visibility** as PBS defines it (Bailis, Venkataraman, Franklin, Hellerstein and Stoica, *Probabilistically
//! bounded staleness*, VLDB 2012, section 3.3): the probability that a read which begins t after the latest
//! acknowledged update's completion returns that update or a newer one. Updates that overlap count as newer.

use rashomon_history::{History, OpView, Outcome, Value};
use rustc_hash::{FxHashMap, FxHashSet};

use super::EventualDemand;
use super::final_reads::{each_object, is_answered};
use super::register::written;
use crate::findings::{Findings, last_moment};
use crate::story::Span;
use crate::verdict::{Budget, Judgement, Measurement};

/// What the reads of all objects have shown.
#[derive(Default)]
struct Samples {
    /// How many reads could have been stale: an update had been acknowledged before.
    reads: u64,
    /// Of each stale read, by how much, ns.
    ages: Vec<u64>,
    /// Of each stale read, by how many versions.
    versions: Vec<u64>,
    /// Of each read: how long after the latest acknowledged update it began, ns, and whether it showed it.
    visible: Vec<(u64, bool)>,
}

pub(super) fn check(history: &History, _: &EventualDemand, budget: &Budget) -> Judgement {
    let mut findings = Findings::new("staleness", "measures how old what reads return is", history.len());
    let mut samples = Samples::default();
    let (mut steps, mut skipped) = (budget.steps, 0_u64);
    each_object(history, |ops| {
        let sets = ops.iter().any(|op| op.f == "add" || op.f == "insert");
        if sets && ops.iter().any(|op| op.f == "remove" || op.f == "delete") {
            // What is missing may have been removed.
            skipped += 1;
        } else if sets {
            set(ops, &mut samples, &mut steps);
        } else if !register(ops, &mut samples) {
            skipped += 1;
        }
    });
    if skipped > 0 {
        findings.note(format!(
            "{skipped} objects were not measured: their values are not unique, or their elements are removed"
        ));
    }
    if steps == 0 {
        findings.note("the step budget ended before all reads of large sets were measured; raise it".to_owned());
    }
    if samples.reads == 0 {
        findings.unknown("no read began after an acknowledged update: there is nothing to measure".to_owned());
    }
    samples.report(&mut findings);
    findings.judgement()
}

/// The acknowledged updates of one object, by when they completed.
fn acknowledged<'a>(ops: &'a [OpView<'a>], is_update: impl Fn(&OpView<'_>) -> bool) -> Vec<&'a OpView<'a>> {
    let mut updates: Vec<_> = ops.iter().filter(|op| op.outcome == Outcome::Ok && is_update(op)).collect();
    updates.sort_unstable_by_key(|op| last_moment(op));
    updates
}

fn end_time(op: &OpView<'_>) -> u64 {
    op.complete_time.unwrap_or(op.invoke_time)
}

/// Measures a register's reads; false when its values are not unique.
fn register(ops: &[OpView<'_>], samples: &mut Samples) -> bool {
    // Per value, when its write began, and when it had certainly taken effect.
    let mut effects: FxHashMap<&Value, (u32, u32)> = FxHashMap::default();
    for op in ops.iter().filter(|op| op.outcome != Outcome::Fail) {
        let Some(value) = written(op) else { continue };
        if effects.insert(value, (op.invoked, last_moment(op))).is_some() {
            return false;
        }
    }
    for read in ops.iter().filter(|op| is_answered(op)) {
        if let Some((begun, effect)) = effects.get_mut(&read.output) {
            // However early it was read, it is not older than itself.
            *effect = (*effect).min(last_moment(read)).max(*begun + 1);
        }
    }
    let updates = acknowledged(ops, |op| written(op).is_some());
    // By invocation, backwards: the earliest completion of those that began from here on.
    let mut by_begin = updates.clone();
    by_begin.sort_unstable_by_key(|op| op.invoked);
    let mut earliest: Vec<&OpView<'_>> = Vec::with_capacity(by_begin.len());
    for &op in by_begin.iter().rev() {
        let best = earliest.last().copied().filter(|best| last_moment(best) < last_moment(op)).unwrap_or(op);
        earliest.push(best);
    }
    earliest.reverse();
    let mut stale: Vec<(u32, u32)> = Vec::new();
    let mut counted = 0;
    for read in ops.iter().filter(|op| is_answered(op)) {
        while counted < updates.len() && last_moment(updates[counted]) < read.invoked {
            counted += 1;
        }
        let Some(latest) = counted.checked_sub(1).map(|index| updates[index]) else { continue };
        let effect = match effects.get(&read.output) {
            Some(&(_, effect)) => effect,
            None if read.output.is_nil() => 0,
            None => continue,
        };
        samples.reads += 1;
        let after = read.invoke_time - end_time(latest);
        samples.visible.push((after, effect > latest.invoked || written(latest) == Some(&read.output)));
        let newer = by_begin.partition_point(|op| op.invoked < effect);
        let first = earliest.get(newer).filter(|first| last_moment(first) < read.invoked);
        if let Some(first) = first {
            samples.ages.push(read.invoke_time - end_time(first));
            stale.push((effect, read.invoked));
        }
    }
    count_versions(&updates, stale, samples);
    true
}

/// Per stale read, how many updates began after what it returned and completed before it began: the updates that
/// completed in time, less those of them that did not begin late enough, by a Fenwick tree over the invocations.
fn count_versions(updates: &[&OpView<'_>], mut stale: Vec<(u32, u32)>, samples: &mut Samples) {
    stale.sort_unstable_by_key(|&(_, begun)| begun);
    let mut begins: Vec<u32> = updates.iter().map(|op| op.invoked).collect();
    begins.sort_unstable();
    let mut tree = vec![0_u64; begins.len() + 1];
    let mut counted = 0;
    for (effect, begun) in stale {
        while counted < updates.len() && last_moment(updates[counted]) < begun {
            let mut at = begins.partition_point(|&other| other < updates[counted].invoked) + 1;
            while at < tree.len() {
                tree[at] += 1;
                at += at & at.wrapping_neg();
            }
            counted += 1;
        }
        let mut older = begins.partition_point(|&other| other < effect);
        let mut sum = 0;
        while older > 0 {
            sum += tree[older];
            older &= older - 1;
        }
        samples.versions.push(counted as u64 - sum);
    }
}

/// Measures the reads of a set that only grows.
fn set(ops: &[OpView<'_>], samples: &mut Samples, steps: &mut u64) {
    let name = |op: &OpView<'_>| match (op.f, op.input.as_list()) {
        ("insert", Some([element, _])) => element.clone(),
        _ => op.input.clone(),
    };
    let updates = acknowledged(ops, |op| op.f == "add" || op.f == "insert");
    let names: Vec<Value> = updates.iter().map(|op| name(op)).collect();
    let mut counted = 0;
    for read in ops.iter().filter(|op| is_answered(op)) {
        while counted < updates.len() && last_moment(updates[counted]) < read.invoked {
            counted += 1;
        }
        let (Some(latest), Some(found)) = (counted.checked_sub(1), read.output.as_list()) else { continue };
        *steps = steps.saturating_sub((counted + found.len()) as u64);
        if *steps == 0 {
            return;
        }
        let found: FxHashSet<&Value> = found.iter().collect();
        let mut missing = (0..counted).filter(|&index| !found.contains(&names[index]));
        samples.reads += 1;
        samples.visible.push((read.invoke_time - end_time(updates[latest]), found.contains(&names[latest])));
        if let Some(first) = missing.next() {
            samples.ages.push(read.invoke_time - end_time(updates[first]));
            samples.versions.push(1 + missing.count() as u64);
        }
    }
}

/// The bounds of the steps in which t-visibility is reported, ms; the last one has no end.
const STEPS_MS: [f64; 14] =
    [0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];

/// The points of a distribution function are reported at these shares.
const SHARES: [f64; 13] = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0];

impl Samples {
    fn report(mut self, findings: &mut Findings) {
        if self.reads == 0 {
            return;
        }
        self.ages.sort_unstable();
        self.versions.sort_unstable();
        let share = 100.0 * self.ages.len() as f64 / self.reads as f64;
        findings.measure(Measurement::number("stale reads", "% of reads", share));
        if let (Some(&oldest), Some(&most)) = (self.ages.last(), self.versions.last()) {
            let median = self.ages[self.ages.len() / 2];
            findings.note(format!(
                "{} of {} reads were stale: by {} (median), {} (longest), and by up to {most} versions",
                self.ages.len(),
                self.reads,
                Span(median),
                Span(oldest)
            ));
            findings.measure(Measurement::number("max staleness", "ms", oldest as f64 / 1e6));
            findings.measure(Measurement::number("max version staleness", "versions", most as f64));
            let time = distribution(&self.ages, self.reads, 1e6);
            findings.measure(Measurement::series("staleness in time", "fraction of reads", "ms", time));
            let versions = distribution(&self.versions, self.reads, 1.0);
            findings.measure(Measurement::series("staleness in versions", "fraction of reads", "versions", versions));
        } else {
            findings.note(format!("none of {} reads was stale", self.reads));
        }
        findings.measure(Measurement::series("t-visibility", "probability", "ms", self.visibility()));
    }

    /// In each step that has reads: the mean distance of its reads, and the share of them that showed the update.
    fn visibility(&self) -> Vec<(f64, f64)> {
        let mut steps = [(0_u64, 0_u64, 0.0); STEPS_MS.len()];
        for &(after, visible) in &self.visible {
            let after = after as f64 / 1e6;
            let step = STEPS_MS.partition_point(|&bound| bound <= after) - 1;
            steps[step].0 += 1;
            steps[step].1 += u64::from(visible);
            steps[step].2 += after;
        }
        let filled = steps.into_iter().filter(|&(reads, ..)| reads > 0);
        filled.map(|(reads, visible, after)| (after / reads as f64, visible as f64 / reads as f64)).collect()
    }
}

/// Of sorted samples, of which the reads that were not stale are the zeros: the fraction of reads up to each of some.
fn distribution(stale: &[u64], reads: u64, unit: f64) -> Vec<(f64, f64)> {
    let fresh = reads - stale.len() as u64;
    let mut points = vec![(0.0, fresh as f64 / reads as f64)];
    for share in SHARES {
        let index = ((stale.len() - 1) as f64 * share) as usize;
        let value = stale[index];
        let up_to = fresh as usize + stale.partition_point(|&other| other <= value);
        let point = (value as f64 / unit, up_to as f64 / reads as f64);
        if points.last() != Some(&point) {
            points.push(point);
        }
    }
    points
}
