//! Which conditions a history breaks, when the order of versions is known.
//!
//! The strongest are tried first: an acyclic graph satisfies all of them, in time linear in its size. Where there are
//! cycles, everything that follows looks at strongly connected components only. Real-time order is never stored: a
//! path closes to a cycle with it exactly when it leads from some transaction to one that ended before that began, and
//! the earliest end that each node reaches is one pass over a topological order.

use super::cycles::{Anti, Closing, Cycle, Search, Shape};
use super::findings::Findings;
use super::graph::{DATA, DEP, Graph, Mask, WITH_SO, WW};
use super::input::{NEVER, Transactions};
use super::levels::{Condition, Conditions, Order};
use super::solver::Pair;
use super::unobserved::{self, Ordered};
use super::versions::{Dependencies, Versions};
use super::visibility;

/// A class of cycles that was found.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) breaks: Condition,
    pub(super) shape: Shape,
    pub(super) cycle: Cycle,
    /// No shorter cycle of this class exists.
    pub(super) shortest: bool,
}

/// An anomaly of registers that shows in no cycle: what is forced leaves no choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithoutCycle {
    pub(super) name: &'static str,
    pub(super) breaks: Condition,
    /// Two writes of which neither can be the first.
    pub(super) pair: Option<Pair>,
    /// A read of the initial value that must have seen a write: reader, writer and key.
    pub(super) overtaken: Option<(u32, u32, u32)>,
}

/// What holds of a history and what does not.
#[derive(Debug, Default)]
pub(super) struct Evaluation {
    pub(super) broken: Conditions,
    /// What could not be decided, and why.
    pub(super) open: Conditions,
    pub(super) why_open: Vec<String>,
    pub(super) classes: Vec<Class>,
    /// Classes without a cycle to show.
    pub(super) without_cycle: Vec<WithoutCycle>,
    /// How many transactions are on cycles of data and process order, in how many components.
    pub(super) entangled: (usize, usize),
    /// How many searches ended without an answer or the proof that a cycle is the shortest.
    pub(super) unfinished: u64,
    /// The graphs that order all writers, as far as snapshots explain the reads but no serial order does.
    pub(super) snapshots: Vec<(Order, Graph)>,
    /// A serial order, when no cycle with process order exists: transactions in topological order.
    pub(super) order: Option<Vec<u32>>,
}

