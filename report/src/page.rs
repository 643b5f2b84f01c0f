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

use crate::frame::Framed;
use crate::html::{Html, put};
use crate::run_files::RunFiles;
use rashomon_runs::Verdict;

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
    let mut header = Html::new();
    summary::section(&mut header, run, &found);
    let mut main = Html::new();
    findings::section(&mut main, run, &found);
    if !found.is_empty() {
        main.raw("<section id=\"brief\">\n");
        summary::in_brief(&mut main, run);
        main.raw("</section>\n");
    }
    plots::section(&mut main, run, &found);
    measured::section(&mut main, run);
    faults::section(&mut main, run);
    logs::section(&mut main, run, &found);
    evidence::section(&mut main, run);
    technical::section(&mut main, run);
    let manifest = run.manifest;
    let word = verdict(run).map_or("not judged", Verdict::as_str);
    let title = format!("{word}: {} – {}", manifest.target.name, manifest.run);
    let footer = format!("Rashomon {} · run {} · format {}", manifest.version, manifest.run, manifest.format);
    Framed { title: &title, header, main, footer: &footer }.finish()
}

/// The trigger and the drawing of the anomaly with this sentence, or of the first one; `None` where nothing can be
/// drawn.
pub(crate) fn drawing(run: &RunFiles<'_>, sentence: &str) -> Option<Html> {
    let found = found(run);
    let of_sentence = found.iter().find(|one| one.anomaly.sentence == sentence);
    findings::drawing(run, of_sentence.or(found.first())?)
}

/// A row of a table of facts: a name and its value; nothing where the value is empty.
fn fact(html: &mut Html, name: &'static str, value: &str) {
    if !value.is_empty() {
        put!(html, "<div><dt>{}</dt><dd>{}</dd></div>", name, value);
    }
}
