//! Where everything in a space-time diagram goes.

use std::collections::BTreeMap;

use rashomon_history::{OpView, Outcome};

use super::{Diagram, SMALL, STRIP, node_name};
use crate::format::{self, text_width};
use crate::svg::elastic::{ElasticAxis, Spacing, Span};
use rashomon_runs::FaultRecord;

/// Height of the axis with its times and breaks.
const AXIS: f64 = 40.0;
/// Width of a card's inside: a diagram fills it, and scrolls when it needs more.
const CARD: f64 = 1_136.0;

/// Height of a lane and of a bar, and the font size on it.
pub(super) const LANE: f64 = 25.0;
pub(super) const BAR: f64 = 18.0;
pub(super) const FONT: f64 = 10.5;

/// Everything's place, px from the top left corner.
pub(super) struct Plan<'a> {
    pub(super) diagram: &'a Diagram<'a>,
    pub(super) axis: ElasticAxis,
    /// The processes from top to bottom, with their names.
    pub(super) lanes: Vec<(u32, String)>,
    /// The nodes that have a row of events.
    pub(super) event_nodes: Vec<&'a str>,
    pub(super) fault_rows: Vec<Vec<FaultPlace>>,
    pub(super) names_width: f64,
    /// What the axis covers, ns.
    pub(super) from: u64,
    pub(super) to: u64,
}

/// A fault's place on the axis.
pub(super) struct FaultPlace {
    /// Which of the diagram's faults.
    pub(super) index: usize,
    pub(super) label: String,
    /// Where the label begins.
    pub(super) label_x: f64,
    /// Where the band begins and ends.
    pub(super) x: (f64, f64),
}

impl<'a> Plan<'a> {
    pub(super) fn new(diagram: &'a Diagram<'a>) -> Plan<'a> {
        let ends = diagram.operations.iter().flat_map(|op| [Some(op.invoke_time), op.complete_time]).flatten();
        let (first, last) = ends.fold(diagram.window, |(from, to), end| (from.min(end), to.max(end)));
        // A little room before the first bar, and for open-ended ones after everything else.
        let room = (last - first).max(1_000_000) / 20;
        let (from, to) = (first.saturating_sub(room), last + room);
        let lanes = lanes(diagram);
        let names = lanes.iter().map(|(_, name)| name.as_str()).chain(["process 00 → n0"]);
        let names_width = names.map(|name| text_width(name, 11.0)).fold(0.0, f64::max) + 10.0;
        let spans: Vec<Span> = diagram.operations.iter().map(|op| span(op, to)).collect();
        let edges = diagram.faults.iter().flat_map(|fault| [Some(fault.begin_ns), fault.end_ns]).flatten();
        let moments = edges.chain(diagram.events.iter().map(|(_, line)| line.time_ns));
        let given_up = diagram.operations.iter().filter_map(|op| op.complete_time);
        let times = moments.chain(given_up).filter(|time| (from..=to).contains(time)).chain([from, to]);
        let axis =
            ElasticAxis::layout(times, &spans, Spacing { least: 5.0, per_decade: 6.0, total: CARD - names_width });
        let mut event_nodes: Vec<&str> = diagram.events.iter().map(|(node, _)| *node).collect();
        event_nodes.sort_unstable();
        event_nodes.dedup();
        let fault_rows = fault_rows(diagram.faults, &axis, from, to);
        Plan { diagram, axis, lanes, names_width, event_nodes, fault_rows, from, to }
    }

    pub(super) fn lanes_top(&self) -> f64 {
        (self.fault_rows.len() + self.event_nodes.len()) as f64 * STRIP + 8.0
    }

    pub(super) fn lanes_end(&self) -> f64 {
        self.lanes_top() + self.lanes.len() as f64 * LANE
    }

    pub(super) fn height(&self) -> f64 {
        self.lanes_end() + AXIS
    }

    /// The top of an operation's bar.
    pub(super) fn bar_top(&self, op: &OpView<'_>) -> f64 {
        let lane = self.lanes.iter().position(|(process, _)| *process == op.process).unwrap_or(0);
        self.lanes_top() + lane as f64 * LANE + 4.0
    }

    /// The ends of an operation's bar.
    pub(super) fn bar_ends(&self, op: &OpView<'_>) -> (f64, f64) {
        let end = match op.outcome {
            Outcome::Info => self.to,
            Outcome::Ok | Outcome::Fail => op.complete_time.unwrap_or(self.to),
        };
        (self.axis.x(op.invoke_time), self.axis.x(end))
    }
}

/// The room an operation's bar needs for what is written on it.
fn span(op: &OpView<'_>, open_end: u64) -> Span {
    let to = match op.outcome {
        Outcome::Info => open_end,
        Outcome::Ok | Outcome::Fail => op.complete_time.unwrap_or(open_end),
    };
    Span { from: op.invoke_time, to, width: text_width(&bar_label(op), FONT) + 16.0 }
}

/// What is written on an operation's bar.
pub(super) fn bar_label(op: &OpView<'_>) -> String {
    format::operation_label(op, 24)
}

/// The processes with their lanes' names, in order of their first operation.
fn lanes(diagram: &Diagram<'_>) -> Vec<(u32, String)> {
    let mut nodes: BTreeMap<u32, Vec<Option<u16>>> = BTreeMap::new();
    let mut order = Vec::new();
    for op in diagram.operations {
        let seen = nodes.entry(op.process).or_insert_with(|| {
            order.push(op.process);
            Vec::new()
        });
        if !seen.contains(&op.node) {
            seen.push(op.node);
        }
    }
    let name = |process: u32| match nodes[&process].as_slice() {
        [Some(node)] => format!("process {process} → {}", node_name(diagram.nodes, Some(*node))),
        _ => format!("process {process}"),
    };
    order.into_iter().map(|process| (process, name(process))).collect()
}

/// Rows of fault labels in which no two overlap.
fn fault_rows(faults: &[&FaultRecord], axis: &ElasticAxis, from: u64, to: u64) -> Vec<Vec<FaultPlace>> {
    let mut rows: Vec<Vec<FaultPlace>> = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        let label = format::clip(&format!("{} {}", fault.kind, fault.nodes.join(" ")), 42);
        let x = (axis.x(fault.begin_ns.max(from)), axis.x(fault.end_ns.unwrap_or(to).min(to)));
        let width = text_width(&label, SMALL) + 12.0;
        let label_x = x.0.min(axis.width() - width).max(0.0);
        let taken = |row: &Vec<FaultPlace>| {
            row.iter().any(|place| {
                let end = (place.label_x + text_width(&place.label, SMALL) + 12.0).max(place.x.1);
                label_x.min(x.0) < end + 4.0 && place.label_x.min(place.x.0) < (label_x + width).max(x.1) + 4.0
            })
        };
        let place = FaultPlace { index, label, label_x, x };
        match rows.iter().position(|row| !taken(row)) {
            Some(free) => rows[free].push(place),
            None => rows.push(vec![place]),
        }
    }
    rows
}