struct Entry(&'static str, Condition, Anti, bool, Closing);

/// All classes of cycles, gravest first: those of the data alone, then with process order, then with real time.
const CLASSES: &[Entry] = &[
    Entry("G0", Condition::Ww, Anti::None, false, Closing::Data),
    Entry("G1c", Condition::Dep, Anti::None, true, Closing::Data),
    Entry("lost update", Condition::LostUpdate, Anti::None, false, Closing::Data),
    Entry("G-single", Condition::Single, Anti::One, false, Closing::Data),
    Entry("G-nonadjacent", Condition::Nonadjacent, Anti::Apart, false, Closing::Data),
    Entry("G2-item", Condition::Cycle, Anti::Adjacent, false, Closing::Data),
    Entry("G0-process", Condition::WwSession, Anti::None, false, Closing::Process),
    Entry("G1c-process", Condition::DepSession, Anti::None, true, Closing::Process),
    Entry("G-single-process", Condition::SingleSession, Anti::One, false, Closing::Process),
    Entry("G-nonadjacent-process", Condition::NonadjacentSession, Anti::Apart, false, Closing::Process),
    Entry("G2-item-process", Condition::CycleSession, Anti::Adjacent, false, Closing::Process),
    Entry("G0-realtime", Condition::WwRealTime, Anti::None, false, Closing::RealTime),
    Entry("G1c-realtime", Condition::DepRealTime, Anti::None, true, Closing::RealTime),
    Entry("G-single-realtime", Condition::NonadjacentRealTime, Anti::One, false, Closing::RealTime),
    Entry("G-nonadjacent-realtime", Condition::NonadjacentRealTime, Anti::Apart, false, Closing::RealTime),
    Entry("G2-item-realtime", Condition::CycleRealTime, Anti::Adjacent, false, Closing::RealTime),
];

/// Evaluates all conditions. `steps` bounds the searches for cycles.
pub(super) fn evaluate(
    txns: &Transactions,
    versions: &Versions,
    deps: &Dependencies,
    findings: &Findings,
    steps: &mut u64,
) -> Evaluation {
    let mut found = Evaluation::default();
    findings.0.iter().for_each(|direct| found.broken.insert(direct.breaks));
    let graph = &deps.graph;
    let snapshots = deps.without_lost_updates();
    let order = graph.topological(DATA | WITH_SO);
    let acyclic = order.len() == graph.nodes();
    let real = RealTime { txns, graph, snapshots: &snapshots, auxiliary: txns.len() as u32 };
    let strict = if acyclic { real.late(&real.reachable_ends(&order, DATA)) } else { Vec::new() };
    if acyclic {
        found.order = Some(order);
        if strict.is_empty() {
            return found;
        }
    } else {
        entangled(txns, versions, deps, &snapshots, &mut found, steps);
    }
    with_real_time(&real, strict, &mut found, steps);
    drop(snapshots);
    order_of_unobserved(txns, versions, deps, &mut found, steps);
    found
}

/// Conditions without real time: only what is on cycles of data and process order matters.
fn entangled(
    txns: &Transactions,
    versions: &Versions,
    deps: &Dependencies,
    snapshots: &Graph,
    found: &mut Evaluation,
    steps: &mut u64,
) {
    let lost_update_shown = found.broken.has(Condition::LostUpdate);
    let components = deps.graph.components(DATA | WITH_SO);
    let mut names: Vec<u32> = components.iter().flatten().copied().collect();
    names.sort_unstable();
    let core = deps.graph.within(&names);
    let snapshots = snapshots.within(&names);
    let auxiliary = names.partition_point(|&node| (node as usize) < txns.len()) as u32;
    found.entangled = (auxiliary as usize, components.len());
    let checks = [
        (Condition::Ww, core.is_acyclic(1 << WW)),
        (Condition::WwSession, core.is_acyclic(1 << WW | WITH_SO)),
        (Condition::Dep, core.is_acyclic(DEP)),
        (Condition::DepSession, core.is_acyclic(DEP | WITH_SO)),
        (Condition::Cycle, core.is_acyclic(DATA)),
        (Condition::CycleSession, false),
        (Condition::Nonadjacent, snapshots.split(auxiliary, false).is_acyclic(DATA)),
        (Condition::NonadjacentSession, snapshots.split(auxiliary, false).is_acyclic(DATA | WITH_SO)),
        (Condition::LostUpdate, snapshots.is_acyclic(DEP) || !core.is_acyclic(DEP)),
        (Condition::Prefix, core.split(auxiliary, true).is_acyclic(DATA | WITH_SO)),
    ];
    checks.iter().filter(|(_, holds)| !holds).for_each(|&(condition, _)| found.broken.insert(condition));
    for &Entry(name, condition, anti, needs_wr, closing) in CLASSES {
        if closing == Closing::RealTime || closing == Closing::Process && found.broken.has(plain(condition)) {
            continue;
        }
        if condition == Condition::LostUpdate && (lost_update_shown || !found.broken.has(condition)) {
            continue;
        }
        let shape = Shape { anti, needs_wr, closing };
        let graph = if matches!(anti, Anti::One | Anti::Apart) || name == "lost update" { &snapshots } else { &core };
        let search = Search { graph, auxiliary, precedes: &|_, _| false, useful: &|_, _| true };
        let starts: Vec<u32> = graph.components(shape.mask()).concat();
        let starts: Vec<u32> = starts.into_iter().filter(|&node| node < auxiliary).collect();
        let searched = search.shortest(shape, &starts, steps);
        found.unfinished += u64::from(!searched.complete);
        if let Some(mut cycle) = searched.cycle {
            found.broken.insert(condition);
            cycle.nodes.iter_mut().for_each(|node| *node = names[*node as usize]);
            found.classes.push(Class { name, breaks: condition, shape, cycle, shortest: searched.complete });
        } else if !searched.complete && matches!(condition, Condition::Single | Condition::SingleSession) {
            found.open.insert(condition);
        }
    }
    close_upwards(found);
    let core_txns: Vec<u32> = names[..auxiliary as usize].to_vec();
    visibility::check(txns, versions, deps, &core_txns, found);
    close_upwards(found);
    if found.open.has(Condition::Single) || found.open.has(Condition::SingleSession) {
        found
            .why_open
            .push("the search for cycles with one anti-dependency ran out of steps; raise --steps".to_owned());
    }
}

/// The same condition without process order.
fn plain(condition: Condition) -> Condition {
    match condition {
        Condition::WwSession => Condition::Ww,
        Condition::DepSession => Condition::Dep,
        Condition::SingleSession => Condition::Single,
        Condition::NonadjacentSession => Condition::Nonadjacent,
        Condition::CycleSession => Condition::Cycle,
        other => other,
    }
}

/// A cycle of a class breaks the conditions that allow fewer cycles.
fn close_upwards(found: &mut Evaluation) {
    use Condition::*;
    let chains: [&[Condition]; 3] = [
        &[Ww, Dep, Single, Nonadjacent, Cycle],
        &[WwSession, DepSession, SingleSession, NonadjacentSession, CycleSession],
        &[WwRealTime, DepRealTime, NonadjacentRealTime, CycleRealTime],
    ];
    for chain in chains {
        let mut broken = false;
        for &condition in chain {
            broken |= found.broken.has(condition);
            if broken {
                found.broken.insert(condition);
            }
        }
    }
    let wider = [
        (Ww, WwSession),
        (Dep, DepSession),
        (Single, SingleSession),
        (Nonadjacent, NonadjacentSession),
        (Cycle, CycleSession),
        (WwSession, WwRealTime),
        (DepSession, DepRealTime),
        (NonadjacentSession, NonadjacentRealTime),
        (CycleSession, CycleRealTime),
    ];
    for (narrow, wide) in wider {
        if found.broken.has(narrow) {
            found.broken.insert(wide);
        }
    }
}

/// The order of real time, as it closes paths.
struct RealTime<'a> {
    txns: &'a Transactions,
    graph: &'a Graph,
    /// The graph for snapshots.
    snapshots: &'a Graph,
    auxiliary: u32,
}

