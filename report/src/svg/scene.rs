//! The drawing of a finding: a row per operation in order of invocation, on an elastic axis whose times are relative to
//! the moment in which the contradiction came to light. It has one width and always fits: labels stand beside the bars,
//! and each row has room for its own.

use rashomon_history::{OpView, Outcome};

use super::diagram::{self, node_name};
use super::elastic::{ElasticAxis, Spacing, Span};
use super::fault_class;
use crate::format::{self, text_width};
use crate::html::{Html, put};
use crate::scene::{Actor, Edge, EdgeKind, Scene, relative};

/// Width of the whole drawing and of the column of names, px.
const WIDTH: f64 = 940.0;
const NAMES: f64 = 132.0;
/// Height of a strip of a fault, of a row, of a bar and of the axis.
const STRIP: f64 = 18.0;
const ROW: f64 = 38.0;
const BAR: f64 = 16.0;
const AXIS: f64 = 26.0;
/// Font sizes of an operation's label and of everything else.
const LABEL: f64 = 12.0;
const SMALL: f64 = 10.0;
/// Characters of an operation's label.
const LABEL_MAX: usize = 40;

/// Draws a scene. `nodes` are the names of the nodes, the first one node 1.
pub(crate) fn draw(scene: &Scene<'_>, nodes: &[String], label: &str) -> Html {
    let plan = Plan::new(scene);
    let mut html = Html::new();
    put!(
        html,
        "<div class=\"scene\"><svg role=\"group\" aria-label=\"{}\" viewBox=\"0 0 {:.0} {:.0}\" width=\"{:.0}\">",
        label,
        WIDTH,
        plan.height(),
        WIDTH
    );
    faults(&mut html, &plan);
    leaders(&mut html, &plan);
    for (row, actor) in scene.actors.iter().enumerate() {
        lane(&mut html, &plan, row, actor, nodes);
    }
    scene.edges.iter().for_each(|edge| relation(&mut html, &plan, edge));
    for (row, actor) in scene.actors.iter().enumerate() {
        operation(&mut html, &plan, row, actor, nodes);
    }
    axis(&mut html, &plan);
    html.raw("</svg></div>\n");
    html
}

struct Plan<'a> {
    scene: &'a Scene<'a>,
    axis: ElasticAxis,
    /// What the axis covers, ns.
    from: u64,
    to: u64,
}

impl<'a> Plan<'a> {
    fn new(scene: &'a Scene<'a>) -> Plan<'a> {
        let ends = scene.actors.iter().flat_map(|actor| [Some(actor.op.invoke_time), actor.op.complete_time]).flatten();
        // Faults that were healed shortly before are in the picture.
        let healed = scene.faults.iter().flat_map(|fault| [Some(fault.begin_ns), fault.end_ns]).flatten();
        let earliest = ends.clone().min().unwrap_or(0);
        let ended = scene.faults.iter().any(|fault| fault.end_ns.is_some_and(|end| end < earliest));
        let ends = ends.chain(healed.filter(|&at| ended && at < earliest));
        let (first, last) = ends.clone().fold((u64::MAX, 0), |(from, to), end| (from.min(end), to.max(end)));
        let room = (last - first).max(1_000_000) / 20;
        let (from, to) = (first.saturating_sub(room), last + room);
        let edges = scene.faults.iter().flat_map(|fault| [Some(fault.begin_ns), fault.end_ns]).flatten();
        let leaders = scene.leaders.iter().map(|leader| leader.from);
        let times = ends.chain(edges).chain(leaders).filter(|time| (from..=to).contains(time)).chain([from, to]);
        let bar = |actor: &Actor<'_>| Span { from: actor.op.invoke_time, to: until(&actor.op, to), width: 14.0 };
        let bars: Vec<Span> = scene.actors.iter().map(bar).collect();
        let total = WIDTH - NAMES - 8.0;
        let axis = ElasticAxis::layout(times, &bars, Spacing { least: 6.0, per_decade: 12.0, total }).fitted(total);
        Plan { scene, axis, from, to }
    }

    fn x(&self, time: u64) -> f64 {
        NAMES + self.axis.x(time)
    }

    /// How many strips there are above the rows: one for each fault, one for the leaders.
    fn strips(&self) -> f64 {
        (self.scene.faults.len() + usize::from(!self.scene.leaders.is_empty())) as f64 * STRIP
    }

    fn top(&self, row: usize) -> f64 {
        self.strips() + 10.0 + row as f64 * ROW
    }

    fn middle(&self, row: usize) -> f64 {
        self.top(row) + BAR / 2.0
    }

    fn lanes_end(&self) -> f64 {
        self.top(self.scene.actors.len())
    }

    fn height(&self) -> f64 {
        self.lanes_end() + AXIS
    }

    fn ends(&self, op: &OpView<'_>) -> (f64, f64) {
        let from = self.x(op.invoke_time);
        (from, self.x(until(op, self.to)).max(from + 6.0))
    }
}

