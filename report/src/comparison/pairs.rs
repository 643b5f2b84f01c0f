//! Every pair, with links to its runs.

use rashomon_compare::{Observed, Pair, Summary};

use super::link;
use crate::format::clip;
use crate::html::{Html, put};

/// Pairs that are listed.
const LISTED_MAX: usize = 1_000;

pub(super) fn section(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"pairs\">\n<h2>Pairs</h2>\n");
    html.raw(
        "<div class=\"scroll\"><table><thead><tr><th class=\"number\">pair<th>plan<th class=\"number\">seed<th>base\
         <th>candidate<th></thead><tbody>\n",
    );
    for pair in summary.pairs.iter().take(LISTED_MAX) {
        put!(html, "<tr><td class=\"number\">{}<td>{}", pair.number, clip(&pair.plan, 200));
        put!(html, "<td class=\"number\">{}<td>", pair.seed);
        run(html, &pair.base);
        html.raw("<td>");
        run(html, &pair.candidate);
        put!(html, "<td>{}\n", remarks(pair));
    }
    html.raw("</tbody></table></div>\n");
    if summary.pairs.len() > LISTED_MAX {
        put!(html, "<p class=\"note\">{} more in compare.json.</p>\n", summary.pairs.len() - LISTED_MAX);
    }
    html.raw("</section>\n");
}

fn run(html: &mut Html, observed: &Observed) {
    let names: Vec<&str> = observed.findings.iter().map(|finding| finding.name.as_str()).collect();
    let shown = if names.is_empty() { observed.verdict.as_str().to_owned() } else { names.join(", ") };
    match link(&observed.run) {
        Some(run) => put!(html, "<a href=\"runs/{}/report.html\">{}</a>", run, shown),
        None => put!(html, "{}", shown),
    }
}

fn remarks(pair: &Pair) -> String {
    let mut remarks = Vec::new();
    if let Some(number) = pair.repeats {
        remarks.push(format!("repeats pair {number}"));
    }
    if !pair.is_usable() {
        let unusable = [&pair.base, &pair.candidate].into_iter().find(|observed| !observed.is_usable());
        remarks
            .push(format!("left out: {}", unusable.map_or_else(String::new, |observed| clip(&observed.reason, 200))));
    }
    remarks.join("; ")
}
