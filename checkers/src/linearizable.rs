//! Linearizability: every operation took effect at one moment between its invocation and its completion.
//!
//! Herlihy and Wing, *Linearizability: a correctness condition for concurrent objects* (1990). Each key is judged alone
//! (the property is local): by the model's specialist where that is exact, else by the general engine. Keys are shared
//! out to threads; the judgement does not depend on how many there are.

use std::collections::BTreeMap;
use std::ops::Range;

use rashomon_history::{History, OpId};

use crate::certificate;
use crate::engine::{Answer, Answered, How, Shortage, decide};
use crate::explain;
use crate::keys::{KeyTable, Keys, Sorted, Sorter};
use crate::model::{Model, Unusable};
use crate::part::{compile, compile_rows};
use crate::specialist::{Ops, Rows};
use crate::threads::share_out;
use crate::verdict::{Anomaly, Budget, Finding, Judgement, Method};

/// Each key may spend at least this many steps, however many keys there are.
const STEPS_PER_KEY: u64 = 100_000;
/// Cores are sought for this many keys; the others are only counted.
const EXPLAINED: usize = 8;
/// The operations of different keys are sorted for about so many at a time, 40 bytes each.
const BATCH: usize = 1 << 20;
/// Below this many operations one thread is quicker than two.
const PARALLEL_AT: usize = 20_000;

/// How to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How much may be spent.
    pub budget: Budget,
    /// Whether every *yes* is proved by a linearization that [`certificate::verify`] replays.
    pub certify: bool,
    /// How many threads; 0 for as many as there are processors.
    pub threads: usize,
}

impl Options {
    /// How many threads are worth their while.
    fn threads_for(&self, history: &History) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        let wanted = if self.threads == 0 { processors() } else { self.threads };
        if history.len() < PARALLEL_AT { 1 } else { wanted }
    }
}

/// Judges whether a history is linearizable, key by key.
pub fn check<M: Model>(model: &M, history: &History, budget: &Budget) -> Judgement {
    check_with(model, history, &Options { budget: *budget, ..Options::default() })
}

/// As [`check`], with options.
pub fn check_with<M: Model>(model: &M, history: &History, options: &Options) -> Judgement {
    let threads = options.threads_for(history);
    let mut table = KeyTable::of(history, threads);
    let budget = options.budget;
    let share = (budget.steps / table.len().max(1) as u64).max(STEPS_PER_KEY).min(budget.steps);
    let easy = if options.certify { Tally::default() } else { take_certain(model, history, &mut table, threads) };
    let threads = threads.min(table.len());
    let work = Work { model, history, table: &table, options, threads, budget: Budget { steps: share, ..budget } };
    let mut tally = easy.join(work.all());
    if tally.is_settled() {
        return tally.judgement(model, Vec::new(), Vec::new());
    }
    let keys = Keys::in_table(history, &table);
    if let Some((op, error)) = tally.unreadable {
        return unreadable(model, op, &error);
    }
    // What the easy keys left over goes to the hard ones, in order.
    let mut left = budget.steps.saturating_sub(tally.steps());
    for key in std::mem::take(&mut tally.short) {
        if left > share {
            let steps = tally.steps();
            let rows = Rows::of(history, keys.of_key(key));
            Work { budget: Budget { steps: left, ..budget }, ..work }.one(key, &rows, &mut tally);
            left = left.saturating_sub(tally.steps() - steps);
        } else {
            tally.short.push(key);
        }
    }
    tally.refuted.sort_by_key(|refuted| refuted.key);
    let anomalies =
        tally.refuted.iter().take(EXPLAINED).map(|refuted| explain_key(model, history, &keys, refuted)).collect();
    let unknown = tally.unknown(history, &keys);
    tally.judgement(model, unknown, anomalies)
}

/// Judges the keys of which the model's specialist is certain at a glance, and takes them out.
fn take_certain<M: Model>(model: &M, history: &History, table: &mut KeyTable, threads: usize) -> Tally {
    let mut tally = Tally::default();
    if let Some(specialist) = model.specialist() {
        let certain = specialist.certain(history, table, threads);
        if certain.contains(&true) {
            let all = table.operations(0..table.len());
            table.remove(&certain);
            let operations = (all - table.operations(0..table.len())) as u64;
            let keys = certain.iter().filter(|&&certain| certain).count() as u64;
            tally.methods.insert((specialist.name(), specialist.why()), (keys, operations, operations));
        }
    }
    tally
}