/// Until when an operation may take effect.
fn until(op: &OpView<'_>, to: u64) -> u64 {
    if op.outcome == Outcome::Info { to } else { op.complete_time.unwrap_or(to) }
}

/// A strip with its name for each fault, and a band behind all rows.
fn faults(html: &mut Html, plan: &Plan<'_>) {
    for (row, fault) in plan.scene.faults.iter().enumerate() {
        let class = fault_class::slot(fault.class.as_str());
        let (x0, x1) = (plan.x(fault.begin_ns.max(plan.from)), plan.x(fault.end_ns.unwrap_or(plan.to).min(plan.to)));
        let (top, width) = (row as f64 * STRIP, (x1 - x0).max(2.0));
        let name = format::clip(&format!("{} {}", fault.kind, fault.nodes.join(" ")), 60);
        // Within its band where that is wide enough, else beside it.
        let wide = text_width(&name, SMALL) + 8.0;
        let text_x = if x0 + wide <= WIDTH { x0 + 4.0 } else { (WIDTH - wide).max(NAMES) };
        put!(html, "<a class=\"fault\" href=\"#fault-{}\"><title>{}</title>", fault.id, diagram::fault_title(fault));
        put!(
            html,
            "<rect class=\"band\" fill=\"url(#pattern-{})\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            class,
            x0,
            top,
            width,
            plan.lanes_end() - top
        );
        put!(
            html,
            "<rect class=\"tab {}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            class,
            x0,
            top + 1.0,
            width,
            STRIP - 3.0
        );
        put!(html, "<text class=\"fault-name\" x=\"{:.1}\" y=\"{:.1}\">{}</text></a>", text_x, top + 12.0, name);
        put!(html, "<text class=\"faint\" x=\"0\" y=\"{:.1}\">{}</text>", top + 12.0, fault.class);
    }
}

