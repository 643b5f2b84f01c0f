//! What the run exercised, and how it was judged: without enough of it, nothing found means nothing.

use std::collections::BTreeMap;

use rashomon_checkers::Finding;

use crate::format::{self, count, counted, seconds};
use crate::html::{Html, put};
use crate::run_files::RunFiles;
use rashomon_runs::Evidence;

/// Writes the section.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>) {
    html.raw("<section id=\"evidence\">\n<h2>Evidence</h2>\n");
    match &run.manifest.evidence {
        Some(evidence) => {
            functions(html, evidence);
            html.raw("<div class=\"columns\">\n");
            reads(html, run, evidence);
            faults(html, evidence);
            html.raw("</div>\n");
            notes(html, evidence);
        }
        None => html.raw("<p class=\"note\">The run ended before its evidence was counted.</p>\n"),
    }
    methods(html, run);
    html.raw("</section>\n");
}

fn functions(html: &mut Html, evidence: &Evidence) {
    if evidence.functions.is_empty() {
        html.raw("<p class=\"note\">No operation was invoked.</p>\n");
        return;
    }
    html.raw(
        "<h3>Operations</h3>\n<div class=\"scroll\"><table class=\"compact\"><thead><tr><th>function\
         <th class=\"number\">ok<th class=\"number\">fail<th class=\"number\">info<th class=\"number\">ok share\
         <th class=\"number\">p50<th class=\"number\">p95<th class=\"number\">p99<th class=\"number\">max</thead><tbody>\n",
    );
    for function in &evidence.functions {
        let all = function.ok + function.fail + function.info;
        put!(html, "<tr><td>{}", function.f);
        for number in [function.ok, function.fail, function.info] {
            put!(html, "<td class=\"number\">{}", count(number));
        }
        put!(html, "<td class=\"number\">{:.1} %", function.ok as f64 * 100.0 / all.max(1) as f64);
        let latency = function.latency;
        for micros in [latency.p50_us, latency.p95_us, latency.p99_us, latency.max_us] {
            let text = if function.ok == 0 { "–".to_owned() } else { format::latency(micros.saturating_mul(1_000)) };
            put!(html, "<td class=\"number\">{}", text);
        }
        html.raw("\n");
    }
    html.raw("</tbody></table></div>\n<p class=\"note\">Latency of ok operations.</p>\n");
}

fn reads(html: &mut Html, run: &RunFiles<'_>, evidence: &Evidence) {
    html.raw("<div><h3>Reads after the last heal</h3>\n");
    match evidence.last_heal_ns {
        Some(heal) => put!(html, "<p class=\"note\">The last fault was healed at {} s.</p>\n", seconds(heal)),
        None => html.raw("<p class=\"note\">No fault was installed, so none was healed.</p>\n"),
    }
    if !evidence.reads_after_heal.is_empty() {
        html.raw("<table class=\"compact\"><thead><tr><th>node<th class=\"number\">ok reads</thead><tbody>\n");
        for (index, reads) in evidence.reads_after_heal.iter().enumerate() {
            let name =
                run.manifest.nodes.get(index).map_or_else(|| format!("node {}", index + 1), |node| node.name.clone());
            let class = if *reads == 0 { "number alarm" } else { "number" };
            put!(
                html,
                "<tr><td>{}<td class=\"{}\">{}{}\n",
                name,
                class,
                if *reads == 0 { "⚠ " } else { "" },
                count(*reads)
            );
        }
        html.raw("</tbody></table>\n");
    }
    html.raw("</div>\n");
}

fn faults(html: &mut Html, evidence: &Evidence) {
    let mut classes: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    let by_outcome = [&evidence.faults_installed, &evidence.faults_skipped, &evidence.faults_unconfirmed];
    for (slot, list) in by_outcome.into_iter().enumerate() {
        for (class, number) in list {
            classes.entry(class.as_str()).or_default()[slot] += number;
        }
    }
    html.raw("<div><h3>Faults</h3>\n");
    if classes.is_empty() {
        html.raw("<p class=\"note\">No fault was tried.</p></div>\n");
        return;
    }
    html.raw(
        "<table class=\"compact\"><thead><tr><th>class<th class=\"number\">installed<th class=\"number\">skipped\
         <th class=\"number\">unconfirmed</thead><tbody>\n",
    );
    for (class, numbers) in classes {
        put!(html, "<tr><td>{}", class);
        for number in numbers {
            put!(html, "<td class=\"number\">{}", count(number));
        }
        html.raw("\n");
    }
    html.raw("</tbody></table></div>\n");
}

fn notes(html: &mut Html, evidence: &Evidence) {
    let mut lines: Vec<(bool, String)> = evidence
        .unexpected_exits
        .iter()
        .take(100)
        .map(|exit| {
            (
                true,
                format!("{} ended although nobody stopped it, at {} s: {}", exit.node, seconds(exit.at_ns), exit.how),
            )
        })
        .collect();
    if evidence.interrupted {
        lines.push((true, "The run was stopped early by its user.".to_owned()));
    }
    if evidence.late_arrivals > 0 {
        lines.push((false, format!("{} found every client busy.", counted(evidence.late_arrivals, "arrival"))));
    }
    lines.extend(evidence.notes.iter().map(|note| (false, note.clone())));
    if lines.is_empty() {
        return;
    }
    html.raw("<h3>Worth knowing</h3>\n<ul>");
    for (alarm, line) in lines {
        let (class, sign) = if alarm { ("alarm", "⚠ ") } else { ("", "") };
        put!(html, "<li class=\"{}\">{}{}</li>", class, sign, line);
    }
    html.raw("</ul>\n");
}

/// Which checker said what, by which method.
fn methods(html: &mut Html, run: &RunFiles<'_>) {
    let Some(record) = run.verdict.filter(|record| !record.judgements.is_empty()) else { return };
    html.raw("<h3>Checkers</h3>\n");
    for judgement in &record.judgements {
        let (class, word) = match judgement.finding {
            Finding::Valid => ("valid", "✓ valid"),
            Finding::Invalid => ("invalid", "✗ invalid"),
            Finding::Unknown => ("unknown", "? unknown"),
        };
        put!(html, "<h4>{} <span class=\"finding-word {}\">{}</span></h4>\n", judgement.checker, class, word);
        if !judgement.methods.is_empty() {
            html.raw(
                "<div class=\"scroll\"><table class=\"compact\"><thead><tr><th>method<th class=\"number\">parts\
                 <th class=\"number\">operations<th class=\"number\">steps<th>why this method</thead><tbody>\n",
            );
            for method in &judgement.methods {
                put!(html, "<tr><td>{}", method.method);
                for number in [method.parts, method.operations, method.steps] {
                    put!(html, "<td class=\"number\">{}", count(number));
                }
                put!(html, "<td>{}\n", method.why);
            }
            html.raw("</tbody></table></div>\n");
        }
        if !judgement.unknown.is_empty() || !judgement.notes.is_empty() {
            html.raw("<ul>");
            for line in judgement.unknown.iter().chain(&judgement.notes) {
                put!(html, "<li>{}</li>", line);
            }
            html.raw("</ul>\n");
        }
    }
}
