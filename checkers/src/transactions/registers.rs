//! Registers: each read names its writer by the value, as far as values are unique; the order of writes is not shown.

use rashomon_history::{Outcome, Value};
use rustc_hash::FxHashMap;

use super::findings::Findings;
use super::input::{Kind, Transactions};
use super::levels::Condition;
use super::same_key::SameKey;

/// The source of a read of the initial value.
pub(super) const INITIAL: u32 = u32::MAX;
/// The source of a read of a value that several transactions may have written.
pub(super) const SEVERAL: u32 = u32::MAX - 1;
/// No source: nobody wrote it, or only aborted transactions.
const NOWHERE: u32 = u32::MAX - 2;

/// A read of what another transaction wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) key: u32,
    /// Who wrote it: a transaction, [`INITIAL`] or [`SEVERAL`].
    pub(super) source: u32,
    /// The value, as a number: 0 is nil.
    pub(super) value: u32,
    /// Which micro-operation it is.
    pub(super) place: u32,
}

/// The last write of a transaction to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Write {
    pub(super) key: u32,
    pub(super) value: u32,
}

/// What all transactions read and wrote.
#[derive(Debug, Default)]
pub(super) struct Registers {
    /// By transaction: its reads of others' writes, in order; only of those that took effect.
    pub(super) reads: Vec<Vec<Read>>,
    /// By transaction: its last write of each key.
    pub(super) writes: Vec<Vec<Write>>,
    /// By key: who wrote it, in order of invocation.
    pub(super) writers: Vec<Vec<u32>>,
    pub(super) committed: Vec<bool>,
    /// How many reads could be of several writes, and an example.
    pub(super) ambiguous: Option<(u64, String)>,
}

/// Who may have written a value.
#[derive(Clone, Copy)]
struct Source {
    txn: u32,
    /// The value's number.
    number: u32,
    failed: u32,
}

/// Reads off the sources of all reads, and what is wrong with single ones.
pub(super) fn infer(txns: &Transactions, findings: &mut Findings) -> Registers {
    let sources = sources(txns);
    let count = txns.len();
    let mut all = Registers {
        reads: vec![Vec::new(); count],
        writes: vec![Vec::new(); count],
        writers: vec![Vec::new(); txns.keys.len()],
        committed: txns.outcome.iter().map(|&outcome| outcome == Outcome::Ok).collect(),
        ambiguous: None,
    };
    let mut same = SameKey::default();
    for txn in (0..count as u32).filter(|&txn| all.committed[txn as usize]).collect::<Vec<_>>() {
        same.fill(txns.steps_of(txn));
        for place in 0..txns.steps_of(txn).len() {
            if txns.steps_of(txn)[place].kind() == Kind::Read {
                one_read(txns, &sources, &same, (txn, place), &mut all, findings);
            }
        }
    }
    for txn in (0..count as u32).filter(|&txn| all.committed[txn as usize]) {
        let steps = txns.steps_of(txn);
        let mut last: Vec<Write> = Vec::new();
        for (place, step) in steps.iter().enumerate().filter(|(_, step)| step.is_write()) {
            let value = txns.value(txn, place);
            let number = sources.get(&(step.key, value.clone())).map_or(0, |source| source.number);
            match last.iter_mut().find(|write| write.key == step.key) {
                Some(write) => write.value = number,
                None => last.push(Write { key: step.key, value: number }),
            }
        }
        last.iter().for_each(|write| all.writers[write.key as usize].push(txn));
        all.writes[txn as usize] = last;
    }
    lost_updates(txns, &all, findings);
    all
}

