//! A history as sessions of reads and writes in small integers.

use rashomon_history::{History, OpId, Outcome, Row, Value};
use rustc_hash::FxHashMap;

use crate::eventual::register::unwritten;
use crate::findings::{Findings, begun, ended};
use crate::subhistory::Keys;

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
    /// Writes where they were invoked, reads where they completed: so none comes before what it follows in its session,
    /// nor before what it read.
    pub(super) entries: Vec<Entry>,
    /// Per session, its entries in order.
    pub(super) sessions: Vec<Vec<u32>>,
    /// Per register, who writes it.
    pub(super) writers: Vec<Writers>,
    /// How many reads returned.
    pub(super) reads: u64,
}

/// The writes of one register, by session.
#[derive(Default)]
pub(super) struct Writers {
    sessions: Vec<u32>,
    /// Where the writes of each session begin, and where the last ones end.
    starts: Vec<u32>,
    /// The place of each write in its session, and its entry.
    indices: Vec<u32>,
    writes: Vec<u32>,
}

impl Writers {
    /// Of a register's writes, in order.
    fn of(mut writes: Vec<u32>, entries: &[Entry]) -> Writers {
        writes.sort_by_key(|&write| entries[write as usize].session);
        let mut writers = Writers::default();
        for (at, &write) in (0..).zip(&writes) {
            let Entry { session, index, .. } = entries[write as usize];
            if writers.sessions.last() != Some(&session) {
                writers.sessions.push(session);
                writers.starts.push(at);
            }
            writers.indices.push(index);
        }
        writers.starts.push(writes.len() as u32);
        writers.writes = writes;
        writers
    }

    /// How many sessions write the register.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    /// They, in order.
    pub(super) fn sessions(&self) -> &[u32] {
        &self.sessions
    }

    /// A session's last write of those after one of its operations, and up to another.
    pub(super) fn last(&self, session: u32, (after, up_to): (u32, u32)) -> Option<u32> {
        let at = self.sessions.binary_search(&session).ok()?;
        let (start, end) = (self.starts[at] as usize, self.starts[at + 1] as usize);
        let known = self.indices[start..end].partition_point(|&index| index <= up_to);
        let last = start + known.checked_sub(1)?;
        (self.indices[last] > after).then_some(self.writes[last])
    }
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
    let mut op_at: Vec<u32> = vec![INITIAL; history.events()];
    for (id, fate) in (0..).zip(&fates) {
        let row = history.row(OpId(id));
        match (fate, row.completed) {
            (Fate::Nothing, _) => {}
            (Fate::Read(..), Some(completed)) => op_at[completed as usize] = id,
            _ => op_at[row.invoked as usize] = id,
        }
    }
    let mut writes: Vec<Vec<u32>> = vec![Vec::new(); keys.len()];
    let mut session_of: FxHashMap<u32, u32> = FxHashMap::default();
    let mut entry_of: Vec<u32> = vec![INITIAL; history.len()];
    for id in op_at.into_iter().filter(|&id| id != INITIAL) {
        let row: Row = history.row(OpId(id));
        let (key, from) = match fates[id as usize] {
            Fate::Nothing => continue,
            Fate::Write(key) => (key, None),
            // Its write was invoked before and has its entry.
            Fate::Read(key, from) => (key, Some(from.map_or(INITIAL, |write| entry_of[write as usize]))),
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
            writes[key as usize].push(node);
            // One of unknown outcome may happen after what its process does next, which then is another session.
            if row.outcome == Outcome::Info {
                session_of.remove(&row.process);
            }
        } else {
            loaded.reads += 1;
        }
    }
    loaded.writers = writes.into_iter().map(|writes| Writers::of(writes, &loaded.entries)).collect();
    loaded
}

/// Finds out of one register's operations which writes happened and what the reads returned.
fn register(history: &History, ops: &[u32], key: u32, fates: &mut [Fate], findings: &mut Findings) {
    // Value ids are equal exactly for equal values.
    let mut writes: FxHashMap<u32, u32> = FxHashMap::default();
    let mut failed: FxHashMap<u32, u32> = FxHashMap::default();
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
        let Some(value) = value_of(id) else { continue };
        if row.outcome == Outcome::Fail {
            failed.entry(value).or_insert(id);
            continue;
        }
        if writes.insert(value, id).is_some() || value == History::NIL {
            let (op, value) = (history.op(OpId(id)), history.value(value));
            let of = if op.key == Value::Nil { String::new() } else { format!(" on key {}", op.key) };
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
                let failed = failed.get(&row.output).map(|&write| history.op(OpId(write)));
                unwritten(failed.as_ref(), &history.op(OpId(id)), findings);
            }
        }
    }
}
