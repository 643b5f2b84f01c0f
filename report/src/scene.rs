//! What the drawing of a finding shows: the operations that contradict each other, those that explain where a value
//! came from, how they lie to each other, and the faults in force.

use rashomon_checkers::Anomaly;
use rashomon_history::{History, OpId, OpView, Outcome, Value};

use crate::format;
use crate::leaders::{self, Leadership};
use crate::neighbourhood::{self, Core};
use rashomon_runs::{FaultRecord, ProtocolEvent};

/// Operations outside of the finding that are drawn with it.
const SOURCES_MAX: usize = 4;
/// A fault that was healed this long before the first operation is drawn, ns.
const BEFORE_NS: u64 = 1_000_000_000;
/// Leaderships drawn.
const LEADERS_MAX: usize = 12;
/// Faults drawn.
const FAULTS_MAX: usize = 5;
/// Characters of what an operation asked, and of what it returned, where it is named in a sentence.
const NAMED_MAX: usize = 28;
/// Values whose origin is looked for.
const VALUES_MAX: usize = 8;

/// A finding as it is drawn.
pub(crate) struct Scene<'a> {
    /// The operations in order of invocation.
    pub(crate) actors: Vec<Actor<'a>>,
    /// How they lie to each other; indices of `actors`.
    pub(crate) edges: Vec<Edge>,
    /// In which of them the contradiction came to light.
    pub(crate) focus: usize,
    /// The faults in force, in the order they began.
    pub(crate) faults: Vec<&'a FaultRecord>,
    /// Who led when, while the scene lasts.
    pub(crate) leaders: Vec<Leadership<'a>>,
    /// Where the values came from, a sentence each.
    pub(crate) origins: Vec<String>,
}

/// An operation of a scene.
pub(crate) struct Actor<'a> {
    /// As recorded.
    pub(crate) op: OpView<'a>,
    /// Whether it belongs to the finding; else it only explains it.
    pub(crate) core: bool,
}

/// A relation between two operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) kind: EdgeKind,
}

/// What relates two operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// The first had ended before the second began.
    RealTime,
    /// The second returned this value, which the first asked for.
    ReadFrom(String),
}

impl<'a> Scene<'a> {
    /// The scene of an anomaly; `None` when the history has none of its operations.
    pub(crate) fn of(
        history: &'a History,
        anomaly: &Anomaly,
        faults: &'a [FaultRecord],
        events: &'a [ProtocolEvent],
    ) -> Option<Scene<'a>> {
        let core = Core::of(history, anomaly);
        let focus = core.principal.iter().max_by_key(|op| (observes(op), op.completed, op.id))?.id;
        let light = history.op(focus).complete_time.unwrap_or(u64::MAX);
        let carriers = carriers(history, &core, light);
        let mut actors: Vec<Actor<'a>> = core.principal.iter().map(|op| Actor { op: op.clone(), core: true }).collect();
        for source in carriers.iter().flat_map(|(_, found)| found).take(SOURCES_MAX * VALUES_MAX) {
            let drawn = actors.len() - core.principal.len();
            if drawn < SOURCES_MAX && actors.iter().all(|actor| actor.op.id != *source) {
                actors.push(Actor { op: history.op(*source), core: false });
            }
        }
        actors.sort_by_key(|actor| (actor.op.invoked, actor.op.id));
        let mut edges = read_from(&actors, &carriers);
        edges.extend(real_time(&actors));
        let origins = origins(history, &core, &carriers);
        let focus = actors.iter().position(|actor| actor.op.id == focus)?;
        let zero = actors[focus].op.complete_time.unwrap_or(actors[focus].op.invoke_time);
        let faults = in_force(faults, &actors, zero);
        let first = actors.iter().map(|actor| actor.op.invoke_time).min()?;
        let mut leaders = leaders::leaderships(events);
        leaders.retain(|one| one.from <= zero && one.to.is_none_or(|to| to >= first));
        leaders.drain(..leaders.len().saturating_sub(LEADERS_MAX));
        Some(Scene { actors, edges, focus, faults, leaders, origins })
    }

    /// The operation in which the contradiction came to light.
    pub(crate) fn focus(&self) -> &OpView<'a> {
        &self.actors[self.focus].op
    }

    /// The time from which all others are counted: when the contradiction came to light, ns.
    pub(crate) fn zero(&self) -> u64 {
        let focus = self.focus();
        focus.complete_time.unwrap_or(focus.invoke_time)
    }
}

