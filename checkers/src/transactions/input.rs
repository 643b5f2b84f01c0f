//! Reading transactions: from the values of a history to columns of micro-operations.
//!
//! A transaction is a list of micro-operations, as Jepsen's `txn` workloads and Elle write them: `["r" key result]`,
//! `["append" key element]`, `["w" key value]`. Whatever cannot be read as one makes the answer unknown: a skipped
//! write would make its readers look wrong.

use std::sync::Arc;

use rashomon_history::{History, OpId, OpView, Outcome, Value};
use rustc_hash::FxHashMap;

use super::descriptors::{LIST_APPEND, RW_REGISTER};
use crate::checker::Checker;

/// What the objects are, and so which micro-operations exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Objects {
    /// Lists, empty at first: `append` adds an element at the end, `r` returns the whole list.
    Lists,
    /// Registers, nil at first: `w` overwrites, `r` returns the value.
    Registers,
}

impl Objects {
    /// The checker of transactions over such objects.
    pub fn checker(self) -> Checker {
        match self {
            Objects::Lists => LIST_APPEND,
            Objects::Registers => RW_REGISTER,
        }
    }

    /// The name of the model that users write.
    pub fn name(self) -> &'static str {
        self.checker().name
    }
}

/// What a micro-operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A read whose result is known.
    Read,
    /// A read without a known result: its transaction did not end `ok`.
    Blind,
    /// An append or a write.
    Write,
}

/// A version number that is not known.
pub(super) const NO_VERSION: u32 = u32::MAX >> 2;
/// An operation that never completed, or whose completion bounds nothing.
pub(super) const NEVER: u32 = u32::MAX;

/// One micro-operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The key, as an index into [`Transactions::keys`].
    pub(super) key: u32,
    packed: u32,
}

impl Step {
    fn new(key: u32, kind: Kind) -> Step {
        Step { key, packed: (kind as u32) << 30 | NO_VERSION }
    }

    pub(super) fn kind(self) -> Kind {
        match self.packed >> 30 {
            0 => Kind::Read,
            1 => Kind::Blind,
            _ => Kind::Write,
        }
    }

    pub(super) fn is_write(self) -> bool {
        self.kind() == Kind::Write
    }

    /// The version of its key that it wrote, or that a read returned, not counting the transaction's own writes.
    pub(super) fn version(self) -> u32 {
        self.packed & NO_VERSION
    }

    pub(super) fn set_version(&mut self, version: u32) {
        self.packed = self.packed & !NO_VERSION | version;
    }
}

/// The transactions of a history, in order of invocation.
#[derive(Debug)]
pub(super) struct Transactions {
    pub(super) objects: Objects,
    pub(super) ops: Vec<OpId>,
    pub(super) process: Vec<u32>,
    pub(super) invoked: Vec<u32>,
    /// Position of the completion of those that ended `ok`; [`NEVER`] for all others.
    pub(super) completed: Vec<u32>,
    pub(super) outcome: Vec<Outcome>,
    starts: Vec<u32>,
    pub(super) steps: Vec<Step>,
    /// The list of micro-operations, as it stands in the history.
    values: Vec<Value>,
    pub(super) keys: Vec<Value>,
}

impl Transactions {
    /// Reads a history. The error names the operations that are not transactions over such objects.
    pub(super) fn read(history: &History, objects: Objects) -> Result<Transactions, Vec<String>> {
        let count = history.len();
        let mut all = Transactions {
            objects,
            ops: Vec::with_capacity(count),
            process: Vec::with_capacity(count),
            invoked: Vec::with_capacity(count),
            completed: Vec::with_capacity(count),
            outcome: Vec::with_capacity(count),
            starts: Vec::with_capacity(count + 1),
            steps: Vec::with_capacity(2 * count),
            values: Vec::with_capacity(count),
            keys: Vec::new(),
        };
        all.starts.push(0);
        let mut names = Names::default();
        let mut unreadable = Vec::new();
        for index in 0..count as u32 {
            if let Err(why) = all.push(history, OpId(index), &mut names) {
                unreadable.push(why);
            }
        }
        all.keys = names.keys;
        if unreadable.is_empty() { Ok(all) } else { Err(shortened(unreadable)) }
    }

    fn push(&mut self, history: &History, id: OpId, names: &mut Names) -> Result<(), String> {
        let row = history.row(id);
        let ok = row.outcome == Outcome::Ok;
        let value = history.value(if ok { row.output } else { row.input });
        let steps = value.as_list().ok_or_else(|| not_a_transaction(&history.op(id), self.objects))?;
        for step in steps {
            let read = step_of(step, self.objects, ok);
            let (kind, key) = read.map_err(|why| format!("{}: {why}", named(&history.op(id))))?;
            self.steps.push(Step::new(names.id(key), kind));
        }
        if self.steps.len() >= NO_VERSION as usize {
            return Err(format!("{}: more than 2^30 micro-operations", named(&history.op(id))));
        }
        self.starts.push(self.steps.len() as u32);
        self.ops.push(id);
        self.process.push(row.process);
        self.invoked.push(row.invoked);
        self.completed.push(if ok { row.completed.unwrap_or(NEVER) } else { NEVER });
        self.outcome.push(row.outcome);
        self.values.push(value);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.ops.len()
    }

    /// The indices of a transaction's micro-operations.
    pub(super) fn range(&self, txn: u32) -> std::ops::Range<usize> {
        self.starts[txn as usize] as usize..self.starts[txn as usize + 1] as usize
    }

    pub(super) fn steps_of(&self, txn: u32) -> &[Step] {
        &self.steps[self.range(txn)]
    }

