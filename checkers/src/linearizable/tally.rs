//! What came out of judging the keys, and the judgement made of it.

use std::collections::BTreeMap;

use rashomon_history::{History, OpId};

use super::{Earlier, Found, Judged, Named};
use crate::certificate;
use crate::engine::{Answer, Shortage};
use crate::explain;
use crate::keys::Keys;
use crate::model::{Model, Unusable};
use crate::specialist::{Broken, Ops, Rows};
use crate::subhistory::compile;
use crate::verdict::{Anomaly, Finding, Judgement, Method};

/// Cores are sought for this many keys; the others are only counted.
const EXPLAINED: usize = 8;

/// What came out so far. Sums and sorted lists only, so that the order of keys does not matter.
#[derive(Default)]
pub(super) struct Tally {
    /// Per method: parts, operations, steps.
    methods: BTreeMap<Named, (u64, u64, u64)>,
    refuted: Vec<Refuted>,
    /// Keys whose effort was not enough so far.
    short: BTreeMap<usize, Short>,
    /// Keys whose proof did not hold.
    flawed: Vec<usize>,
    unreadable: Option<(OpId, Unusable)>,
    /// What it means that nothing was observed, when nothing was.
    pub(super) unobserved: Option<&'static str>,
}

/// A key that is not linearizable.
struct Refuted {
    key: usize,
    cause: Cause,
    steps: u64,
}

/// Why it is not.
enum Cause {
    /// The events up to this position contradict each other, and if these operations are any, already those.
    Contradiction { at: u32, among: Vec<OpId> },
    /// A rule is broken.
    Rule(Broken),
}

/// A key whose effort was not enough.
#[derive(Clone, Copy)]
struct Short {
    shortage: Shortage,
    named: Named,
    operations: u64,
    /// In all rounds.
    steps: u64,
}

impl Tally {
    /// Counts parts that a method judged.
    pub(super) fn count(&mut self, method: Named, parts: u64, operations: u64, steps: u64) {
        let sums = self.methods.entry(method).or_default();
        *sums = (sums.0 + parts, sums.1 + operations, sums.2 + steps);
    }

    /// Adds one key. With `verify`, its linearization is replayed.
    pub(super) fn add<M: Model>(&mut self, model: &M, key: usize, rows: &Rows<'_>, judged: Judged, verify: bool) {
        let Judged { named, found, steps } = judged;
        let operations = u64::from(rows.len());
        let cause = match found {
            Found::Answer(Answer::Yes(order)) => {
                if verify && !is_proof(model, rows, &order) {
                    self.flawed.push(key);
                }
                return self.count(named, 1, operations, steps);
            }
            Found::Answer(Answer::Unknown(shortage)) => {
                self.short.insert(key, Short { shortage, named, operations, steps });
                return;
            }
            Found::Answer(Answer::No { at, among }) => Cause::Contradiction { at, among },
            Found::Broken(broken) => Cause::Rule(broken),
        };
        self.count(named, 1, operations, steps);
        self.refuted.push(Refuted { key, cause, steps });
    }

    /// Notes an operation that the model cannot read; the first one is reported.
    pub(super) fn cannot_read(&mut self, op: OpId, error: Unusable) {
        if self.unreadable.as_ref().is_none_or(|(first, _)| op < *first) {
            self.unreadable = Some((op, error));
        }
    }

    /// Both together.
    pub(super) fn join(mut self, other: Tally) -> Tally {
        for (method, (parts, operations, steps)) in other.methods {
            self.count(method, parts, operations, steps);
        }
        self.refuted.extend(other.refuted);
        self.short.extend(other.short);
        self.flawed.extend(other.flawed);
        if let Some((op, error)) = other.unreadable {
            self.cannot_read(op, error);
        }
        self.unobserved = self.unobserved.or(other.unobserved);
        self
    }

    /// Steps taken so far.
    pub(super) fn steps(&self) -> u64 {
        let decided = self.methods.values().map(|sums| sums.2);
        decided.chain(self.short.values().map(|short| short.steps)).sum()
    }

    /// How many keys are undecided so far.
    pub(super) fn undecided(&self) -> usize {
        self.short.len()
    }

    /// Takes them out, in order, to be judged once more.
    pub(super) fn take_undecided(&mut self) -> Vec<(usize, Earlier)> {
        let short = std::mem::take(&mut self.short).into_iter();
        short.map(|(key, short)| (key, Earlier { left: short.named.left, steps: short.steps })).collect()
    }

