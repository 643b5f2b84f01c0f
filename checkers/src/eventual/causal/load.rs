//! A history as sessions of reads and writes in small integers.

use rashomon_history::{History, OpId, Outcome, Row, Value};
use rustc_hash::FxHashMap;

use crate::anomalies::findings::{Findings, begun, ended};
use crate::eventual::register::unwritten;
use crate::part::Keys;

/// Read from the initial value, nil.
pub(super) const INITIAL: u32 = u32::MAX;

/// A read or a write that happened.
pub(super) struct Entry {
    /// The operation.
    pub(super) op: OpId,
    pub(super) session: u32,
    /// Its place in its session, from 1.
    pub(super) index: u32,
    pub(super) key: u32,
    /// For a read: the write it returned, or [`INITIAL`].
    pub(super) from: Option<u32>,
}

/// The sessions of a history.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) entries: Vec<Entry>,
    /// Per session, its entries in order.
    pub(super) sessions: Vec<Vec<u32>>,
    /// Per register, the sessions that write it, with their writes in order.
    pub(super) writes: Vec<Vec<(u32, Vec<u32>)>>,
    /// How many reads returned.
    pub(super) reads: u64,
}

/// What is known of an operation before its entry is made.
#[derive(Clone, Copy)]
enum Fate {
    /// It says nothing.
    Nothing,
    /// A write that happened, of a register.
    Write(u32),
    /// A read of a register: of this operation's value, or nil.
    Read(u32, Option<u32>),
}

pub(super) fn load(history: &History, findings: &mut Findings) -> Loaded {
    let mut fates = vec![Fate::Nothing; history.len()];
    let keys = Keys::of(history);
    let mut loaded = Loaded::default();
    for key in 0..keys.len() {
        register(history, keys.ops(key), key as u32, &mut fates, findings);
    }
    loaded.writes.resize_with(keys.len(), Vec::new);
    let mut session_of: FxHashMap<u32, u32> = FxHashMap::default();
    let mut entry_of: Vec<u32> = vec![INITIAL; history.len()];
    for id in 0..history.len() as u32 {
        let row: Row = history.row(OpId(id));
        let (key, from) = match fates[id as usize] {
            Fate::Nothing => continue,
            Fate::Write(key) => (key, None),
            // Resolved below, when all writes have entries.
            Fate::Read(key, from) => (key, Some(from.unwrap_or(INITIAL))),
        };
        let session = *session_of.entry(row.process).or_insert_with(|| {
            loaded.sessions.push(Vec::new());
            loaded.sessions.len() as u32 - 1
        });
        let node = loaded.entries.len() as u32;
        entry_of[id as usize] = node;
        loaded.sessions[session as usize].push(node);
        let index = loaded.sessions[session as usize].len() as u32;
        loaded.entries.push(Entry { op: OpId(id), session, index, key, from });
        if from.is_none() {
            let writes = &mut loaded.writes[key as usize];
            match writes.iter_mut().rev().find(|(other, _)| *other == session) {
                Some((_, writes)) => writes.push(node),
                None => writes.push((session, vec![node])),
            }
            // One of unknown outcome may happen after what its process does next, which then is another session.
            if row.outcome == Outcome::Info {
                session_of.remove(&row.process);
            }
        } else {
            loaded.reads += 1;
        }
    }
    for entry in &mut loaded.entries {
        entry.from = entry.from.map(|op| if op == INITIAL { INITIAL } else { entry_of[op as usize] });
    }
    loaded
}

/// Finds out of one register's operations which writes happened and what the reads returned.
fn register(history: &History, ops: &[u32], key: u32, fates: &mut [Fate], findings: &mut Findings) {
    // Value ids are equal exactly for equal values.
    let mut writes: FxHashMap<u32, u32> = FxHashMap::default();
    let value_of = |id: u32| {
        let row = history.row(OpId(id));
        match &**history.function(row.function) {
            "write" => Some(row.input),
            "cas" => history.pair(row.input).map(|(_, to)| to),
            _ => None,
        }
    };
    for &id in ops {
        let row = history.row(OpId(id));
        let Some(value) = value_of(id).filter(|_| row.outcome != Outcome::Fail) else { continue };
        if writes.insert(value, id).is_some() || value == History::NIL {
            let (op, value) = (history.op(OpId(id)), history.value(value));
            let of = if op.key == Value::Nil { String::new() } else { format!(" of key {}", op.key) };
            return findings
                .unknown(format!("{value}{of} was written twice, or is nil: only unique values name what a read saw"));
        }
        if row.outcome == Outcome::Ok {
            fates[id as usize] = Fate::Write(key);
        }
    }
    for &id in ops {
        let row = history.row(OpId(id));
        let is_read = &**history.function(row.function) == "read";
        let Some(completed) = row.completed.filter(|_| is_read && row.outcome == Outcome::Ok) else { continue };
        if row.output == History::NIL {
            fates[id as usize] = Fate::Read(key, None);
            continue;
        }
        match writes.get(&row.output) {
            Some(&write) if history.row(OpId(write)).invoked < completed => {
                fates[id as usize] = Fate::Read(key, Some(write));
                fates[write as usize] = Fate::Write(key);
            }
            Some(&write) => {
                let (read, write) = (history.op(OpId(id)), history.op(OpId(write)));
                findings.anomaly("read from the future", &[&read, &write], || {
                    format!(
                        "A read returned {} {}, before its write began {}.",
                        read.output,
                        ended(&read),
                        begun(&write)
                    )
                });
            }
            None => {
                let all: Vec<_> = ops.iter().map(|&op| history.op(OpId(op))).collect();
                let read = history.op(OpId(id));
                unwritten(&all, &read, findings);
            }
        }
    }
}