/// All writes by key and value. Nil has the number 0, as the initial value has.
fn sources(txns: &Transactions) -> FxHashMap<(u32, Value), Source> {
    let mut sources: FxHashMap<(u32, Value), Source> = FxHashMap::default();
    for txn in 0..txns.len() as u32 {
        for (place, step) in txns.steps_of(txn).iter().enumerate().filter(|(_, step)| step.is_write()) {
            let value = txns.value(txn, place);
            let number = if value.is_nil() { 0 } else { sources.len() as u32 + 1 };
            let new = Source { txn: NOWHERE, number, failed: NOWHERE };
            let source = sources.entry((step.key, value.clone())).or_insert(new);
            if txns.failed(txn) {
                source.failed = txn;
            } else if source.txn == NOWHERE {
                // A nil that is read may always be the initial one as well.
                source.txn = if value.is_nil() { SEVERAL } else { txn };
            } else if source.txn != txn {
                source.txn = SEVERAL;
            }
        }
    }
    sources
}

fn one_read(
    txns: &Transactions,
    sources: &FxHashMap<(u32, Value), Source>,
    same: &SameKey,
    (txn, place): (u32, usize),
    all: &mut Registers,
    findings: &mut Findings,
) {
    let steps = txns.steps_of(txn);
    let key = steps[place].key;
    let (name, value) = (&txns.keys[key as usize], txns.value(txn, place));
    if let Some(before) = same.before(place).find(|&before| steps[before].is_write()) {
        let own = txns.value(txn, before);
        if own != value {
            findings.add("internal", Condition::Own, key, &[txn], || {
                format!("T1 read key {name} as {value} after it had written {own}")
            });
        }
        return;
    }
    let found = sources.get(&(key, value.clone())).copied();
    let Some(Source { txn: source, number, failed }) = found else {
        if value.is_nil() {
            all.reads[txn as usize].push(Read { key, source: INITIAL, value: 0, place: place as u32 });
        } else {
            findings.add("thin-air read", Condition::Versions, key, &[txn], || {
                format!("T1 read key {name} as {value}, which no transaction wrote")
            });
        }
        return;
    };
    match source {
        NOWHERE if value.is_nil() => {
            all.reads[txn as usize].push(Read { key, source: INITIAL, value: 0, place: place as u32 });
        }
        NOWHERE => findings.add("G1a", Condition::Committed, key, &[txn, failed], || {
            format!("T1 read key {name} as {value}, but T2, which wrote that, was aborted")
        }),
        SEVERAL => {
            let op = txns.ops[txn as usize].0;
            let example = || format!("op {op} read key {name} as {value}, which several transactions may have written");
            let (count, _) = all.ambiguous.get_or_insert_with(|| (0, example()));
            *count += 1;
            all.reads[txn as usize].push(Read { key, source, value: number, place: place as u32 });
        }
        own if own == txn => findings.add("future read", Condition::Own, key, &[txn], || {
            format!("T1 read key {name} as {value} before it wrote that")
        }),
        writer => {
            all.committed[writer as usize] = true;
            let written = txns.steps_of(writer);
            let last = (0..written.len()).rev().find(|&last| written[last].is_write() && written[last].key == key);
            if last.is_some_and(|last| txns.value(writer, last) != value) {
                findings.add("G1b", Condition::Final, key, &[txn, writer], || {
                    format!(
                        "T1 read key {name} as {value}, which T2 wrote; but T2 wrote key {name} again, so this is a \
                             state in the middle of T2"
                    )
                });
            }
            all.reads[txn as usize].push(Read { key, source: writer, value: number, place: place as u32 });
        }
    }
}

/// Two transactions that read the same version of a key and both overwrote it.
fn lost_updates(txns: &Transactions, all: &Registers, findings: &mut Findings) {
    let mut first: FxHashMap<(u32, u32), u32> = FxHashMap::default();
    for txn in 0..txns.len() as u32 {
        for read in all.reads[txn as usize].iter().filter(|read| read.source != SEVERAL) {
            if !all.writes[txn as usize].iter().any(|write| write.key == read.key) {
                continue;
            }
            let other = *first.entry((read.key, read.source)).or_insert(txn);
            if other != txn {
                findings.add("lost update", Condition::LostUpdate, read.key, &[other, txn], || {
                    let (key, value) = (&txns.keys[read.key as usize], txns.value(txn, read.place as usize));
                    format!(
                        "T1 and T2 both read key {key} as {value} and overwrote it, so the later one missed the \
                             other's write"
                    )
                });
            }
        }
    }
}
