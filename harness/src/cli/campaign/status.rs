//! `rashomon campaign status` and `report`: what there is, and what it comes to.

use std::path::Path;

use clap::Args;
use rashomon_campaign::markdown::rate;
use rashomon_campaign::plan::Plan;
use rashomon_campaign::summary::{Counts, Inputs};
use rashomon_campaign::{End, RunRecord, Summary};

use super::super::error::CommandError;
use super::Results;
use super::prepare::Prepared;
use crate::campaign::{CampaignFolder, Campaigns, write_outputs};
use crate::registry::Registry;

/// Lines of a kind that are printed; the page has them all.
const LISTED: usize = 12;

#[derive(Args)]
pub(crate) struct StatusArguments {
    /// A campaign: its name or its folder; all of them when not given
    campaign: Option<String>,
    #[command(flatten)]
    results: Results,
}

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// The campaign: its folder, or a name for the last one of that name
    campaign: String,
    #[command(flatten)]
    results: Results,
}

/// Runs `rashomon campaign status`.
pub(crate) fn status(arguments: &StatusArguments) -> Result<u8, CommandError> {
    let campaigns = Campaigns::of(&arguments.results.results);
    let folders = match &arguments.campaign {
        Some(name) => {
            let of_name = campaigns.list(Some(name));
            if of_name.is_empty() { vec![campaigns.find(name)?] } else { of_name }
        }
        None => campaigns.list(None),
    };
    if folders.is_empty() {
        out!("no campaigns in {}", arguments.results.results.display());
    }
    for folder in &folders {
        let header = folder.header()?;
        let counts = Counts::of(folder.records()?.iter().filter(|record| record.role.seeks()));
        let summary = folder.summary().ok().flatten();
        let state = match &summary {
            _ if folder.runs_now() => "running".to_owned(),
            Some(summary) if summary.end == End::Unfinished => "interrupted".to_owned(),
            Some(summary) => summary.verdict.to_string(),
            None => "interrupted".to_owned(),
        };
        out!(
            "{:<13}{} {}  {} runs: {} pass, {} violation, {} inconclusive, {} broken  {}",
            state,
            header.name,
            header.started,
            counts.all(),
            counts.pass,
            counts.violation,
            counts.inconclusive,
            counts.broken,
            folder.path().display()
        );
    }
    Ok(0)
}

/// Runs `rashomon campaign report`: from the files of the runs.
pub(crate) fn report(registry: &Registry, arguments: &ReportArguments) -> Result<u8, CommandError> {
    let campaigns = Campaigns::of(&arguments.results.results);
    let folder = campaigns.find(&arguments.campaign)?;
    let summary = summed_up(registry, &folder, &campaigns)?;
    write_outputs(&folder, &summary, &super::super::program_name())?;
    print_summary(&folder, &summary);
    Ok(summary.exit_code)
}

/// The summary of a campaign, made anew from its records.
pub(super) fn summed_up(
    registry: &Registry,
    folder: &CampaignFolder,
    campaigns: &Campaigns,
) -> Result<Summary, CommandError> {
    let text = folder.specification()?;
    let prepared = Prepared::of(registry, Path::new("campaign.toml"), &text)?;
    let plan = prepared.plan(folder.header()?);
    let records = folder.records()?;
    let before = folder.summary().ok().flatten();
    let end = end(&plan, &records, before.map(|summary| summary.end));
    let earlier = campaigns.earlier(plan.header());
    Ok(Summary::of(&Inputs {
        header: plan.header(),
        cells: plan.cells(),
        canaries: plan.canaries(),
        mutes: &prepared.spec.mutes,
        noise: prepared.spec.limits.noise,
        planned: plan.len_of_shard(),
        records: &records,
        earlier: &earlier,
        end,
        not_covered: &prepared.not_covered,
    }))
}

/// How it ended: as it said, else by what is there.
fn end(plan: &Plan, records: &[RunRecord], said: Option<End>) -> End {
    if let Some(end) = said.filter(|end| *end != End::Unfinished) {
        return end;
    }
    let all = plan.len_of_shard().is_some() && {
        let made: std::collections::BTreeSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
        plan.places().all(|place| made.contains(format!("{place:06}").as_str()))
    };
    if all { End::Complete } else { End::Unfinished }
}

/// What a campaign comes to, on standard output.
pub(super) fn print_summary(folder: &CampaignFolder, summary: &Summary) {
    let mut reasons = summary.reasons.iter();
    out!("{:<13}{}", summary.verdict.as_str(), reasons.next().map_or("", String::as_str));
    for reason in reasons.take(LISTED) {
        out!("{:<13}{reason}", "");
    }
    let counts = summary.counts;
    out!(
        "runs         {}: {} pass, {} violation, {} inconclusive, {} broken; {} starved",
        counts.all(),
        counts.pass,
        counts.violation,
        counts.inconclusive,
        counts.broken,
        summary.starved
    );
    for finding in summary.findings.iter().take(LISTED) {
        let state = if finding.muted.is_some() { "muted" } else { finding.state.as_str() };
        let again = finding.repetition.map_or_else(String::new, |share| format!("; again in {}", rate(share)));
        out!("finding      {} {state}: {}{again}", finding.id, finding.example.sentence);
        out!("{:<13}{}", "", finding.example.command);
    }
    for gone in summary.gone.iter().take(LISTED) {
        out!(
            "gone         {}: {} in {}, last seen {}",
            gone.id,
            gone.signature.anomaly,
            gone.signature.target,
            gone.last_seen.as_str()
        );
    }
    if !summary.canaries.is_empty() {
        let score = summary.mutation_score();
        out!("canaries     {} of {} known bugs found", score.hits, score.trials);
        for canary in &summary.canaries {
            let median = canary.median_s.map_or_else(String::new, |s| format!(", median {s:.1} s"));
            let (hits, trials) = (canary.found.hits, canary.found.trials);
            out!("{:<13}{} {}: {hits} of {trials}{median}", "", canary.target, canary.mutant);
        }
    }
    for class in &summary.classes {
        let exposure: Vec<String> = class.exposure.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let bound = if class.violations > 0 {
            "violations found".to_owned()
        } else {
            format!("p < {:.1}%", class.bound * 100.0)
        };
        let exposure = if exposure.is_empty() { String::new() } else { format!(" ({})", exposure.join(", ")) };
        out!("bound        {}: {} passed, {bound}; {} faults{exposure}", class.class, class.passed, class.faults);
    }
    for row in summary.noise.iter().take(LISTED) {
        out!("no statement {} {}: {}", row.runs, row.verdict, row.cause);
    }
    for line in summary.not_covered.iter().take(LISTED) {
        out!("not covered  {line}");
    }
    out!("page         {}", folder.file("index.html").display());
}
