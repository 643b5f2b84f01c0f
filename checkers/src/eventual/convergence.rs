//! `convergence`: all replicas answer alike once updates and faults have ended (Vogels, *Eventually consistent*, 2009;
//! strong convergence of Shapiro et al., *Conflict-free replicated data types*, 2011, as seen from outside).
//!
//! Per object: all reads of the settled object agree, also those of one node among themselves, and so do the last reads
//! of all nodes. Order matters only where the object has one: elements of sets, siblings and fields are compared as
//! sets. Whether what they agree on is *right* is for the other checkers to say.

use std::collections::BTreeSet;

use rashomon_history::{History, OpView, Value};

use super::EventualDemand;
use super::final_reads::{Coverage, FinalRead, FinalReads, Site, each_object};
use crate::findings::{Findings, on_key};
use crate::story::Span;
use crate::verdict::{Budget, Judgement, Measurement};

pub(super) fn check(history: &History, demand: &EventualDemand, _: &Budget) -> Judgement {
    let mut findings = Findings::new("convergence", "compares the last reads of all nodes", history.len());
    let mut coverage = Coverage::default();
    let (mut nodes, mut read) = (BTreeSet::new(), BTreeSet::new());
    let mut times = Vec::new();
    let mut compared = false;
    each_object(history, |ops| {
        let final_reads = FinalReads::of(ops, demand);
        coverage.object(&final_reads);
        nodes.extend(ops.iter().filter_map(|op| op.node));
        read.extend(final_reads.reads.iter().map(|read| Site::of(&ops[read.read])));
        compared |= final_reads.reads.iter().filter(|read| read.last).count() > 1;
        times.extend(judge(ops, &final_reads, demand, &mut findings, &mut coverage));
    });
    let silent: Vec<String> = nodes
        .iter()
        .filter(|&&node| !read.contains(&Site::Node(node)))
        .map(|node| format!("n{node} was not read after the last update (and the last fault)"))
        .collect();
    if !read.is_empty() && !silent.is_empty() {
        findings.unknown(silent.join("; "));
    } else if !read.is_empty() && !compared {
        findings
            .unknown("no object was read at two nodes after the last update: there is nothing to compare".to_owned());
    }
    coverage.report(&mut findings);
    measure(times, &mut findings);
    findings.judgement()
}

