//! Isolation of transactions: which levels a history of transactions satisfies, and what breaks the others.
//!
//! The approach is Elle's (Kingsbury and Alvaro, VLDB 2020): reads show which versions came before others, versions
//! imply dependencies between transactions, and cycles of dependencies are anomalies in Adya's sense. Differences:
//! every level is decided, not only refuted, wherever the order of versions is known; a history without cycles costs
//! one pass; real-time order is never made into edges; and searches have a budget of steps, so that the answer does
//! not depend on the machine.

pub mod certificate;
mod cycles;
mod decide;
pub(crate) mod descriptors;
mod evaluate;
mod explain;
mod findings;
mod graph;
mod input;
mod judgement;
mod levels;
mod lists;
mod polygraph;
mod register_levels;
mod registers;
mod same_key;
mod schedule;
mod solver;
mod unobserved;
mod versions;
mod visibility;

use std::borrow::Cow;

use rashomon_history::{History, Outcome};

use crate::level::Level;
use crate::verdict::{Budget, Finding, Judgement};
use certificate::{Certificate, Moment};
pub use descriptors::{LIST_APPEND, RW_REGISTER};
use evaluate::Evaluation;
use explain::Speaker;
pub use explain::{TxnAnomaly, TxnEdge};
pub use graph::Dependency;
pub use input::{Objects, recognize};
pub use levels::{Condition, Conditions, Isolation, Order};

/// What to judge.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What the objects are.
    pub objects: Objects,
    /// The level that the history must satisfy.
    pub level: Level,
}

/// The answer about a history of transactions.
#[derive(Clone, Debug)]
pub struct TxnResult {
    /// The level that was asked for.
    pub level: Level,
    /// Whether it holds.
    pub finding: Finding,
    /// The strongest levels that hold.
    pub holds: Vec<Level>,
    /// The weakest levels that are broken.
    pub broken: Vec<Level>,
    /// Levels about which nothing is certain.
    pub open: Vec<Level>,
    /// Anomalies that break the level, the gravest first.
    pub anomalies: Vec<TxnAnomaly>,
    /// Anomalies that the level allows.
    pub allowed: Vec<TxnAnomaly>,
    /// What could not be read or decided.
    pub unknown: Vec<String>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// How many transactions took effect, how many dependencies they have, how many steps were taken.
    pub measured: Measured,
    /// For a level that holds: the proof, where there is one.
    pub certificate: Option<Certificate>,
}

/// The size of what was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Transactions that took effect.
    pub transactions: u64,
    /// Dependencies between them.
    pub dependencies: u64,
    /// Steps of searches for cycles.
    pub steps: u64,
}

impl Measured {
    fn is_nothing(&self) -> bool {
        self.transactions == 0
    }
}

impl TxnResult {
    /// What is known of any level, not only the one that was asked for.
    pub fn verdict(&self, level: Level) -> Finding {
        if self.broken.iter().any(|&broken| broken == level || level.implies(broken)) {
            Finding::Invalid
        } else if self.holds.iter().any(|&held| held == level || held.implies(level)) {
            Finding::Valid
        } else {
            Finding::Unknown
        }
    }

    fn unreadable(level: Level, unknown: Vec<String>) -> TxnResult {
        TxnResult {
            level,
            finding: Finding::Unknown,
            holds: Vec::new(),
            broken: Vec::new(),
            open: Level::isolation_levels().collect(),
            anomalies: Vec::new(),
            allowed: Vec::new(),
            unknown,
            notes: Vec::new(),
            measured: Measured::default(),
            certificate: None,
        }
    }
}

/// Judges a history of transactions, and answers as all checkers do. Linearizable is strict serializable, for its
/// operations are whole transactions; a level that says nothing of transactions makes the answer *unknown*.
pub fn judge(history: &History, options: &Options, budget: &Budget) -> Judgement {
    let Some(level) = options.level.as_isolation() else {
        let why = format!("{} says nothing of transactions; choose a level of `rashomon list levels`", options.level);
        return judgement::judgement(history, options, &TxnResult::unreadable(options.level, vec![why]));
    };
    let options = Options { level, ..*options };
    judgement::judgement(history, &options, &check(history, &options, budget))
}

/// Judges a history of transactions.
pub fn check(history: &History, options: &Options, budget: &Budget) -> TxnResult {
    let Options { objects, level } = *options;
    let mut txns = match input::Transactions::read(history, objects) {
        Ok(txns) => txns,
        Err(unknown) => return TxnResult::unreadable(level, unknown),
    };
    if let Some(why) = no_evidence(&txns).or_else(|| too_large(&txns)) {
        return TxnResult::unreadable(level, vec![why]);
    }
    match objects {
        Objects::Lists => check_lists(history, &mut txns, level, budget),
        Objects::Registers => check_registers(history, &txns, level, budget),
    }
}

