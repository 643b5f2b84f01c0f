//! All levels of a register history.

use rustc_hash::{FxHashMap, FxHashSet};

use super::certificate::{self, Certificate};
use super::cycles::{Anti, Closing, Cycle, Search, Shape};
use super::decide::{Contradiction, Decider, Decision};
use super::evaluate::{Class, Evaluation, WithoutCycle};
use super::findings::Findings;
use super::graph::{Graph, RW, SO, WR, WW};
use super::input::{NEVER, Objects, Transactions};
use super::levels::{Condition, Order};
use super::polygraph::{Forced, Mode};
use super::registers::{INITIAL, Registers, SEVERAL};
use super::versions::{NOBODY, sessions};
use crate::level::Level;
use crate::verdict::Budget;

/// What each edge of a reported cycle follows from.
pub(super) type Reasons = FxHashMap<(u32, u32, u32), Forced>;

/// The answer about a register history.
pub(super) struct Judged {
    pub(super) found: Evaluation,
    /// Proofs, each with the strongest level that it proves.
    pub(super) proofs: Vec<(Level, Certificate)>,
    /// By class, in the order of classes.
    pub(super) reasons: Vec<Reasons>,
}

/// One level that an order of some kind decides: which condition it is, and what its anomaly is called.
struct Row(Mode, Order, Condition, &'static str, Anti);

/// The kinds of orders, strongest first. Each implies those of the same or a later row with the same or less order.
const ROWS: &[Row] = &[
    Row(Mode::Serial, Order::RealTime, Condition::CycleRealTime, "G2-item-realtime", Anti::Any),
    Row(Mode::Serial, Order::Session, Condition::CycleSession, "G2-item-process", Anti::Any),
    Row(Mode::Serial, Order::Any, Condition::Cycle, "G2-item", Anti::Any),
    Row(Mode::Snapshot, Order::RealTime, Condition::NonadjacentRealTime, "G-nonadjacent-realtime", Anti::Apart),
    Row(Mode::Snapshot, Order::Session, Condition::NonadjacentSession, "G-nonadjacent-process", Anti::Apart),
    Row(Mode::Snapshot, Order::Any, Condition::Nonadjacent, "G-nonadjacent", Anti::Apart),
    Row(Mode::Prefix, Order::Session, Condition::Prefix, "long fork", Anti::Apart),
    Row(Mode::Parallel, Order::Session, Condition::SingleSession, "G-single-process", Anti::One),
    Row(Mode::Parallel, Order::Any, Condition::Single, "G-single", Anti::One),
    Row(Mode::Causal, Order::Session, Condition::Causal, "G-single-process", Anti::One),
    Row(Mode::Cursor, Order::Any, Condition::LostUpdate, "lost update", Anti::One),
];

/// True when an order of the first kind is one of the second.
fn implies(first: (Mode, Order), second: (Mode, Order)) -> bool {
    use Mode::*;
    let kinds: &[Mode] = match first.0 {
        Serial => &[Serial, Snapshot, Prefix, Parallel, Causal, Cursor],
        Snapshot => &[Snapshot, Prefix, Parallel, Causal, Cursor],
        Prefix => &[Prefix, Causal],
        Parallel => &[Parallel, Causal, Cursor],
        Causal => &[Causal],
        Cursor => &[Cursor],
    };
    kinds.contains(&second.0) && first.1 >= second.1
}

/// Judges all levels, the one asked for with most of the steps.
pub(super) fn judge(
    txns: &Transactions,
    registers: &Registers,
    findings: &Findings,
    level: Level,
    history: &rashomon_history::History,
    budget: &Budget,
    steps: &mut u64,
) -> Judged {
    let before = sessions(txns, &registers.committed);
    let mut judged = Judged { found: Evaluation::default(), proofs: Vec::new(), reasons: Vec::new() };
    findings.0.iter().for_each(|direct| judged.found.broken.insert(direct.breaks));
    let weak = Weak { txns, registers, sessions: &before };
    weak.check(&mut judged, steps);
    let decider = Decider { txns, registers, sessions: &before, bytes: budget.bytes };
    let mut holding: Vec<(Mode, Order)> = Vec::new();
    let mut broken: Vec<(Mode, Order)> = Vec::new();
    let known = [
        (Condition::FracturedSession, (Mode::Causal, Order::Session)),
        (Condition::Fractured, (Mode::Parallel, Order::Any)),
        (Condition::LostUpdate, (Mode::Cursor, Order::Any)),
        (Condition::DepSession, (Mode::Causal, Order::Session)),
        (Condition::DepRealTime, (Mode::Snapshot, Order::RealTime)),
    ];
    broken.extend(known.iter().filter(|(condition, _)| judged.found.broken.has(*condition)).map(|&(_, kind)| kind));
    let wanted = |row: &&Row| level.conditions().has(row.2);
    // The strongest condition of the level asked for comes first, then all from the strongest on. Before an order that
    // need not keep that of processes, the one that does is tried: it has fewer chains, and mostly exists.
    let first = ROWS.iter().find(wanted);
    let easier = first
        .filter(|first| first.1 == Order::Any)
        .and_then(|first| ROWS.iter().find(|row| row.0 == first.0 && row.1 == Order::Session));
    for &Row(mode, order, condition, name, anti) in easier.into_iter().chain(first).chain(ROWS) {
        let this = (mode, order);
        if holding.iter().any(|&held| implies(held, this)) {
            continue;
        }
        if broken.iter().any(|&gone| implies(this, gone)) {
            judged.found.broken.insert(condition);
            continue;
        }
        if judged.found.open.has(condition) || judged.found.broken.has(condition) {
            continue;
        }
        let mut share = if first.is_some_and(|row| row.0 == mode) { *steps } else { *steps / 8 };
        let given = share;
        let decision = decider.decide(mode, order, &mut share);
        *steps -= given - share;
        match decision {
            Decision::Holds(proof) => {
                let strongest = proved(mode, order);
                if let (Some(proof), Some(strongest)) = (proof, strongest) {
                    if certificate::verify(history, Objects::Registers, strongest, &proof).is_err() {
                        judged.found.open.insert(condition);
                        continue;
                    }
                    judged.proofs.push((strongest, proof));
                } else if registers.ambiguous.is_some() {
                    judged.found.open.insert(condition);
                    continue;
                }
                holding.push(this);
            }
            Decision::Broken(contradiction) => {
                judged.found.broken.insert(condition);
                broken.push(this);
                report(txns, &contradiction, Row(mode, order, condition, name, anti), &mut judged, steps);
            }
            Decision::Open(why) => {
                judged.found.open.insert(condition);
                if !judged.found.why_open.contains(&why) {
                    judged.found.why_open.push(why);
                }
            }
        }
    }
    if let Some((count, example)) = &registers.ambiguous {
        let why = format!("{count} reads could be of several writes ({example}); write unique values");
        judged.found.why_open.insert(0, why);
        for condition in [
            Condition::Committed,
            Condition::Final,
            Condition::Monotonic,
            Condition::Fractured,
            Condition::FracturedSession,
            Condition::Dep,
            Condition::DepSession,
            Condition::DepRealTime,
        ] {
            if holding.is_empty() {
                judged.found.open.insert(condition);
            }
        }
    }
    judged
}

/// The strongest level that a proof of this kind proves.
fn proved(mode: Mode, order: Order) -> Option<Level> {
    let name = match (mode, order) {
        (Mode::Serial, Order::RealTime) => "strict-serializable",
        (Mode::Serial, Order::Session) => "strong-session-serializable",
        (Mode::Serial, Order::Any) => "serializable",
        (Mode::Snapshot, Order::RealTime) => "strong-snapshot-isolation",
        (Mode::Snapshot, Order::Session) => "strong-session-snapshot-isolation",
        (Mode::Snapshot, Order::Any) => "snapshot-isolation",
        _ => return None,
    };
    name.parse().ok()
}

/// Adds the shortest cycle of what is forced, as far as it is one.
fn report(txns: &Transactions, why: &Contradiction, row: Row, judged: &mut Judged, steps: &mut u64) {
    let Row(_, order, condition, name, anti) = row;
    let closing = match order {
        Order::RealTime => Closing::RealTime,
        Order::Session => Closing::Process,
        Order::Any => Closing::Data,
    };
    let graph = Graph::build(txns.len(), |edge| {
        why.edges.iter().for_each(|forced| edge(forced.from, forced.to, forced.kind));
    });
    // A cycle of the right shape, else any that there is: also one that needs no process order or real time.
    let shapes = [
        Shape { anti, needs_wr: false, closing },
        Shape { anti: Anti::One, needs_wr: false, closing },
        Shape { anti: Anti::Any, needs_wr: false, closing },
        Shape { anti: Anti::Any, needs_wr: false, closing: Closing::Data },
        Shape { anti: Anti::Any, needs_wr: false, closing: Closing::Process },
    ];
    let precedes = |first: u32, second: u32| txns.precedes(first, second);
    let search = Search { graph: &graph, auxiliary: txns.len() as u32, precedes: &precedes, useful: &|_, _| true };
    let mut limit = (*steps).min(20_000_000);
    for shape in shapes {
        let starts: Vec<u32> = match shape.closing {
            Closing::RealTime => (0..txns.len() as u32).filter(|&txn| !graph.arcs(txn).is_empty()).collect(),
            _ => graph.components(shape.mask()).concat(),
        };
        let searched = search.shortest(shape, &starts, &mut limit);
        if let Some(cycle) = searched.cycle {
            let reasons: Reasons =
                why.edges.iter().map(|&forced| ((forced.from, forced.to, forced.kind), forced)).collect();
            let name = name_of(name, &cycle, &reasons);
            judged.reasons.push(reasons);
            let shortest = searched.complete;
            judged.found.classes.push(Class { name, breaks: condition, shape, cycle, shortest });
            return;
        }
    }
    let Contradiction { pair, overtaken, .. } = *why;
    judged.found.without_cycle.push(WithoutCycle { name, breaks: condition, pair, overtaken });
}

/// The name of a cycle by its edges, when all of them are seen; that of the level that it breaks, when it is only
/// that level which forces some of them.
fn name_of(level: &'static str, cycle: &Cycle, reasons: &Reasons) -> &'static str {
    let nodes = &cycle.nodes;
    let inferred = cycle.kinds.iter().enumerate().any(|(place, &kind)| {
        kind == WW
            || kind == RW && {
                let next = nodes[(place + 1) % nodes.len()];
                reasons.get(&(nodes[place], next, kind)).is_none_or(|forced| forced.reader != NEVER)
            }
    });
    if inferred {
        return level;
    }
    let anti = cycle.kinds.iter().filter(|&&kind| kind == RW).count();
    let adjacent = (0..cycle.kinds.len()).any(|place| {
        let next = (place + 1) % nodes.len();
        cycle.kinds[place] == RW && cycle.kinds.get(next) == Some(&RW) && next != place
    });
    let names = match (anti, adjacent) {
        (0, _) => ["G1c", "G1c-process", "G1c-realtime"],
        (1, _) => ["G-single", "G-single-process", "G-single-realtime"],
        (_, false) => ["G-nonadjacent", "G-nonadjacent-process", "G-nonadjacent-realtime"],
        _ => ["G2-item", "G2-item-process", "G2-item-realtime"],
    };
    match () {
        () if cycle.kinds.len() < nodes.len() => names[2],
        () if cycle.kinds.contains(&SO) => names[1],
        () => names[0],
    }
}

/// Levels that need no search.
struct Weak<'a> {
    txns: &'a Transactions,
    registers: &'a Registers,
    sessions: &'a [u32],
}

impl Weak<'_> {
    fn check(&self, judged: &mut Judged, steps: &mut u64) {
        let reads_from = self.given(false);
        let with_session = self.given(true);
        let named = |condition, name, order, anti| Row(Mode::Causal, order, condition, name, anti);
        let mut try_edges = |edges: Vec<Forced>, row: Row| {
            let graph = Graph::build(self.txns.len(), |edge| {
                edges.iter().for_each(|forced| edge(forced.from, forced.to, forced.kind));
            });
            let condition = row.2;
            if !graph.is_acyclic(u32::MAX) {
                judged.found.broken.insert(condition);
                report(self.txns, &Contradiction { edges, overtaken: None, pair: None }, row, judged, steps);
            }
        };
        try_edges(reads_from.clone(), named(Condition::Dep, "G1c", Order::Any, Anti::None));
        try_edges(with_session.clone(), named(Condition::DepSession, "G1c-process", Order::Session, Anti::None));
        for (condition, name, order) in [
            (Condition::Monotonic, "G-single", Order::Any),
            (Condition::Fractured, "G-single", Order::Any),
            (Condition::FracturedSession, "G-single-process", Order::Session),
        ] {
            let mut edges = if order == Order::Any { reads_from.clone() } else { with_session.clone() };
            edges.extend(self.missed(condition));
            try_edges(edges, named(condition, name, order, Anti::None));
        }
        self.real_time(&reads_from, judged);
        let broken = &mut judged.found.broken;
        use Condition::*;
        for (narrow, wide) in [
            (Dep, DepSession),
            (DepSession, DepRealTime),
            (Dep, Monotonic),
            (Monotonic, Fractured),
            (Fractured, FracturedSession),
            (DepSession, FracturedSession),
            (FracturedSession, Causal),
            (Dep, LostUpdate),
        ] {
            if broken.has(narrow) {
                broken.insert(wide);
            }
        }
    }

    /// The dependencies that are seen.
    fn given(&self, with_session: bool) -> Vec<Forced> {
        let mut edges = Vec::new();
        for txn in 0..self.txns.len() as u32 {
            for read in &self.registers.reads[txn as usize] {
                if read.source != INITIAL && read.source != SEVERAL {
                    edges.push(Forced { from: read.source, to: txn, kind: WR, key: read.key, reader: NEVER });
                }
            }
            let before = self.sessions[txn as usize];
            if with_session && before != NOBODY {
                edges.push(Forced { from: before, to: txn, kind: SO, key: NEVER, reader: NEVER });
            }
        }
        edges
    }

    /// The order of writes that follows when reads miss nothing of those from which their transaction read.
    fn missed(&self, condition: Condition) -> Vec<Forced> {
        let mut edges = Vec::new();
        let mut known: FxHashSet<(u32, u32, u32)> = FxHashSet::default();
        let mut own: FxHashMap<u32, FxHashMap<u32, u32>> = FxHashMap::default();
        for txn in 0..self.txns.len() as u32 {
            let reads = &self.registers.reads[txn as usize];
            let mut add = |other: u32, key: u32, source: u32| {
                if source == SEVERAL || other == source || other == txn || !known.insert((other, source, key)) {
                    return;
                }
                // Before the initial value there is nothing: the transaction would have to come before the other.
                let (from, to) = if source == INITIAL { (txn, other) } else { (other, source) };
                let kind = if source == INITIAL { RW } else { WW };
                let reader = if source == INITIAL { NEVER } else { txn };
                edges.push(Forced { from, to, kind, key, reader });
            };
            for (place, seen) in reads.iter().enumerate() {
                if seen.source == INITIAL || seen.source == SEVERAL {
                    continue;
                }
                for write in &self.registers.writes[seen.source as usize] {
                    let from = if condition == Condition::Monotonic { place + 1 } else { 0 };
                    let late = reads.get(from..).unwrap_or(&[]);
                    late.iter()
                        .filter(|read| read.key == write.key)
                        .for_each(|read| add(seen.source, read.key, read.source));
                }
            }
            if condition == Condition::FracturedSession && self.registers.committed[txn as usize] {
                // All that the process wrote before: the last write of each key stands for the earlier ones.
                let process = self.txns.process[txn as usize];
                if self.sessions[txn as usize] != NOBODY
                    && let Some(latest) = own.get(&process)
                {
                    for read in reads {
                        if let Some(&other) = latest.get(&read.key) {
                            add(other, read.key, read.source);
                        }
                    }
                }
                if self.txns.completed[txn as usize] != NEVER {
                    let latest = own.entry(process).or_default();
                    latest.extend(self.registers.writes[txn as usize].iter().map(|write| (write.key, txn)));
                }
            }
        }
        edges
    }

    /// Reads from transactions that began after the reader, or one that it was read by, had ended.
    fn real_time(&self, reads_from: &[Forced], judged: &mut Judged) {
        let graph = Graph::build(self.txns.len(), |edge| {
            reads_from.iter().for_each(|forced| edge(forced.from, forced.to, forced.kind));
        });
        let order = graph.topological(u32::MAX);
        let mut ends = self.txns.completed.clone();
        for &node in order.iter().rev() {
            for arc in graph.arcs(node) {
                ends[node as usize] = ends[node as usize].min(ends[arc.to() as usize]);
            }
        }
        let late: Vec<u32> =
            (0..self.txns.len() as u32).filter(|&txn| ends[txn as usize] < self.txns.invoked[txn as usize]).collect();
        if late.is_empty() {
            return;
        }
        judged.found.broken.insert(Condition::DepRealTime);
        let precedes = |first: u32, second: u32| self.txns.precedes(first, second);
        let search =
            Search { graph: &graph, auxiliary: self.txns.len() as u32, precedes: &precedes, useful: &|_, _| true };
        let shape = Shape { anti: Anti::None, needs_wr: true, closing: Closing::RealTime };
        let searched = search.shortest(shape, &late, &mut 20_000_000);
        if let Some(cycle) = searched.cycle {
            let reasons = reads_from.iter().map(|&forced| ((forced.from, forced.to, forced.kind), forced)).collect();
            judged.reasons.push(reasons);
            let (name, breaks, shortest) = ("G1c-realtime", Condition::DepRealTime, searched.complete);
            judged.found.classes.push(Class { name, breaks, shape, cycle, shortest });
        }
    }
}
