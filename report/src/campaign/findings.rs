//! Findings: what is new and what is gone, then each with its example.

use rashomon_campaign::Summary;
use rashomon_campaign::markdown::rate;
use rashomon_campaign::record::NodeProgram;
use rashomon_campaign::summary::{CampaignFinding, FindingState};

use super::Drawings;
use crate::format::{clip, count};
use crate::html::{Html, put};

/// Findings that get a card.
const CARDS_MAX: usize = 60;

/// What is new since the campaign before.
pub(super) fn news(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"new\">\n<h2>New since the last campaign</h2>\n");
    let new = |finding: &&CampaignFinding| finding.state == FindingState::New;
    let fresh: Vec<&CampaignFinding> = summary.findings.iter().filter(new).collect();
    let first = summary.cells.iter().all(|cell| cell.trend.len() < 2);
    if first {
        html.raw("<p class=\"note\">There is no earlier campaign of this name: every finding is new.</p>\n");
    }
    if fresh.is_empty() && summary.gone.is_empty() {
        html.raw("<p>Nothing: no new finding, and none is gone.</p>\n");
    }
    html.raw("<ul class=\"plain\">");
    for finding in fresh {
        put!(
            html,
            "<li><a href=\"#{}\">new</a> {} in {} {}: ",
            finding.id,
            finding.signature.anomaly,
            finding.signature.target,
            finding.signature.workload
        );
        put!(html, "{}</li>", clip(&finding.example.sentence, 400));
    }
    for gone in &summary.gone {
        let signature = &gone.signature;
        put!(
            html,
            "<li><span class=\"state-word gone\">gone</span> {} in {} {}",
            signature.anomaly,
            signature.target,
            signature.workload
        );
        put!(html, ": last seen {}, not in {} runs that passed now", gone.last_seen.as_str(), count(gone.passed));
        put!(html, " <span class=\"faint\">{}</span></li>", gone.id);
    }
    html.raw("</ul>\n</section>\n");
}

/// Every finding.
pub(super) fn section(html: &mut Html, summary: &Summary, drawings: &Drawings) {
    if summary.findings.is_empty() {
        return;
    }
    html.raw("<section id=\"findings\">\n<h2>Findings</h2>\n");
    for finding in summary.findings.iter().take(CARDS_MAX) {
        card(html, finding, drawings.get(&finding.id));
    }
    if summary.findings.len() > CARDS_MAX {
        put!(html, "<p class=\"note\">{} more in summary.json.</p>\n", summary.findings.len() - CARDS_MAX);
    }
    html.raw("</section>\n");
}

fn card(html: &mut Html, finding: &CampaignFinding, drawing: Option<&Html>) {
    let CampaignFinding { signature, example, .. } = finding;
    let word = if finding.muted.is_some() { "muted" } else { finding.state.as_str() };
    put!(html, "<article class=\"finding\" id=\"{}\">\n<h2>{}", finding.id, signature.anomaly);
    put!(html, " <span class=\"state-word {}\">{}</span>", word, word);
    put!(html, " <span class=\"faint\">{} {}</span></h2>\n", signature.target, signature.workload);
    put!(html, "<p class=\"lead\">{}</p>\n", clip(&example.sentence, 2_000));
    if let Some(mute) = &finding.muted {
        put!(html, "<p class=\"note\">Muted until {}: {}</p>\n", mute.until.as_str(), mute.reason);
    }
    if let Some(drawing) = drawing {
        html.append(drawing.clone());
    }
    html.raw("<dl class=\"facts\">");
    let mut fact = |name: &'static str, value: &str| {
        if !value.is_empty() {
            put!(html, "<div><dt>{}</dt><dd>{}</dd></div>", name, value);
        }
    };
    fact("runs of this target and workload", &rate(finding.runs));
    let again = finding.repetition.map_or_else(|| "not repeated".to_owned(), rate);
    fact("its plan again, with a violation", &again);
    fact("complete after", &format!("{:.1} s", example.after_s));
    fact("minimal core", &signature.shape);
    let faults = if signature.faults.is_empty() { "none".to_owned() } else { signature.faults.join(", ") };
    fact("faults that were active", &faults);
    fact("also", &finding.also.join(", "));
    fact("first seen", &format!("{}, {}", finding.first_seen.date.as_str(), finding.first_seen.run));
    fact("node program then", &program(finding.first_seen.program.as_ref()));
    fact("signature", &finding.id);
    html.raw("</dl>\n<div class=\"reproduce\"><span>Run it again</span>");
    put!(html, "<pre tabindex=\"0\"><code>{}</code></pre></div>\n", example.command);
    put!(
        html,
        "<p class=\"note\"><a href=\"runs/{}/report.html\">The page of the smallest example</a></p>\n</article>\n",
        link(&example.run)
    );
}

/// A run's name as part of a link; what is no name leads nowhere.
pub(super) fn link(run: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if run.chars().all(plain) && !run.starts_with('.') { run.to_owned() } else { String::new() }
}

fn program(program: Option<&NodeProgram>) -> String {
    let Some(program) = program else { return String::new() };
    let revision =
        program.revision.as_ref().map_or_else(String::new, |revision| format!(", Git {}", clip(revision, 13)));
    format!("SHA-256 {}{revision}", clip(&program.sha256, 17))
}