fn check_lists(history: &History, txns: &mut input::Transactions, level: Level, budget: &Budget) -> TxnResult {
    let mut findings = findings::Findings::default();
    let inferred = lists::infer(txns, &mut findings);
    let deps = versions::dependencies(txns, &inferred.versions);
    let mut steps = budget.steps;
    let mut found = evaluate::evaluate(txns, &inferred.versions, &deps, &findings, &mut steps);
    let measured = Measured {
        transactions: count(&inferred.versions.committed),
        dependencies: deps.graph.edges() as u64,
        steps: budget.steps - steps,
    };
    if !inferred.unknown.is_empty() {
        found.open = Level::STRICT_SERIALIZABLE.conditions();
        found.why_open.splice(0..0, inferred.unknown);
    }
    let speaker = Speaker { history, txns, versions: &inferred.versions, reasons: None };
    let mut all: Vec<TxnAnomaly> = findings.0.iter().map(|direct| speaker.direct(direct)).collect();
    all.extend(found.classes.iter().map(|class| speaker.cycle(class)));
    let mut result = answer(level, &found, all, measured);
    if result.finding == Finding::Valid {
        result.certificate = proof(txns, &inferred.versions, &deps, &found);
    }
    result
}

fn check_registers(history: &History, txns: &input::Transactions, level: Level, budget: &Budget) -> TxnResult {
    let mut findings = findings::Findings::default();
    let registers = registers::infer(txns, &mut findings);
    let mut steps = budget.steps;
    let judged = register_levels::judge(txns, &registers, &findings, level, history, budget, &mut steps);
    let edges = registers.reads.iter().map(|reads| reads.len() as u64).sum();
    let measured =
        Measured { transactions: count(&registers.committed), dependencies: edges, steps: budget.steps - steps };
    let versions = versions::Versions::default();
    let speaker = |reasons| Speaker { history, txns, versions: &versions, reasons };
    let mut all: Vec<TxnAnomaly> = findings.0.iter().map(|direct| speaker(None).direct(direct)).collect();
    let classes = judged.found.classes.iter().zip(&judged.reasons);
    all.extend(classes.map(|(class, reasons)| speaker(Some(reasons)).cycle(class)));
    let rest = judged.found.without_cycle.iter();
    all.extend(rest.map(|found| speaker(None).without_cycle(found)));
    let mut result = answer(level, &judged.found, all, measured);
    if result.finding == Finding::Valid {
        result.certificate =
            judged.proofs.into_iter().find(|(proved, _)| proved.implies(level)).map(|(_, proof)| proof);
    }
    result
}

fn count(committed: &[bool]) -> u64 {
    committed.iter().filter(|&&committed| committed).count() as u64
}

/// Why a history does not fit into the checker's tables.
fn too_large(txns: &input::Transactions) -> Option<String> {
    let nodes = 2 * (txns.len() + txns.keys.len());
    (nodes >= graph::MOST_NODES).then(|| "more than 2^28 transactions and keys: split the history in time".to_owned())
}

/// Why a history cannot say anything about isolation.
fn no_evidence(txns: &input::Transactions) -> Option<String> {
    let acknowledged = (0..txns.len() as u32).filter(|&txn| txns.outcome[txn as usize] == Outcome::Ok);
    let mut some = false;
    for txn in acknowledged {
        some = true;
        if txns.steps_of(txn).iter().any(|step| step.kind() == input::Kind::Read) {
            return None;
        }
    }
    Some(match some {
        false => "no transaction was acknowledged, so nothing was observed".to_owned(),
        true => "no acknowledged transaction read anything, so nothing was observed".to_owned(),
    })
}

