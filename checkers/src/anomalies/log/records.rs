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

use rashomon_history::{History, OpId, Outcome, Value};
use rustc_hash::FxHashMap;

use crate::checker::{Function, Shape};
use crate::findings::on_key;
use crate::names::Names;
use crate::operations::Operation;

/// What is understood.
pub(in crate::anomalies) const FUNCTIONS: &[Function] = &[
    Function::update("send", Shape::Any).returning(SENT),
    Function::update("append", Shape::Any).returning(SENT),
    Function::observer("poll", Shape::Any, POLLED),
    Function::observer("txn", TRANSACTION, DONE),
    Function::update("assign", Shape::Any),
    Function::update("subscribe", Shape::Any),
    Function::update("seek", Shape::Any),
];

const SENT: Shape = Shape::Of {
    text: "its offset, [offset value], or the transaction with offsets",
    fits: |input, value| match transaction(input) {
        Some(asked) => is_done(asked, value),
        None => value.as_int().is_some() || at_offset(value).is_some(),
    },
};

const POLLED: Shape = Shape::Of {
    text: "a list of [offset value], a map from key to such lists, or the transaction with them",
    fits: |input, value| match transaction(input) {
        Some(asked) => is_done(asked, value),
        None => are_polled(value),
    },
};

const TRANSACTION: Shape = Shape::Of {
    text: "a list of [send key value] and [poll]",
    fits: |_, value| transaction(value).is_some_and(|micros| micros.iter().all(is_whole)),
};

const DONE: Shape = Shape::Of {
    text: "the transaction with offsets, and with a list of [offset value] per key for each poll",
    fits: |input, value| transaction(input).is_some_and(|asked| is_done(asked, value)),
};

/// Whether a micro-operation has all its parts.
fn is_whole(micro: &Value) -> bool {
    match micro.as_list() {
        Some([Value::Text(f), ..]) if &**f == "poll" => true,
        Some(parts) => parts.len() == 3,
        None => false,
    }
}

/// Whether a value is what these micro-operations returned.
fn is_done(asked: &[Value], value: &Value) -> bool {
    let Some(done) = transaction(value).filter(|done| done.len() == asked.len()) else { return false };
    asked.iter().zip(done).all(|(asked, done)| {
        let (Some(asked), Some(done)) = (asked.as_list(), done.as_list()) else { return false };
        asked[0] == done[0]
            && match done[0].as_text() {
                Some("poll") => done.get(1).is_none_or(are_polled),
                _ => asked.len() == 3 && done.len() == 3 && asked[1] == done[1],
            }
    })
}

/// Whether a value is what a poll returned: a list of `[offset value]`, or a map of them. Nil is an empty one.
fn are_polled(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::List(items) => items.iter().all(|item| at_offset(item).is_some()),
        Value::Map(partitions) => {
            partitions.iter().all(|(_, items)| !matches!(items, Value::Map(_)) && are_polled(items))
        }
        _ => false,
    }
}

/// A message sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Send {
    pub(super) op: OpId,
    pub(super) message: u32,
    /// Where it is, as far as this operation knows: nothing if it failed or its outcome is unknown.
    pub(super) offset: Option<i64>,
}

/// A message polled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polled {
    pub(super) message: u32,
    pub(super) offset: i64,
}

/// One poll.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poll {
    pub(super) op: OpId,
    /// The partition and offset it was asked to begin at.
    pub(super) from: Option<(u32, i64)>,
    /// The end of its stretch of [`Records::polled`].
    end: u32,
}

/// Everything a history says about its logs, in order of invocation.
#[derive(Default)]
pub(super) struct Records {
    pub(super) messages: Messages,
    pub(super) sends: Vec<Send>,
    /// What all polls returned, each in its order.
    pub(super) polled: Vec<Polled>,
    polls: Vec<Poll>,
    /// Operations by which a process moves or forgets its position, polls of unknown outcome among them.
    pub(super) resets: Vec<OpId>,
    /// How many polls have an unknown outcome: any of them may have returned something.
    pub(super) unknown_polls: u64,
}

impl Records {
    /// The polls, each with what it returned.
    pub(super) fn polls(&self) -> impl Iterator<Item = (&Poll, &[Polled])> {
        let mut begin = 0;
        self.polls.iter().map(move |poll| {
            let polled = &self.polled[begin as usize..poll.end as usize];
            begin = poll.end;
            (poll, polled)
        })
    }

    /// Ends a poll: what was polled since the last one is its.
    fn poll(&mut self, op: OpId, from: Option<(u32, i64)>) {
        self.polls.push(Poll { op, from, end: self.polled.len() as u32 });
    }
}

/// Numbers for partitions and for the values in each: the same value in another partition is another message.
#[derive(Default)]
pub(super) struct Messages {
    partitions: Names,
    values: Names,
    /// Per message, its partition and its value.
    known: Vec<(u32, u32)>,
    /// Per value, the message in the partition where it was first met.
    first: Vec<u32>,
    /// The messages of that value in other partitions.
    others: FxHashMap<(u32, u32), u32>,
}

