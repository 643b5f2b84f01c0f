//! What the nodes said around each finding, merged in time with the finding's operations and the faults' edges. For
//! runs without a finding: the notable lines around the faults.

use super::Found;
use crate::format::{self, count, counted, seconds, seconds_micros};
use crate::html::{Html, put};
use crate::log::{self, MARGIN_NS, Windows, fault_edges};
use crate::neighbourhood::{Core, was_tried};
use crate::run_files::{LogLine, NodeLog, RunFiles};
use crate::svg::diagram;
use rashomon_runs::Verdict;

/// Log lines shown for one finding.
const LINES_MAX: usize = 160;
/// Log lines shown for a run without a finding.
const QUIET_LINES_MAX: usize = 240;
/// Edges of faults shown in one excerpt.
const FAULT_ROWS_MAX: usize = 120;
/// Characters of a key or value that is looked for in lines: shorter ones are in every other line.
const WORD_MIN: usize = 3;
/// Characters of a line.
const LINE_MAX: usize = 600;

/// A row of an excerpt.
struct Row {
    time: u64,
    /// Orders rows of the same time: faults, operations, then log lines by node.
    rank: usize,
    kind: &'static str,
    /// The slot of the node's colour.
    source: String,
    text: String,
    /// The line as written, of a row that stands for several.
    first: String,
    notable: bool,
}

/// Writes the section.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>, found: &[Found<'_>]) {
    html.raw("<section id=\"logs\">\n<h2>Node logs</h2>\n");
    if run.logs.is_empty() {
        html.raw("<p class=\"note\">There are no node logs.</p>\n</section>\n");
        return;
    }
    put!(
        html,
        "<p class=\"note\">Excerpts. The whole logs ({}) are in the run’s folder, in nodes/NAME/node.log. A line's time is when \
         the harness read it: it was written up to some milliseconds before.</p>\n",
        counted(run.logs.iter().map(|log| log.total.max(log.lines.len() as u64)).sum(), "line")
    );
    html.raw(
        "<p class=\"filter\" hidden><label>Show only lines with <input type=\"search\" id=\"log-filter\" \
         placeholder=\"n3, leader, …\" autocomplete=\"off\" spellcheck=\"false\"></label>\
         <output id=\"log-count\"></output></p>\n",
    );
    if found.is_empty() && !run.faults.is_empty() {
        quiet(html, run);
    }
    ends(html, run);
    for one in super::findings::shown(found) {
        around(html, run, &one);
    }
    html.raw("</section>\n");
}

/// The lines around one finding.
fn around(html: &mut Html, run: &RunFiles<'_>, one: &Found<'_>) {
    let core = run.history.map(|history| Core::of(history, one.anomaly)).filter(|core| !core.principal.is_empty());
    let (from, to) = core.as_ref().map_or(one.anomaly.window, |core| core.window(one.anomaly));
    let window = (from.saturating_sub(MARGIN_NS), to.max(from).saturating_add(MARGIN_NS));
    let within = |time: u64| (window.0..=window.1).contains(&time);
    let nodes: Vec<String> = run.manifest.nodes.iter().map(|node| node.name.clone()).collect();
    let mut moments = vec![from, to];
    let mut rows = fault_rows(run, within);
    for op in core.iter().flat_map(|core| &core.principal) {
        let where_ = format!("process {} → {}", op.process, diagram::node_name(&nodes, op.node));
        let asked = format!("{} {}", op.f, format::asked(op));
        let mut push = |time: u64, text: String| {
            moments.push(time);
            if within(time) {
                rows.push(Row {
                    time,
                    rank: 1,
                    kind: "operation",
                    source: format!("op {}", op.id.0),
                    first: String::new(),
                    text,
                    notable: false,
                });
            }
        };
        push(op.invoke_time, format!("invoked: {} ({where_})", asked.trim()));
        if let Some(end) = op.complete_time {
            let error = op.error.map_or_else(String::new, |error| format!("; {error}"));
            push(end, format!("completed: {}{error} ({where_})", format::operation_label(op, 200)));
        }
    }
    let words = core.iter().flat_map(|core| &core.principal).flat_map(|op| [op.key.clone(), op.input.clone()]);
    let mut words: Vec<String> = words.map(|value| value.to_string()).filter(|word| word.len() >= WORD_MIN).collect();
    words.dedup();
    let (lines, left_out) = lines(run.logs, within, &moments, LINES_MAX, Choice::Near { words: &words });
    rows.extend(lines);
    put!(
        html,
        "<details{}><summary>Finding {}: {} to {} s</summary>\n",
        if one.number == 1 { " open" } else { "" },
        one.number,
        seconds(window.0),
        seconds(window.1)
    );
    table(html, rows);
    if left_out > 0 {
        put!(html, "<p class=\"note\">{} further from the finding left out.</p>\n", counted(left_out, "line"));
    }
    html.raw("</details>\n");
}

