//! Cycles in words: every edge with the reads and writes that it follows from.

use rashomon_history::{History, OpId, Value};
use serde::{Deserialize, Serialize};

use super::cycles::{Anti, Closing, Cycle, Shape};
use super::evaluate::{Class, WithoutCycle};
use super::findings::Direct;
use super::graph::{Dependency, RW, SO, WR, WW};
use super::input::{Kind, NEVER, NO_VERSION, Objects, Transactions, shown_step};
use super::levels::Condition;
use super::lists::short;
use super::register_levels::Reasons;
use super::versions::{NOBODY, Versions};
use crate::story::Span;

/// One edge of a cycle: why the first transaction comes before the second.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxnEdge {
    /// The transaction that comes first.
    pub from: OpId,
    /// The one that comes after it.
    pub to: OpId,
    /// What kind of dependency it is.
    pub dependency: Dependency,
    /// The key it is about, as text; empty for process order and real time.
    pub key: String,
    /// A few words for the edge of a drawing: `key 3: 4 then 5`.
    pub label: String,
    /// The edge on its own, with `T1`, `T2`, … for the transactions of the cycle.
    pub sentence: String,
}

/// An anomaly of transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxnAnomaly {
    /// Adya's and Elle's name: `G-single`, `G1a`, `incompatible order`, ….
    pub name: String,
    /// The common name of this very case, where it has one: `write skew`, `lost update`, `long fork`, ….
    pub also: Option<String>,
    /// The key of an anomaly that is about one key, as text.
    pub key: String,
    /// Its transactions: `T1` is the first.
    pub transactions: Vec<OpId>,
    /// The cycle, from each transaction to the next; empty for anomalies that show without one.
    pub edges: Vec<TxnEdge>,
    /// What happened, in one sentence.
    pub sentence: String,
    /// What the transactions did, and then the argument step by step.
    pub explanation: Vec<String>,
    /// For a cycle: no shorter one of this class exists. A single reading is always minimal.
    pub shortest: bool,
    /// How many of this class were counted, at least.
    pub count: u64,
    /// The condition that it breaks.
    #[serde(skip)]
    pub breaks: Option<Condition>,
}

/// What sentences are made from.
pub(super) struct Speaker<'a> {
    pub(super) history: &'a History,
    pub(super) txns: &'a Transactions,
    pub(super) versions: &'a Versions,
    /// For registers: what each edge follows from.
    pub(super) reasons: Option<&'a Reasons>,
}

