//! Linearizability: every operation took effect at one moment between its invocation and its completion.
//!
//! Herlihy and Wing, *Linearizability: a correctness condition for concurrent objects* (1990). Each key is judged alone
//! (the property is local): by the model's specialist where that is exact, else by the general engine; which of them,
//! and why, is in the judgement. Keys are shared out to threads; the judgement does not depend on how many there are.

mod tally;

use std::ops::Range;

use rashomon_history::{History, OpId};

use crate::engine::{Answer, Answered, How, decide};
use crate::keys::{KeyTable, Keys, Sorted, Sorter};
use crate::model::{Model, Unusable};
use crate::specialist::{Broken, Decision, Ops, Rows, Scratch};
use crate::subhistory::compile_rows;
use crate::threads::share_out;
use crate::verdict::{Budget, Judgement};
use tally::Tally;

/// In the first round every key may take this many steps, however many keys there are, and so many per operation.
const FIRST: u64 = 100_000;
const FIRST_PER_OPERATION: u64 = 300;
/// In each further round a key that is still undecided may take so many times as many.
const GROWTH: u64 = 8;
/// The operations of different keys are sorted for about so many at a time, 40 bytes each.
const BATCH: usize = 1 << 20;
/// Below this many operations one thread is quicker than two.
const PARALLEL_AT: usize = 20_000;

/// How to judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How much may be spent.
    pub budget: Budget,
    /// Whether every *yes* is proved by a linearization that [`certificate::verify`](crate::certificate::verify)
    /// replays.
    pub certify: bool,
    /// How many threads; 0 for as many as there are processors, where they are worth their while.
    pub threads: usize,
}

impl Options {
    /// How many threads share the work.
    fn threads_for(&self, history: &History) -> usize {
        match self.threads {
            0 if history.len() < PARALLEL_AT => 1,
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            named => named,
        }
    }
}

/// Judges whether a history is linearizable, key by key.
pub fn check<M: Model>(model: &M, history: &History, budget: &Budget) -> Judgement {
    check_with(model, history, &Options { budget: *budget, ..Options::default() })
}

/// As [`check`], with options.
///
/// One key that is not linearizable settles the verdict. So every key is judged with little effort first, and those
/// that are still undecided in rounds of growing effort, until the budget is spent or a round has found a violation.
/// Rounds are counted in steps and finished, so the judgement does not depend on which thread comes first.
pub fn check_with<M: Model>(model: &M, history: &History, options: &Options) -> Judgement {
    let threads = options.threads_for(history);
    let mut table = KeyTable::of(history, threads);
    let easy = if options.certify { Tally::default() } else { take_certain(model, history, &mut table, threads) };
    let threads = threads.min(table.len());
    let effort = match table.len() {
        1 => Effort { steps: options.budget.steps, per_operation: 0 },
        _ => Effort { steps: FIRST.min(options.budget.steps), per_operation: FIRST_PER_OPERATION },
    };
    let work = Work { model, history, table: &table, options, threads, effort };
    let mut worker = work.all();
    worker.tally = easy.join(worker.tally);
    if !worker.scratch.has_observed() {
        worker.tally.unobserved = model.specialist().and_then(|specialist| specialist.unobserved());
    }
    if worker.tally.is_settled() {
        return worker.tally.settled(model);
    }
    let keys = Keys::in_table(history, &table);
    worker = work.in_rounds(worker, &keys);
    worker.tally.judgement(model, history, &keys)
}

/// An order of one object's operations that explains them all, for whoever wants the proof. `None` when they are not
/// linearizable, cannot be read, or the budget does not suffice.
pub fn prove<'a, M: Model>(
    model: &M,
    history: &History,
    ops: impl Into<Ops<'a>>,
    budget: &Budget,
) -> Option<Vec<OpId>> {
    let rows = Rows::of(history, ops.into());
    match judge(model, &rows, budget, true, None, &mut Scratch::default()).ok()?.found {
        Found::Answer(Answer::Yes(order)) => Some(order),
        Found::Answer(_) | Found::Broken(_) => None,
    }
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
            let named = Named { method: specialist.method(), why: specialist.why(), left: None };
            tally.count(named, keys, operations, operations);
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
    effort: Effort,
}

/// How much one key may spend in a round.
#[derive(Clone, Copy)]
struct Effort {
    steps: u64,
    per_operation: u64,
}

/// What one thread has.
#[derive(Default)]
struct Worker {
    tally: Tally,
    scratch: Scratch,
}

impl Worker {
    fn join(self, other: Worker) -> Worker {
        Worker { tally: self.tally.join(other.tally), scratch: self.scratch.join(other.scratch) }
    }
}