/// A time relative to another, as the page writes it: `−2.162 s`, `+0.140 ms`, `0`.
pub(crate) fn relative(time: u64, zero: u64) -> String {
    match time.cmp(&zero) {
        std::cmp::Ordering::Equal => "0".to_owned(),
        std::cmp::Ordering::Less => format!("−{}", format::span(zero - time)),
        std::cmp::Ordering::Greater => format!("+{}", format::span(time - zero)),
    }
}

/// `op 14294 (write 6597)`.
pub(crate) fn named(op: &OpView<'_>) -> String {
    let asked = format::asked(op);
    let result =
        if observes(op) { format!(" → {}", format::clip(&format::result(op), NAMED_MAX)) } else { String::new() };
    format!("op {} ({}{result})", op.id.0, format::clip(format!("{} {asked}", op.f).trim_end(), NAMED_MAX))
}

/// Whether what it returned shows something that it did not ask for.
fn observes(op: &OpView<'_>) -> bool {
    op.outcome == Outcome::Ok && op.output != op.input
}

/// The single values that an operation returned, or compared with: what somebody must have asked for.
fn observed<'v>(op: &'v OpView<'_>, contested: &[&Value]) -> Vec<&'v Value> {
    if op.outcome != Outcome::Ok {
        return Vec::new();
    }
    if op.f == "cas" {
        return op.input.as_list().and_then(|pair| pair.first()).into_iter().collect();
    }
    if !observes(op) {
        return Vec::new();
    }
    match op.output.as_list() {
        // Of a list, what the other operations of the finding handle.
        Some(items) => items.iter().filter(|item| contested.contains(item)).collect(),
        None => vec![&op.output],
    }
}

/// The values that an operation asks to be there, or to be gone.
pub(crate) fn handled<'v>(op: &'v OpView<'_>) -> Option<&'v Value> {
    match (op.f, op.input.as_list()) {
        (_, _) if op.input.is_nil() => None,
        ("cas", Some([_, to])) => Some(to),
        // `put [v [seen…]]`, `insert [e after]`.
        ("put" | "insert", Some([value, _])) => Some(value),
        _ => Some(&op.input),
    }
}

/// For each value that an operation of the finding observed or handled: who on its key asked for it, at the latest when
/// the contradiction came to light.
fn carriers<'a>(history: &'a History, core: &Core<'a>, light: u64) -> Vec<(Value, Vec<OpId>)> {
    let contested: Vec<&Value> = core.principal.iter().filter_map(handled).collect();
    let mut values: Vec<Value> = Vec::new();
    let missing = core.principal.iter().filter_map(handled);
    for value in core.principal.iter().flat_map(|op| observed(op, &contested)).chain(missing) {
        if !value.is_nil() && !values.contains(value) && values.len() < VALUES_MAX {
            values.push(value.clone());
        }
    }
    let mut keys: Vec<u32> = core.principal.iter().map(|op| history.row(op.id).key).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut found: Vec<(Value, Vec<OpId>)> = values.into_iter().map(|value| (value, Vec::new())).collect();
    for id in (0..history.len() as u32).map(OpId).filter(|&id| keys.binary_search(&history.row(id).key).is_ok()) {
        let op = history.op(id);
        let Some(value) = handled(&op).filter(|_| op.invoke_time <= light) else { continue };
        if let Some((_, ids)) = found.iter_mut().find(|(known, _)| known == value) {
            ids.push(id);
        }
    }
    // Of many that handled a value, the last ones that the contradiction can be about.
    for (_, ids) in found.iter_mut().filter(|(_, ids)| ids.len() > SOURCES_MAX) {
        ids.drain(..ids.len().saturating_sub(SOURCES_MAX));
    }
    found
}

