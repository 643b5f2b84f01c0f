//! Space-time diagrams: one lane per process, a bar per operation from its invocation to its completion, fault windows
//! as bands behind, on an elastic axis on which the real-time order is exact.
//!
//! ok is a filled bar, fail a hollow one, info a hatched one that stays open to the right: it may still take effect.

mod plan;

use rashomon_history::{OpId, OpView, Outcome};

use self::plan::{BAR, FONT, LANE, Plan, bar_label};
use super::fault_class;
use crate::format::{self, text_width};
use crate::html::{Html, put};
use crate::run_files::LogLine;
use rashomon_runs::FaultRecord;

/// Height of a row of faults or of node events.
const STRIP: f64 = 18.0;
/// Font size of everything but bars and names.
const SMALL: f64 = 10.0;

/// What a diagram shows.
pub(crate) struct Diagram<'a> {
    /// The operations, in order of invocation.
    pub(crate) operations: &'a [OpView<'a>],
    /// Those that contradict each other.
    pub(crate) core: &'a [OpId],
    /// Faults in force.
    pub(crate) faults: &'a [&'a FaultRecord],
    /// Node events, in order of time.
    pub(crate) events: &'a [(&'a str, &'a LogLine)],
    /// What the axis covers at least, ns.
    pub(crate) window: (u64, u64),
    /// Names of the nodes, the first one node 1.
    pub(crate) nodes: &'a [String],
    /// What the drawing is, for those who cannot see it.
    pub(crate) label: String,
}

/// A node's name from its number.
pub(crate) fn node_name(names: &[String], node: Option<u16>) -> String {
    match node {
        Some(id) => names.get(usize::from(id).wrapping_sub(1)).cloned().unwrap_or_else(|| format!("node {id}")),
        None => "–".to_owned(),
    }
}

/// Draws a diagram: the lanes' names stay in place while the drawing scrolls.
pub(crate) fn draw(diagram: &Diagram<'_>) -> Html {
    let plan = Plan::new(diagram);
    let mut html = Html::new();
    html.raw("<div class=\"diagram\">");
    names(&mut html, &plan);
    let (width, height) = (plan.axis.width() + 2.0, plan.height());
    put!(
        html,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\"><svg class=\"space-time small\" \
         width=\"{:.0}\" height=\"{:.0}\" viewBox=\"-1 0 {:.0} {:.0}\">",
        diagram.label,
        width,
        height,
        width,
        height
    );
    bands(&mut html, &plan);
    events(&mut html, &plan);
    lane_lines(&mut html, &plan);
    axis(&mut html, &plan);
    for op in diagram.operations {
        operation(&mut html, &plan, op);
    }
    html.raw("</svg></div></div>\n");
    html
}

/// The column of names on the left.
fn names(html: &mut Html, plan: &Plan<'_>) {
    put!(
        html,
        "<svg class=\"names\" width=\"{:.0}\" height=\"{:.0}\" aria-hidden=\"true\" focusable=\"false\">",
        plan.names_width,
        plan.height()
    );
    if !plan.fault_rows.is_empty() {
        html.raw("<text class=\"faint\" x=\"0\" y=\"13\">faults</text>");
    }
    for (row, node) in plan.event_nodes.iter().enumerate() {
        let y = (plan.fault_rows.len() + row) as f64 * STRIP + 13.0;
        put!(html, "<text class=\"faint\" x=\"0\" y=\"{:.1}\">{} log</text>", y, node);
    }
    for (lane, (_, name)) in plan.lanes.iter().enumerate() {
        let y = plan.lanes_top() + lane as f64 * LANE + 4.0 + BAR / 2.0 + 4.0;
        put!(html, "<text x=\"0\" y=\"{:.1}\">{}</text>", y, name);
    }
    put!(html, "<text class=\"faint\" x=\"0\" y=\"{:.1}\">time, s</text></svg>", plan.lanes_end() + 20.0);
}

