//! Canaries, bounds, runs that prove nothing, what was not covered.

use rashomon_campaign::Summary;
use rashomon_campaign::markdown::rate;

use super::findings::link;
use crate::format::count;
use crate::html::{Html, put};

/// Lines of a list.
const LISTED_MAX: usize = 300;

pub(super) fn canaries(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"canaries\">\n<h2>Canaries: known bugs that must be found</h2>\n");
    if summary.canaries.is_empty() {
        html.raw("<p>None: nothing shows that this campaign finds bugs. Add a [[canary]] to its specification.</p>\n</section>\n");
        return;
    }
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th>target<th>known bug<th>found in<th>median time to detection\
         <th>shown as<th></thead><tbody>\n",
    );
    for canary in &summary.canaries {
        put!(html, "<tr><td class=\"name\">{}<td>{}<td>{}", canary.target, canary.mutant, rate(canary.found));
        let median = canary.median_s.map_or_else(|| "–".to_owned(), |s| format!("{s:.1} s"));
        put!(html, "<td>{}<td>{}<td>", median, canary.shown_as.join(", "));
        if canary.missed() {
            html.raw("<span class=\"alarm\">missed</span>");
        } else if canary.found.trials == 0 {
            html.raw("<span class=\"alarm\">not run</span>");
        }
        html.raw("\n");
    }
    html.raw("</tbody></table></div>\n</section>\n");
}

pub(super) fn bounds(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"bounds\">\n<h2>What finding nothing is worth</h2>\n");
    html.raw(
        "<p class=\"note\">For each class of faults: in how large a share of such runs a bug could show and still be \
         missed by all runs that passed, at 95% (0 of n: p &lt; 3/n), and what happened in these runs.</p>\n\
         <div class=\"scroll\"><table><thead><tr><th>faults<th class=\"number\">runs passed<th class=\"number\">violations\
         <th class=\"number\">bound<th class=\"number\">faults installed<th>exposure</thead><tbody>\n",
    );
    for class in &summary.classes {
        put!(html, "<tr><td class=\"name\">{}<td class=\"number\">{}", class.class, count(class.passed));
        put!(html, "<td class=\"number\">{}<td class=\"number\">", count(class.violations));
        if class.violations > 0 {
            html.raw("–");
        } else {
            put!(html, "{:.1}%", class.bound * 100.0);
        }
        let exposure: Vec<String> =
            class.exposure.iter().map(|(kind, number)| format!("{kind} {}", count(*number))).collect();
        let exposure =
            if exposure.is_empty() { "no protocol events reported".to_owned() } else { exposure.join(" · ") };
        put!(html, "<td class=\"number\">{}<td>{}\n", count(class.faults), exposure);
    }
    html.raw("</tbody></table></div>\n</section>\n");
}

pub(super) fn noise(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"noise\">\n<h2>Runs that prove nothing</h2>\n");
    if summary.noise.is_empty() {
        html.raw("<p>None.</p>\n</section>\n");
        return;
    }
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th>verdict<th class=\"number\">runs<th>because<th>in<th>example\
         </thead><tbody>\n",
    );
    for row in summary.noise.iter().take(LISTED_MAX) {
        put!(html, "<tr><td class=\"name\">{}<td class=\"number\">{}<td>{}", row.verdict, count(row.runs), row.cause);
        put!(html, "<td>{}<td>", row.cells.join("; "));
        let name = link(&row.example);
        if !name.is_empty() {
            put!(html, "<a href=\"runs/{}/report.html\">{}</a>", name, name);
        }
        html.raw("\n");
    }
    html.raw("</tbody></table></div>\n</section>\n");
}

pub(super) fn not_covered(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"uncovered\">\n<h2>Not covered</h2>\n");
    if summary.not_covered.is_empty() {
        html.raw("<p>Every combination has runs that say something, and no target or class of faults is left out.</p>\n</section>\n");
        return;
    }
    html.raw("<p class=\"note\">About these the campaign says nothing.</p>\n<ul class=\"plain\">");
    for line in summary.not_covered.iter().take(LISTED_MAX) {
        put!(html, "<li>{}</li>", line);
    }
    html.raw("</ul>\n</section>\n");
}

pub(super) fn about(html: &mut Html, summary: &Summary) {
    let campaign = &summary.campaign;
    html.raw("<section id=\"run\">\n<h2>Campaign</h2>\n<dl class=\"facts\">");
    for (name, value) in [
        ("name", campaign.name.clone()),
        ("day", campaign.date.as_str().to_owned()),
        ("seed", campaign.seed.to_string()),
        ("specification, SHA-256", campaign.specification.clone()),
        ("seeds that found something before", count(campaign.corpus.len() as u64)),
    ] {
        put!(html, "<div><dt>{}</dt><dd>{}</dd></div>", name, value);
    }
    html.raw("</dl>\n<p class=\"note\">Beside this page: campaign.toml, runs.jsonl with a record of every run, summary.json, summary.md, junit.xml.</p>\n</section>\n");
}