    /// What a transaction's micro-operation wrote or returned.
    pub(super) fn value(&self, txn: u32, place: usize) -> &Value {
        let steps = self.values[txn as usize].as_list().unwrap_or(&[]);
        steps.get(place).and_then(Value::as_list).and_then(|step| step.get(2)).unwrap_or(&Value::Nil)
    }

    /// The elements that a read of a list returned; nil is the empty list.
    pub(super) fn list(&self, txn: u32, place: usize) -> &[Value] {
        self.value(txn, place).as_list().unwrap_or(&[])
    }

    /// True for a transaction that certainly did not take effect.
    pub(super) fn failed(&self, txn: u32) -> bool {
        self.outcome[txn as usize] == Outcome::Fail
    }

    /// True when the first ended before the second began.
    pub(super) fn precedes(&self, first: u32, second: u32) -> bool {
        self.completed[first as usize] < self.invoked[second as usize]
    }
}

/// Keys as small integers.
#[derive(Default)]
struct Names {
    small: Vec<u32>,
    others: FxHashMap<Value, u32>,
    keys: Vec<Value>,
}

impl Names {
    fn id(&mut self, key: &Value) -> u32 {
        const SMALL: i64 = 1 << 20;
        if let Value::Int(number) = key
            && (0..SMALL).contains(number)
        {
            let place = *number as usize;
            if place >= self.small.len() {
                self.small.resize((place + 1).max(self.small.len() * 2).min(SMALL as usize), NEVER);
            }
            if self.small[place] == NEVER {
                self.small[place] = self.keys.len() as u32;
                self.keys.push(key.clone());
            }
            return self.small[place];
        }
        if let Some(&id) = self.others.get(key) {
            return id;
        }
        let id = self.keys.len() as u32;
        self.keys.push(key.clone());
        self.others.insert(key.clone(), id);
        id
    }
}

/// Whether a transaction that ended `ok` read anything.
pub(super) fn reads(op: &OpView<'_>) -> bool {
    let is_read = |step: &Value| matches!(step.as_list(), Some([Value::Text(f), ..]) if matches!(&**f, "r" | "read"));
    op.output.as_list().is_some_and(|steps| steps.iter().any(is_read))
}

/// What a micro-operation does, and to which key.
fn step_of(step: &Value, objects: Objects, ok: bool) -> Result<(Kind, &Value), String> {
    let unknown = || match objects {
        Objects::Lists => {
            format!("micro-operation {step} is not [\"append\" key element] or [\"r\" key list] of list-append")
        }
        Objects::Registers => format!("micro-operation {step} is not [\"w\" key value] or [\"r\" key value]"),
    };
    let Some([Value::Text(f), key, value]) = step.as_list() else { return Err(unknown()) };
    match (&**f, objects) {
        ("r" | "read", Objects::Lists) if ok && !matches!(value, Value::Nil | Value::List(_)) => {
            Err(format!("the read {step} returned no list; check it with the model rw-register"))
        }
        ("r" | "read", _) => Ok((if ok { Kind::Read } else { Kind::Blind }, key)),
        ("append", Objects::Lists) | ("w" | "write", Objects::Registers) => Ok((Kind::Write, key)),
        ("append", Objects::Registers) => Err(format!("{}; check it with the model list-append", unknown())),
        ("w" | "write", Objects::Lists) => Err(format!("{}; check it with the model rw-register", unknown())),
        _ => Err(unknown()),
    }
}

fn not_a_transaction(op: &OpView<'_>, objects: Objects) -> String {
    format!("{}: its value is no list of micro-operations, as {} needs", named(op), objects.name())
}

/// An operation as it is named in messages.
pub(super) fn named(op: &OpView<'_>) -> String {
    format!("op {} (`{}` of process {})", op.id.0, op.f, op.process)
}

fn shortened(mut lines: Vec<String>) -> Vec<String> {
    const SHOWN: usize = 3;
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("{more} more operations cannot be read either"));
    }
    lines
}

/// What the objects of a transactional history are, judged by its micro-operations; `None` when it is not certainly
/// one: an operation is no list of micro-operations, or both kinds of writes occur, or none does and reads are
/// ambiguous.
pub fn recognize(history: &History) -> Option<Objects> {
    let mut found: Option<Objects> = None;
    let mut by_reads: Option<Objects> = None;
    for row in history.rows() {
        let value: Value = history.value(if row.outcome == Outcome::Ok { row.output } else { row.input });
        for step in value.as_list()? {
            let Some([Value::Text(f), _, result]) = step.as_list() else { return None };
            let objects = match (&**f, result) {
                ("append", _) => Objects::Lists,
                ("w" | "write", _) => Objects::Registers,
                ("r" | "read", Value::Nil) => continue,
                ("r" | "read", Value::List(_)) => {
                    by_reads = by_reads.or(Some(Objects::Lists));
                    continue;
                }
                ("r" | "read", _) => {
                    by_reads = Some(Objects::Registers);
                    continue;
                }
                _ => return None,
            };
            if found.is_some_and(|before| before != objects) {
                return None;
            }
            found = Some(objects);
        }
    }
    found.or(by_reads)
}

/// A micro-operation as a person would write it.
pub(super) fn shown_step(txns: &Transactions, txn: u32, place: usize) -> Arc<str> {
    let step = txns.steps_of(txn)[place];
    let key = &txns.keys[step.key as usize];
    let value = txns.value(txn, place);
    Arc::from(match (step.kind(), txns.objects) {
        (Kind::Read, Objects::Lists) => format!("r {key} → {}", super::lists::short(txns.list(txn, place))),
        (Kind::Read, Objects::Registers) => format!("r {key} → {value}"),
        (Kind::Blind, _) => format!("r {key} → ?"),
        (Kind::Write, Objects::Lists) => format!("append {key} {value}"),
        (Kind::Write, Objects::Registers) => format!("w {key} {value}"),
    })
}
