//! The verdict bar: is it broken, how, and how can I see it again.

use rashomon_checkers::Finding;
use rashomon_history::Outcome;

use super::Found;
use crate::format::{count, counted, seconds};
use crate::html::{Html, put};
use crate::run_files::RunFiles;
use rashomon_runs::{Convergence, FaultOutcome, Verdict};

/// Reasons that are listed.
const REASONS_MAX: usize = 6;

/// Writes the bar.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>, found: &[Found<'_>]) {
    let verdict = super::verdict(run);
    let target = &run.manifest.target;
    let (word, symbol) = match verdict {
        Some(Verdict::Pass) => ("pass", "✓"),
        Some(Verdict::Violation) => ("violation", "✗"),
        Some(Verdict::Inconclusive) => ("inconclusive", "?"),
        Some(Verdict::Broken) => ("broken", "!"),
        None => ("not judged", "–"),
    };
    put!(html, "<header class=\"{}\">\n<div class=\"bar\">", if verdict.is_none() { "unjudged" } else { word });
    put!(html, "<p class=\"verdict\"><span class=\"symbol\" aria-hidden=\"true\">{}</span>{}</p>", symbol, word);
    put!(html, "<div class=\"title\"><h1>{}", target.name);
    put!(html, " <span class=\"faint\">{}</span></h1>", target.version);
    put!(html, "<p>{}</p>", target.summary);
    put!(html, "<p>workload {} · checked: {}</p></div>", target.workload, target.model);
    html.raw("<button type=\"button\" id=\"theme\" hidden>dark / light</button></div>\n");
    if let Some(mutant) = &target.mutant {
        put!(
            html,
            "<p class=\"mutant\"><b>Mutant {}</b> ({}), a planted bug: {}</p>\n",
            mutant.name,
            mutant.id,
            mutant.summary
        );
    }
    reasons(html, run, verdict, found);
    // With a finding, the first screen is its: the run in figures follows below.
    if found.is_empty() {
        in_brief(html, run);
    }
    if !run.gaps.is_empty() {
        html.raw("<div class=\"gaps\" role=\"note\"><b>Incomplete run</b><ul>");
        for gap in run.gaps {
            put!(html, "<li>{}</li>", gap);
        }
        html.raw("</ul></div>\n");
    }
    html.raw("<nav aria-label=\"sections\">");
    if !found.is_empty() {
        put!(html, "<a href=\"#findings\">Findings <b>{}</b></a>", found.len());
    }
    html.raw("<a href=\"#plots\">Over time</a>");
    if super::measured::has_any(run) {
        html.raw("<a href=\"#measured\">Measured</a>");
    }
    html.raw("<a href=\"#faults\">Faults</a><a href=\"#logs\">Logs</a>");
    html.raw("<a href=\"#evidence\">Evidence</a><a href=\"#run\">Run</a></nav>\n</header>\n");
}

/// The run in figures, and the command that repeats it.
pub(super) fn in_brief(html: &mut Html, run: &RunFiles<'_>) {
    facts(html, run);
    html.raw("<div class=\"reproduce\"><span>Run it again</span>");
    put!(html, "<pre tabindex=\"0\"><code id=\"reproduce\">{}</code></pre>", run.manifest.reproduce);
    html.raw("<button type=\"button\" id=\"copy\" hidden>copy</button></div>\n");
}

