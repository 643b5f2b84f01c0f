//! How the run was made: phases, machine, settings, plan, command lines, files.

use crate::format::{clip, seconds};
use crate::html::{Html, put};
use crate::run_files::RunFiles;
use rashomon_runs::files;
use serde::Serialize;

/// Characters of the specification and of the plan at most.
const JSON_MAX: usize = 200_000;

/// Writes the section.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>) {
    let manifest = run.manifest;
    html.raw("<section id=\"run\">\n<h2>Run</h2>\n<div class=\"columns\">\n");
    html.raw("<div><h3>Phases</h3><table class=\"compact\"><tbody>\n");
    let timings = manifest.timings;
    for (name, ms) in [
        ("lab up", timings.lab_up_ms),
        ("nodes ready", timings.nodes_ready_ms),
        ("command to first operation", timings.first_operation_ms),
        ("load", timings.load_ms),
        ("lab down", timings.lab_down_ms),
        ("check", timings.check_ms),
    ] {
        let text = if ms < 1_000.0 { format!("{ms:.1} ms") } else { format!("{} s", seconds((ms * 1e6) as u64)) };
        put!(html, "<tr><td>{}<td class=\"number\">{}\n", name, text);
    }
    html.raw("</tbody></table></div>\n<div><h3>Machine</h3><table class=\"compact\"><tbody>\n");
    let host = &manifest.host;
    for (name, value) in [
        ("kernel", host.kernel.clone()),
        ("processors", host.cpus.to_string()),
        ("memory", format!("{:.1} GiB", host.memory_bytes as f64 / f64::from(1 << 30))),
        ("privilege", host.privilege.clone()),
    ] {
        put!(html, "<tr><td>{}<td>{}\n", name, value);
    }
    html.raw("</tbody></table></div>\n");
    if !manifest.target.settings.is_empty() {
        html.raw("<div><h3>Settings of the target</h3><table class=\"compact\"><tbody>\n");
        for (name, value) in &manifest.target.settings {
            put!(html, "<tr><td>{}<td class=\"value\">{}\n", name, clip(value, 400));
        }
        html.raw("</tbody></table></div>\n");
    }
    html.raw("</div>\n<h3>Nodes</h3>\n<div class=\"scroll\"><table><thead><tr><th>node<th>address<th>command line</thead><tbody>\n");
    for node in &manifest.nodes {
        put!(html, "<tr><td>{}<td class=\"address\">{}", node.name, node.address);
        put!(html, "<td class=\"value\">{}\n", clip(&node.command.join(" "), 2_000));
    }
    html.raw("</tbody></table></div>\n");
    put!(html, "<h3>Command</h3>\n<pre tabindex=\"0\"><code>{}</code></pre>\n", manifest.command.join(" "));
    json(html, "Specification, every default resolved", &manifest.spec);
    json(html, "Plan of faults", &manifest.schedule);
    file_list(html, run);
    html.raw("</section>\n");
}

/// A record as JSON, folded.
fn json(html: &mut Html, name: &'static str, record: &impl Serialize) {
    let text = serde_json::to_string_pretty(record).expect("records serialise");
    put!(
        html,
        "<details><summary>{}</summary><pre tabindex=\"0\"><code>{}</code></pre></details>\n",
        name,
        clip(&text, JSON_MAX)
    );
}

/// The run's files, linked relative to the page.
fn file_list(html: &mut Html, run: &RunFiles<'_>) {
    html.raw("<h3>Files</h3>\n<p class=\"note\">In the folder of this page.</p>\n<ul class=\"files\">");
    for (name, what) in [
        (files::MANIFEST, "all inputs, the plan, counts, verdict"),
        (files::HISTORY, "what every client saw; judge it again with <code>rashomon check</code>"),
        (files::FAULTS, "each fault when it began and when it was healed"),
        (files::VERDICT, "the verdict with each checker’s answer"),
    ] {
        put!(html, "<li><a href=\"{}\">{}</a> ", name, name);
        html.raw(what);
        html.raw("</li>");
    }
    for log in run.logs {
        let path = format!("{}/{}/{}", files::NODES, path_segment(&log.node), files::NODE_LOG);
        put!(html, "<li><a href=\"{}\">{}/{}/{}</a></li>", path, files::NODES, log.node, files::NODE_LOG);
    }
    html.raw("</ul>\n");
}

/// A name as one segment of a relative link.
fn path_segment(name: &str) -> String {
    let mut segment = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') {
            segment.push(byte as char);
        } else {
            segment.push_str(&format!("%{byte:02X}"));
        }
    }
    segment
}
