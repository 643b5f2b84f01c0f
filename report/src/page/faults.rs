//! Every fault: what, whom, when, whether it took effect and how that was seen, how it was healed.

use crate::format::{self, count, counted, seconds};
use crate::html::{Html, put};
use crate::leaders::{self, Leadership};
use crate::run_files::RunFiles;
use crate::svg::fault_class;
use rashomon_runs::{FaultOutcome, FaultRecord};

/// Faults in the table at most.
const ROWS_MAX: usize = 1_000;

/// Writes the section.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>) {
    html.raw("<section id=\"faults\">\n<h2>Faults</h2>\n");
    if run.faults.is_empty() {
        html.raw("<p class=\"note\">No fault was tried.</p>\n</section>\n");
        return;
    }
    html.raw(
        "<div class=\"scroll\"><table class=\"faults\"><thead><tr><th class=\"number\">#<th class=\"number\">from, s\
         <th class=\"number\">to, s<th class=\"number\">lasted<th>fault<th>what<th>outcome<th>seen by<th>healing seen by\
         </thead><tbody>\n",
    );
    let leaders = leaders::leaderships(run.events);
    for fault in run.faults.iter().take(ROWS_MAX) {
        row(html, fault, &leaders);
    }
    html.raw("</tbody></table></div>\n");
    if run.faults.len() > ROWS_MAX {
        put!(
            html,
            "<p class=\"note\">The first {} of {}; all are in faults.jsonl.</p>\n",
            count(ROWS_MAX as u64),
            counted(run.faults.len() as u64, "fault")
        );
    }
    html.raw("</section>\n");
}

fn row(html: &mut Html, fault: &FaultRecord, leaders: &[Leadership<'_>]) {
    let tried = fault.outcome != FaultOutcome::Skipped;
    let end = match fault.end_ns {
        Some(end) => seconds(end),
        None if tried => "not healed".to_owned(),
        None => "–".to_owned(),
    };
    let lasted = fault
        .end_ns
        .filter(|_| tried)
        .map_or_else(|| "–".to_owned(), |end| format::span(end.saturating_sub(fault.begin_ns)));
    put!(
        html,
        "<tr id=\"fault-{}\"><td class=\"number\">{}<td class=\"number\">{}",
        fault.id,
        fault.id,
        seconds(fault.begin_ns)
    );
    put!(html, "<td class=\"number\">{}<td class=\"number\">{}", end, lasted);
    put!(
        html,
        "<td class=\"name\"><span class=\"swatch {}\"></span>{}<br><span class=\"faint\">{}</span>",
        fault_class::slot(fault.class.as_str()),
        fault.kind,
        fault.class
    );
    put!(html, "<td>{}<br><span class=\"faint\">episode {}", format::clip(&fault.description, 400), fault.episode);
    if !fault.nodes.is_empty() {
        put!(html, ", hit {}", fault.nodes.join(" "));
        let leader =
            leaders::at(leaders, fault.begin_ns).filter(|leader| fault.nodes.iter().any(|node| node == leader.node));
        if let Some(leader) = leader {
            put!(html, "; {} led", leader.node);
        }
    }
    html.raw("</span><td>");
    html.raw(match fault.outcome {
        FaultOutcome::Installed => "<span class=\"state installed\">● installed</span>",
        FaultOutcome::Skipped => "<span class=\"state skipped\">○ skipped</span>",
        FaultOutcome::Unconfirmed => "<span class=\"state unconfirmed\">◐ unconfirmed</span>",
    });
    if let Some(reason) = &fault.reason {
        put!(html, "<br><span class=\"faint\">{}</span>", format::clip(reason, 400));
    }
    for lines in [&fault.proof, &fault.healed] {
        html.raw("<td>");
        for (index, line) in lines.iter().take(12).enumerate() {
            if index > 0 {
                html.raw("<br>");
            }
            put!(html, "{}", format::clip(line, 400));
        }
        if lines.len() > 12 {
            put!(html, "<br><span class=\"faint\">{} more</span>", lines.len() - 12);
        }
    }
    html.raw("\n");
}
