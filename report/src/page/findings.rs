//! Findings: one card per anomaly. The contradiction, its operations, what surrounded them.

use rashomon_history::{History, OpId, OpView, Outcome};

use super::Found;
use crate::format::{self, count, counted};
use crate::html::{Html, put};
use crate::neighbourhood::{self, Core};
use crate::run_files::RunFiles;
use crate::svg::diagram::{self, Diagram, Scale};

/// Anomalies that get a card; the others are listed in a table.
pub(super) const CARDS_MAX: usize = 12;
/// Rows of that table, and of the full list of one anomaly's operations.
const LISTED_MAX: usize = 500;

/// Writes the section; nothing when there is no anomaly.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>, found: &[Found<'_>]) {
    if found.is_empty() {
        return;
    }
    html.raw("<section id=\"findings\">\n<h2>Findings</h2>\n");
    for one in found.iter().take(CARDS_MAX) {
        card(html, run, one);
    }
    if found.len() > CARDS_MAX {
        let listed = &found[CARDS_MAX..found.len().min(CARDS_MAX + LISTED_MAX)];
        put!(html, "<h3>{}</h3>\n", counted((found.len() - CARDS_MAX) as u64, "further finding"));
        html.raw("<div class=\"scroll\"><table><thead><tr><th>#<th>name<th>key<th>what contradicts<th>operations</thead><tbody>\n");
        for one in listed {
            put!(
                html,
                "<tr id=\"finding-{}\"><td class=\"number\">{}<td>{}<td>{}<td>{}<td>{}\n",
                one.number,
                one.number,
                one.anomaly.name,
                format::clip(&one.anomaly.key, 80),
                format::clip(&one.anomaly.sentence, 600),
                names(&one.anomaly.operations)
            );
        }
        html.raw("</tbody></table></div>\n");
        let left_out = found.len() - CARDS_MAX - listed.len();
        if left_out > 0 {
            put!(html, "<p class=\"note\">{} more in verdict.json.</p>\n", count(left_out as u64));
        }
    }
    html.raw("</section>\n");
}

/// `op 3, op 17`.
fn names(ids: &[OpId]) -> String {
    let shown: Vec<String> = ids.iter().take(8).map(|id| format!("op {}", id.0)).collect();
    let more = if ids.len() > 8 { format!(", {} more", count(ids.len() as u64 - 8)) } else { String::new() };
    shown.join(", ") + &more
}

fn card(html: &mut Html, run: &RunFiles<'_>, one: &Found<'_>) {
    let anomaly = one.anomaly;
    put!(html, "<article class=\"finding\" id=\"finding-{}\">\n<h3><span>Finding {}</span> ", one.number, one.number);
    put!(html, "{}", anomaly.name);
    if !anomaly.key.is_empty() {
        put!(html, " <span class=\"faint\">on key {}</span>", format::clip(&anomaly.key, 80));
    }
    put!(html, "</h3>\n<p class=\"lead\">{}</p>\n", format::clip(&anomaly.sentence, 2_000));
    put!(html, "<p class=\"note\">Found by: {}.</p>\n", one.judgement.checker);
    match run.history {
        Some(history) => operations(html, run, one, history),
        None => put!(
            html,
            "<p class=\"note\">The operations cannot be shown, because the history could not be read: {}.</p>\n",
            names(&anomaly.operations)
        ),
    }
    html.raw("</article>\n");
}

fn operations(html: &mut Html, run: &RunFiles<'_>, one: &Found<'_>, history: &History) {
    let core = Core::of(history, one.anomaly);
    let nodes: Vec<String> = run.manifest.nodes.iter().map(|node| node.name.clone()).collect();
    if !core.missing.is_empty() {
        let missing = names(&core.missing);
        put!(html, "<p class=\"note\">Not in the part of the history that could be read: {}.</p>\n", missing);
    }
    if core.principal.is_empty() {
        explanation(html, one);
        return;
    }
    let ids: Vec<OpId> = core.principal.iter().map(|op| op.id).collect();
    let extent = core.moments().into_iter().fold((u64::MAX, 0), |(from, to), end| (from.min(end), to.max(end)));
    let faults = neighbourhood::faults(run.faults, extent);
    html.append(diagram::draw(&Diagram {
        operations: &core.principal,
        core: &ids,
        faults: &faults,
        events: &[],
        window: extent,
        nodes: &nodes,
        scale: Scale::Core,
        label: format!("Finding {}: the operations that contradict each other, one lane per process", one.number),
    }));
    html.raw(
        "<p class=\"note\">Left to right is real-time order; an arrow leads from an operation that had ended to one \
         that began afterwards. The scale bends so that everything fits: <span class=\"sample\">//</span> marks a long \
         wait drawn short.",
    );
    legend(html);
    html.raw("</p>\n");
    table(html, one, &core.principal, &nodes, true);
    if core.all.len() > core.principal.len() {
        put!(
            html,
            "<details class=\"inner\"><summary>All {} of the finding; above are those nearest to the contradiction\
             </summary>\n",
            counted(core.all.len() as u64, "operation")
        );
        let listed = &core.all[core.all.len().saturating_sub(LISTED_MAX)..];
        table(html, one, listed, &nodes, false);
        if listed.len() < core.all.len() {
            put!(html, "<p class=\"note\">The last {}; all are in verdict.json.</p>\n", count(listed.len() as u64));
        }
        html.raw("</details>\n");
    }
    explanation(html, one);
    surroundings(html, run, one, history, &core, &nodes);
}

