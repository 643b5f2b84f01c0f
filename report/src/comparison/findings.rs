//! Anomalies by name: what only the candidate showed first, each with the drawing of its smallest example.

use std::path::Path;

use rashomon_compare::{FindingSummary, Summary};

use super::link;
use crate::format::clip;
use crate::html::{Html, put};
use crate::load::load;

/// Findings that get a card.
const CARDS_MAX: usize = 20;

pub(super) fn section(html: &mut Html, summary: &Summary, runs: &Path) {
    if summary.findings.is_empty() {
        return;
    }
    html.raw("<section id=\"findings\">\n<h2>Findings</h2>\n");
    for finding in summary.findings.iter().take(CARDS_MAX) {
        card(html, finding, runs);
    }
    if summary.findings.len() > CARDS_MAX {
        put!(html, "<p class=\"note\">{} more in compare.json.</p>\n", summary.findings.len() - CARDS_MAX);
    }
    html.raw("</section>\n");
}

fn card(html: &mut Html, finding: &FindingSummary, runs: &Path) {
    let (word, class) = match (finding.is_known(), finding.confirmed) {
        (true, _) => ("known: the base has it too", "ongoing"),
        (false, true) => ("only the candidate, confirmed", "new"),
        (false, false) => ("only the candidate, seen once", "rare"),
    };
    put!(html, "<article class=\"finding\">\n<h2>{} ", finding.name);
    put!(html, "<span class=\"state-word {}\">{}</span>", class, word);
    put!(html, " <span class=\"faint\">{}</span></h2>\n", finding.checker);
    put!(html, "<p class=\"lead\">{}</p>\n", clip(&finding.sentence, 2_000));
    let run = link(&finding.run);
    let drawing = run.and_then(|run| load(&runs.join(run)).ok());
    if let Some(drawing) = drawing.and_then(|run| crate::page::drawing(&run.files(), &finding.sentence)) {
        html.append(drawing);
    }
    html.raw("<dl class=\"facts\">");
    put!(html, "<div><dt>base</dt><dd>{} of {} runs</dd></div>", finding.base, finding.pairs);
    put!(html, "<div><dt>candidate</dt><dd>{} of {} runs</dd></div>", finding.candidate, finding.pairs);
    put!(html, "<div><dt>minimal core</dt><dd>{} operations</dd></div></dl>\n", finding.operations);
    html.raw("<div class=\"reproduce\"><span>Run it again</span>");
    put!(html, "<pre tabindex=\"0\"><code>{}</code></pre></div>\n", finding.reproduce);
    if let Some(run) = run {
        put!(html, "<p class=\"note\"><a href=\"runs/{}/report.html\">The page of the smallest example</a></p>\n", run);
    }
    html.raw("</article>\n");
}