/// A strip that says who led, as far as nodes reported it.
fn leaders(html: &mut Html, plan: &Plan<'_>) {
    if plan.scene.leaders.is_empty() {
        return;
    }
    let top = plan.strips() - STRIP;
    put!(html, "<text class=\"faint\" x=\"0\" y=\"{:.1}\">leader</text>", top + 12.0);
    for leader in &plan.scene.leaders {
        let (x0, x1) = (plan.x(leader.from.max(plan.from)), plan.x(leader.to.unwrap_or(plan.to).min(plan.to)));
        let term = leader.term.map_or_else(String::new, |term| format!(" · term {term}"));
        let name = format::clip(&format!("{}{term}", leader.node), 40);
        put!(
            html,
            "<g class=\"leader\"><title>{} led from {}</title>",
            leader.node,
            relative(leader.from, plan.scene.zero())
        );
        put!(
            html,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x0,
            top + 2.0,
            (x1 - x0 - 1.0).max(1.0),
            STRIP - 5.0
        );
        // Named where its part of the strip is wide enough.
        if text_width(&name, SMALL) + 6.0 <= x1 - x0 {
            put!(html, "<text class=\"fault-name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x0 + 4.0, top + 12.0, name);
        }
        html.raw("</g>");
    }
}

fn lane(html: &mut Html, plan: &Plan<'_>, row: usize, actor: &Actor<'_>, nodes: &[String]) {
    let y = plan.middle(row);
    put!(html, "<path class=\"lane\" d=\"M{:.1} {:.1}H{:.1}\"/>", NAMES, y, WIDTH);
    let node = actor.op.node.map_or_else(String::new, |node| format!(" → {}", node_name(nodes, Some(node))));
    let name = format::clip(&format!("process {}{node}", actor.op.process), 20);
    put!(html, "<text x=\"0\" y=\"{:.1}\">{}</text>", y + 4.0, name);
}

fn operation(html: &mut Html, plan: &Plan<'_>, row: usize, actor: &Actor<'_>, nodes: &[String]) {
    let op = &actor.op;
    let (top, (x0, x1)) = (plan.top(row), plan.ends(op));
    let role = match (row == plan.scene.focus, actor.core) {
        (true, _) => "focus",
        (false, true) => "core",
        (false, false) => "source",
    };
    put!(
        html,
        "<g class=\"op {} {}\" data-op=\"{}\" tabindex=\"0\" role=\"img\"><title>{}</title>",
        op.outcome,
        role,
        op.id.0,
        diagram::operation_title(op, nodes)
    );
    let shape = if op.outcome == Outcome::Info { "open" } else { "bar" };
    put!(
        html,
        "<rect class=\"{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/>",
        shape,
        x0,
        top,
        x1 - x0,
        BAR
    );
    if op.outcome == Outcome::Info {
        put!(html, "<path class=\"outline\" d=\"M{:.1} {:.1}H{:.1}V{:.1}H{:.1}\"/>", x1, top, x0, top + BAR, x1);
        if let Some(given_up) = op.complete_time.map(|time| plan.x(time)) {
            put!(html, "<path class=\"gave-up\" d=\"M{:.1} {:.1}v{:.1}\"/>", given_up, top, BAR);
        }
    }
    let what = format::operation_label(op, LABEL_MAX);
    let took = op.complete_time.map_or_else(
        || " · no completion".to_owned(),
        |end| {
            let word = if op.outcome == Outcome::Info { "gave up after " } else { "" };
            format!(" · {word}{}", format::latency(end.saturating_sub(op.invoke_time)))
        },
    );
    let which = format!("op {} · {}{took}", op.id.0, op.outcome);
    // Below the bar, from its beginning; moved to the left where the drawing ends.
    let wide = text_width(&what, LABEL) + 10.0 + text_width(&which, SMALL);
    let x = x0.min(WIDTH - wide).max(NAMES);
    put!(html, "<text class=\"what\" x=\"{:.1}\" y=\"{:.1}\">{}", x, top + BAR + 13.0, what);
    put!(html, "<tspan class=\"which\" dx=\"10\">{}</tspan></text></g>", which);
}

/// An arrow from one operation to another, named at its end.
fn relation(html: &mut Html, plan: &Plan<'_>, edge: &Edge) {
    let ends = |row: usize| plan.ends(&plan.scene.actors[row].op);
    let (y1, y2) = (plan.middle(edge.from), plan.middle(edge.to));
    let (class, x1, x2) = match edge.kind {
        EdgeKind::RealTime => ("precedes", ends(edge.from).1, ends(edge.to).0),
        EdgeKind::ReadFrom(_) => ("reads", ends(edge.from).0 + 8.0, ends(edge.to).0 + 3.0),
    };
    let bend = 18.0 * if y2 > y1 { 1.0 } else { -1.0 };
    put!(
        html,
        "<path class=\"{}\" d=\"M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}\"/>",
        class,
        x1,
        y1,
        x1,
        y1 + bend,
        x2,
        y2 - bend,
        x2,
        y2 - bend.signum() * (BAR / 2.0 + 5.0)
    );
    let tip = y2 - bend.signum() * BAR / 2.0;
    put!(html, "<path class=\"arrow {}\" d=\"M{:.1} {:.1}l-3.5 {:.1}h7z\"/>", class, x2, tip, -6.0 * bend.signum());
    if let EdgeKind::ReadFrom(value) = &edge.kind {
        let x = (x2 + 7.0).min(WIDTH - text_width(value, SMALL) - 2.0);
        put!(html, "<text class=\"read-value\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x, tip - bend.signum() * 4.0, value);
    }
}

/// The axis with times relative to the moment in which the contradiction came to light.
fn axis(html: &mut Html, plan: &Plan<'_>) {
    let (y, zero) = (plan.lanes_end() + 2.0, plan.scene.zero());
    put!(html, "<path class=\"axis\" d=\"M{:.1} {:.1}H{:.1}\"/>", NAMES, y, WIDTH);
    put!(html, "<path class=\"zero\" d=\"M{:.1} 0V{:.1}\"/>", plan.x(zero), y);
    html.raw("<text class=\"faint\" x=\"0\" ");
    put!(html, "y=\"{:.1}\">relative time</text>", y + 16.0);
    let core = plan.scene.actors.iter().filter(|actor| actor.core);
    let ends = core.flat_map(|actor| [actor.op.complete_time, Some(actor.op.invoke_time)]);
    let edges = plan.scene.faults.iter().flat_map(|fault| [Some(fault.begin_ns), fault.end_ns]);
    let mut taken: Vec<(f64, f64)> = Vec::new();
    // The moment itself first, then the latest: they matter most.
    let mut times: Vec<u64> = ends.chain(edges).flatten().filter(|time| (plan.from..=plan.to).contains(time)).collect();
    times.sort_unstable_by_key(|time| (*time != zero, std::cmp::Reverse(*time)));
    times.dedup();
    for time in times {
        let (x, text) = (plan.x(time), relative(time, zero));
        let width = text_width(&text, SMALL);
        let left = (x - width / 2.0).clamp(NAMES, WIDTH - width);
        put!(html, "<path class=\"tick\" d=\"M{:.1} {:.1}v4\"/>", x, y);
        if taken.iter().all(|&(from, to)| left > to + 8.0 || left + width + 8.0 < from) {
            taken.push((left, left + width));
            put!(html, "<text class=\"time\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", left, y + 16.0, text);
        }
    }
}