/// The verdict from what holds and what is broken.
fn answer(level: Level, found: &Evaluation, mut all: Vec<TxnAnomaly>, measured: Measured) -> TxnResult {
    // The gravest first: what breaks the weakest level.
    let gravity = |anomaly: &TxnAnomaly| {
        Level::isolation_levels()
            .position(|level| anomaly.breaks.is_some_and(|condition| level.conditions().has(condition)))
    };
    all.sort_by_key(gravity);
    let is_broken = |level: &Level| level.conditions().meets(found.broken);
    let is_open = |level: &Level| level.conditions().meets(found.open);
    let broken: Vec<Level> = Level::isolation_levels().filter(is_broken).collect();
    let holds: Vec<Level> = Level::isolation_levels().filter(|level| !is_broken(level) && !is_open(level)).collect();
    let open: Vec<Level> = Level::isolation_levels().filter(|level| !is_broken(level) && is_open(level)).collect();
    let finding = match () {
        () if broken.contains(&level) => Finding::Invalid,
        () if open.contains(&level) => Finding::Unknown,
        () => Finding::Valid,
    };
    let breaks = |anomaly: &TxnAnomaly| anomaly.breaks.is_some_and(|condition| level.conditions().has(condition));
    let (anomalies, allowed): (Vec<TxnAnomaly>, Vec<TxnAnomaly>) = all.into_iter().partition(breaks);
    let mut notes = Vec::new();
    if found.entangled.0 > 0 {
        let (transactions, components) = found.entangled;
        notes.push(format!("{transactions} transactions are on cycles, in {components} strongly connected components"));
    }
    if found.unfinished > 0 {
        notes.push(format!(
            "{} searches for shortest cycles ended at their limit of steps; raise it with --steps",
            found.unfinished
        ));
    }
    TxnResult {
        level,
        finding,
        holds: Level::strongest(&holds),
        broken: Level::weakest(&broken),
        open,
        anomalies,
        allowed,
        unknown: if finding == Finding::Unknown { found.why_open.clone() } else { Vec::new() },
        notes,
        measured,
        certificate: None,
    }
}

/// The order of commits, or of begins and commits, that explains every read. The strongest order there is.
fn proof(
    txns: &input::Transactions,
    versions: &versions::Versions,
    deps: &versions::Dependencies,
    found: &Evaluation,
) -> Option<Certificate> {
    let committed = |node: u32| (node as usize) < txns.len() && versions.committed[node as usize];
    let holds = |condition| !found.broken.has(condition) && !found.open.has(condition);
    let with_session = |session| if holds(session) { graph::DATA | graph::WITH_SO } else { graph::DATA };
    if holds(Condition::Cycle) {
        let mask = with_session(Condition::CycleSession);
        let order = found.order.clone().unwrap_or_else(|| deps.graph.topological(mask));
        let order = if holds(Condition::CycleRealTime) { by_time(txns, &deps.graph, order) } else { order };
        let order = order.into_iter().filter(|&node| committed(node)).map(|node| txns.ops[node as usize]);
        return Some(Certificate::Serial(order.collect()));
    }
    // The strongest order of snapshots that exists, with all writers ordered.
    let orders = [
        (Order::RealTime, Condition::NonadjacentRealTime),
        (Order::Session, Condition::NonadjacentSession),
        (Order::Any, Condition::Nonadjacent),
    ];
    let &(order, _) = orders.iter().find(|&&(_, condition)| holds(condition))?;
    let mask = if order == Order::Any { graph::DATA } else { graph::DATA | graph::WITH_SO };
    let ordered = found.snapshots.iter().find(|(of, _)| *of == order);
    let whole = ordered.map_or_else(|| deps.without_lost_updates(), |(_, graph)| Cow::Borrowed(graph));
    let split = whole.split(txns.len() as u32, false);
    let sorted = split.topological(mask);
    // Where the graph has no edges of real time, the order keeps it by other means.
    let sorted = if order == Order::RealTime { by_time_of_snapshots(txns, &split, sorted) } else { sorted };
    let moments = sorted.into_iter().filter(|&node| committed(node / 2)).map(|node| {
        let id = txns.ops[node as usize / 2];
        if node % 2 == 0 { Moment::Begin(id) } else { Moment::Commit(id) }
    });
    Some(Certificate::Snapshots(moments.collect()))
}

/// A topological order that keeps real time, when there is one: each node stands where the latest of those before it
/// had been invoked. Whoever had ended before that stands earlier, for otherwise it would close a cycle.
fn by_time(txns: &input::Transactions, graph: &graph::Graph, order: Vec<u32>) -> Vec<u32> {
    let mut since: Vec<u32> = (0..graph.nodes()).map(|node| txns.invoked.get(node).copied().unwrap_or(0)).collect();
    settle(graph, order, &mut since)
}

/// The same for begins and commits.
fn by_time_of_snapshots(txns: &input::Transactions, graph: &graph::Graph, order: Vec<u32>) -> Vec<u32> {
    let begin = |node: usize| if node.is_multiple_of(2) { txns.invoked.get(node / 2).copied().unwrap_or(0) } else { 0 };
    let mut since: Vec<u32> = (0..graph.nodes()).map(begin).collect();
    settle(graph, order, &mut since)
}

fn settle(graph: &graph::Graph, mut order: Vec<u32>, since: &mut [u32]) -> Vec<u32> {
    for &node in &order {
        for arc in graph.arcs(node).iter() {
            since[arc.to() as usize] = since[arc.to() as usize].max(since[node as usize]);
        }
    }
    order.sort_by_key(|&node| since[node as usize]);
    order
}
