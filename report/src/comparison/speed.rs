//! Speed: each measure with the interval of its ratio, as figures and as a line.

use rashomon_compare::{MeasureSummary, Speed, Summary};

use crate::html::{Html, put};

/// Half of the width of a line, px: the ratio 2.
const HALF: f64 = 90.0;

pub(super) fn section(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"speed\">\n<h2>Speed</h2>\n");
    if summary.measures.is_empty() {
        html.raw("<p>Nothing was measured: no pair of runs acknowledged operations.</p>\n</section>\n");
        return;
    }
    put!(
        html,
        "<p class=\"note\">Medians over runs, and the median over pairs of candidate ÷ base with an interval that holds \
         for all measures together at 95%, however often it was looked at. Differences below {:.0}% are of no \
         interest. An outage is the longest time without an acknowledged operation from a fault's begin until two \
         seconds after its heal. Lines run from half to double; the tick is no difference.</p>\n",
        summary.design.tolerance * 100.0
    );
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th>measure<th class=\"number\">base<th class=\"number\">candidate\
         <th class=\"number\">change<th>interval<th><th>verdict<th class=\"number\">pairs</thead><tbody>\n",
    );
    for measure in &summary.measures {
        row(html, measure);
    }
    html.raw("</tbody></table></div>\n</section>\n");
}

fn row(html: &mut Html, measure: &MeasureSummary) {
    let percent = |ratio: f64| format!("{:+.1}%", (ratio - 1.0) * 100.0);
    let end = |ratio: Option<f64>| ratio.map_or("open".to_owned(), percent);
    put!(html, "<tr><td class=\"name\">{}", measure.name);
    put!(html, "<td class=\"number\">{:.3} {}", measure.base, measure.unit);
    put!(html, "<td class=\"number\">{:.3} {}", measure.candidate, measure.unit);
    put!(html, "<td class=\"number\">{}", percent(measure.ratio));
    put!(html, "<td>{} to {}<td>", end(measure.ratio_low), end(measure.ratio_high));
    line(html, measure);
    let more = match (measure.decided_after, measure.more_pairs) {
        (Some(pairs), _) => format!(", certain after {pairs} pairs"),
        (None, Some(more)) => format!(", {more} more pairs would decide"),
        (None, None) => String::new(),
    };
    let tone = match measure.speed {
        Speed::Slower => "violation",
        Speed::Faster | Speed::NoSlower => "pass",
        Speed::Undecided => "inconclusive",
    };
    put!(html, "<td><span class=\"cell {}\">{}</span>{}", tone, measure.speed.as_str(), more);
    put!(html, "<td class=\"number\">{}\n", measure.pairs);
}

fn line(html: &mut Html, measure: &MeasureSummary) {
    let at = |ratio: f64| (HALF + ratio.log2() * HALF).clamp(0.0, 2.0 * HALF);
    let (low, high) = (measure.ratio_low.map_or(0.0, at), measure.ratio_high.map_or(2.0 * HALF, at));
    html.raw("<svg width=\"180\" height=\"14\" role=\"img\" aria-label=\"interval\">");
    put!(html, "<line class=\"lane\" x1=\"{}\" x2=\"{}\" y1=\"0\" y2=\"14\"/>", HALF, HALF);
    put!(html, "<line class=\"axis\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"7\" y2=\"7\"/>", low, high);
    put!(html, "<circle cx=\"{:.1}\" cy=\"7\" r=\"3.5\"/></svg>", at(measure.ratio));
}