impl<M: Model> Work<'_, M> {
    /// Judges all keys.
    fn all(&self) -> Worker {
        let mut worker = Worker::default();
        let operations = self.table.operations(0..self.table.len());
        if operations == 0 {
            return worker;
        }
        if self.table.len() == 1 {
            self.one(0, &Rows::of(self.history, Ops::All(self.history.len() as u32)), Earlier::default(), &mut worker);
            return worker;
        }
        let keys = self.table.len();
        let sorter = Sorter::new(self.history, self.table, self.threads);
        let mut sorted = Sorted::default();
        for batch in self.table.divide(0..keys, operations.div_ceil(BATCH)) {
            sorted = sorter.sort(batch.clone(), sorted);
            let judge = |bundle: Range<usize>, worker: &mut Worker| {
                for key in bundle {
                    let rows = Rows::fetched(self.history, sorted.of(key));
                    if !rows.is_empty() {
                        self.one(key, &rows, Earlier::default(), worker);
                    }
                }
            };
            // Hand out keys in small bundles, so that no thread waits long for another at the end.
            let bundle = (batch.len() / (self.threads * 64)).max(1);
            let bundles = batch.clone().step_by(bundle).map(|key| key..(key + bundle).min(batch.end));
            worker = share_out(self.threads, bundles, judge).into_iter().fold(worker, Worker::join);
        }
        worker
    }

    /// Judges the keys that are undecided after the first round.
    fn in_rounds(&self, mut worker: Worker, keys: &Keys) -> Worker {
        let mut effort = self.effort.steps;
        while !worker.tally.has_refuted() && worker.tally.undecided() > 0 {
            let left = self.options.budget.steps.saturating_sub(worker.tally.steps());
            let share = left / worker.tally.undecided() as u64;
            if share <= effort {
                break;
            }
            effort = effort.saturating_mul(GROWTH).min(share);
            let round = Work { effort: Effort { steps: effort, per_operation: 0 }, ..*self };
            let undecided = worker.tally.take_undecided();
            let judge = |(key, earlier): (usize, Earlier), worker: &mut Worker| {
                round.one(key, &Rows::of(self.history, keys.of_key(key)), earlier, worker);
            };
            let threads = self.threads.min(undecided.len());
            worker = share_out(threads, undecided.into_iter(), judge).into_iter().fold(worker, Worker::join);
        }
        worker
    }

    /// Judges one key.
    fn one(&self, key: usize, rows: &Rows<'_>, earlier: Earlier, worker: &mut Worker) {
        let Effort { steps, per_operation } = self.effort;
        let steps = steps.saturating_add(per_operation * u64::from(rows.len())).min(self.options.budget.steps);
        let budget = Budget { steps, ..self.options.budget };
        match judge(self.model, rows, &budget, self.options.certify, earlier.left, &mut worker.scratch) {
            Err((op, error)) => worker.tally.cannot_read(op, error),
            Ok(judged) => {
                let judged = Judged { steps: earlier.steps + judged.steps, ..judged };
                worker.tally.add(self.model, key, rows, judged, self.options.certify);
            }
        }
    }
}

/// What is known of a key from earlier rounds.
#[derive(Clone, Copy, Default)]
struct Earlier {
    /// Why its specialist has left it.
    left: Option<&'static str>,
    steps: u64,
}

/// A method, as it stands in a judgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    method: &'static str,
    why: &'static str,
    /// Why the specialist was not the method.
    left: Option<&'static str>,
}

impl Named {
    /// Why this method.
    fn reason(&self) -> String {
        match self.left {
            Some(left) => format!("{left}; {}", self.why),
            None => self.why.to_owned(),
        }
    }
}

/// What became of one key, and by which method.
struct Judged {
    named: Named,
    found: Found,
    steps: u64,
}

enum Found {
    /// An answer.
    Answer(Answer),
    /// A broken rule.
    Broken(Broken),
}

/// Judges one key: by the specialist where it is the method, else by the general engine.
fn judge<M: Model>(
    model: &M,
    rows: &Rows<'_>,
    budget: &Budget,
    prove: bool,
    mut left: Option<&'static str>,
    scratch: &mut Scratch,
) -> Result<Judged, (OpId, Unusable)> {
    if left.is_none()
        && let Some(specialist) = model.specialist()
    {
        let named = Named { method: specialist.method(), why: specialist.why(), left };
        match specialist.decide(rows, prove, scratch)? {
            Decision::Decided(Answered { answer, steps }) => {
                return Ok(Judged { named, found: Found::Answer(answer), steps });
            }
            Decision::Broken(broken) => {
                return Ok(Judged { named, found: Found::Broken(broken), steps: u64::from(rows.len()) });
            }
            Decision::Left(why) => left = Some(why),
        }
    }
    let subhistory = compile_rows(model, rows)?;
    let (Answered { answer, steps }, how) = decide(model, &subhistory, budget);
    let (method, why) = name_method(how);
    Ok(Judged { named: Named { method, why, left }, found: Found::Answer(answer), steps })
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