/// What the three kinds of bar mean.
fn legend(html: &mut Html) {
    html.raw(
        " <span class=\"outcome ok\">ok: it happened</span> <span class=\"outcome fail\">fail: it did not</span> \
         <span class=\"outcome info\">info: nobody knows, it may still take effect</span>",
    );
}

fn explanation(html: &mut Html, one: &Found<'_>) {
    let lines = &one.anomaly.explanation;
    if lines.is_empty() {
        return;
    }
    let folded = lines.len() > 12;
    if folded {
        put!(
            html,
            "<details class=\"inner\"><summary>Why this cannot be, in {}</summary>",
            counted(lines.len() as u64, "step")
        );
    } else {
        html.raw("<h4>Why this cannot be</h4>\n");
    }
    html.raw("<ol class=\"argument\">");
    for line in lines.iter().take(LISTED_MAX) {
        put!(html, "<li>{}</li>", format::clip(line, 1_000));
    }
    html.raw("</ol>\n");
    if lines.len() > LISTED_MAX {
        put!(
            html,
            "<p class=\"note\">{} more in verdict.json.</p>\n",
            counted((lines.len() - LISTED_MAX) as u64, "step")
        );
    }
    if folded {
        html.raw("</details>\n");
    }
}

/// Operations with their times; `linked` where other parts of the page may point at a row.
fn table(html: &mut Html, one: &Found<'_>, operations: &[OpView<'_>], nodes: &[String], linked: bool) {
    html.raw(
        "<div class=\"scroll\"><table class=\"operations\"><thead><tr><th>operation<th>process<th>node<th>function\
         <th>key<th>asked<th>result<th class=\"number\">from, s<th class=\"number\">to, s<th class=\"number\">took\
         <th>outcome</thead><tbody>\n",
    );
    for op in operations {
        html.raw("<tr");
        if linked {
            put!(html, " id=\"finding-{}-op-{}\"", one.number, op.id.0);
        }
        put!(html, " data-op=\"{}\"", op.id.0);
        html.raw(if op.error.is_some() { " class=\"has-error\">" } else { ">" });
        put!(html, "<td class=\"name\">op {}<td>{}<td>{}", op.id.0, op.process, diagram::node_name(nodes, op.node));
        let key = if op.key.is_nil() { String::new() } else { format::value(&op.key) };
        put!(html, "<td>{}<td class=\"value\">{}<td class=\"value\">{}", op.f, key, format::asked(op));
        let result = if op.outcome == Outcome::Ok { format::result(op) } else { "–".to_owned() };
        put!(html, "<td class=\"value\">{}<td class=\"number\">{}", result, format::seconds_micros(op.invoke_time));
        let end = op.complete_time.map_or_else(|| "never".to_owned(), format::seconds_micros);
        let took =
            op.complete_time.map_or_else(|| "–".to_owned(), |end| format::latency(end.saturating_sub(op.invoke_time)));
        put!(html, "<td class=\"number\">{}<td class=\"number\">{}", end, took);
        put!(html, "<td><span class=\"outcome {}\">{}</span>", op.outcome, op.outcome);
        if let Some(error) = op.error {
            put!(
                html,
                "\n<tr data-op=\"{}\"><td><td class=\"error\" colspan=\"10\">{}",
                op.id.0,
                format::clip(error, 300)
            );
        }
        html.raw("\n");
    }
    html.raw("</tbody></table></div>\n");
}

/// Everything on the same key around the anomaly.
fn surroundings(
    html: &mut Html,
    run: &RunFiles<'_>,
    one: &Found<'_>,
    history: &History,
    core: &Core<'_>,
    nodes: &[String],
) {
    let window = core.window(one.anomaly);
    let around = neighbourhood::around(history, core, window);
    let events = neighbourhood::node_events(run.logs, window, &core.moments());
    let faults = neighbourhood::faults(run.faults, window);
    let ids: Vec<OpId> = core.all.iter().map(|op| op.id).collect();
    put!(
        html,
        "<h4>Around it: {} to {} s</h4>\n<p class=\"note\">{} on the same key, those of the finding outlined",
        format::seconds(window.0),
        format::seconds(window.1),
        counted(around.operations.len() as u64, "operation")
    );
    if around.left_out > 0 {
        put!(html, "; {} further away left out", count(around.left_out));
    }
    html.raw(". Diamonds are lines of the nodes’ logs.</p>\n");
    html.append(diagram::draw(&Diagram {
        operations: &around.operations,
        core: &ids,
        faults: &faults,
        events: &events,
        window,
        nodes,
        scale: Scale::Around,
        label: format!("Finding {}: all operations on the same key around it, one lane per process", one.number),
    }));
}