impl RealTime<'_> {
    fn completed(&self, node: u32) -> u32 {
        if node < self.auxiliary { self.txns.completed[node as usize] } else { NEVER }
    }

    /// The earliest end that paths from each node reach, the node's own included.
    fn reachable_ends(&self, order: &[u32], mask: Mask) -> Vec<u32> {
        let mut ends: Vec<u32> = (0..self.graph.nodes() as u32).map(|node| self.completed(node)).collect();
        for &node in order.iter().rev() {
            for arc in self.graph.arcs(node).iter().filter(|arc| arc.of(mask)) {
                ends[node as usize] = ends[node as usize].min(ends[arc.to() as usize]);
            }
        }
        ends
    }

    /// The transactions from which a path leads to one that had ended before they began.
    fn late(&self, ends: &[u32]) -> Vec<u32> {
        let invoked = &self.txns.invoked;
        (0..self.auxiliary).filter(|&txn| ends[txn as usize] < invoked[txn as usize]).collect()
    }

    /// The same for paths without adjacent anti-dependencies; `None` when such paths form cycles already.
    fn late_snapshots(&self) -> Option<(Vec<u32>, Vec<u32>)> {
        let split = self.snapshots.split(self.auxiliary, false);
        let order = split.topological(DATA);
        if order.len() < split.nodes() {
            return None;
        }
        let committed = |node: u32| if node % 2 == 1 { self.completed(node / 2) } else { NEVER };
        let mut ends: Vec<u32> = (0..split.nodes() as u32).map(committed).collect();
        for &node in order.iter().rev() {
            for arc in split.arcs(node).iter().filter(|arc| arc.of(DATA)) {
                ends[node as usize] = ends[node as usize].min(ends[arc.to() as usize]);
            }
        }
        let begins: Vec<u32> = ends.chunks(2).map(|pair| pair[0]).collect();
        let late = self.late(&begins);
        Some((late, begins))
    }
}