/// What is to be done, for all threads.
#[derive(Clone, Copy)]
struct Work<'a, M> {
    model: &'a M,
    history: &'a History,
    table: &'a KeyTable,
    options: &'a Options,
    threads: usize,
    budget: Budget,
}

/// A key that is not linearizable.
struct Refuted {
    key: usize,
    at: u32,
    among: Vec<OpId>,
    steps: u64,
}

/// What came out so far. Sums and sorted lists only, so that the order of keys does not matter.
#[derive(Default)]
struct Tally {
    /// Per method: parts, operations, steps.
    methods: BTreeMap<(&'static str, &'static str), (u64, u64, u64)>,
    refuted: Vec<Refuted>,
    /// Keys that ran out of their share.
    short: Vec<usize>,
    shortages: BTreeMap<usize, (Shortage, u64)>,
    /// Keys whose proof did not hold.
    flawed: Vec<usize>,
    unreadable: Option<(OpId, Unusable)>,
}

impl<M: Model> Work<'_, M> {
    /// Judges all keys.
    fn all(&self) -> Tally {
        let mut tally = Tally::default();
        let operations = self.table.operations(0..self.table.len());
        if operations == 0 {
            return tally;
        }
        if self.table.len() == 1 {
            self.one(0, &Rows::of(self.history, Ops::All(self.history.len() as u32)), &mut tally);
            return tally;
        }
        let keys = self.table.len();
        let sorter = Sorter::new(self.history, self.table, self.threads);
        let mut sorted = Sorted::default();
        for batch in self.table.divide(0..keys, operations.div_ceil(BATCH)) {
            sorted = sorter.sort(batch.clone(), sorted);
            let judge = |bundle: Range<usize>, tally: &mut Tally| {
                for key in bundle {
                    let rows = Rows::fetched(self.history, sorted.of(key));
                    if !rows.is_empty() {
                        self.one(key, &rows, tally);
                    }
                }
            };
            // Hand out keys in small bundles, so that no thread waits long for another at the end.
            let bundle = (batch.len() / (self.threads * 64)).max(1);
            let bundles = batch.clone().step_by(bundle).map(|key| key..(key + bundle).min(batch.end));
            tally = share_out(self.threads, bundles, judge).into_iter().fold(tally, Tally::join);
        }
        tally.sorted()
    }

    /// Judges one key.
    fn one(&self, key: usize, rows: &Rows<'_>, tally: &mut Tally) {
        match judge(self.model, rows, &self.budget, self.options.certify) {
            Err((op, error)) => {
                if tally.unreadable.as_ref().is_none_or(|(first, _)| op < *first) {
                    tally.unreadable = Some((op, error));
                }
            }
            Ok(judged) => tally.add(self, key, rows, judged),
        }
    }
}

/// One key's answer, and by which method.
struct Judged {
    method: (&'static str, &'static str),
    answered: Answered,
}

fn judge<M: Model>(model: &M, rows: &Rows<'_>, budget: &Budget, prove: bool) -> Result<Judged, (OpId, Unusable)> {
    if let Some(specialist) = model.specialist()
        && let Some(answered) = specialist.decide(rows, prove)
    {
        return Ok(Judged { method: (specialist.name(), specialist.why()), answered });
    }
    let part = compile_rows(model, rows)?;
    let (answered, how) = decide(model, &part, budget);
    Ok(Judged { method: name_method(how), answered })
}

fn name_method(how: How) -> (&'static str, &'static str) {
    match how {
        How::Frontier => ("frontier", "any model; exact"),
        How::Upper => {
            ("frontier, inexhaustible tokens", "many operations of unknown outcome; refuted however often they ran")
        }
        How::Beam => ("frontier, narrow beam", "many operations of unknown outcome; proved with a few of them"),
        How::Search => ("search", "any model; the frontier was too wide"),
    }
}

impl Tally {
    fn add<M: Model>(&mut self, work: &Work<'_, M>, key: usize, rows: &Rows<'_>, judged: Judged) {
        let Answered { answer, steps } = judged.answered;
        let sums = self.methods.entry(judged.method).or_default();
        sums.0 += 1;
        sums.1 += u64::from(rows.len());
        sums.2 += steps;
        self.shortages.remove(&key);
        match answer {
            Answer::Yes(order) => {
                if work.options.certify {
                    let ops: Vec<u32> = (0..rows.len()).map(|index| rows.op(index).0).collect();
                    if certificate::verify(work.model, work.history, &ops, &order).is_err() {
                        self.flawed.push(key);
                    }
                }
            }
            Answer::No { at, among } => self.refuted.push(Refuted { key, at, among, steps }),
            Answer::Unknown(shortage) => {
                self.short.push(key);
                self.shortages.insert(key, (shortage, steps));
            }
        }
    }