/// Fault windows: a label each on top, a translucent band behind the lanes.
fn bands(html: &mut Html, plan: &Plan<'_>) {
    for (row, places) in plan.fault_rows.iter().enumerate() {
        for place in places {
            let fault = plan.diagram.faults[place.index];
            let class = fault_class::slot(fault.class.as_str());
            let (top, width) = (row as f64 * STRIP, (place.x.1 - place.x.0).max(2.0));
            put!(
                html,
                "<a class=\"fault\" href=\"#fault-{}\"><title>{}</title><rect class=\"band\" \
                 fill=\"url(#pattern-{})\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                fault.id,
                fault_title(fault),
                class,
                place.x.0,
                top,
                width,
                plan.lanes_end() - top
            );
            put!(
                html,
                "<rect class=\"tab {}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                class,
                place.x.0,
                top + 1.0,
                width,
                STRIP - 3.0
            );
            for (edge, x) in [(Some(fault.begin_ns), place.x.0), (fault.end_ns, place.x.1)] {
                if edge.is_some_and(|time| (plan.from..=plan.to).contains(&time)) {
                    put!(
                        html,
                        "<path class=\"edge {}\" d=\"M{:.1} {:.1}V{:.1}\"/>",
                        class,
                        x,
                        top + 1.0,
                        plan.lanes_end()
                    );
                }
            }
            // A wide band is named at both ends, because one of them may have scrolled away.
            let label_width = text_width(&place.label, SMALL);
            let again = (width > 2.0 * label_width + 400.0).then_some(place.x.1 - label_width - 6.0);
            for x in [Some(place.label_x + 5.0), again].into_iter().flatten() {
                put!(html, "<text class=\"fault-name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x, top + 12.0, place.label);
            }
            html.raw("</a>");
        }
    }
}

/// A fault in one line, for a tooltip.
pub(crate) fn fault_title(fault: &FaultRecord) -> String {
    let end = fault.end_ns.map_or_else(|| "the end".to_owned(), |end| format!("{} s", format::seconds(end)));
    format!(
        "fault {} ({}): {}, {} s to {end}",
        fault.id,
        fault.class,
        format::clip(&fault.description, 300),
        format::seconds(fault.begin_ns)
    )
}

/// What the nodes said, a row of marks per node.
fn events(html: &mut Html, plan: &Plan<'_>) {
    let mut written_to = vec![-1.0_f64; plan.event_nodes.len()];
    for (place, (node, line)) in plan.diagram.events.iter().enumerate() {
        let row = plan.event_nodes.iter().position(|name| name == node).unwrap_or(0);
        let (x, y) = (plan.axis.x(line.time_ns), (plan.fault_rows.len() + row) as f64 * STRIP + STRIP / 2.0);
        // A mark is labelled as far as the next mark of its row leaves room.
        let rest = &plan.diagram.events[place + 1..];
        let room = rest
            .iter()
            .find(|(name, _)| name == node)
            .map_or(plan.axis.width(), |(_, next)| plan.axis.x(next.time_ns) - 8.0)
            - x
            - 8.0;
        let label = format::clip(line.text.trim(), ((room / text_width("x", SMALL)).max(0.0) as usize).min(44));
        put!(
            html,
            "<g class=\"event\"><title>{} s {}: {}</title><path d=\"M{:.1} {:.1}l4 4l-4 4l-4 -4z\"/>",
            format::seconds_micros(line.time_ns),
            node,
            format::clip(&line.text, 300),
            x,
            y - 4.0
        );
        if label.chars().count() > 5 && x + 8.0 > written_to[row] {
            written_to[row] = x + 8.0 + text_width(&label, SMALL);
            put!(html, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 8.0, y + 3.5, label);
        }
        html.raw("</g>");
    }
}

fn lane_lines(html: &mut Html, plan: &Plan<'_>) {
    for lane in 0..plan.lanes.len() {
        let y = plan.lanes_top() + lane as f64 * LANE + 4.0 + BAR / 2.0;
        put!(html, "<path class=\"lane\" d=\"M0 {:.1}H{:.1}\"/>", y, plan.axis.width());
    }
}

/// The axis: times of the ends of core operations where they fit, breaks where much time takes little room.
fn axis(html: &mut Html, plan: &Plan<'_>) {
    let y = plan.lanes_end() + 4.0;
    put!(html, "<path class=\"axis\" d=\"M0 {:.1}H{:.1}\"/>", y, plan.axis.width());
    let is_core = |op: &&OpView<'_>| plan.diagram.core.contains(&op.id);
    let ends = plan.diagram.operations.iter().filter(is_core).flat_map(|op| [Some(op.invoke_time), op.complete_time]);
    let edges = plan.diagram.faults.iter().flat_map(|fault| [Some(fault.begin_ns), fault.end_ns]);
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for time in ends.chain(edges).flatten().filter(|time| (plan.from..=plan.to).contains(time)) {
        let text = if plan.to - plan.from < 100_000_000 { format::seconds_micros(time) } else { format::seconds(time) };
        let (x, width) = (plan.axis.x(time), text_width(&text, SMALL));
        let left = (x - width / 2.0).min(plan.axis.width() - width).max(0.0);
        put!(html, "<path class=\"tick\" d=\"M{:.1} {:.1}v5\"/>", x, y);
        if taken.iter().all(|&(from, to)| left > to + 8.0 || left + width + 8.0 < from) {
            taken.push((left, left + width));
            put!(html, "<text class=\"time\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", left, y + 16.0, text);
        }
    }
    let mut named_to = -1.0;
    for (from, to) in plan.axis.breaks() {
        let middle = (plan.axis.x(from) + plan.axis.x(to)) / 2.0;
        let text = format::span(to - from);
        let width = text_width(&text, SMALL);
        let left = (middle - width / 2.0).min(plan.axis.width() - width).max(0.0);
        put!(html, "<path class=\"break\" d=\"M{:.1} {:.1}l4 -8m2 8l4 -8\"/>", middle - 5.0, y + 4.0);
        if left > named_to {
            named_to = left + width + 6.0;
            put!(html, "<text class=\"gap\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", left, y + 29.0, text);
        }
    }
}

fn operation(html: &mut Html, plan: &Plan<'_>, op: &OpView<'_>) {
    let (top, (x0, x1)) = (plan.bar_top(op), plan.bar_ends(op));
    let core = plan.diagram.core.contains(&op.id);
    put!(
        html,
        "<g class=\"op {}{}\" data-op=\"{}\" tabindex=\"{}\" role=\"img\"><title>{}</title>",
        op.outcome,
        if core { " core" } else { "" },
        op.id.0,
        if core { "0" } else { "-1" },
        operation_title(op, plan.diagram.nodes)
    );
    if op.outcome == Outcome::Info {
        let given_up = op.complete_time.map_or(x1, |time| plan.axis.x(time));
        put!(
            html,
            "<rect class=\"open\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x0,
            top,
            (x1 - x0).max(2.0),
            BAR
        );
        put!(html, "<path class=\"outline\" d=\"M{:.1} {:.1}H{:.1}V{:.1}H{:.1}\"/>", x1, top, x0, top + BAR, x1);
        if given_up < x1 - 4.0 {
            put!(html, "<path class=\"gave-up\" d=\"M{:.1} {:.1}v{:.1}\"/>", given_up, top, BAR);
        }
    } else {
        put!(
            html,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>",
            x0,
            top,
            (x1 - x0).max(2.0),
            BAR
        );
    }
    put!(
        html,
        "<text class=\"what\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        x0 + 8.0,
        top + BAR / 2.0 + FONT * 0.36,
        bar_label(op)
    );
    html.raw("</g>");
}

/// An operation in one line, for a tooltip and for those who cannot see the drawing.
pub(crate) fn operation_title(op: &OpView<'_>, nodes: &[String]) -> String {
    let end = match op.complete_time {
        Some(end) => {
            format!("{} s, {}", format::seconds_micros(end), format::latency(end.saturating_sub(op.invoke_time)))
        }
        None => "no completion".to_owned(),
    };
    let key = if op.key.is_nil() { String::new() } else { format!(" on key {}", format::value(&op.key)) };
    let error = op.error.map_or_else(String::new, |error| format!("; {}", format::clip(error, 300)));
    format!(
        "op {}: {}{key}; process {} at {}; {} s to {end}; {}{error}",
        op.id.0,
        format::operation_label(op, 200),
        op.process,
        node_name(nodes, op.node),
        format::seconds_micros(op.invoke_time),
        op.outcome
    )
}
