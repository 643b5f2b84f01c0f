//! The whole run over time: faults, throughput, latency, on one axis.

use super::Found;
use crate::format::{counted, interval};
use crate::html::{Html, put};
use crate::run_files::RunFiles;
use crate::series::Series;
use crate::svg::plots::{FAULTS_MAX, Frame};

/// Writes the section.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>, found: &[Found<'_>]) {
    html.raw("<section id=\"plots\">\n<h2>Over time</h2>\n");
    let end = super::length(run);
    let findings = found.iter().map(|one| (one.number, one.anomaly.window.0, one.anomaly.window.1)).take(100).collect();
    let series = run.history.filter(|history| !history.is_empty()).map(|history| Series::of(history, end));
    // All plots share one axis: the series may have lengthened it.
    let frame = Frame::new(series.as_ref().map_or(end, |series| series.end_ns), run.faults, findings);
    let frame = frame.with_final_reads(run.manifest.evidence.as_ref().map_or(0, |evidence| evidence.load_ns));
    if !run.faults.is_empty() || !found.is_empty() {
        html.raw("<figure><figcaption><b>Faults</b> by class, in seconds of the run; hollow circles were skipped</figcaption>");
        html.append(frame.fault_strip());
        html.raw("</figure>\n");
    }
    if run.faults.len() > FAULTS_MAX {
        put!(
            html,
            "<p class=\"note\">The first {} of {} are drawn.</p>\n",
            FAULTS_MAX,
            counted(run.faults.len() as u64, "fault")
        );
    }
    let Some(series) = series else {
        html.raw("<p class=\"note\">There is nothing to plot: ");
        html.raw(if run.history.is_some() {
            "the history has no operation.</p>\n"
        } else {
            "the history could not be read.</p>\n"
        });
        html.raw("</section>\n");
        return;
    };
    put!(
        html,
        "<figure><figcaption><b>Throughput</b>: operations that ended per second, counted over {}",
        interval(series.bucket_ns)
    );
    if series.unfinished > 0 {
        put!(html, "; {} without a completion, counted as info at the start", counted(series.unfinished, "operation"));
    }
    html.raw(
        ". <span class=\"outcome ok\">ok</span> <span class=\"outcome fail\">fail</span> \
         <span class=\"outcome info\">info</span>",
    );
    html.raw("</figcaption>");
    html.append(frame.throughput(&series));
    html.raw(
        "</figure>\n<figure><figcaption><b>Latency</b> by when the operation began, logarithmic. Shade: all ok operations. \
         <span class=\"key p50\">p50</span> <span class=\"key p95\">p95</span> <span class=\"key p99\">p99</span> of ok. \
         <span class=\"key fail\">□ fail</span> where none was ok, <span class=\"key info\">× info</span>: until the client knew, or gave up</figcaption>",
    );
    html.append(frame.latency(&series));
    html.raw("</figure>\n</section>\n");
}