/// Conditions with real time, each where the same without it holds.
fn with_real_time(real: &RealTime<'_>, strict: Vec<u32>, found: &mut Evaluation, steps: &mut u64) {
    let by_mask = |mask: Mask| {
        let order = real.graph.topological(mask);
        let ends = real.reachable_ends(&order, mask);
        (order.len() == real.graph.nodes()).then(|| (real.late(&ends), ends))
    };
    let all = if strict.is_empty() { by_mask(DATA) } else { by_mask(DATA).map(|(_, ends)| (strict, ends)) };
    let rows = [
        (Condition::WwRealTime, by_mask(1 << WW)),
        (Condition::DepRealTime, by_mask(DEP)),
        (Condition::NonadjacentRealTime, real.late_snapshots()),
        (Condition::CycleRealTime, all),
    ];
    for (condition, late) in &rows {
        let Some((late, ends)) = late else {
            found.broken.insert(*condition);
            continue;
        };
        if late.is_empty() {
            continue;
        }
        found.broken.insert(*condition);
        search_real_time(real, *condition, (late, ends), found, steps);
    }
    close_upwards(found);
}

/// The shortest cycles of the classes that break a condition with real time.
fn search_real_time(
    real: &RealTime<'_>,
    condition: Condition,
    (late, ends): (&[u32], &[u32]),
    found: &mut Evaluation,
    steps: &mut u64,
) {
    let useful = |start: u32, node: u32| ends[node as usize] < real.txns.invoked[start as usize];
    let precedes = |first: u32, second: u32| real.txns.precedes(first, second);
    let graph = if condition == Condition::NonadjacentRealTime { real.snapshots } else { real.graph };
    let search = Search { graph, auxiliary: real.auxiliary, precedes: &precedes, useful: &useful };
    for &Entry(name, breaks, anti, needs_wr, closing) in CLASSES {
        if closing != Closing::RealTime || breaks != condition {
            continue;
        }
        let shape = Shape { anti, needs_wr, closing };
        let searched = search.shortest(shape, late, steps);
        found.unfinished += u64::from(!searched.complete);
        if let Some(cycle) = searched.cycle {
            found.classes.push(Class { name, breaks: condition, shape, cycle, shortest: searched.complete });
        }
    }
}

/// Snapshot isolation orders the writers of a key, also those whose versions nobody read. Conditions that depend on
/// this were evaluated without such an order: whether there is one is decided here.
fn order_of_unobserved(
    txns: &Transactions,
    versions: &Versions,
    deps: &Dependencies,
    found: &mut Evaluation,
    steps: &mut u64,
) {
    let several = (0..txns.keys.len() as u32).any(|key| versions.unobserved(key).len() > 1);
    if !several || found.broken.has(Condition::LostUpdate) {
        return;
    }
    // The strongest first: an order that keeps real time keeps that of processes as well.
    let rows = [
        (
            Order::RealTime,
            Condition::CycleRealTime,
            Condition::NonadjacentRealTime,
            Condition::NonadjacentRealTime,
            "G-nonadjacent-realtime",
        ),
        (
            Order::Session,
            Condition::CycleSession,
            Condition::NonadjacentSession,
            Condition::SingleSession,
            "G-nonadjacent-process",
        ),
        (Order::Any, Condition::Cycle, Condition::Nonadjacent, Condition::Single, "G-nonadjacent"),
    ];
    for (order, serial, snapshots, single, name) in rows {
        // A serial order orders all writers as well.
        if !found.broken.has(serial) || !found.snapshots.is_empty() {
            continue;
        }
        if found.broken.has(snapshots) {
            if !found.broken.has(single) {
                found.open.insert(single);
                let why = "whether parallel snapshot isolation holds depends on the order of writes that no read shows; \
                           add final reads of every key";
                found.why_open.push(why.to_owned());
            }
            continue;
        }
        match unobserved::order(txns, versions, deps, order, steps) {
            Ordered::Graph(graph) => found.snapshots.push((order, graph)),
            Ordered::Impossible(pair) => {
                found.broken.insert(snapshots);
                found.without_cycle.push(WithoutCycle { name, breaks: snapshots, pair, overtaken: None });
                if !found.broken.has(single) {
                    found.open.insert(single);
                }
                close_upwards(found);
            }
            Ordered::Exhausted => {
                found.open.insert(snapshots);
                found.open.insert(single);
                let why = "the search for an order of the writes that no read shows ran out of steps; raise --steps, or \
                           add final reads of every key";
                found.why_open.push(why.to_owned());
            }
        }
    }
}