impl Speaker<'_> {
    /// An anomaly that shows without a cycle.
    pub(super) fn direct(&self, direct: &Direct) -> TxnAnomaly {
        let names: Vec<u32> = direct.txns.clone();
        let more =
            if direct.count > 1 { format!("{} cases of this kind in all.", direct.count) } else { String::new() };
        let mut explanation = self.legend(&names);
        explanation.extend((!more.is_empty()).then_some(more));
        TxnAnomaly {
            name: direct.name.to_owned(),
            also: None,
            key: self.txns.keys[direct.key as usize].to_string(),
            transactions: names.iter().map(|&txn| self.txns.ops[txn as usize]).collect(),
            edges: Vec::new(),
            sentence: format!("{}.", direct.sentence),
            explanation,
            shortest: true,
            count: direct.count,
            breaks: Some(direct.breaks),
        }
    }

    /// A cycle.
    pub(super) fn cycle(&self, class: &Class) -> TxnAnomaly {
        let Cycle { nodes, kinds } = &class.cycle;
        let edges: Vec<TxnEdge> = (0..nodes.len())
            .map(|place| {
                let kind = kinds.get(place).copied();
                self.edge(nodes[place], nodes[(place + 1) % nodes.len()], kind, (place, (place + 1) % nodes.len()))
            })
            .collect();
        let path: Vec<String> = edges
            .iter()
            .enumerate()
            .map(|(place, edge)| {
                let about = if edge.label.is_empty() { String::new() } else { format!(" ({})", edge.label) };
                format!("T{} →{}{about}", place + 1, edge.dependency.as_str())
            })
            .collect();
        let also = common_name(class.shape, &edges);
        let mut explanation = self.legend(nodes);
        for (place, edge) in edges.iter().enumerate() {
            let turn = if place + 1 == edges.len() { "Yet" } else { "Then" };
            let (from, to) = (place + 1, (place + 1) % nodes.len() + 1);
            explanation.push(format!("{turn} T{from} < T{to}: {}.", edge.sentence));
        }
        if !class.shortest {
            explanation
                .push("A shorter cycle of this kind may exist: the search ended at its limit of steps.".to_owned());
        }
        let named = also.map(|also| format!("{also}: ")).unwrap_or_default();
        let sentence = format!("{}{named}dependency cycle of {} transactions: {} T1.", "", nodes.len(), path.join(" "));
        let mut letters = sentence.chars();
        let sentence = letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
        TxnAnomaly {
            name: class.name.to_owned(),
            also: also.map(str::to_owned),
            key: edges.iter().map(|edge| edge.key.clone()).find(|key| !key.is_empty()).unwrap_or_default(),
            transactions: nodes.iter().map(|&txn| self.txns.ops[txn as usize]).collect(),
            edges,
            sentence,
            explanation,
            shortest: class.shortest,
            count: 1,
            breaks: Some(class.breaks),
        }
    }

    /// What `T1`, `T2`, … stand for.
    fn legend(&self, names: &[u32]) -> Vec<String> {
        const SHOWN: usize = 12;
        names
            .iter()
            .enumerate()
            .map(|(place, &txn)| {
                let op = self.history.op(self.txns.ops[txn as usize]);
                let steps = self.txns.steps_of(txn).len();
                let mut shown: Vec<String> =
                    (0..steps.min(SHOWN)).map(|place| shown_step(self.txns, txn, place).to_string()).collect();
                if steps > SHOWN {
                    shown.push(format!("… {} more", steps - SHOWN));
                }
                let (begin, end) = (Span(op.invoke_time), op.complete_time.map(Span));
                let end = end.map_or("no end known".to_owned(), |end| format!("to {end}"));
                format!(
                    "T{} is op {} of process {} ({begin} {end}): {}",
                    place + 1,
                    op.id.0,
                    op.process,
                    shown.join(", ")
                )
            })
            .collect()
    }

    fn edge(&self, from: u32, to: u32, kind: Option<u32>, (first, second): (usize, usize)) -> TxnEdge {
        let (one, other) = (format!("T{}", first + 1), format!("T{}", second + 1));
        let (from_op, to_op) = (self.txns.ops[from as usize], self.txns.ops[to as usize]);
        let edge = |dependency, key: String, label: String, sentence: String| TxnEdge {
            from: from_op,
            to: to_op,
            dependency,
            key,
            label,
            sentence,
        };
        let found = match kind {
            None => {
                let (ended, began) = (self.history.op(from_op).complete_time, self.history.op(to_op).invoke_time);
                let ended = ended.unwrap_or(began);
                let gap = began.saturating_sub(ended);
                let label = if gap == 0 { String::new() } else { Span(gap).to_string() };
                let by = if gap == 0 { String::new() } else { format!(", {}", Span(gap)) };
                let sentence = format!("{one} ended at {}{by} before {other} began", Span(ended));
                Some(edge(Dependency::RealTime, String::new(), label, sentence))
            }
            Some(SO) => {
                let process = self.txns.process[from as usize];
                let sentence = format!("process {process} ran {one} and then {other}");
                Some(edge(Dependency::Process, String::new(), format!("process {process}"), sentence))
            }
            Some(kind) if self.reasons.is_some() => self.by_reason((from, to, kind), (&one, &other)).map(
                |(dependency, key, label, sentence)| edge(dependency, key, label, sentence),
            ),
            Some(WR) => self.wr(from, to).map(|(key, value, shown)| {
                let sentence = format!("{other} read key {key} as {shown}, which {one} wrote ({value})");
                edge(Dependency::Wr, key.clone(), format!("key {key}: {value}"), sentence)
            }),
            Some(RW) => self.rw(from, to, false).map(|(key, missed, shown)| {
                let sentence = format!("{one} read key {key} as {shown}, without {other}'s write of {missed}");
                edge(Dependency::Rw, key.clone(), format!("key {key}: read {shown}, missed {missed}"), sentence)
            }),
            Some(WW) => self.ww(from, to).map(|(key, earlier, later)| {
                let sentence = format!("{other} wrote {later} to key {key} after {one}'s {earlier}");
                edge(Dependency::Ww, key.clone(), format!("key {key}: {earlier} then {later}"), sentence)
            }).or_else(|| self.rw(from, to, true).map(|(key, missed, shown)| {
                let label = format!("key {key}: read {shown}, wrote before {missed}");
                let sentence = format!(
                    "{one} read key {key} as {shown} and wrote it, so {other}'s write of {missed} came later or {one}'s \
                     update is lost"
                );
                edge(Dependency::Ww, key.clone(), label, sentence)
            })),
            Some(_) => None,
        };
        found.unwrap_or_else(|| {
            let dependency = match kind {
                Some(WR) => Dependency::Wr,
                Some(RW) => Dependency::Rw,
                _ => Dependency::Ww,
            };
            edge(dependency, String::new(), String::new(), format!("{one} comes before {other}"))
        })
    }

    /// An edge between transactions on registers, from what it follows from.
    fn by_reason(
        &self,
        edge: (u32, u32, u32),
        (one, other): (&str, &str),
    ) -> Option<(Dependency, String, String, String)> {
        let forced = self.reasons?.get(&edge)?;
        let (from, to, kind) = edge;
        let name = self.name(forced.key);
        let read = |txn: u32| {
            let steps = self.txns.steps_of(txn);
            let place = (0..steps.len()).find(|&at| steps[at].kind() == Kind::Read && steps[at].key == forced.key)?;
            Some(self.txns.value(txn, place).to_string())
        };
        let wrote = |txn: u32| {
            let last = self.writes(txn, forced.key).last()?;
            Some(self.txns.value(txn, last).to_string())
        };
        Some(match kind {
            WR => {
                let value = read(to)?;
                let sentence = format!("{other} read key {name} as {value}, which {one} wrote");
                (Dependency::Wr, name.clone(), format!("key {name}: {value}"), sentence)
            }
            RW => {
                let (value, missed) = (read(from)?, wrote(to)?);
                let sentence = format!("{one} read key {name} as {value}, before {other}'s write of {missed}");
                (Dependency::Rw, name.clone(), format!("key {name}: read {value}, missed {missed}"), sentence)
            }
            _ => {
                let (earlier, later) = (wrote(from)?, wrote(to)?);
                let why = if forced.reader == NEVER {
                    format!("{one} had written {earlier} to key {name} when {other} wrote {later}")
                } else {
                    let op = self.history.op(self.txns.ops[forced.reader as usize]);
                    format!(
                        "op {} of process {} read key {name} as {later} when {one}'s write of {earlier} had happened, so \
                         {other}'s write of {later} came after it",
                        op.id.0, op.process
                    )
                };
                (Dependency::Ww, name.clone(), format!("key {name}: {earlier} then {later}"), why)
            }
        })
    }

    /// What contradicts itself without a cycle to show.
    pub(super) fn without_cycle(&self, found: &WithoutCycle) -> TxnAnomaly {
        let WithoutCycle { name, breaks, pair, overtaken } = *found;
        let (names, key, sentence) = match (overtaken, pair) {
            (Some((reader, writer, key)), _) => {
                let name = self.name(key);
                (
                    vec![reader, writer],
                    name.clone(),
                    format!("T1 read key {name} as nil, although it must have seen T2's write."),
                )
            }
            (None, Some(pair)) => {
                let key = self.name(pair.key);
                let text = format!(
                    "No order of writes explains all reads: with T1's write of key {key} before T2's, and with T2's before \
                     T1's, what was read leads to a cycle."
                );
                (vec![pair.first, pair.second], key, text)
            }
            (None, None) => (Vec::new(), String::new(), "No order of writes explains all reads.".to_owned()),
        };
        TxnAnomaly {
            name: name.to_owned(),
            also: None,
            key,
            transactions: names.iter().map(|&txn| self.txns.ops[txn as usize]).collect(),
            edges: Vec::new(),
            sentence,
            explanation: self.legend(&names),
            shortest: true,
            count: 1,
            breaks: Some(breaks),
        }
    }

    /// The reads of a transaction whose version is known.
    fn reads(&self, txn: u32) -> impl Iterator<Item = usize> + '_ {
        let steps = self.txns.steps_of(txn);
        (0..steps.len()).filter(|&place| steps[place].kind() == Kind::Read && steps[place].version() != NO_VERSION)
    }

    fn writes(&self, txn: u32, key: u32) -> impl Iterator<Item = usize> + '_ {
        let steps = self.txns.steps_of(txn);
        (0..steps.len()).filter(move |&place| steps[place].is_write() && steps[place].key == key)
    }

    fn name(&self, key: u32) -> String {
        self.txns.keys[key as usize].to_string()
    }

    /// What a read returned, as it stands in sentences.
    fn shown(&self, txn: u32, place: usize) -> String {
        match self.txns.objects {
            Objects::Lists => short(self.txns.list(txn, place)),
            Objects::Registers => self.txns.value(txn, place).to_string(),
        }
    }

    /// The key, what was written and what was read.
    fn wr(&self, from: u32, to: u32) -> Option<(String, String, String)> {
        let steps = self.txns.steps_of(to);
        let place =
            self.reads(to).find(|&place| self.versions.writer(steps[place].key, steps[place].version()) == from)?;
        let key = steps[place].key;
        let written =
            self.writes(from, key).find(|&write| self.txns.steps_of(from)[write].version() == steps[place].version());
        let value: Value = self.txns.value(from, written?).clone();
        Some((self.name(key), value.to_string(), self.shown(to, place)))
    }

    /// The key, what was missed and what was read; with `wrote`, of a key that the reader wrote too.
    fn rw(&self, from: u32, to: u32, wrote: bool) -> Option<(String, String, String)> {
        let steps = self.txns.steps_of(from);
        let place = self.reads(from).find(|&place| {
            let (key, version) = (steps[place].key, steps[place].version());
            let next = self.versions.next(key, version);
            let follows = next == to || next == NOBODY && self.versions.unobserved(key).contains(&to);
            follows && (!wrote || self.writes(from, key).next().is_some())
        })?;
        let key = steps[place].key;
        let after = |&write: &usize| self.txns.steps_of(to)[write].version() > steps[place].version();
        let missed = self.writes(to, key).find(after)?;
        Some((self.name(key), self.txns.value(to, missed).to_string(), self.shown(from, place)))
    }

    /// The key, the earlier and the later write.
    fn ww(&self, from: u32, to: u32) -> Option<(String, String, String)> {
        let (steps, others) = (self.txns.steps_of(from), self.txns.steps_of(to));
        for place in (0..steps.len()).filter(|&place| steps[place].is_write() && steps[place].version() != NO_VERSION) {
            let (key, version) = (steps[place].key, steps[place].version());
            let next = self.versions.next(key, version);
            let follows = next == to || next == NOBODY && self.versions.unobserved(key).contains(&to);
            if !follows {
                continue;
            }
            if let Some(later) = self.writes(to, key).find(|&write| others[write].version() > version) {
                let (earlier, later) = (self.txns.value(from, place), self.txns.value(to, later));
                return Some((self.name(key), earlier.to_string(), later.to_string()));
            }
        }
        None
    }
}

/// The common name of a cycle of this form.
fn common_name(shape: Shape, edges: &[TxnEdge]) -> Option<&'static str> {
    use Dependency::*;
    let kinds: Vec<Dependency> = edges.iter().map(|edge| edge.dependency).collect();
    let has = |kind| kinds.contains(&kind);
    let one_key = edges.iter().all(|edge| edge.key == edges[0].key);
    match (shape.anti, kinds.len()) {
        (Anti::One, 2) if has(Ww) && one_key => Some("lost update"),
        (Anti::One, 2) if has(Wr) => Some("fractured read"),
        (Anti::One, 3) if shape.closing != Closing::Data && has(Wr) => Some("causal reverse"),
        (Anti::One, 2) if has(RealTime) => Some("stale read"),
        (Anti::One, _) if shape.closing == Closing::Data && !has(Ww) => Some("read skew"),
        (Anti::Apart, 4) if kinds.iter().filter(|&&kind| kind == Wr).count() == 2 => Some("long fork"),
        (Anti::Adjacent, 2) if edges[0].key != edges[1].key => Some("write skew"),
        _ => None,
    }
}
