//! The page of a campaign: what is new first, then each finding with its drawing, the matrix of combinations, canaries,
//! bounds, runs that prove nothing, and what was not covered. It stands in the frame of a run's page, loads nothing and
//! links to the pages of the runs beside it.

mod bar;
mod findings;
mod matrix;
mod tables;

use std::collections::BTreeMap;
use std::path::Path;

use rashomon_campaign::Summary;

use crate::frame::Framed;
use crate::html::Html;
use crate::load::load;

/// Findings that get a drawing.
const DRAWN: usize = 20;

/// Drawings of findings by their signature.
type Drawings = BTreeMap<String, Html>;

/// The page of a campaign whose runs are in the folder `runs`, from which the drawings are made; a run that cannot be
/// read has none. `command` makes the page again.
pub fn render_campaign(summary: &Summary, runs: &Path, command: &str) -> String {
    let drawn = summary.findings.iter().take(DRAWN).filter_map(|finding| {
        let name = &finding.example.run;
        // A name from a record is no path.
        let is_name = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
        let run = is_name.then(|| load(&runs.join(name)).ok())??;
        let drawing = crate::page::drawing(&run.files(), &finding.example.sentence)?;
        Some((finding.id.clone(), drawing))
    });
    render(summary, &drawn.collect(), command)
}

fn render(summary: &Summary, drawings: &Drawings, command: &str) -> String {
    let campaign = &summary.campaign;
    let mut header = Html::new();
    bar::section(&mut header, summary, command);
    let mut main = Html::new();
    findings::news(&mut main, summary);
    findings::section(&mut main, summary, drawings);
    matrix::section(&mut main, summary);
    tables::canaries(&mut main, summary);
    tables::bounds(&mut main, summary);
    tables::noise(&mut main, summary);
    tables::not_covered(&mut main, summary);
    tables::about(&mut main, summary);
    let title = format!("{}: {} {}", summary.verdict, campaign.name, campaign.date.as_str());
    let footer = format!("Rashomon {} · campaign {} · {}", campaign.version, campaign.name, campaign.started);
    Framed { title: &title, header, main, footer: &footer }.finish()
}
