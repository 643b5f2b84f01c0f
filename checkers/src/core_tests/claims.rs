//! Whether what the sentences of an anomaly claim is so.

use rashomon_history::{History, OpView, Outcome, Value};

use crate::verdict::Anomaly;

/// A claim that does not hold.
type Wrong = String;

/// The nanoseconds of a time or a span as it is written.
fn nanos(words: &str) -> Option<u64> {
    let (number, unit) = words.trim().split_once(' ')?;
    let unit = match unit.trim_end_matches(['.', ',', ')', ';', ':']) {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    Some((number.parse::<f64>().ok()? * unit).round() as u64)
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let from = text.find(before)? + before.len();
    let to = text[from..].find(after)? + from;
    Some(&text[from..to])
}

/// The timestamp error that is said to explain the contradiction; within, `None` where none is said to.
pub(super) fn uncertainty(anomaly: &Anomaly) -> Option<Option<u64>> {
    anomaly.explanation.iter().find_map(|sentence| {
        if sentence.starts_with("No timestamp error explains") {
            return Some(None);
        }
        between(sentence, "A timestamp error below ", " does not explain").and_then(nanos).map(Some)
    })
}

/// An operation as `process 3: read → 4, from 1 ns to 2 ns` or `process 3 read 4 (from 1 ns to 2 ns)` name it.
fn named<'a>(history: &'a History, words: &str) -> Option<OpView<'a>> {
    let rest = &words[words.find("rocess ")? + "rocess ".len()..];
    let process: u32 = rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()?;
    let starts = ["from ", "invoked at ", "(at "].iter().filter_map(|before| Some(rest.find(before)? + before.len()));
    let at = starts.min()?;
    let from = nanos(&rest[at..rest[at..].find(" ns")? + at + 3])?;
    history.ops().find(|op| op.process == process && op.invoke_time == from)
}

/// All operations that a sentence names.
fn all_named<'a>(history: &'a History, sentence: &str) -> Option<Vec<OpView<'a>>> {
    let starts: Vec<usize> = sentence.match_indices("rocess ").map(|(at, _)| at).collect();
    let naming = starts.iter().filter(|&&at| sentence[at + 7..].starts_with(|letter: char| letter.is_ascii_digit()));
    naming.map(|&at| named(history, &sentence[at..])).collect()
}

/// Checks every claim that is understood; the error names the one that does not hold.
pub(super) fn check(history: &History, anomaly: &Anomaly) -> Result<(), Wrong> {
    let operations = all_named(history, &anomaly.sentence).ok_or("the sentence names an operation that is none")?;
    if operations.is_empty() {
        return Err("the sentence names no operation".to_owned());
    }
    let is_fact = |op: &OpView<'_>| anomaly.operations.contains(&op.id);
    if !operations.iter().any(is_fact) {
        return Err("the sentence names nothing of the core".to_owned());
    }
    for sentence in &anomaly.explanation {
        needed_order(history, sentence)?;
    }
    gap(&anomaly.sentence, &operations)?;
    rule(history, anomaly, &operations)
}

/// `Needed: process 1's write 3 completed 5 ns before process 2's read → 4 was invoked.`
fn needed_order(history: &History, sentence: &str) -> Result<(), Wrong> {
    let Some(rest) = sentence.strip_prefix("Needed: process ") else { return Ok(()) };
    let parse = || {
        let first: u32 = rest.split('\'').next()?.parse().ok()?;
        let at = rest.rfind(" completed ")?;
        let gap = nanos(rest[at + " completed ".len()..].split(" before ").next()?)?;
        let second: u32 = rest[at..].split("before process ").nth(1)?.split('\'').next()?.parse().ok()?;
        Some((first, gap, second))
    };
    let (first, gap, second) = parse().ok_or("an order cannot be read")?;
    let found = history.ops().filter(|op| op.process == first).any(|before| {
        let end = before.complete_time.filter(|_| before.outcome != Outcome::Info);
        let after = |op: &OpView<'_>| op.process == second && end.is_some_and(|end| end + gap == op.invoke_time);
        history.ops().any(|op| after(&op))
    });
    if found { Ok(()) } else { Err(format!("no two operations are so far apart: {sentence}")) }
}