/// The notable lines around the faults of a run without a finding.
fn quiet(html: &mut Html, run: &RunFiles<'_>) {
    let edges: Vec<u64> = fault_edges(run.faults).collect();
    let windows = Windows::around(edges.iter().map(|&edge| (edge, edge)));
    let (lines, left_out) = lines(run.logs, |time| windows.contain(time), &edges, QUIET_LINES_MAX, Choice::Notable);
    if lines.is_empty() {
        html.raw("<p class=\"note\">No notable line around a fault.</p>\n");
        return;
    }
    html.raw("<details><summary>Notable lines around the faults</summary>\n");
    let mut rows = fault_rows(run, |_| true);
    rows.extend(lines);
    table(html, rows);
    if left_out > 0 {
        put!(html, "<p class=\"note\">{} left out.</p>\n", counted(left_out, "notable line"));
    }
    html.raw("</details>\n");
}

/// How the logs end, for runs that failed themselves or in which a node ended by itself.
fn ends(html: &mut Html, run: &RunFiles<'_>) {
    let exits = run.manifest.evidence.as_ref().is_some_and(|evidence| !evidence.unexpected_exits.is_empty());
    let failed = matches!(super::verdict(run), None | Some(Verdict::Broken));
    if !exits && !failed {
        return;
    }
    for (index, log) in run.logs.iter().enumerate().filter(|(_, log)| !log.last.is_empty()) {
        put!(
            html,
            "<details{}><summary>How the log of {} ends</summary>\n",
            if failed { " open" } else { "" },
            log.node
        );
        let row = |line: &LogLine| Row {
            time: line.time_ns,
            rank: 2,
            kind: NODE_KINDS[index % NODE_KINDS.len()],
            source: log.node.clone(),
            first: String::new(),
            text: line.text.clone(),
            notable: log::is_notable(&line.text),
        };
        table(html, log.last.iter().map(row).collect());
        html.raw("</details>\n");
    }
}

/// The edges of faults as rows.
fn fault_rows(run: &RunFiles<'_>, within: impl Fn(u64) -> bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for fault in run.faults.iter().filter(|fault| was_tried(fault)) {
        let mut push = |time: u64, text: String| {
            if within(time) {
                rows.push(Row {
                    time,
                    rank: 0,
                    kind: "fault",
                    source: format!("fault {}", fault.id),
                    first: String::new(),
                    text,
                    notable: false,
                });
            }
        };
        push(fault.begin_ns, format!("{} {}: {}", fault.class, fault.kind, fault.description));
        if let Some(end) = fault.end_ns {
            push(end, format!("{} {} healed", fault.class, fault.kind));
        }
    }
    // Of too many, the last ones: they are nearest to what follows from them.
    rows.drain(..rows.len().saturating_sub(FAULT_ROWS_MAX));
    rows
}

/// Which lines of a log are shown.
#[derive(Clone, Copy)]
enum Choice<'a> {
    /// Those that tell of an election, a start, an end, ….
    Notable,
    /// Those too, and what names one of these keys or values, and what is near.
    Near { words: &'a [String] },
}

