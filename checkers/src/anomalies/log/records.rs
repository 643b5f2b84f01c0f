//! Sends and polls of a recorded history, in one form.
//!
//! Two ways to write them are understood:
//!
//! - One partition per operation: `send` with the partition as key and the value as input, its offset (or `[offset
//!   value]`) as output; `poll` with the offset to begin at (or nil) as input and a list of `[offset value]` as output.
//! - Jepsen's transactions: `send`, `poll` or `txn` whose value is a list of `[send key value]`, which becomes `[send
//!   key [offset value]]`, and `[poll]`, which becomes `[poll {key [[offset value] …]}]`.
//!
//! A poll may also return a map from partition to such lists (Maelstrom). `append` is another word for `send`.

use rashomon_history::{History, OpId, OpView, Outcome, Value};

/// A value sent or polled.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) op: OpId,
    pub(super) key: Value,
    pub(super) value: Value,
    /// Where it is, as far as this operation knows.
    pub(super) offset: Option<i64>,
}

/// One operation's polled values, in the order returned.
#[derive(Clone, Debug)]
pub(super) struct Poll {
    pub(super) op: OpId,
    /// The partition and offset it was asked to begin at.
    pub(super) from: Option<(Value, i64)>,
    pub(super) records: Vec<Record>,
}

/// Everything a history says about its logs, in order of invocation.
#[derive(Clone, Debug, Default)]
pub(super) struct Records {
    pub(super) sends: Vec<Record>,
    pub(super) polls: Vec<Poll>,
    /// Operations by which a process moves or forgets its position.
    pub(super) resets: Vec<OpId>,
}

impl Records {
    /// All records, with whether they were polled. Sends that failed or of unknown outcome tell no offset.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Record, bool)> {
        let sends = self.sends.iter().map(|record| (record, false));
        sends.chain(self.polls.iter().flat_map(|poll| &poll.records).map(|record| (record, true)))
    }
}

pub(super) fn records(history: &History) -> Records {
    let mut records = Records::default();
    // A completion that repeats its invocation's value has no result; if all do, the numbers are no offsets.
    let plain_send = |op: &OpView<'_>| is_send(op.f) && transaction(&op.input).is_none() && op.outcome == Outcome::Ok;
    let offsets = history.ops().any(|op| plain_send(&op) && op.output != op.input);
    for op in history.ops() {
        if matches!(op.f, "assign" | "subscribe" | "seek") {
            records.resets.push(op.id);
        } else if is_send(op.f) || matches!(op.f, "poll" | "txn") {
            match transaction(&op.input) {
                Some(asked) => read_transaction(&op, asked, &mut records),
                None if is_send(op.f) => records.sends.push(read_send(&op, offsets)),
                None => read_poll(&op, &mut records),
            }
        }
    }
    records
}

fn is_send(f: &str) -> bool {
    matches!(f, "send" | "append")
}

/// The micro-operations, when a value is a list of them.
fn transaction(value: &Value) -> Option<&[Value]> {
    let items = value.as_list()?;
    let is_micro = |item: &Value| {
        item.as_list().and_then(|item| item.first()).and_then(Value::as_text).is_some_and(|f| is_send(f) || f == "poll")
    };
    (!items.is_empty() && items.iter().all(is_micro)).then_some(items)
}

/// `[offset value]`.
fn at_offset(item: &Value) -> Option<(i64, &Value)> {
    match item.as_list()? {
        [Value::Int(offset), value] => Some((*offset, value)),
        _ => None,
    }
}

fn read_send(op: &OpView<'_>, offsets: bool) -> Record {
    let offset = match (&op.output, op.outcome) {
        (_, Outcome::Fail | Outcome::Info) => None,
        (Value::Int(offset), _) => offsets.then_some(*offset),
        (output, _) => at_offset(output).map(|(offset, _)| offset),
    };
    Record { op: op.id, key: op.key.clone(), value: op.input.clone(), offset }
}

fn read_poll(op: &OpView<'_>, records: &mut Records) {
    let mut poll = Poll { op: op.id, from: op.input.as_int().map(|from| (op.key.clone(), from)), records: Vec::new() };
    if op.outcome == Outcome::Ok {
        read_polled(op, &op.output, &mut poll.records);
        records.polls.push(poll);
    }
}

/// A list of `[offset value]` of the operation's key, or a map from key to such lists.
fn read_polled(op: &OpView<'_>, polled: &Value, records: &mut Vec<Record>) {
    let mut push = |key: &Value, items: &Value| {
        for (offset, value) in items.as_list().unwrap_or_default().iter().filter_map(at_offset) {
            records.push(Record { op: op.id, key: key.clone(), value: value.clone(), offset: Some(offset) });
        }
    };
    match polled {
        Value::Map(partitions) => partitions.iter().for_each(|(key, items)| push(key, items)),
        items => push(&op.key, items),
    }
}

fn read_transaction(op: &OpView<'_>, asked: &[Value], records: &mut Records) {
    let done = transaction(&op.output).filter(|_| op.outcome == Outcome::Ok);
    let mut poll = Poll { op: op.id, from: None, records: Vec::new() };
    let mut polls = false;
    for (index, micro) in asked.iter().enumerate() {
        let result = done.and_then(|done| done.get(index)).and_then(Value::as_list);
        match micro.as_list() {
            Some([_, key, value]) => {
                let offset = result.and_then(|result| at_offset(result.get(2)?)).map(|(offset, _)| offset);
                records.sends.push(Record { op: op.id, key: key.clone(), value: value.clone(), offset });
            }
            _ => {
                polls = true;
                if let Some(polled) = result.and_then(|result| result.get(1)) {
                    read_polled(op, polled, &mut poll.records);
                }
            }
        }
    }
    if polls && op.outcome == Outcome::Ok {
        records.polls.push(poll);
    }
}