/// `…, 5 ns after its replacement 3 was acknowledged: …` and the like: some two of the operations are so far apart.
fn gap(sentence: &str, operations: &[OpView<'_>]) -> Result<(), Wrong> {
    let spans = [("), ", " after its replacement"), (" had been read ", " before: "), ("replaced it ", " before: ")];
    let later = [(" first written ", " later: ")];
    let claimed = spans.iter().chain(&later).find_map(|(before, after)| between(sentence, before, after));
    let Some(claimed) = claimed.and_then(nanos) else { return Ok(()) };
    let apart = |one: &OpView<'_>, other: &OpView<'_>| {
        one.complete_time.is_some_and(|end| end <= other.invoke_time && other.invoke_time - end == claimed)
    };
    let found = operations.iter().any(|one| operations.iter().any(|other| apart(one, other)));
    if found { Ok(()) } else { Err(format!("no two of its operations are {claimed} ns apart")) }
}

fn amount(op: &OpView<'_>) -> i64 {
    op.input.as_int().unwrap_or(1)
}

/// What an increment found, where it says so.
fn found(op: &OpView<'_>) -> Option<i64> {
    match (op.f, op.outcome) {
        ("fetch-add", Outcome::Ok) => op.output.as_int(),
        ("add-fetch", Outcome::Ok) => Some(op.output.as_int()? - amount(op)),
        _ => None,
    }
}

/// Whether two of the operations are in a relation.
fn any_two(operations: &[OpView<'_>], relation: impl Fn(&OpView<'_>, &OpView<'_>) -> bool) -> bool {
    operations.iter().any(|one| operations.iter().any(|other| one.id != other.id && relation(one, other)))
}

/// Whether a value was put, by any operation that may have taken effect.
fn is_put(history: &History, value: &Value) -> bool {
    let puts = |op: &OpView<'_>| matches!(op.f, "enqueue" | "push" | "insert") && op.outcome != Outcome::Fail;
    history.ops().any(|op| puts(&op) && op.input == *value)
}

/// What a rule says.
fn rule(history: &History, anomaly: &Anomaly, operations: &[OpView<'_>]) -> Result<(), Wrong> {
    let because = anomaly.sentence.split(": process").next().unwrap_or_default();
    let is_take = |op: &OpView<'_>| matches!(op.f, "dequeue" | "pop" | "extract") && op.outcome == Outcome::Ok;
    let is_acquire = |op: &OpView<'_>| op.f.starts_with("acquire");
    let holds = match because {
        "Two increments found the same value" => {
            any_two(operations, |one, other| found(one).is_some() && found(one) == found(other))
        }
        "Two increments overlap in value" => any_two(operations, |one, other| match (found(one), found(other)) {
            (Some(first), Some(second)) => first <= second && second < first + amount(one),
            _ => false,
        }),
        "An increment found a value that was left behind before it was invoked" => {
            operations.iter().any(|op| found(op).is_some())
        }
        "A value was taken twice" => {
            any_two(operations, |one, other| is_take(one) && is_take(other) && one.output == other.output)
        }
        "A value was taken that nobody put" | "A value was seen that nobody put" => {
            operations.iter().any(|op| op.outcome == Outcome::Ok && !is_put(history, &op.output))
        }
        "A value was taken before it was put" | "A value was seen before it was put" => operations.iter().any(|op| {
            let puts = history.ops().filter(|put| put.input == op.output && is_put(history, &put.input));
            let puts: Vec<u32> = puts.map(|put| put.invoked).collect();
            op.outcome == Outcome::Ok && !puts.is_empty() && puts.iter().all(|&put| Some(put) > op.completed)
        }),
        "It was found empty while something was certainly inside" => {
            operations.iter().any(|op| op.output == Value::Nil)
        }
        "A process acquired what it already held" => {
            any_two(operations, |one, other| is_acquire(one) && is_acquire(other) && one.process == other.process)
        }
        "Two processes held it at the same time"
        | "More processes held it at the same time than it has permits"
        | "A process held it for writing while another held it" => {
            any_two(operations, |one, other| is_acquire(one) && is_acquire(other) && one.process != other.process)
        }
        "A later holder got a token that is not larger" => any_two(operations, |one, other| {
            is_acquire(one) && is_acquire(other) && one.completed < other.completed && one.output >= other.output
        }),
        "It was acquired while all permits were taken" => operations.iter().any(is_acquire),
        "It was released while nobody held it" | "A process released what it did not hold" => {
            operations.iter().any(|op| op.f.starts_with("release"))
        }
        "A read returned an element that nobody added" => operations.iter().any(|op| op.f == "read"),
        "Two reads each miss an element that the other has" => {
            any_two(operations, |one, other| one.f == "read" && other.f == "read" && one.output != other.output)
        }
        "No order of the values explains when they were next to leave"
        | "A value left the queue before one that was put in earlier"
        | "A value never left the queue, although one that was put in later did"
        | "No value can have been at the bottom of the stack"
        | "A value was next to leave while one that goes first was certainly inside"
        | "A value was seen after it was taken"
        | "No moments for the element's add and remove explain every answer"
        | "The reads order these operations against real time"
        | "No number of increments gives this value"
        | "The increments invoked by then cannot have led to this value"
        | "Increments that had happened before add up to more than this value"
        | "No sum of increments gives what this one found"
        | "No sum of increments gives this value"
        | "The values order these operations against real time"
        | "A process released in another mode than it held" => true,
        _ if because.starts_with("No order of these") || because.starts_with("Nothing explains") => true,
        _ if because.starts_with("Process ") || because.starts_with("Two compare-and-sets") => {
            register(history, anomaly, operations)?
        }
        _ => return Err(format!("the test does not know the rule `{because}`")),
    };
    if holds { Ok(()) } else { Err(format!("`{because}` is not so")) }
}

/// What is said of registers.
fn register(history: &History, anomaly: &Anomaly, operations: &[OpView<'_>]) -> Result<bool, Wrong> {
    let written = |op: &OpView<'_>| match (op.f, op.input.as_list()) {
        _ if op.outcome == Outcome::Fail => None,
        ("write", _) => Some(op.input.clone()),
        ("cas", Some([from, to])) if from != to => Some(to.clone()),
        _ => None,
    };
    let seen = |op: &OpView<'_>| match (op.f, op.outcome, op.input.as_list()) {
        ("read", Outcome::Ok, _) => Some(op.output.clone()),
        ("cas", Outcome::Ok, Some([from, _])) => Some(from.clone()),
        _ => None,
    };
    let writers = |value: &Value, but: &OpView<'_>| {
        let (value, but) = (value.clone(), but.id);
        history.ops().filter(move |op| op.id != but && written(op).as_ref() == Some(&value))
    };
    let Some(subject) = operations.first() else { return Ok(true) };
    let Some(value) = seen(subject) else { return Ok(true) };
    Ok(match &*anomaly.name {
        name if name.starts_with("thin-air") => writers(&value, subject).count() == 0 && !value.is_nil(),
        name if name.ends_with("from the future") => {
            writers(&value, subject).all(|op| Some(op.invoked) > subject.completed)
                && writers(&value, subject).count() > 0
        }
        "lost update" => operations.len() == 2 && seen(&operations[1]).as_ref() == Some(&value),
        "lost write" | "stale read" | "stale compare-and-set" if anomaly.sentence.contains("acknowledged") => {
            let newer = operations.get(1).ok_or("a stale operation is compared with a newer one")?;
            let mut settled = writers(&value, subject).filter(|op| Some(op.invoked) < subject.completed);
            let older = |op: OpView<'_>| op.outcome != Outcome::Info && op.completed < Some(newer.invoked);
            let replaced =
                written(newer).is_some_and(|written| written != value) && newer.completed < Some(subject.invoked);
            let unseen = |op: OpView<'_>| seen(&op) != written(newer) || op.completed < Some(newer.invoked);
            let lost = anomaly.name != "lost write" || { history.ops() }.all(unseen);
            replaced && settled.all(older) && lost
        }
        _ => true,
    })
}
