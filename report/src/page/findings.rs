//! Findings: what contradicts, what triggered it, the drawing, the argument. Equal findings stand together: the first
//! one in full, the others folded.

use rashomon_history::{History, OpId, OpView, Outcome};

use super::Found;
use crate::format::{self, count, counted};
use crate::html::{Html, put};
use crate::neighbourhood::{self, Core};
use crate::run_files::RunFiles;
use crate::scene::{EdgeKind, Scene, named};
use crate::svg::diagram::{self, Diagram};
use crate::svg::{cycle, scene};
use crate::trigger;

/// Kinds of findings that get a card; the findings of others are listed in a table.
const CARDS_MAX: usize = 12;
/// Further findings of one kind that get a drawing.
const DRAWN_MAX: usize = 4;
/// Rows of a table, and of the full list of one anomaly's operations.
const LISTED_MAX: usize = 500;
/// Steps of an argument.
const STEPS_MAX: usize = 14;

/// Findings of one name by one checker.
pub(super) struct Kind<'a> {
    pub(super) name: &'a str,
    pub(super) findings: Vec<Found<'a>>,
}

/// The findings by kind, in the order of their first.
pub(super) fn kinds<'a>(found: &[Found<'a>]) -> Vec<Kind<'a>> {
    let mut kinds: Vec<Kind<'a>> = Vec::new();
    for one in found {
        let same = |kind: &&mut Kind<'a>| {
            kind.name == one.anomaly.name && kind.findings[0].judgement.checker == one.judgement.checker
        };
        match kinds.iter_mut().find(same) {
            Some(kind) => kind.findings.push(*one),
            None => kinds.push(Kind { name: &one.anomaly.name, findings: vec![*one] }),
        }
    }
    kinds
}

/// The findings that get a card or a drawing of their own.
pub(super) fn shown<'a>(found: &[Found<'a>]) -> Vec<Found<'a>> {
    kinds(found).into_iter().take(CARDS_MAX).map(|kind| kind.findings[0]).collect()
}

/// Writes the section; nothing when there is no anomaly.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>, found: &[Found<'_>]) {
    if found.is_empty() {
        return;
    }
    html.raw("<section id=\"findings\">\n");
    let kinds = kinds(found);
    for kind in kinds.iter().take(CARDS_MAX) {
        card(html, run, &kind.findings[0], kind.findings.len());
        further(html, run, kind);
    }
    let rest: Vec<Found<'_>> = kinds.iter().skip(CARDS_MAX).flat_map(|kind| kind.findings.iter().copied()).collect();
    if !rest.is_empty() {
        put!(html, "<h3>{}</h3>\n", counted(rest.len() as u64, "further finding"));
        list(html, &rest);
    }
    html.raw("</section>\n");
}

/// The other findings of a kind, folded: some drawn, all of them listed.
fn further(html: &mut Html, run: &RunFiles<'_>, kind: &Kind<'_>) {
    let others = &kind.findings[1..];
    if others.is_empty() {
        return;
    }
    put!(html, "<details><summary>{} more × {}</summary>\n", count(others.len() as u64), kind.name);
    for one in others.iter().take(DRAWN_MAX) {
        put!(html, "<div class=\"finding also\" id=\"finding-{}\"><h4>Finding {}", one.number, one.number);
        put!(html, "{}</h4>\n", on_key(&one.anomaly.key));
        put!(html, "<p>{}</p>\n", format::clip(&one.anomaly.sentence, 2_000));
        if let Some(shown) = run.history.and_then(|history| Scene::of(history, one.anomaly, run.faults, run.events)) {
            picture(html, run, one, &shown);
        }
        html.raw("</div>\n");
    }
    list(html, &others[others.len().min(DRAWN_MAX)..]);
    html.raw("</details>\n");
}

/// Findings as rows.
fn list(html: &mut Html, findings: &[Found<'_>]) {
    if findings.is_empty() {
        return;
    }
    let listed = &findings[..findings.len().min(LISTED_MAX)];
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
    let left_out = findings.len() - listed.len();
    if left_out > 0 {
        put!(html, "<p class=\"note\">{} more in verdict.json.</p>\n", count(left_out as u64));
    }
}

fn on_key(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(" on key {}", format::clip(key, 80)) }
}

/// `op 3, op 17`.
fn names(ids: &[OpId]) -> String {
    let shown: Vec<String> = ids.iter().take(8).map(|id| format!("op {}", id.0)).collect();
    let more = if ids.len() > 8 { format!(", {} more", count(ids.len() as u64 - 8)) } else { String::new() };
    shown.join(", ") + &more
}

