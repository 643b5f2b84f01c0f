//! What went wrong with a register, in the field's words.

use rashomon_history::Value;

use super::RegisterOp;
use crate::part::{Item, NEVER};
use crate::story::{Account, Span, Story};

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
        RegisterOp::Write(value) | RegisterOp::Cas(_, value) => Some(value),
        RegisterOp::Read(_) | RegisterOp::Refused(_) => None,
    }
}

/// Names the contradiction; `None` when it is none of the simple ones.
pub(super) fn explain(story: &Story<'_, RegisterOp>) -> Option<Account> {
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
    let end = view.complete_time.map(|end| format!(" to {}", Span(end))).unwrap_or_default();
    format!("process {} {what} (from {}{end})", view.process, Span(view.invoke_time))
}

fn writers<'s>(story: &'s Story<'_, RegisterOp>, value: &'s Value) -> impl Iterator<Item = &'s Item> {
    story.part.items.iter().filter(move |item| left(story.op(item)) == Some(value))
}

fn verb(op: &RegisterOp) -> &'static str {
    if matches!(op, RegisterOp::Read(_)) { "read" } else { "compare-and-set" }
}

fn never_written(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Account> {
    let written = value.is_nil() || writers(story, value).any(|item| item.op != subject.op);
    (!written).then(|| Account {
        name: format!("{} of a value never written", verb(story.op(subject))),
        sentence: format!("{}, a value that nobody ever wrote.", say(story, subject)),
        explanation: Vec::new(),
    })
}

fn not_yet_written(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Account> {
    let others = || writers(story, value).filter(|item| item.op != subject.op);
    let first = others().min_by_key(|item| item.invoked)?;
    (!value.is_nil() && first.invoked > subject.completed).then(|| {
        let end = story.view(subject).complete_time.unwrap_or(0);
        let gap = story.view(first).invoke_time.saturating_sub(end);
        Account {
            name: format!("{} of a value not yet written", verb(story.op(subject))),
            sentence: format!(
                "{}, but {value} was first written {} later: {}.",
                say(story, subject),
                Span(gap),
                say(story, first)
            ),
            explanation: Vec::new(),
        }
    })
}

/// Two compare-and-sets replaced the same value, which was written once.
fn replaced_twice(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Account> {
    let is_cas = |item: &&Item| matches!(story.op(item), RegisterOp::Cas(from, to) if from == value && from != to);
    let other = story.core.iter().filter(is_cas).find(|item| item.op != subject.op)?;
    let times = writers(story, value).count() + usize::from(value.is_nil());
    (is_cas(&subject) && times == 1).then(|| Account {
        name: "lost update".to_owned(),
        sentence: format!(
            "{value} was replaced twice although it was written once: {}, and {}; one of the updates is lost.",
            say(story, other),
            say(story, subject)
        ),
        explanation: Vec::new(),
    })
}

/// An acknowledged write had replaced the value before the subject began.
fn stale(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Account> {
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
    let acknowledged = story.view(newer).complete_time.unwrap_or(began);
    let late = Span(began.saturating_sub(acknowledged));
    let ever_seen =
        story.part.items.iter().any(|item| {
            item.op != subject.op && item.completed > newer.invoked && found(story.op(item)) == Some(written)
        });
    let name = match (ever_seen, story.op(subject)) {
        (true, RegisterOp::Read(_)) => "stale read",
        (true, _) => "stale compare-and-set",
        (false, _) => "lost write",
    };
    let mut explanation = Vec::new();
    if !ever_seen {
        explanation.push(format!("No operation of this history ever saw {written} after it was acknowledged."));
    }
    Some(Account {
        name: name.to_owned(),
        sentence: format!(
            "{}, although {written} had replaced it and was acknowledged {late} before: {}.",
            say(story, subject),
            say(story, newer)
        ),
        explanation,
    })
}

/// A newer value had been read before the subject began.
fn inversion(story: &Story<'_, RegisterOp>, subject: &Item, value: &Value) -> Option<Account> {
    let earlier = story.core.iter().filter(|item| {
        item.completed < subject.invoked
            && found(story.op(item)).is_some_and(|other| other != value)
            && matches!(story.op(item), RegisterOp::Read(_))
    });
    let earlier = earlier.max_by_key(|item| item.completed)?;
    let newer = found(story.op(earlier)).expect("a read found something");
    // The value read first is the newer one when nothing could have written the old one again.
    let mut settled = writers(story, value).filter(|writer| writer.invoked < subject.completed);
    settled.all(|writer| writer.completed < earlier.invoked).then_some(())?;
    let end = story.view(earlier).complete_time.unwrap_or(0);
    let late = Span(story.view(subject).invoke_time.saturating_sub(end));
    Some(Account {
        name: "stale read".to_owned(),
        sentence: format!(
            "{}, although the newer {newer} had been read {late} before: {}.",
            say(story, subject),
            say(story, earlier)
        ),
        explanation: Vec::new(),
    })
}
