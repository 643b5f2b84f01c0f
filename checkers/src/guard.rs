//! Before a checker judges: can it read this history, and does the history show anything?
//!
//! An operation that a checker does not know, or whose value has another shape than its table of functions says, makes
//! the answer *unknown*: left out, it could hide a violation or feign one. So does a history in which nothing was
//! observed: whatever happened, no result of it contradicts anything. Both follow from the checker's own table
//! ([`Checker::functions`]), so no checker can forget them.
//!
//! The names are compared once for each function of the history. Values are looked at only where the table says of what
//! shape they are.

use rashomon_history::{History, OpId, OpKind, OpView, Outcome, Value};

use crate::checker::{Checker, Function, Observes, Request, Shape};
use crate::verdict::{Finding, Judgement, Method};

/// Judges a history, if the checker can read all of it and something was observed.
pub(crate) fn judge(checker: &Checker, history: &History, request: &Request) -> Judgement {
    if checker.functions.is_empty() {
        return (checker.judge)(history, request);
    }
    let kinds = history.kinds();
    let refusals = unreadable(checker, history, &kinds);
    if !refusals.is_empty() {
        return unknown(checker, history, refusals);
    }
    let mut judgement = (checker.judge)(history, request);
    if judgement.finding == Finding::Valid && !is_observed(checker, history, &kinds) {
        judgement.finding = Finding::Unknown;
        judgement.unknown.push(nothing_observed(checker));
    }
    judgement
}

/// The first operation of each function that cannot be read, with the reason and the remedy.
fn unreadable(checker: &Checker, history: &History, kinds: &[OpKind]) -> Vec<String> {
    let mut refusals: Vec<(OpId, String)> = Vec::new();
    for kinds in kinds.chunk_by(|one, other| one.function == other.function) {
        let name = &**history.function(kinds[0].function);
        let refusal = match checker.functions.iter().find(|function| function.name == name) {
            None => first(history, kinds).map(|op| (op.id, foreign(checker, &op))),
            Some(Function { refused: Some(why), .. }) => {
                first(history, kinds).map(|op| (op.id, format!("{}: `{name}` {why}", cannot_read(&op))))
            }
            Some(function) => misshapen(function, history, kinds),
        };
        refusals.extend(refusal);
    }
    refusals.sort_unstable_by_key(|&(op, _)| op);
    refusals.into_iter().map(|(_, refusal)| refusal).collect()
}

fn first<'a>(history: &'a History, kinds: &[OpKind]) -> Option<OpView<'a>> {
    history.of_kinds(kinds).next().map(|op| history.op(op))
}

fn cannot_read(op: &OpView<'_>) -> String {
    format!("operation {} ({} by process {}) cannot be read", op.id.0, op.f, op.process)
}

fn foreign(checker: &Checker, op: &OpView<'_>) -> String {
    let known = checker.functions.iter().filter(|function| function.refused.is_none());
    let known: Vec<&str> = known.map(|function| function.name).collect();
    let names = match known.as_slice() {
        [] => "nothing".to_owned(),
        [only] => (*only).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    };
    format!(
        "{}: `{}` is not an operation of {}; it knows {names}; choose the model that the history is of, or leave these \
         operations out",
        cannot_read(op),
        op.f,
        checker.name,
    )
}

/// The first operation of a function whose values have another shape.
fn misshapen(function: &Function, history: &History, kinds: &[OpKind]) -> Option<(OpId, String)> {
    let asks_input = !function.input.is_any();
    let asks_output = |kind: &OpKind| {
        kind.outcome == Outcome::Ok
            && match function.output {
                Shape::Any => false,
                // An update that says nothing has nothing to be read.
                Shape::Of { .. } => {
                    matches!(function.observes, Observes::Ok | Observes::If(_)) || !kind.returned_nothing
                }
            }
    };
    let asked: Vec<OpKind> = kinds.iter().copied().filter(|kind| asks_input || asks_output(kind)).collect();
    if asked.is_empty() {
        return None;
    }
    let outputs: Vec<bool> = Outcome::ALL.iter().map(|&outcome| outcome == Outcome::Ok).collect();
    for id in history.of_kinds(&asked) {
        let row = history.row(id);
        // Small integers are read without a look into any table.
        let input = history.value(row.input);
        if asks_input && !function.input.fits(&Value::Nil, &input) {
            return Some((id, shape(history, id, "is invoked with", &function.input, &input)));
        }
        let is_ok = outputs[row.outcome as usize];
        let nothing = row.output == History::NIL || row.output == row.input;
        let observes = matches!(function.observes, Observes::Ok | Observes::If(_));
        if is_ok && !function.output.is_any() && (observes || !nothing) {
            let output = history.value(row.output);
            if !function.output.fits(&input, &output) {
                return Some((id, shape(history, id, "returns", &function.output, &output)));
            }
        }
    }
    None
}

fn shape(history: &History, op: OpId, verb: &str, shape: &Shape, value: &Value) -> String {
    let op = history.op(op);
    let shown = value.to_string();
    let shown =
        if shown.chars().count() > 60 { format!("{}…", shown.chars().take(60).collect::<String>()) } else { shown };
    format!(
        "{}: {} {verb} {}, this one has {shown}; convert the history, or choose the model that it is of",
        cannot_read(&op),
        op.f,
        shape.text(),
    )
}

/// Whether the result of any operation says something about the object.
fn is_observed(checker: &Checker, history: &History, kinds: &[OpKind]) -> bool {
    kinds.iter().any(|kind| {
        let name = &**history.function(kind.function);
        let Some(function) = checker.functions.iter().find(|function| function.name == name) else { return false };
        match function.observes {
            Observes::Never => false,
            Observes::Ok => kind.outcome == Outcome::Ok,
            Observes::OkOrFail => kind.outcome != Outcome::Info,
            Observes::If(says) => {
                kind.outcome == Outcome::Ok && history.of_kinds(&[*kind]).any(|op| says(&history.op(op)))
            }
        }
    })
}

fn nothing_observed(checker: &Checker) -> String {
    let observers = checker.functions.iter().filter(|function| !matches!(function.observes, Observes::Never));
    let names: Vec<&str> = observers.map(|function| function.name).collect();
    format!(
        "nothing was observed: no {} of this history returned anything to judge by; record results, and operations that \
         ended `ok`",
        names.join(" or ")
    )
}

fn unknown(checker: &Checker, history: &History, unknown: Vec<String>) -> Judgement {
    Judgement {
        checker: checker.to_string(),
        finding: Finding::Unknown,
        anomalies: Vec::new(),
        unknown,
        methods: vec![Method {
            method: "guard".to_owned(),
            parts: 1,
            operations: history.len() as u64,
            steps: history.len() as u64,
            why: "the history must be of the model before it can be judged".to_owned(),
        }],
        notes: Vec::new(),
        measurements: Vec::new(),
    }
}