fn read_from(actors: &[Actor<'_>], carriers: &[(Value, Vec<OpId>)]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (to, reader) in actors.iter().enumerate().filter(|(_, actor)| actor.core) {
        for (value, ids) in carriers {
            if !observed(&reader.op, &[value]).contains(&value) {
                continue;
            }
            let places = ids.iter().filter_map(|id| actors.iter().position(|actor| actor.op.id == *id));
            // Of several that asked for it, the latest that may have been seen.
            let mut seen = places.filter(|&from| from != to && actors[from].op.invoke_time <= end(&reader.op));
            if let Some(from) = seen.next_back() {
                edges.push(Edge { from, to, kind: EdgeKind::ReadFrom(format::clip(&value.to_string(), 16)) });
            }
        }
    }
    edges
}

/// Which core operations had ended before which others began, without those that follow from others.
fn real_time(actors: &[Actor<'_>]) -> Vec<Edge> {
    let before = |first: usize, second: usize| {
        let (first, second) = (&actors[first].op, &actors[second].op);
        first.outcome != Outcome::Info && first.completed.is_some_and(|completed| completed < second.invoked)
    };
    let core: Vec<usize> = (0..actors.len()).filter(|&index| actors[index].core).collect();
    let mut edges = Vec::new();
    for &to in &core {
        for &from in core.iter().filter(|&&from| before(from, to)) {
            if !core.iter().any(|&between| before(from, between) && before(between, to)) {
                edges.push(Edge { from, to, kind: EdgeKind::RealTime });
            }
        }
    }
    edges
}

/// Where the values came from that operations of the finding returned, where that is not in the finding itself.
fn origins(history: &History, core: &Core<'_>, carriers: &[(Value, Vec<OpId>)]) -> Vec<String> {
    let mut sentences = Vec::new();
    for (value, ids) in carriers {
        let reader = core.principal.iter().find(|op| observed(op, &[value]).contains(&value));
        let Some(reader) = reader else { continue };
        let shown = format::clip(&value.to_string(), 60);
        for op in ids.iter().map(|&id| history.op(id)).filter(|op| op.outcome != Outcome::Ok) {
            let node = op.node.map_or_else(String::new, |node| format!(" at node {node}"));
            let error = op.error.map_or_else(String::new, |error| format!(" ({})", format::clip(error, 80)));
            let how = match op.outcome {
                Outcome::Fail => "failed: it must not take effect",
                _ => "ended without a known outcome: it may take effect at any later time",
            };
            sentences.push(format!("{shown} was asked for by {}{node}, which {how}{error}.", named(&op)));
        }
        if ids.is_empty() && reader.f == "read" && value.as_list().is_none() {
            sentences.push(format!("No single operation asked for {shown} on this key."));
        }
    }
    sentences
}

fn end(op: &OpView<'_>) -> u64 {
    op.complete_time.unwrap_or(u64::MAX)
}

/// The faults in force while the scene lasts; of too many, those nearest to its end.
fn in_force<'a>(faults: &'a [FaultRecord], actors: &[Actor<'_>], zero: u64) -> Vec<&'a FaultRecord> {
    let moments =
        actors.iter().filter(|actor| actor.core).flat_map(|actor| [Some(actor.op.invoke_time), actor.op.complete_time]);
    let from = moments.flatten().min().unwrap_or(0);
    // What ended just before may be what the operations suffer from.
    let mut found = neighbourhood::faults(faults, (from.saturating_sub(BEFORE_NS), zero));
    found.drain(..found.len().saturating_sub(FAULTS_MAX));
    found
}