    fn join(mut self, other: Tally) -> Tally {
        for (method, sums) in other.methods {
            let mine = self.methods.entry(method).or_default();
            *mine = (mine.0 + sums.0, mine.1 + sums.1, mine.2 + sums.2);
        }
        self.refuted.extend(other.refuted);
        self.short.extend(other.short);
        self.shortages.extend(other.shortages);
        self.flawed.extend(other.flawed);
        self.unreadable = [self.unreadable, other.unreadable].into_iter().flatten().min_by_key(|(op, _)| *op);
        self
    }

    fn sorted(mut self) -> Tally {
        self.short.sort_unstable();
        self.flawed.sort_unstable();
        self
    }

    fn steps(&self) -> u64 {
        self.methods.values().map(|sums| sums.2).sum()
    }

    /// Whether every key is linearizable.
    fn is_settled(&self) -> bool {
        self.refuted.is_empty() && self.short.is_empty() && self.flawed.is_empty() && self.unreadable.is_none()
    }

    /// What could not be told.
    fn unknown(&self, history: &History, keys: &Keys) -> Vec<String> {
        let mut unknown = Vec::new();
        for (&key, &(shortage, steps)) in &self.shortages {
            unknown.push(name_shortage(history, keys.of_key(key), shortage, steps));
        }
        for &key in &self.flawed {
            let name = name_key(history, keys.of_key(key));
            unknown.push(format!("{name}the proof does not hold: this is an error of the checker; please report it"));
        }
        unknown
    }

    fn judgement<M: Model>(self, model: &M, unknown: Vec<String>, anomalies: Vec<Anomaly>) -> Judgement {
        let finding = match (self.refuted.is_empty(), unknown.is_empty()) {
            (false, _) => Finding::Invalid,
            (true, false) => Finding::Unknown,
            (true, true) => Finding::Valid,
        };
        let mut notes = Vec::new();
        if self.refuted.len() > anomalies.len() {
            notes
                .push(format!("{} keys are not linearizable; the first {EXPLAINED} are explained", self.refuted.len()));
        }
        let methods = self.methods.iter().map(|(&(method, why), &(parts, operations, steps))| Method {
            method: method.to_owned(),
            parts,
            operations,
            steps,
            why: why.to_owned(),
        });
        Judgement {
            checker: format!("linearizable {}", model.name()),
            finding,
            anomalies,
            unknown,
            methods: methods.collect(),
            notes,
            measurements: Vec::new(),
        }
    }
}

fn explain_key<M: Model>(model: &M, history: &History, keys: &Keys, refuted: &Refuted) -> Anomaly {
    let part = compile(model, history, keys.of_key(refuted.key)).expect("the specialist reads what the model reads");
    let Refuted { at, ref among, steps, .. } = *refuted;
    explain::explain(model, history, &part, explain::Refuted { at, among, steps })
}

fn unreadable<M: Model>(model: &M, op: OpId, error: &Unusable) -> Judgement {
    Judgement {
        checker: format!("linearizable {}", model.name()),
        finding: Finding::Unknown,
        anomalies: Vec::new(),
        unknown: vec![format!("operation {} cannot be read: {error}; choose the model that it is of", op.0)],
        methods: Vec::new(),
        notes: Vec::new(),
        measurements: Vec::new(),
    }
}

/// `key 3: `, or nothing when there is only one object.
fn name_key(history: &History, ops: Ops<'_>) -> String {
    let key = history.value(history.key_of(ops.get(0)));
    if key.is_nil() { String::new() } else { format!("key {key}: ") }
}

fn name_shortage(history: &History, ops: Ops<'_>, shortage: Shortage, steps: u64) -> String {
    let what = match shortage {
        Shortage::Steps => format!("{steps} steps were not enough; raise the step budget"),
        Shortage::Open => "too many operations are open at once".to_owned(),
        Shortage::Inexact => format!("{steps} steps told neither"),
        Shortage::Bytes => "the memory budget was not enough; raise it".to_owned(),
    };
    let key = name_key(history, ops);
    format!("{key}{} operations: {what}, or use more keys with fewer clients each", ops.len())
}
