//! Collecting what a checker found, and the answer it makes.

use std::collections::BTreeMap;

use rashomon_history::{History, OpView, Outcome, Value};

use crate::operations::{Object, Operation};
use crate::specialist::Rows;
use crate::story::Span;
use crate::subhistory::Keys;
use crate::verdict::{Anomaly, Finding, Judgement, Measurement, Method};

/// Anomalies of one name that are reported one by one; the others are only counted.
const REPORTED: u64 = 8;

/// What a checker has found so far.
pub(crate) struct Findings {
    checker: &'static str,
    why: &'static str,
    operations: u64,
    anomalies: Vec<Anomaly>,
    counts: BTreeMap<&'static str, u64>,
    unknown: Vec<String>,
    notes: Vec<String>,
    measurements: Vec<Measurement>,
}

impl Findings {
    /// For a checker; `why` says what its method is.
    pub(crate) fn new(checker: &'static str, why: &'static str, operations: usize) -> Findings {
        Findings {
            checker,
            why,
            operations: operations as u64,
            anomalies: Vec::new(),
            counts: BTreeMap::new(),
            unknown: Vec::new(),
            notes: Vec::new(),
            measurements: Vec::new(),
        }
    }

    /// An anomaly of these operations: a sentence, which is only made when it will be reported.
    pub(crate) fn anomaly(&mut self, name: &'static str, ops: &[&OpView<'_>], sentence: impl FnOnce() -> String) {
        let count = self.counts.entry(name).or_default();
        *count += 1;
        if *count > REPORTED {
            return;
        }
        let mut ops: Vec<&OpView<'_>> = ops.to_vec();
        ops.sort_unstable_by_key(|op| op.id);
        ops.dedup_by_key(|op| op.id);
        let begin = ops.iter().map(|op| op.invoke_time).min().unwrap_or(0);
        let end = ops.iter().map(|op| op.complete_time.unwrap_or(op.invoke_time)).max().unwrap_or(0);
        self.anomalies.push(Anomaly {
            name: name.to_owned(),
            sentence: sentence(),
            key: ops.first().map_or(String::new(), |op| key_text(&op.key)),
            operations: ops.iter().map(|op| op.id).collect(),
            explanation: ops.iter().map(|op| describe(op)).collect(),
            window: (begin, end),
            edges: Vec::new(),
        });
    }

    /// How many anomalies were found so far.
    pub(crate) fn found(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Why the history is not evidence enough.
    pub(crate) fn unknown(&mut self, reason: String) {
        self.unknown.push(reason);
    }

    /// Something a reader should know.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Something measured.
    pub(crate) fn measure(&mut self, measurement: Measurement) {
        self.measurements.push(measurement);
    }

    /// The same of operations that were not fetched yet.
    pub(crate) fn report<const N: usize>(
        &mut self,
        name: &'static str,
        ops: [Operation<'_>; N],
        sentence: impl FnOnce([&OpView<'_>; N]) -> String,
    ) {
        let ops = ops.map(|op| op.view());
        self.anomaly(name, &ops.each_ref(), || sentence(ops.each_ref()));
    }

    /// Judges each key's operations alone.
    pub(crate) fn by_key(&mut self, history: &History, mut judge: impl FnMut(&Object<'_>, &mut Findings)) {
        let keys = Keys::of(history);
        if keys.is_empty() {
            self.unknown("the history has no operations".to_owned());
        }
        for key in 0..keys.len() {
            judge(&Object::new(Rows::of(history, keys.of_key(key))), self);
        }
    }

    /// The answer of a checker that judges each key's operations alone.
    pub(crate) fn of_keys(
        checker: &'static str,
        why: &'static str,
        history: &History,
        judge: impl FnMut(&Object<'_>, &mut Findings),
    ) -> Judgement {
        let mut findings = Findings::new(checker, why, history.len());
        findings.by_key(history, judge);
        findings.judgement()
    }

    /// The answer.
    pub(crate) fn judgement(mut self) -> Judgement {
        for (name, count) in &self.counts {
            if *count > REPORTED {
                self.notes.push(format!("{count} anomalies of the kind \"{name}\"; the first {REPORTED} are reported"));
            }
        }
        Judgement {
            checker: self.checker.to_owned(),
            finding: match (self.anomalies.is_empty(), self.unknown.is_empty()) {
                (false, _) => Finding::Invalid,
                (true, false) => Finding::Unknown,
                (true, true) => Finding::Valid,
            },
            anomalies: self.anomalies,
            unknown: self.unknown,
            methods: vec![Method {
                method: "scan".to_owned(),
                parts: 1,
                operations: self.operations,
                steps: self.operations,
                why: self.why.to_owned(),
            }],
            notes: self.notes,
            measurements: self.measurements,
        }
    }
}

/// A key as text; empty where there is only one object.
pub(crate) fn key_text(key: &Value) -> String {
    if key.is_nil() { String::new() } else { key.to_string() }
}

/// ` on key 7`, or nothing where there is only one object.
pub(crate) fn on_key(key: &Value) -> String {
    if key.is_nil() { String::new() } else { format!(" on key {key}") }
}

/// `at 1.000 s`: when an operation was invoked.
pub(crate) fn begun(op: &OpView<'_>) -> String {
    format!("at {}", Span(op.invoke_time))
}

/// `at 1.002 s`: when an operation completed.
pub(crate) fn ended(op: &OpView<'_>) -> String {
    op.complete_time.map_or("never".to_owned(), |time| format!("at {}", Span(time)))
}

/// Time between one operation's completion and another's invocation, as a person would write it.
pub(crate) fn between(first: &OpView<'_>, second: &OpView<'_>) -> Span {
    Span(second.invoke_time.saturating_sub(first.complete_time.unwrap_or(first.invoke_time)))
}

/// An operation in one line.
fn describe(op: &OpView<'_>) -> String {
    let brief = |value: &Value| match value {
        Value::List(items) if items.len() > 16 => format!("[{} elements]", items.len()),
        Value::Map(entries) if entries.len() > 16 => format!("{{{} entries}}", entries.len()),
        other => other.to_string(),
    };
    let input = if op.input.is_nil() { String::new() } else { format!(" {}", brief(&op.input)) };
    let output = match op.outcome {
        Outcome::Ok if op.output != op.input => format!(" → {}", brief(&op.output)),
        Outcome::Ok => String::new(),
        Outcome::Fail => ", failed".to_owned(),
        Outcome::Info => ", outcome unknown".to_owned(),
    };
    let end = op.complete_time.map_or(String::new(), |time| format!(" to {}", Span(time)));
    format!("process {}: {}{input}{output}, from {}{end}", op.process, op.f, Span(op.invoke_time))
}

/// Whether the first operation had completed, with a known effect, before the second was invoked.
pub(crate) fn precedes(first: &OpView<'_>, second: &OpView<'_>) -> bool {
    first.outcome != Outcome::Info && first.completed.is_some_and(|completed| completed < second.invoked)
}

/// The last position at which an operation can have taken effect.
pub(crate) fn last_moment(op: &OpView<'_>) -> u32 {
    match op.outcome {
        Outcome::Info => u32::MAX,
        _ => op.completed.unwrap_or(u32::MAX),
    }
}