/// Whether a line has a word, bounded by something that is neither a letter nor a digit.
fn has_word(text: &str, word: &str) -> bool {
    let bounded = |at: usize| {
        let outside = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_alphanumeric());
        outside(text[..at].chars().next_back()) && outside(text[at + word.len()..].chars().next())
    };
    text.match_indices(word).any(|(at, _)| bounded(at))
}

/// A line without its numbers: lines of one shape that follow each other are one row.
fn shape(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// Log lines as rows, at most `limit`: notable ones first, then those nearest to `moments`; repeats are folded. Also
/// how many are left out.
fn lines(
    logs: &[NodeLog],
    within: impl Fn(u64) -> bool,
    moments: &[u64],
    limit: usize,
    choice: Choice<'_>,
) -> (Vec<Row>, u64) {
    let mut moments = moments.to_vec();
    moments.sort_unstable();
    let near = |time: u64| {
        let after = moments.partition_point(|&moment| moment < time);
        let sides = [after.checked_sub(1), Some(after)];
        sides
            .into_iter()
            .flatten()
            .filter_map(|at| moments.get(at))
            .map(|moment| moment.abs_diff(time))
            .min()
            .unwrap_or(0)
    };
    let mut ranked: Vec<(bool, u64, usize, usize)> = Vec::new();
    for (node, log) in logs.iter().enumerate() {
        for (index, line) in log.lines.iter().enumerate().filter(|(_, line)| within(line.time_ns)) {
            let named = |words: &[String]| words.iter().any(|word| has_word(&line.text, word));
            let (notable, shown) = match choice {
                Choice::Notable => (log::is_notable(&line.text), log::is_notable(&line.text)),
                Choice::Near { words } => (log::is_notable(&line.text) || named(words), true),
            };
            if shown {
                ranked.push((!notable, near(line.time_ns), node, index));
            }
        }
    }
    ranked.sort_unstable();
    let left_out = ranked.len().saturating_sub(limit) as u64;
    ranked.truncate(limit);
    // Back into the order written: a line's own position decides among lines of one time.
    ranked.sort_unstable_by_key(|&(_, _, node, index)| (logs[node].lines[index].time_ns, node, index));
    let row = |(plain, _, node, index): (bool, u64, usize, usize)| {
        let line = &logs[node].lines[index];
        Row {
            time: line.time_ns,
            rank: 2,
            kind: NODE_KINDS[node % NODE_KINDS.len()],
            source: logs[node].node.clone(),
            first: line.text.clone(),
            text: line.text.clone(),
            notable: !plain && !matches!(choice, Choice::Notable),
        }
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut repeated = 1;
    for next in ranked.into_iter().map(row) {
        match rows.last_mut() {
            Some(last) if last.source == next.source && shape(&last.first) == shape(&next.first) => {
                repeated += 1;
                last.text = format!("{} (and {} more like it)", last.first, count(repeated - 1));
                last.notable |= next.notable;
            }
            _ => {
                repeated = 1;
                rows.push(next);
            }
        }
    }
    (rows, left_out)
}

/// Classes that give each node's name a colour of its own, besides the name itself.
const NODE_KINDS: [&str; 6] = ["node-1", "node-2", "node-3", "node-4", "node-5", "node-6"];

fn table(html: &mut Html, mut rows: Vec<Row>) {
    // Stable: rows of one time and rank stay in the order they were added.
    rows.sort_by_key(|row| (row.time, row.rank));
    html.raw(
        "<div class=\"scroll log-box\" tabindex=\"0\" role=\"group\" aria-label=\"log excerpt\">\
         <table class=\"log\"><tbody>\n",
    );
    for row in &rows {
        put!(
            html,
            "<tr class=\"{}{}\"><td>{}",
            row.kind,
            if row.notable { " notable" } else { "" },
            seconds_micros(row.time)
        );
        put!(html, "<td>{}<td>{}\n", row.source, format::clip(&row.text, LINE_MAX));
    }
    html.raw("</tbody></table></div>\n");
    put!(html, "<p class=\"note\">{} rows, times in seconds of the run.</p>\n", count(rows.len() as u64));
}