/// Why the verdict is what it is.
fn reasons(html: &mut Html, run: &RunFiles<'_>, verdict: Option<Verdict>, found: &[Found<'_>]) {
    let Some(record) = run.verdict else {
        html.raw("<p class=\"lead\">This run has no verdict: it was ended before its history was judged.</p>\n");
        return;
    };
    let heading = match verdict {
        Some(Verdict::Pass) => "What finding nothing is worth",
        Some(Verdict::Violation) => "What was found",
        Some(Verdict::Inconclusive) => "Why this says nothing about the target",
        Some(Verdict::Broken) => "What failed in the harness or its environment",
        None => "Why",
    };
    // Each finding's sentence stands in its card.
    let of_a_finding = |reason: &String| found.iter().any(|one| reason.contains(one.anomaly.sentence.as_str()));
    let mut lines: Vec<String> = record.reasons.iter().filter(|reason| !of_a_finding(reason)).cloned().collect();
    for judgement in record.judgements.iter().filter(|judgement| judgement.finding == Finding::Unknown) {
        for line in &judgement.unknown {
            let line = format!("{}: {line}", judgement.checker);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    if !found.is_empty() {
        let kinds = super::findings::kinds(found);
        let counts: Vec<String> =
            kinds.iter().map(|kind| format!("{} × {}", count(kind.findings.len() as u64), kind.name)).collect();
        let notes = record.judgements.iter().filter(|judgement| judgement.finding == Finding::Invalid);
        let notes = notes.flat_map(|judgement| &judgement.notes).filter(|note| note.contains(" keys "));
        lines.splice(0..0, [counts.join(" · ")].into_iter().chain(notes.cloned()));
    }
    if lines.is_empty() {
        return;
    }
    put!(html, "<div class=\"reasons{}\"><h2>{}</h2><ul>", if found.is_empty() { "" } else { " short" }, heading);
    for line in lines.iter().take(REASONS_MAX) {
        put!(html, "<li>{}</li>", line);
    }
    html.raw("</ul>");
    if lines.len() > REASONS_MAX {
        put!(html, "<p class=\"note\">{} more in verdict.json.</p>", count((lines.len() - REASONS_MAX) as u64));
    }
    html.raw("</div>\n");
}

/// The run in a dozen facts.
fn facts(html: &mut Html, run: &RunFiles<'_>) {
    let manifest = run.manifest;
    html.raw("<dl class=\"facts\">");
    super::fact(html, "workload", &manifest.target.workload);
    super::fact(html, "consistency", &manifest.target.consistency);
    super::fact(html, "model", &manifest.target.model);
    super::fact(html, "nodes", &manifest.nodes.len().to_string());
    super::fact(html, "seed", &manifest.spec.seed.to_string());
    super::fact(html, "load", &format!("{} s", seconds(load_ns(run))));
    operations(html, run);
    let tried = |outcome| run.faults.iter().filter(|fault| fault.outcome == outcome).count() as u64;
    let mut faults = format!("{} installed", count(tried(FaultOutcome::Installed)));
    for (outcome, word) in [(FaultOutcome::Skipped, "skipped"), (FaultOutcome::Unconfirmed, "unconfirmed")] {
        if tried(outcome) > 0 {
            faults.push_str(&format!(", {} {word}", count(tried(outcome))));
        }
    }
    super::fact(html, "faults", &faults);
    if let Some(evidence) = &manifest.evidence
        && !evidence.reads_after_heal.is_empty()
    {
        super::fact(html, "after the last heal", &counted(evidence.reads_after_heal.iter().sum(), "ok read"));
    }
    if let Some(convergence) = manifest.evidence.as_ref().and_then(|evidence| evidence.convergence.as_ref()) {
        super::fact(html, "all nodes agree", &converged(convergence));
    }
    super::fact(html, "started", &whole_seconds(&manifest.started));
    super::fact(html, "run", &manifest.run);
    html.raw("</dl>\n");
}

/// How long replicas took to agree.
fn converged(convergence: &Convergence) -> String {
    match convergence.after_ns {
        Some(after_ns) => format!("{} s after the last heal and update", seconds(after_ns)),
        None if convergence.complete => {
            format!("not {} s after the last heal and update", seconds(convergence.bound_ns))
        }
        None => "unknown: reads were not answered".to_owned(),
    }
}

/// Operations by outcome, each with the mark that stands for the outcome everywhere on the page.
fn operations(html: &mut Html, run: &RunFiles<'_>) {
    let totals = totals(run);
    html.raw("<div><dt>operations</dt><dd class=\"outcomes\">");
    for (outcome, total) in Outcome::ALL.into_iter().zip(totals) {
        put!(html, "<span class=\"outcome {}\">{} {}</span>", outcome, count(total), outcome);
    }
    html.raw("</dd></div>");
}

/// Operations by outcome: the evidence's count, else the history's.
fn totals(run: &RunFiles<'_>) -> [u64; 3] {
    if let Some(evidence) = &run.manifest.evidence {
        return evidence
            .functions
            .iter()
            .fold([0; 3], |sum, function| [sum[0] + function.ok, sum[1] + function.fail, sum[2] + function.info]);
    }
    let mut totals = [0; 3];
    for op in run.history.iter().flat_map(|history| history.ops()) {
        totals[crate::series::slot(op.outcome)] += 1;
    }
    totals
}

fn load_ns(run: &RunFiles<'_>) -> u64 {
    match &run.manifest.evidence {
        Some(evidence) => evidence.load_ns,
        None => run.history.map_or(0, |history| history.end_time()),
    }
}

/// A time without its fraction of a second: `2026-01-02T03:04:05Z`.
fn whole_seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, fraction)) => whole.to_owned() + fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => time.to_owned(),
    }
}
