//! Combinations: targets and workloads down, faults across, each with its runs and the days before.

use rashomon_campaign::Summary;
use rashomon_campaign::spec::Expect;
use rashomon_campaign::summary::{CellSummary, Counts, Night};

use crate::html::{Html, put};

/// Width of a day and height of its bar, px.
const DAY: usize = 7;
const HEIGHT: usize = 16;

pub(super) fn section(html: &mut Html, summary: &Summary) {
    html.raw("<section id=\"matrix\">\n<h2>Combinations</h2>\n");
    if summary.cells.is_empty() {
        html.raw("<p>Only canaries were run.</p>\n</section>\n");
        return;
    }
    let mut faults: Vec<&str> = Vec::new();
    let mut rows: Vec<(&str, &str, u16, &str)> = Vec::new();
    for cell in &summary.cells {
        if !faults.contains(&cell.faults.as_str()) {
            faults.push(&cell.faults);
        }
        let row = (cell.target.as_str(), cell.workload.as_str(), cell.nodes, cell.more.as_str());
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    html.raw(
        "<p class=\"note\">Runs that passed (✓), that found something (✗), that prove nothing (?). Bars are the last \
         campaigns, this one at the right.</p>\n",
    );
    html.raw("<div class=\"scroll\"><table class=\"matrix\"><thead><tr><th>target<th>workload<th class=\"number\">nodes<th>settings");
    for set in &faults {
        put!(html, "<th>{}", set);
    }
    html.raw("</thead><tbody>\n");
    for (target, workload, nodes, more) in rows {
        put!(html, "<tr><td class=\"name\">{}<td>{}<td class=\"number\">{}<td>{}", target, workload, nodes, more);
        for set in &faults {
            html.raw("<td>");
            let same = |cell: &&CellSummary| {
                (cell.target.as_str(), cell.workload.as_str(), cell.nodes, cell.more.as_str(), cell.faults.as_str())
                    == (target, workload, nodes, more, *set)
            };
            match summary.cells.iter().find(same) {
                Some(cell) => square(html, cell),
                None => html.raw("<span class=\"faint\">–</span>"),
            }
        }
        html.raw("\n");
    }
    html.raw("</tbody></table></div>\n</section>\n");
}

fn square(html: &mut Html, cell: &CellSummary) {
    let Counts { pass, violation, inconclusive, broken } = cell.counts;
    put!(html, "<span class=\"cell {}\">", tone(cell.expect, cell.counts));
    if cell.counts.all() == 0 {
        html.raw("not run");
    }
    if pass > 0 {
        put!(html, "{} ✓ ", pass);
    }
    if violation > 0 {
        put!(html, "{} ✗ ", violation);
    }
    if inconclusive + broken > 0 {
        put!(html, "{} ?", inconclusive + broken);
    }
    html.raw("</span>");
    if cell.expect == Expect::Violation {
        html.raw("<span class=\"note\"> expected</span>");
    }
    trend(html, cell);
}

/// One word for what runs come to.
fn tone(expect: Expect, counts: Counts) -> &'static str {
    match expect {
        _ if counts.all() == 0 => "none",
        Expect::Pass if counts.violation > 0 => "violation",
        Expect::Violation if counts.violation == 0 => "inconclusive",
        _ if counts.conclusive() == 0 => "inconclusive",
        _ => "pass",
    }
}

fn trend(html: &mut Html, cell: &CellSummary) {
    if cell.trend.len() < 2 {
        return;
    }
    put!(
        html,
        "<svg class=\"trend\" width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"{}\">",
        cell.trend.len() * DAY,
        HEIGHT,
        in_words(&cell.trend)
    );
    for (place, night) in cell.trend.iter().enumerate() {
        let counts = night.counts;
        put!(
            html,
            "<rect class=\"day {}\" x=\"{}\" y=\"1\" width=\"{}\" height=\"{}\">",
            tone(cell.expect, counts),
            place * DAY,
            DAY - 2,
            HEIGHT - 2
        );
        put!(
            html,
            "<title>{}: {} pass, {} violation, {} inconclusive, {} broken</title></rect>",
            night.date.as_str(),
            counts.pass,
            counts.violation,
            counts.inconclusive,
            counts.broken
        );
    }
    html.raw("</svg>");
}

/// For whoever does not see the bars.
fn in_words(trend: &[Night]) -> String {
    let days = trend
        .iter()
        .map(|night| format!("{} {} of {}", night.date.as_str(), night.counts.violation, night.counts.all()));
    format!("violations: {}", days.collect::<Vec<String>>().join(", "))
}