    /// Whether a key is not linearizable, or cannot be read: then nothing that the others say changes the verdict.
    pub(super) fn has_refuted(&self) -> bool {
        !self.refuted.is_empty() || self.unreadable.is_some()
    }

    /// Whether every key is linearizable, and said something.
    pub(super) fn is_settled(&self) -> bool {
        self.refuted.is_empty()
            && self.short.is_empty()
            && self.flawed.is_empty()
            && self.unreadable.is_none()
            && self.unobserved.is_none()
    }

    /// The judgement when every key is linearizable.
    pub(super) fn settled<M: Model>(self, model: &M) -> Judgement {
        self.concluded(model, Vec::new(), Vec::new())
    }

    /// The judgement, whatever became of the keys.
    pub(super) fn judgement<M: Model>(mut self, model: &M, history: &History, keys: &Keys) -> Judgement {
        if let Some((op, error)) = &self.unreadable {
            let why = format!("operation {} cannot be read: {error}; choose the model that it is of", op.0);
            return Tally::default().concluded(model, vec![why], Vec::new());
        }
        self.refuted.sort_by_key(|refuted| refuted.key);
        self.flawed.sort_unstable();
        for Short { named, operations, steps, .. } in self.short.values().copied().collect::<Vec<_>>() {
            self.count(named, 1, operations, steps);
        }
        let explained = self.refuted.iter().take(EXPLAINED);
        let anomalies = explained.map(|refuted| refuted.explain(model, history, keys)).collect();
        let unknown = self.unknown(history, keys);
        self.concluded(model, unknown, anomalies)
    }

    /// What could not be reported.
    fn unknown(&self, history: &History, keys: &Keys) -> Vec<String> {
        let mut unknown = Vec::new();
        unknown.extend(self.unobserved.map(|what| format!("{what}, so there is nothing to judge")));
        // Beside a violation they are only counted: the search for them ended early.
        if self.refuted.is_empty() {
            unknown.extend(self.short.iter().map(|(&key, short)| short.describe(history, keys.of_key(key))));
        }
        for &key in &self.flawed {
            let name = name_key(history, keys.of_key(key));
            unknown.push(format!("{name}the proof does not hold: this is an error of the checker; please report it"));
        }
        unknown
    }

    fn concluded<M: Model>(self, model: &M, unknown: Vec<String>, anomalies: Vec<Anomaly>) -> Judgement {
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
        if let (false, count @ 1..) = (self.refuted.is_empty(), self.short.len()) {
            let keys = if count == 1 { "1 key is".to_owned() } else { format!("{count} keys are") };
            notes.push(format!(
                "{keys} undecided: one key that is not linearizable settles the verdict, so the search ended early"
            ));
        }
        let methods = self.methods.iter().map(|(named, &(parts, operations, steps))| Method {
            method: named.method.to_owned(),
            parts,
            operations,
            steps,
            why: named.reason(),
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

impl Refuted {
    fn explain<M: Model>(&self, model: &M, history: &History, keys: &Keys) -> Anomaly {
        let subhistory = compile(model, history, keys.of_key(self.key));
        let subhistory = subhistory.expect("the specialist reads what the model reads");
        match &self.cause {
            Cause::Rule(broken) => explain::explain_rule(model, history, subhistory, broken),
            Cause::Contradiction { at, among } => {
                explain::explain(model, history, subhistory, explain::Refuted { at: *at, among, steps: self.steps })
            }
        }
    }
}

impl Short {
    fn describe(&self, history: &History, ops: Ops<'_>) -> String {
        let steps = self.steps;
        let what = match self.shortage {
            Shortage::Steps => format!("{steps} steps were not enough; raise the step budget"),
            Shortage::Pending => "too many operations are pending at once".to_owned(),
            Shortage::Inexact => format!("{steps} steps decided neither"),
            Shortage::Bytes => "the memory budget was not enough; raise it".to_owned(),
        };
        let key = name_key(history, ops);
        let left = self.named.left.map_or_else(String::new, |left| format!(" ({left})"));
        format!("{key}{} operations{left}: {what}, or use more keys with fewer clients each", ops.len())
    }
}

/// `key 3: `, or nothing when there is only one object.
fn name_key(history: &History, ops: Ops<'_>) -> String {
    let key = history.value(history.key_of(ops.get(0)));
    if key.is_nil() { String::new() } else { format!("key {key}: ") }
}

fn is_proof<M: Model>(model: &M, rows: &Rows<'_>, order: &[OpId]) -> bool {
    let ops: Vec<u32> = (0..rows.len()).map(|index| rows.op(index).0).collect();
    certificate::verify(model, rows.history(), &ops, order).is_ok()
}
