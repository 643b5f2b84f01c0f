//! The verdict bar of a comparison.

use rashomon_compare::{ComparisonVerdict, Summary, Version};

use crate::format::{clip, count};
use crate::html::{Html, put};

/// Reasons that are listed.
const REASONS_MAX: usize = 10;

pub(super) fn section(html: &mut Html, summary: &Summary) {
    let (tone, symbol) = match summary.verdict {
        ComparisonVerdict::NoWorse | ComparisonVerdict::Faster => ("pass", "✓"),
        ComparisonVerdict::Worse | ComparisonVerdict::Violates => ("violation", "✗"),
        ComparisonVerdict::Slower => ("inconclusive", "~"),
        ComparisonVerdict::Inconclusive => ("inconclusive", "?"),
    };
    put!(html, "<header class=\"{}\">\n<div class=\"bar\">", tone);
    put!(
        html,
        "<p class=\"verdict\"><span class=\"symbol\" aria-hidden=\"true\">{}</span>{}</p>",
        symbol,
        summary.verdict.as_str()
    );
    put!(html, "<div class=\"title\"><h1>{}</h1>", summary.target);
    put!(html, "<p>candidate {}</p><p>base {}</p></div>", named(&summary.candidate), named(&summary.base));
    html.raw("<button type=\"button\" id=\"theme\" hidden>dark / light</button></div>\n");
    html.raw("<div class=\"reasons\"><h2>What it comes to</h2><ul>");
    for reason in summary.reasons.iter().take(REASONS_MAX) {
        put!(html, "<li>{}</li>", clip(reason, 1_000));
    }
    html.raw("</ul></div>\n");
    facts(html, summary);
    html.raw("<div class=\"reproduce\"><span>Compare again</span>");
    put!(html, "<pre tabindex=\"0\"><code id=\"reproduce\">{}</code></pre>", summary.command);
    html.raw("<button type=\"button\" id=\"copy\" hidden>copy</button></div>\n");
    html.raw("<nav aria-label=\"sections\">");
    if !summary.findings.is_empty() {
        put!(html, "<a href=\"#findings\">Findings <b>{}</b></a>", summary.findings.len());
    }
    html.raw("<a href=\"#speed\">Speed</a><a href=\"#failures\">Failures</a><a href=\"#exposure\">Exposure</a>");
    html.raw("<a href=\"#power\">Detection power</a><a href=\"#pairs\">Pairs</a></nav>\n</header>\n");
}

fn named(version: &Version) -> String {
    if version.version.is_empty() {
        version.label.clone()
    } else {
        format!("{} ({})", version.label, clip(&version.version, 80))
    }
}

fn facts(html: &mut Html, summary: &Summary) {
    html.raw("<dl class=\"facts\">");
    let mut fact = |name: &'static str, value: String| {
        put!(html, "<div><dt>{}</dt><dd>{}</dd></div>", name, value);
    };
    fact("pairs", count(summary.usable_pairs));
    if let Some(pairs) = summary.decided_after {
        fact("certain after", format!("{pairs} pairs"));
    }
    if let Some(more) = summary.more_pairs {
        fact("would be decided by", format!("{} more pairs", count(more)));
    }
    if summary.dropped_pairs > 0 {
        fact("pairs left out", count(summary.dropped_pairs));
    }
    fact("can fail where the base does not", format!("in fewer than {:.1}% of runs (95%)", summary.bound * 100.0));
    fact("took", format!("{:.0} s", summary.took_s));
    fact("run as", summary.mode.clone());
    html.raw("</dl>\n");
}