fn card(html: &mut Html, run: &RunFiles<'_>, one: &Found<'_>, alike: usize) {
    let anomaly = one.anomaly;
    put!(html, "<article class=\"finding\" id=\"finding-{}\">\n<h2>{}", one.number, capital(&anomaly.name));
    put!(html, "<span class=\"faint\">{}</span>", on_key(&anomaly.key));
    if alike > 1 {
        put!(html, " <span class=\"faint\">(and {} more)</span>", count(alike as u64 - 1));
    }
    put!(html, "</h2>\n<p class=\"lead\">{}</p>\n", format::clip(&anomaly.sentence, 2_000));
    match run.history {
        Some(history) => operations(html, run, one, history),
        None => put!(
            html,
            "<p class=\"note\">The operations cannot be shown, because the history could not be read: {}.</p>\n",
            names(&anomaly.operations)
        ),
    }
    put!(
        html,
        "<p class=\"note\">Finding {}, by the checker: {}.</p>\n</article>\n",
        one.number,
        one.judgement.checker
    );
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What triggered a finding, and its drawing.
fn picture(html: &mut Html, run: &RunFiles<'_>, one: &Found<'_>, shown: &Scene<'_>) {
    let nodes: Vec<String> = run.manifest.nodes.iter().map(|node| node.name.clone()).collect();
    let sentence = trigger::sentence(shown, run.faults, &nodes);
    put!(html, "<p class=\"trigger\"><b>Trigger</b> {}</p>\n", format::clip(&sentence, 1_000));
    let label = format!("Finding {}: the cycle of dependencies, a box for each transaction", one.number);
    if let Some(drawing) = run.history.and_then(|history| cycle::draw(history, one.anomaly, &nodes, &label)) {
        html.append(drawing);
    }
    let label = format!("Finding {}: the operations that contradict each other, a row each", one.number);
    html.append(scene::draw(shown, &nodes, &label));
}

/// What triggered a finding, and its drawing, for another page.
pub(super) fn drawing(run: &RunFiles<'_>, one: &Found<'_>) -> Option<Html> {
    let shown = Scene::of(run.history?, one.anomaly, run.faults, run.events)?;
    let mut html = Html::new();
    picture(&mut html, run, one, &shown);
    Some(html)
}

fn operations(html: &mut Html, run: &RunFiles<'_>, one: &Found<'_>, history: &History) {
    let core = Core::of(history, one.anomaly);
    let nodes: Vec<String> = run.manifest.nodes.iter().map(|node| node.name.clone()).collect();
    if !core.missing.is_empty() {
        let missing = names(&core.missing);
        put!(html, "<p class=\"note\">Not in the part of the history that could be read: {}.</p>\n", missing);
    }
    let Some(shown) = Scene::of(history, one.anomaly, run.faults, run.events) else {
        list_of_steps(html, &one.anomaly.explanation);
        return;
    };
    picture(html, run, one, &shown);
    argument(html, one, &shown);
    html.raw("<details class=\"inner\"><summary>Operations</summary>\n<p class=\"note\">");
    legend(html);
    html.raw("</p>\n");
    table(html, one, &core.principal, &nodes, true);
    if core.all.len() > core.principal.len() {
        put!(html, "<p class=\"note\">All {} of the finding:</p>\n", counted(core.all.len() as u64, "operation"));
        let listed = &core.all[core.all.len().saturating_sub(LISTED_MAX)..];
        table(html, one, listed, &nodes, false);
        if listed.len() < core.all.len() {
            put!(html, "<p class=\"note\">The last {}; all are in verdict.json.</p>\n", count(listed.len() as u64));
        }
    }
    html.raw("</details>\n");
    html.raw(
        "<details class=\"inner\"><summary>Around it: all operations on the same key, and the nodes’ logs</summary>\n",
    );
    surroundings(html, run, one, history, &core, &nodes);
    html.raw("</details>\n");
}

/// What the three kinds of bar mean.
fn legend(html: &mut Html) {
    html.raw(
        " <span class=\"outcome ok\">ok: it happened</span> <span class=\"outcome fail\">fail: it did not</span> \
         <span class=\"outcome info\">info: nobody knows, it may still take effect</span>",
    );
}

/// Why this cannot be: what holds by itself, and what follows.
fn argument(html: &mut Html, one: &Found<'_>, shown: &Scene<'_>) {
    let op = |index: usize| named(&shown.actors[index].op);
    let mut premises: Vec<String> = Vec::new();
    // A cycle has reasons of its own, an edge each: they are the argument.
    let seen = if cycle::is_cycle(&one.anomaly.edges) { &[] } else { &shown.edges[..] };
    for edge in seen {
        premises.push(match &edge.kind {
            EdgeKind::RealTime => {
                let (first, second) = (&shown.actors[edge.from].op, &shown.actors[edge.to].op);
                let gap = second.invoke_time.saturating_sub(first.complete_time.unwrap_or(second.invoke_time));
                format!("{} had ended {} before {} began.", op(edge.from), format::span(gap), op(edge.to))
            }
            EdgeKind::ReadFrom(value) => format!("{} saw {value}, which {} asked for.", op(edge.to), op(edge.from)),
        });
    }
    premises.extend(shown.origins.iter().cloned());
    // The operations and their order stand above.
    let repeats =
        |line: &&String| line.starts_with("process ") || line.starts_with("Needed: ") || **line == one.anomaly.sentence;
    premises.extend(one.anomaly.explanation.iter().filter(|line| !repeats(line)).cloned());
    let therefore = match one.judgement.checker.strip_prefix("linearizable ") {
        Some(model) => format!("no order of the operations that keeps real time explains what this {model} answered"),
        None => format!("the check “{}” fails", one.judgement.checker),
    };
    html.raw("<h4>Why this cannot be</h4>\n");
    list_of_steps(html, &premises);
    put!(html, "<p class=\"therefore\">Therefore {}.</p>\n", therefore);
}

/// Sentences, the first ones at once.
fn list_of_steps(html: &mut Html, lines: &[String]) {
    html.raw("<ol class=\"argument\">");
    for line in lines.iter().take(STEPS_MAX) {
        put!(html, "<li>{}</li>", format::clip(line, 1_000));
    }
    html.raw("</ol>\n");
    if lines.len() > STEPS_MAX {
        put!(
            html,
            "<p class=\"note\">{} more in verdict.json.</p>\n",
            counted((lines.len() - STEPS_MAX) as u64, "step")
        );
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
        "<p class=\"note\">{} to {} s: {} on the same key, those of the finding outlined",
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
        label: format!("Finding {}: all operations on the same key around it, one lane per process", one.number),
    }));
}
