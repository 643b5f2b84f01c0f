//! A counterexample in words.

use std::fmt;

use rashomon_history::{History, OpId, OpView};

use crate::model::Model;
use crate::subhistory::{Item, NEVER, Subhistory};
use crate::verdict::{Anomaly, Edge, EdgeKind};

/// A sentence lists so many operations.
pub(crate) const LISTED: usize = 12;
/// Pairs of operations whose order matters that are described one by one.
const ORDER_DESCRIBED: usize = 12;

/// What a model is given to explain a contradiction: the whole subhistory and its minimal core.
pub struct Story<'a, Op> {
    /// The history.
    pub history: &'a History,
    /// All operations of the object.
    pub subhistory: &'a Subhistory<Op>,
    /// The operations whose facts contradict each other, in order of invocation. What was relaxed is relaxed here: a
    /// completion that is not needed for the contradiction is [`NEVER`].
    pub core: &'a [Item],
    /// Which of them completed before which other was invoked, as far as the contradiction needs it.
    pub order: &'a [(OpId, OpId)],
}

/// The explanation of a contradiction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The anomaly's name in the field.
    pub name: String,
    /// One sentence in plain words, with operations, values and times.
    pub sentence: String,
    /// Further sentences, one per step of the argument.
    pub explanation: Vec<String>,
}

impl<Op> Story<'_, Op> {
    /// What a core operation does.
    pub fn op(&self, item: &Item) -> &Op {
        &self.subhistory.classes[item.class as usize]
    }

    /// A core operation as recorded.
    pub fn view(&self, item: &Item) -> OpView<'_> {
        self.history.op(item.op)
    }
}

/// The same words at the beginning of a sentence.
pub(crate) fn capital(words: impl std::fmt::Display) -> String {
    let words = words.to_string();
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Nanoseconds as a person would write them: `1.234 s`, `37.1 ms`, `80 µs`, `7 ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub u64);

impl Span {
    /// The same, rounded down: to say that less than this is not enough.
    pub(crate) fn rounded_down(self) -> Span {
        Span(match self.0 {
            nanos @ 0..1_000_000 => nanos,
            nanos @ 1_000_000..1_000_000_000 => nanos - nanos % 100_000,
            nanos => nanos - nanos % 1_000_000,
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0;
        match nanos {
            0..1_000 => write!(out, "{nanos} ns"),
            1_000..1_000_000 => write!(out, "{} µs", nanos / 1_000),
            1_000_000..1_000_000_000 => write!(out, "{:.1} ms", nanos as f64 / 1e6),
            _ => write!(out, "{:.3} s", nanos as f64 / 1e9),
        }
    }
}

/// `process 3: write 5, from 1.000 s to 1.002 s`, as all explanations name an operation.
pub fn name_operation<M: Model>(model: &M, view: &OpView<'_>, op: &M::Op, completion_matters: bool) -> String {
    let what = model.describe(op);
    let from = Span(view.invoke_time);
    match view.complete_time.filter(|_| completion_matters) {
        Some(end) => format!("process {}: {what}, from {from} to {}", view.process, Span(end)),
        None => format!("process {}: {what}, invoked at {from}", view.process),
    }
}

/// Named operations within a sentence: the last ones, where there are many.
pub(crate) fn list_operations(names: &[String]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let earlier = if more > 0 { format!("after {more} earlier operations, ") } else { String::new() };
    format!("{earlier}{}", names[more..].join("; "))
}

/// Which real-time order the contradiction needs: an edge for each pair.
fn real_time_edges<M: Model>(model: &M, story: &Story<'_, M::Op>) -> Vec<Edge> {
    let name = |op: OpId| {
        let view = story.history.op(op);
        let what = model.operation(&view).ok().flatten().map_or(String::new(), |op| model.describe(&op));
        (format!("process {}'s {what}", view.process), view)
    };
    let edge = |&(from, to): &(OpId, OpId)| {
        let ((first, before), (second, after)) = (name(from), name(to));
        let gap = after.invoke_time.saturating_sub(before.complete_time.unwrap_or(after.invoke_time));
        let why = format!("{first} completed {} before {second} was invoked", Span(gap));
        Edge { from, to, kind: EdgeKind::REAL_TIME, why }
    };
    story.order.iter().map(edge).collect()
}

/// The same in sentences, the first of many.
fn describe_order(edges: &[Edge]) -> Vec<String> {
    let mut described: Vec<String> =
        edges.iter().take(ORDER_DESCRIBED).map(|edge| format!("Needed: {}.", edge.why)).collect();
    if edges.len() > ORDER_DESCRIBED {
        described.push(format!("So do {} more such pairs.", edges.len() - ORDER_DESCRIBED));
    }
    described
}

/// The anomaly of a minimal core: the model's own account, or the general one.
pub(crate) fn describe<M: Model>(model: &M, story: &Story<'_, M::Op>) -> Anomaly {
    let operations: Vec<_> = story.core.iter().map(|item| item.op).collect();
    let listed: Vec<String> = story
        .core
        .iter()
        .map(|item| name_operation(model, &story.view(item), story.op(item), item.completed != NEVER))
        .collect();
    let account = model.explain(story).unwrap_or_else(|| Explanation {
        name: "non-linearizable".to_owned(),
        sentence: match listed.as_slice() {
            [only] => format!("Nothing explains this operation: {only}."),
            _ => format!(
                "No order of these {} operations explains what they returned: {}.",
                listed.len(),
                list_operations(&listed)
            ),
        },
        explanation: Vec::new(),
    });
    let mut explanation = account.explanation;
    explanation.extend(listed);
    let edges = real_time_edges(model, story);
    explanation.extend(describe_order(&edges));
    let starts = story.core.iter().map(|item| story.view(item).invoke_time);
    let ends = story.core.iter().map(|item| {
        let view = story.view(item);
        view.complete_time.unwrap_or(view.invoke_time)
    });
    Anomaly {
        name: account.name,
        sentence: account.sentence,
        key: if story.subhistory.key.is_nil() { String::new() } else { story.subhistory.key.to_string() },
        operations,
        explanation,
        window: (starts.min().unwrap_or(0), ends.max().unwrap_or(0)),
        edges,
    }
}