/// Judges one object; how long it took to converge, ns, if it did.
fn judge(
    ops: &[OpView<'_>],
    final_reads: &FinalReads,
    demand: &EventualDemand,
    findings: &mut Findings,
    coverage: &mut Coverage,
) -> Option<u64> {
    let ordered = is_ordered(ops);
    let answers = answers(ops, final_reads, ordered);
    if disagree(ops, final_reads, demand, &answers, findings) {
        return None;
    }
    let words: Vec<usize> = (0..answers.len()).filter(|&index| final_reads.reads[index].last).collect();
    if let Some((first, second)) = differing(&words, &answers) {
        coverage.too_early(|| {
            let (first, second) = (&ops[final_reads.reads[first].read], &ops[final_reads.reads[second].read]);
            let (one, other) = (Site::of(first), Site::of(second));
            format!("{one} and {other} disagree{}: {}", on_key(&first.key), difference(first, second, ordered))
        });
        return None;
    }
    let agreed = &answers[*words.first()?];
    // From the first read after the last one that says otherwise.
    let otherwise = answers.iter().rposition(|answer| answer != agreed);
    let FinalRead { read, .. } = final_reads.reads[otherwise.map_or(0, |index| index + 1)];
    Some(if otherwise.is_none() { 0 } else { ops[read].invoke_time - final_reads.quiescent })
}

/// Whether the order of an answer's elements means something: where they have one, and in values that were written.
fn is_ordered(ops: &[OpView<'_>]) -> bool {
    ops.iter().any(|op| matches!(op.f, "insert" | "append" | "send" | "write" | "cas"))
}

/// What the final reads returned, in a form in which only what matters can differ.
fn answers(ops: &[OpView<'_>], final_reads: &FinalReads, ordered: bool) -> Vec<Value> {
    final_reads.reads.iter().map(|read| normal(&ops[read.read].output, ordered)).collect()
}

/// Demands that the settled reads of one object agree, where nothing else was found of it since there were so many
/// anomalies: what was lost or resurrected says more than that replicas disagree.
pub(super) fn agree(
    ops: &[OpView<'_>],
    final_reads: &FinalReads,
    demand: &EventualDemand,
    found_before: u64,
    findings: &mut Findings,
) {
    let settled = final_reads.reads.iter().filter(|read| read.settled).map(|read| &ops[read.read].output);
    let alike = settled.clone().zip(settled.skip(1)).all(|(one, other)| one == other);
    if findings.found() == found_before && !alike {
        disagree(ops, final_reads, demand, &answers(ops, final_reads, is_ordered(ops)), findings);
    }
}

/// Whether two settled reads disagree.
fn disagree(
    ops: &[OpView<'_>],
    final_reads: &FinalReads,
    demand: &EventualDemand,
    answers: &[Value],
    findings: &mut Findings,
) -> bool {
    let settled: Vec<usize> = (0..answers.len()).filter(|&index| final_reads.reads[index].settled).collect();
    // The clearest contradiction first: the last words of two sites, both of them final.
    let final_words: Vec<usize> = settled.iter().copied().filter(|&index| final_reads.reads[index].last).collect();
    let contradiction = differing(&final_words, answers).or_else(|| differing(&settled, answers));
    let Some((first, second)) = contradiction else { return false };
    let ordered = is_ordered(ops);
    let (first, second) = (&ops[final_reads.reads[first].read], &ops[final_reads.reads[second].read]);
    findings.anomaly("replicas disagree", &[first, second], || {
        let since =
            if demand.quiescent_since_ns == Some(final_reads.quiescent) { "the last fault" } else { "the last update" };
        format!(
            "{} and {} disagree{}: {}. The convergence bound is {}; the later read began {} after {since}.",
            Site::of(first).opening(),
            Site::of(second),
            on_key(&first.key),
            difference(first, second, ordered),
            Span(demand.convergence_ns),
            Span(second.invoke_time.saturating_sub(final_reads.quiescent)),
        )
    });
    true
}

/// Two of these reads that answered differently, in order of invocation.
fn differing(reads: &[usize], answers: &[Value]) -> Option<(usize, usize)> {
    let (&first, rest) = reads.split_first()?;
    rest.iter().find(|&&other| answers[other] != answers[first]).map(|&other| (first, other))
}

/// An answer in which only what matters can differ.
fn normal(answer: &Value, ordered: bool) -> Value {
    match answer {
        Value::List(items) if !ordered => {
            let mut items: Vec<Value> = items.to_vec();
            items.sort_unstable();
            Value::list(items)
        }
        Value::Map(entries) => {
            let mut entries: Vec<(Value, Value)> =
                entries.iter().map(|(field, value)| (field.clone(), normal(value, ordered))).collect();
            entries.sort_unstable();
            Value::Map(entries.into())
        }
        other => other.clone(),
    }
}

/// What one answered and the other did not.
fn difference(first: &OpView<'_>, second: &OpView<'_>, ordered: bool) -> String {
    let (one, other) = (Site::of(first), Site::of(second));
    if let (Some(left), Some(right)) = (first.output.as_list(), second.output.as_list()) {
        let (left_set, right_set): (BTreeSet<_>, BTreeSet<_>) = (left.iter().collect(), right.iter().collect());
        if ordered && left_set == right_set {
            return "they have the same elements in different orders".to_owned();
        }
        let missing = |from: &BTreeSet<&Value>, at: &BTreeSet<&Value>, site: Site| {
            let missing: Vec<String> = from.difference(at).take(5).map(|value| value.to_string()).collect();
            let more = from.difference(at).count().saturating_sub(missing.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (!missing.is_empty()).then(|| format!("{site} lacks {}{more}", missing.join(", ")))
        };
        let parts = [missing(&left_set, &right_set, other), missing(&right_set, &left_set, one)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            return parts.join("; ");
        }
    }
    format!("{one} answered {}, {other} answered {}", first.output, second.output)
}

/// How long the objects took: the longest, and how many of them had converged by when.
fn measure(mut times: Vec<u64>, findings: &mut Findings) {
    times.sort_unstable();
    let Some(&longest) = times.last() else { return };
    let ms = |nanos: u64| nanos as f64 / 1e6;
    let share = |count: usize| count as f64 / times.len() as f64;
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (index, &time) in times.iter().enumerate() {
        if times.get(index + 1) != Some(&time) {
            points.push((ms(time), share(index + 1)));
        }
    }
    findings.note(format!(
        "{} objects converged; the slowest {} after its last update (or the last fault)",
        times.len(),
        Span(longest)
    ));
    findings.measure(Measurement::number("longest time to converge", "ms", ms(longest)));
    findings.measure(Measurement::series("time to converge", "fraction of objects", "ms", points));
}
