//! The verdict bar of a campaign.

use rashomon_campaign::{CampaignVerdict, End, Shard, Summary};

use crate::format::count;
use crate::html::{Html, put};

/// Reasons that are listed.
const REASONS_MAX: usize = 10;

pub(super) fn section(html: &mut Html, summary: &Summary, command: &str) {
    let (tone, symbol) = match summary.verdict {
        CampaignVerdict::Pass => ("pass", "✓"),
        CampaignVerdict::Violation => ("violation", "✗"),
        CampaignVerdict::Inconclusive => ("inconclusive", "?"),
        CampaignVerdict::Noise => ("inconclusive", "~"),
        CampaignVerdict::Broken => ("broken", "!"),
    };
    let campaign = &summary.campaign;
    put!(html, "<header class=\"{}\">\n<div class=\"bar\">", tone);
    put!(
        html,
        "<p class=\"verdict\"><span class=\"symbol\" aria-hidden=\"true\">{}</span>{}</p>",
        symbol,
        summary.verdict
    );
    put!(
        html,
        "<div class=\"title\"><h1>{} <span class=\"faint\">{}</span></h1>",
        campaign.name,
        campaign.date.as_str()
    );
    let part = match campaign.shard {
        Shard::WHOLE => String::new(),
        shard => format!(" · only part {shard}"),
    };
    put!(html, "<p>begun {}{} · {}</p></div>", campaign.started, part, ended(&summary.end));
    html.raw("<button type=\"button\" id=\"theme\" hidden>dark / light</button></div>\n");
    html.raw("<div class=\"reasons\"><h2>What it comes to</h2><ul>");
    for reason in summary.reasons.iter().take(REASONS_MAX) {
        put!(html, "<li>{}</li>", reason);
    }
    html.raw("</ul>");
    if summary.reasons.len() > REASONS_MAX {
        put!(html, "<p class=\"note\">{} more in summary.json.</p>", summary.reasons.len() - REASONS_MAX);
    }
    html.raw("</div>\n");
    facts(html, summary);
    html.raw("<div class=\"reproduce\"><span>Sum it up again</span>");
    put!(html, "<pre tabindex=\"0\"><code id=\"reproduce\">{}</code></pre>", command);
    html.raw("<button type=\"button\" id=\"copy\" hidden>copy</button></div>\n");
    html.raw("<nav aria-label=\"sections\"><a href=\"#new\">New</a>");
    if !summary.findings.is_empty() {
        put!(html, "<a href=\"#findings\">Findings <b>{}</b></a>", summary.findings.len());
    }
    html.raw("<a href=\"#matrix\">Combinations</a><a href=\"#canaries\">Canaries</a><a href=\"#bounds\">Bounds</a>");
    html.raw("<a href=\"#noise\">No statement</a><a href=\"#uncovered\">Not covered</a></nav>\n</header>\n");
}

fn ended(end: &End) -> &'static str {
    match end {
        End::Unfinished => "not finished",
        End::Complete => "every planned run was made",
        End::TimeUp => "ended when its time was up",
        End::FirstViolation => "ended at the first violation",
        End::Stopped { .. } => "stopped before its end",
    }
}

fn facts(html: &mut Html, summary: &Summary) {
    let counts = summary.counts;
    html.raw("<dl class=\"facts\">");
    let mut fact = |name: &'static str, value: String| {
        put!(html, "<div><dt>{}</dt><dd>{}</dd></div>", name, value);
    };
    let of = summary
        .planned
        .map_or_else(String::new, |planned| format!(" of {} planned, canaries included", count(planned)));
    fact("runs", format!("{}{of}", count(counts.all())));
    fact("pass", count(counts.pass));
    fact("violation", count(counts.violation));
    fact("inconclusive", count(counts.inconclusive));
    fact("broken", count(counts.broken));
    fact("starved", count(summary.starved));
    let score = summary.mutation_score();
    fact("known bugs found", format!("{} of {}", score.hits, score.trials));
    fact("runs took", format!("{:.1} h together", summary.runs_s / 3600.0));
    html.raw("</dl>\n");
}
