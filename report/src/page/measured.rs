//! What checkers measured on the way: numbers, and curves such as staleness and visibility. None of it is a verdict.

use rashomon_checkers::{Judgement, Measured};

use crate::format;
use crate::html::{Html, put};
use crate::run_files::RunFiles;
use crate::svg::curve::curve;

/// Curves drawn at most.
const CURVES_MAX: usize = 24;

/// True when there is something to show.
pub(super) fn has_any(run: &RunFiles<'_>) -> bool {
    judgements(run).any(|judgement| !judgement.measurements.is_empty())
}

fn judgements<'a>(run: &RunFiles<'a>) -> impl Iterator<Item = &'a Judgement> {
    run.verdict.iter().flat_map(|record| &record.judgements)
}

/// Writes the section; nothing when nothing was measured.
pub(super) fn section(html: &mut Html, run: &RunFiles<'_>) {
    if !has_any(run) {
        return;
    }
    html.raw("<section id=\"measured\">\n<h2>Measured</h2>\n<figure><dl class=\"facts\">");
    for measurement in judgements(run).flat_map(|judgement| &judgement.measurements) {
        if let Measured::Number(number) = measurement.measured {
            put!(
                html,
                "<div><dt>{}</dt><dd>{} {}</dd></div>",
                measurement.name,
                format::measured(number),
                measurement.unit
            );
        }
    }
    html.raw("</dl></figure>\n<div class=\"curves\">\n");
    let series = judgements(run).flat_map(|judgement| {
        judgement.measurements.iter().filter_map(move |measurement| match &measurement.measured {
            Measured::Series { x_unit, points } => Some((judgement, measurement, x_unit, points)),
            Measured::Number(_) => None,
        })
    });
    for (judgement, measurement, x_unit, points) in series.take(CURVES_MAX) {
        put!(
            html,
            "<figure><figcaption><b>{}</b>: {} by {}, from {}</figcaption>",
            measurement.name,
            measurement.unit,
            x_unit,
            judgement.checker
        );
        html.append(curve(&measurement.name, x_unit, &measurement.unit, points));
        html.raw("</figure>\n");
    }
    html.raw("</div>\n</section>\n");
}
