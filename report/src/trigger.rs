//! The fault that matters for a finding, in one sentence: what was broken, and how that lies to the operations.

use rashomon_history::OpView;

use crate::format;
use crate::leaders;
use crate::neighbourhood::was_tried;
use crate::scene::{Scene, named};
use rashomon_runs::FaultRecord;

/// A fault that was healed longer before the finding than this has no part in it, ns.
const MEMORY_NS: u64 = 10_000_000_000;

/// What triggered a finding, in a sentence. `nodes` are the names of the nodes, the first one node 1.
pub(crate) fn sentence(scene: &Scene<'_>, faults: &[FaultRecord], nodes: &[String]) -> String {
    let best = faults.iter().filter(|fault| was_tried(fault)).max_by_key(|fault| weight(scene, fault, nodes));
    let Some(fault) = best.filter(|fault| weight(scene, fault, nodes) > 0) else {
        let focus = scene.focus();
        let last = faults.iter().filter(|fault| was_tried(fault) && fault.begin_ns < focus.invoke_time);
        return match last.filter_map(|fault| fault.end_ns.map(|end| (end, fault))).max_by_key(|(end, _)| *end) {
            Some((end, fault)) => format!(
                "No fault was active: the last one ({}) had been healed {} before {} began.",
                fault.kind,
                format::span(focus.invoke_time.saturating_sub(end)),
                named(focus)
            ),
            None => "No fault was active, and none had been before.".to_owned(),
        };
    };
    format!("{}: {}; {}.{}", fault.description, began(scene, fault), ended(scene, fault), led(scene))
}

/// Who led when the contradiction came to light, and since when, where nodes report it.
fn led(scene: &Scene<'_>) -> String {
    let focus = scene.focus();
    let Some(leader) = leaders::at(&scene.leaders, focus.invoke_time) else { return String::new() };
    let term = leader.term.map_or_else(String::new, |term| format!(" (term {term})"));
    let since = format::span(focus.invoke_time.saturating_sub(leader.from));
    format!(" {}{term} was reported as the leader {since} before {} began.", leader.node, named(focus))
}

/// From when to when the finding was made: from the last acknowledgement before the operation in which it came to light
/// to that operation's end.
fn decisive(scene: &Scene<'_>) -> (u64, u64) {
    let focus = scene.focus();
    let others = scene.actors.iter().filter(|actor| actor.op.id != focus.id);
    let before = others.filter_map(|actor| actor.op.complete_time).filter(|&end| end <= focus.invoke_time);
    (before.max().unwrap_or(focus.invoke_time), scene.zero())
}

/// How much a fault has to do with a finding; 0: nothing.
fn weight(scene: &Scene<'_>, fault: &FaultRecord, nodes: &[String]) -> u64 {
    let (from, to) = decisive(scene);
    let first = scene.actors.iter().map(|actor| actor.op.invoke_time).min().unwrap_or(from);
    let end = fault.end_ns.unwrap_or(u64::MAX);
    if fault.begin_ns > to || end.saturating_add(MEMORY_NS) < first {
        return 0;
    }
    let hits = |op: &OpView<'_>| {
        op.node
            .and_then(|node| nodes.get(usize::from(node).wrapping_sub(1)))
            .is_some_and(|name| fault.nodes.contains(name))
    };
    let mut weight = 1;
    if end >= from {
        weight += 40;
    } else if end >= first {
        weight += 25;
    } else {
        // The longer ago, the less.
        weight += 10 - (first - end) * 10 / MEMORY_NS.max(1);
    }
    weight += 20 * u64::from((from..=to).contains(&fault.begin_ns) || (from..=to).contains(&end));
    weight += 15 * u64::from(hits(scene.focus()));
    weight += 10 * u64::from(scene.actors.iter().any(|actor| actor.core && hits(&actor.op)));
    // A clock that was off when an update was taken explains an order that nothing else does.
    let off = |op: &OpView<'_>| hits(op) && (fault.begin_ns..=end).contains(&op.invoke_time) && !op.input.is_nil();
    weight + 30 * u64::from(fault.clock_ms.is_some() && scene.actors.iter().any(|actor| off(&actor.op)))
}

/// How a fault's beginning lies to the nearest operation.
fn began(scene: &Scene<'_>, fault: &FaultRecord) -> String {
    let at = fault.begin_ns;
    if let Some(actor) =
        scene.actors.iter().find(|actor| (actor.op.invoke_time..actor.op.complete_time.unwrap_or(0)).contains(&at))
    {
        return format!("it began while {} was running", named(&actor.op));
    }
    let ended = scene.actors.iter().filter_map(|actor| actor.op.complete_time.map(|end| (end, &actor.op)));
    let acknowledged = ended.filter(|(end, _)| *end <= at).max_by_key(|(end, _)| *end);
    let ahead =
        scene.actors.iter().map(|actor| &actor.op).filter(|op| op.invoke_time >= at).min_by_key(|op| op.invoke_time);
    match (acknowledged, ahead) {
        (Some((end, op)), None) => format!("it began {} after {} ended", format::span(at - end), named(op)),
        (Some((end, op)), Some(next)) if at - end <= next.invoke_time - at => {
            format!("it began {} after {} ended", format::span(at - end), named(op))
        }
        (_, Some(next)) => format!("it began {} before {}", format::span(next.invoke_time - at), named(next)),
        (None, None) => "it was active".to_owned(),
    }
}

/// How its end lies to the operation in which the contradiction came to light.
fn ended(scene: &Scene<'_>, fault: &FaultRecord) -> String {
    let focus = scene.focus();
    match fault.end_ns {
        Some(end) if end < focus.invoke_time => {
            format!("healed {} before {} began", format::span(focus.invoke_time - end), named(focus))
        }
        Some(end) if end <= scene.zero() => format!("healed while {} was running", named(focus)),
        _ => format!("still in force when {} ended", named(focus)),
    }
}
