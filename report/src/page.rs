//! The page: its sections in the order a reader needs them.

mod evidence;
mod faults;
mod findings;
mod logs;
mod measured;
mod plots;
mod summary;
mod technical;

use rashomon_checkers::{Anomaly, Judgement};

use crate::html::{Html, put};
use crate::run_files::RunFiles;
use crate::svg::fault_class;
use rashomon_runs::Verdict;

const STYLE: &str = include_str!("../web/report.css");
const SCRIPT: &str = include_str!("../web/report.js");
/// SHA-256 of `web/report.js`, base64: the page runs this script and no other. A test compares.
const SCRIPT_SHA256: &str = "xteq3h/7IUAkGmJyGg60xPQNrdLqWmi7hib4870Ylag=";

/// One anomaly with its number on the page and the checker that found it.
#[derive(Clone, Copy)]
struct Found<'a> {
    number: usize,
    judgement: &'a Judgement,
    anomaly: &'a Anomaly,
}

/// All anomalies of a run, numbered from 1.
fn found<'a>(run: &RunFiles<'a>) -> Vec<Found<'a>> {
    let judgements = run.verdict.iter().flat_map(|record| &record.judgements);
    let anomalies =
        judgements.flat_map(|judgement| judgement.anomalies.iter().map(move |anomaly| (judgement, anomaly)));
    anomalies.enumerate().map(|(index, (judgement, anomaly))| Found { number: index + 1, judgement, anomaly }).collect()
}

/// The verdict, wherever it is recorded.
fn verdict(run: &RunFiles<'_>) -> Option<Verdict> {
    run.verdict.map(|record| record.verdict).or(run.manifest.verdict)
}

/// How long the run's time axis is, ns.
fn length(run: &RunFiles<'_>) -> u64 {
    let load = run.manifest.evidence.as_ref().map_or(0, |evidence| evidence.load_ns);
    let history = run.history.map_or(0, |history| history.end_time());
    let faults = run.faults.iter().map(|fault| fault.end_ns.unwrap_or(fault.begin_ns)).max().unwrap_or(0);
    load.max(history).max(faults)
}

/// Makes the page. The same run and version give the same bytes.
pub fn render(run: &RunFiles<'_>) -> String {
    let found = found(run);
    let mut html = Html::new();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    put!(
        html,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n",
        SCRIPT_SHA256
    );
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    let word = verdict(run).map_or("not judged", Verdict::as_str);
    put!(html, "<title>{}: {} – {}</title>\n<style>", word, run.manifest.target.name, run.manifest.run);
    html.raw(STYLE);
    html.raw("</style>\n</head>\n<body>\n");
    html.append(fault_class::patterns());
    summary::section(&mut html, run, &found);
    html.raw("<main>\n");
    findings::section(&mut html, run, &found);
    if !found.is_empty() {
        html.raw("<section id=\"brief\">\n");
        summary::in_brief(&mut html, run);
        html.raw("</section>\n");
    }
    plots::section(&mut html, run, &found);
    measured::section(&mut html, run);
    faults::section(&mut html, run);
    logs::section(&mut html, run, &found);
    evidence::section(&mut html, run);
    technical::section(&mut html, run);
    html.raw("</main>\n<footer>");
    put!(html, "Rashomon {} · run {} · format {}", run.manifest.version, run.manifest.run, run.manifest.format);
    html.raw("</footer>\n<script>");
    html.raw(SCRIPT);
    html.raw("</script>\n</body>\n</html>\n");
    html.finish()
}

/// A row of a table of facts: a name and its value; nothing where the value is empty.
fn fact(html: &mut Html, name: &'static str, value: &str) {
    if !value.is_empty() {
        put!(html, "<div><dt>{}</dt><dd>{}</dd></div>", name, value);
    }
}