impl Messages {
    fn number(&mut self, partition: u32, value: &Value) -> u32 {
        let value = self.values.number(value);
        let next = self.known.len() as u32;
        let number = match self.first.get(value as usize) {
            Some(&first) if self.partition(first) == partition => first,
            Some(_) => *self.others.entry((partition, value)).or_insert(next),
            None => {
                self.first.push(next);
                next
            }
        };
        if number == next {
            self.known.push((partition, value));
        }
        number
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    pub(super) fn partitions(&self) -> usize {
        self.partitions.len()
    }

    pub(super) fn partition(&self, message: u32) -> u32 {
        self.known[message as usize].0
    }

    pub(super) fn value(&self, message: u32) -> &Value {
        self.values.name(self.known[message as usize].1)
    }

    /// ` on key 7`: the partition, or nothing where there is only one.
    pub(super) fn on_key(&self, message: u32) -> String {
        on_key(self.partitions.name(self.partition(message)))
    }

    /// Per partition, its place in order of their names.
    pub(super) fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.partitions.len() as u32).collect();
        order.sort_unstable_by_key(|&partition| self.partitions.name(partition));
        let mut ranks = vec![0; order.len()];
        (0..).zip(order).for_each(|(rank, partition)| ranks[partition as usize] = rank);
        ranks
    }
}

pub(super) fn records(history: &History) -> Records {
    let ops = || (0..history.len() as u32).map(|id| Operation::of(history, OpId(id)));
    let plain_sends = || ops().filter(|op| is_send(op.f()) && transaction(&op.input()).is_none());
    // A completion that repeats its invocation's value has no result; if all do, the numbers are no offsets.
    let offsets = plain_sends().any(|op| op.outcome == Outcome::Ok && op.output != op.input);
    let mut records = Records::default();
    records.messages.values = Names::expecting(plain_sends().map(|op| op.input()));
    for op in ops() {
        if matches!(op.f(), "assign" | "subscribe" | "seek") {
            records.resets.push(op.id);
        } else if is_send(op.f()) || matches!(op.f(), "poll" | "txn") {
            let input = op.input();
            if op.outcome == Outcome::Info && polls(&op, &input) {
                records.resets.push(op.id);
                records.unknown_polls += 1;
            }
            match transaction(&input) {
                Some(asked) => read_transaction(op, asked, &mut records),
                None if is_send(op.f()) => read_send(op, offsets, &mut records),
                None => read_poll(op, &mut records),
            }
        }
    }
    records
}

/// Whether an operation polls.
fn polls(op: &Operation<'_>, input: &Value) -> bool {
    let is_poll = |micro: &Value| micro.as_list().is_some_and(|micro| micro[0].as_text() == Some("poll"));
    match transaction(input) {
        Some(micros) => micros.iter().any(is_poll),
        None => op.f() == "poll",
    }
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

fn read_send(op: Operation<'_>, offsets: bool, records: &mut Records) {
    let offset = match (op.output(), op.outcome) {
        (_, Outcome::Fail | Outcome::Info) => None,
        (Value::Int(offset), _) => offsets.then_some(offset),
        (output, _) => at_offset(&output).map(|(offset, _)| offset),
    };
    let partition = records.messages.partitions.number(&op.key());
    let message = records.messages.number(partition, &op.input());
    records.sends.push(Send { op: op.id, message, offset });
}

fn read_poll(op: Operation<'_>, records: &mut Records) {
    if op.outcome == Outcome::Ok {
        let from = op.input().as_int().map(|from| (records.messages.partitions.number(&op.key()), from));
        read_polled(op, &op.output(), records);
        records.poll(op.id, from);
    }
}

/// A list of `[offset value]` of the operation's key, or a map from key to such lists.
fn read_polled(op: Operation<'_>, polled: &Value, records: &mut Records) {
    let mut push = |key: &Value, items: &Value| {
        let partition = records.messages.partitions.number(key);
        for (offset, value) in items.as_list().unwrap_or_default().iter().filter_map(at_offset) {
            let message = records.messages.number(partition, value);
            records.polled.push(Polled { message, offset });
        }
    };
    match polled {
        Value::Map(partitions) => partitions.iter().for_each(|(key, items)| push(key, items)),
        items => push(&op.key(), items),
    }
}

fn read_transaction(op: Operation<'_>, asked: &[Value], records: &mut Records) {
    let output = op.output();
    let done = transaction(&output).filter(|_| op.outcome == Outcome::Ok);
    let mut polls = false;
    for (index, micro) in asked.iter().enumerate() {
        let result = done.and_then(|done| done.get(index)).and_then(Value::as_list);
        match micro.as_list() {
            Some([_, key, value]) => {
                let offset = result.and_then(|result| at_offset(result.get(2)?)).map(|(offset, _)| offset);
                let partition = records.messages.partitions.number(key);
                let message = records.messages.number(partition, value);
                records.sends.push(Send { op: op.id, message, offset });
            }
            _ => {
                polls = true;
                if let Some(polled) = result.and_then(|result| result.get(1)) {
                    read_polled(op, polled, records);
                }
            }
        }
    }
    if polls && op.outcome == Outcome::Ok {
        records.poll(op.id, None);
    }
}
