//! What went wrong with a register, in the field's words.

use rashomon_history::Value;

use super::RegisterOp;
use crate::story::{Explanation, Span, Story, capital};
use crate::subhistory::{Item, NEVER};

/// The value an operation found, if it says which.
fn found(op: &RegisterOp) -> Option<&Value> {
    match op {
        RegisterOp::Read(value) | RegisterOp::Cas(value, _) => Some(value),
        RegisterOp::Write(_) | RegisterOp::Refused(_) => None,
    }
}

/// The value an operation leaves behind.
fn left(op: &RegisterOp) -> Option<&Value> {
    match op {
        RegisterOp::Write(value) => Some(value),
        // One that replaces a value by itself only finds it.
        RegisterOp::Cas(from, to) => Some(to).filter(|&to| to != from),
        RegisterOp::Read(_) | RegisterOp::Refused(_) => None,
    }
}

/// Names the contradiction; `None` when it is none of the simple ones.
pub(super) fn explain(story: &Story<'_, RegisterOp>) -> Option<Explanation> {
    // The operation that could not have found what it found: the last of the core that found anything.
    let candidates = story.core.iter().filter(|item| found(story.op(item)).is_some());
    let subject = *candidates.max_by_key(|item| item.completed)?;
    let value = found(story.op(&subject)).expect("filtered above").clone();
    never_written(story, &subject, &value)
        .or_else(|| not_yet_written(story, &subject, &value))
        .or_else(|| replaced_twice(story, &subject, &value))
        .or_else(|| stale(story, &subject, &value))
        .or_else(|| inversion(story, &subject, &value))
}

/// `process 3 read 7 (from 1.0 ms to 2.0 ms)`.
fn say(story: &Story<'_, RegisterOp>, item: &Item) -> String {
    let view = story.view(item);
    let what = match story.op(item) {
        RegisterOp::Read(value) => format!("read {value}"),
        RegisterOp::Write(value) => format!("wrote {value}"),
        RegisterOp::Cas(from, to) => format!("replaced {from} by {to}"),
        RegisterOp::Refused(from) => format!("did not find {from}"),
    };
    let from = Span(view.invoke_time).to_string();
    let when = match view.complete_time.map(|end| Span(end).to_string()) {
        // Shorter than what times are rounded to.
        Some(end) if end == from => format!("at {from}"),
        Some(end) => format!("from {from} to {end}"),
        None => format!("from {from}"),
    };
    format!("process {} {what} ({when})", view.process)
}

fn writers<'s>(story: &'s Story<'_, RegisterOp>, value: &'s Value) -> impl Iterator<Item = &'s Item> {
    story.subhistory.items.iter().filter(move |item| left(story.op(item)) == Some(value))
}

fn verb(op: &RegisterOp) -> &'static str {
    if matches!(op, RegisterOp::Read(_)) { "read" } else { "compare-and-set" }
}

fn never_written(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Explanation> {
    let written = value.is_nil() || writers(story, value).any(|item| item.op != subject.op);
    (!written).then(|| Explanation {
        name: format!("thin-air {}", verb(story.op(subject))),
        sentence: capital(format!("{}, a value that no operation wrote.", say(story, subject))),
        explanation: Vec::new(),
    })
}

fn not_yet_written(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Explanation> {
    let others = || writers(story, value).filter(|item| item.op != subject.op);
    let first = others().min_by_key(|item| item.invoked)?;
    (!value.is_nil() && first.invoked > subject.completed).then(|| {
        let end = story.view(subject).complete_time.unwrap_or(0);
        let gap = story.view(first).invoke_time.saturating_sub(end);
        Explanation {
            name: format!("{} from the future", verb(story.op(subject))),
            sentence: capital(format!(
                "{}, but {value} was first written {} later: {}.",
                say(story, subject),
                Span(gap),
                say(story, first)
            )),
            explanation: Vec::new(),
        }
    })
}

/// Two compare-and-sets replaced the same value, which was written once.
fn replaced_twice(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Explanation> {
    let is_cas = |item: &&Item| matches!(story.op(item), RegisterOp::Cas(from, to) if from == value && from != to);
    let other = story.core.iter().filter(is_cas).find(|item| item.op != subject.op)?;
    let times = writers(story, value).count() + usize::from(value.is_nil());
    (is_cas(&subject) && times == 1).then(|| Explanation {
        name: "lost update".to_owned(),
        sentence: format!(
            "Two compare-and-sets replaced {value}, which was set only once: {}, and {}; one update is lost.",
            say(story, other),
            say(story, subject)
        ),
        explanation: Vec::new(),
    })
}

/// How many versions a stale operation is behind, as a sentence: the acknowledged writes that certainly are newer than
/// the value it found. One more and it would be the k of k-atomicity (Aiyer, Alvisi, Bazzi, *On the availability of
/// non-strict quorum systems*, DISC 2005), were nothing but real time known.
fn behind(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> String {
    let settled = writers(story, value).filter(|writer| writer.invoked < subject.completed && writer.op != subject.op);
    let since = settled.map(|writer| writer.completed).max();
    let newer = |item: &&Item| {
        item.completed < subject.invoked
            && since.is_none_or(|since| since < item.invoked)
            && left(story.op(item)).is_some_and(|written| written != value)
    };
    match story.subhistory.items.iter().filter(newer).count() {
        0 | 1 => "It is at least 1 version stale.".to_owned(),
        count => format!("It is at least {count} versions stale: {count} acknowledged writes are newer."),
    }
}

/// An acknowledged write had replaced the value before the subject began.
fn stale(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Explanation> {
    let replaces = |item: &&Item| {
        item.completed != NEVER
            && item.completed < subject.invoked
            && left(story.op(item)).is_some_and(|written| written != value)
            && writers(story, value)
                .filter(|writer| writer.invoked < subject.completed && writer.op != subject.op)
                .all(|writer| writer.completed < item.invoked)
    };
    let newer = story.core.iter().filter(replaces).max_by_key(|item| item.completed)?;
    let written = left(story.op(newer)).expect("it replaces the value");
    let began = story.view(subject).invoke_time;
    let late = Span(began.saturating_sub(story.view(newer).complete_time.unwrap_or(began)));
    let after = |item: &&Item| item.op != newer.op && item.op != subject.op && item.completed > newer.invoked;
    let ever_seen = story.subhistory.items.iter().filter(after).any(|item| found(story.op(item)) == Some(written));
    let acknowledged = |item: &Item| item.completed != NEVER && left(story.op(item)).is_some();
    let overwritten = || story.subhistory.items.iter().filter(after).filter(|item| acknowledged(item));
    // What was written over at once need not have been lost before: unless two nodes had answered without it till then.
    let until = overwritten().map(|item| item.invoked).min().unwrap_or(NEVER);
    let missed = story
        .subhistory
        .items
        .iter()
        .filter(|item| item.invoked > newer.completed && item.completed < until && found(story.op(item)).is_some());
    let mut nodes: Vec<u16> = missed.filter_map(|item| story.view(item).node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let name = match story.op(subject) {
        _ if !ever_seen && (until == NEVER || nodes.len() > 1) => "lost write",
        RegisterOp::Read(_) => "stale read",
        _ => "stale compare-and-set",
    };
    let mut explanation = vec![behind(story, subject, value)];
    if name == "lost write" {
        explanation.push(format!("No operation of this history ever saw {written} after it was acknowledged."));
    }
    Some(Explanation {
        name: name.to_owned(),
        sentence: capital(format!(
            "{}, {late} after its replacement {written} was acknowledged: {}.",
            say(story, subject),
            say(story, newer)
        )),
        explanation,
    })
}

/// A newer value had been read before the subject began.
fn inversion(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Explanation> {
    let earlier = story.core.iter().filter(|item| {
        item.completed < subject.invoked
            && found(story.op(item)).is_some_and(|other| other != value)
            && left(story.op(item)).is_none()
    });
    let earlier = earlier.max_by_key(|item| item.completed)?;
    let newer = found(story.op(earlier)).expect("a read found something");
    // The value read first is the newer one when nothing could have written the old one again.
    let settled = || writers(story, value).filter(|writer| writer.invoked < subject.completed);
    settled().all(|writer| writer.completed < earlier.invoked).then_some(())?;
    // Unless it is older even so: then it is the first read that came too late.
    let replacement = settled().min_by_key(|writer| writer.invoked);
    if let Some(replacement) = replacement
        && writers(story, newer).all(|writer| writer.completed < replacement.invoked)
    {
        let began = story.view(earlier).invoke_time;
        let late = Span(began.saturating_sub(story.view(replacement).complete_time.unwrap_or(began)));
        return Some(Explanation {
            name: "stale read".to_owned(),
            sentence: capital(format!(
                "{}, although {value} had replaced it {late} before: {}.",
                say(story, earlier),
                say(story, replacement)
            )),
            explanation: vec![capital(format!("{value} was still there later: {}.", say(story, subject)))],
        });
    }
    let end = story.view(earlier).complete_time.unwrap_or(0);
    let late = Span(story.view(subject).invoke_time.saturating_sub(end));
    Some(Explanation {
        name: "stale read".to_owned(),
        sentence: capital(format!(
            "{}, although the newer {newer} had been read {late} before: {}.",
            say(story, subject),
            say(story, earlier)
        )),
        explanation: vec![behind(story, subject, value)],
    })
}
