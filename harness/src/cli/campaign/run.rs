//! `rashomon campaign run`: begins a campaign, or continues the one that was interrupted.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use clap::Args;
use rashomon_campaign::spec::{Day, Expect};
use rashomon_campaign::{End, Header, KnownSeed, Shard, Summary};

use super::super::error::CommandError;
use super::history::Place;
use super::listen::{Indexing, Json, Lines};
use super::prepare::{Prepared, can_plan, fingerprint};
use super::{Results, status};
use crate::campaign::{CampaignEvent, CampaignFolder, CampaignListener, Campaigns, Executor, jobs_for, write_outputs};
use crate::lab;
use crate::registry::Registry;

/// Earlier campaigns that an index is asked for.
const EARLIER: u32 = 30;
/// Seeds that found something before and are run again.
const CORPUS: usize = 50;

#[derive(Args)]
pub(crate) struct RunArguments {
    /// The specification, as `campaign new` writes it
    specification: PathBuf,
    /// Only this part, as 3/16 (the first is 1/16); by default what JOB_COMPLETION_INDEX or SLURM_ARRAY_TASK_ID say
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// The day that seeds follow from, as 2026-12-31: all shards need the same [default: today, in UTC]
    #[arg(long, value_name = "DAY", value_parser = day)]
    date: Option<Day>,
    /// Begins a new campaign even if the last one is not finished
    #[arg(long)]
    new: bool,
    /// How many runs go on at once [default: what the specification says, else what the machine allows]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// Only says what would be run
    #[arg(long)]
    dry_run: bool,
    /// Shows results and warnings only, no progress
    #[arg(long)]
    quiet: bool,
    /// Writes every event to standard output instead, as one line of JSON each
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    results: Results,
}

fn day(text: &str) -> Result<Day, String> {
    Day::try_from(text.to_owned())
}

/// Runs `rashomon campaign run`.
pub(crate) fn run(registry: &Registry, arguments: &RunArguments) -> Result<u8, CommandError> {
    let path = &arguments.specification;
    let text = std::fs::read_to_string(path).map_err(|error| {
        let remedy = "`campaign new` writes a specification";
        CommandError::usage(format!("cannot read {}: {error}", path.display()), remedy)
    })?;
    let prepared = Prepared::of(registry, path, &text)?;
    let variables = |name: &str| std::env::var(name).ok();
    let shard = match arguments.shard {
        Some(shard) => shard,
        None => shard_of_scheduler(&variables).map_err(|what| CommandError::usage(what, "give --shard I/N"))?,
    };
    if arguments.dry_run {
        return Ok(say_what_would_run(&prepared, jobs(arguments, &prepared)));
    }
    let campaigns = Campaigns::of(&arguments.results.results);
    let name = prepared.spec.name.get_ref();
    let unfinished = if arguments.new { None } else { campaigns.unfinished(name, shard) };
    let folder = match unfinished {
        Some(folder) => continued(folder, path, &text, arguments)?,
        None => begun(&campaigns, &prepared, &text, shard, arguments.date.clone())?,
    };
    let _lock = folder.lock()?;
    let plan = prepared.plan(folder.header()?);
    let listener: Box<dyn CampaignListener> =
        if arguments.json { Box::new(Json) } else { Box::new(Lines { quiet: arguments.quiet }) };
    let listener = Indexing {
        index: RefCell::new(Some(arguments.place.open(&arguments.results.results)?)),
        header: plan.header(),
        inner: &*listener,
    };
    let earlier = earlier(&campaigns, &listener);
    let executor = Executor {
        folder: &folder,
        spec: &prepared.spec,
        plan: &plan,
        earlier: &earlier,
        not_covered: &prepared.not_covered,
        program: &super::super::program_name(),
        planner: &|words, seed| can_plan(registry, words, seed),
        jobs: jobs(arguments, &prepared),
        listener: &listener,
    };
    let mut journal = folder.journal()?;
    let end = executor.run(&mut journal)?;
    let summary = executor.summary(journal.records(), end);
    write_outputs(&folder, &summary, &super::super::program_name())?;
    listener.use_index(|index| index.put_summary(&summary));
    listener.event(&CampaignEvent::CampaignFinished {
        folder: folder.path().to_owned(),
        verdict: summary.verdict,
        exit_code: summary.exit_code,
        reasons: summary.reasons.clone(),
    });
    if !arguments.json {
        status::print_summary(&folder, &summary);
    }
    if summary.end != End::Unfinished {
        at_end(&prepared, &folder, &summary);
    }
    Ok(summary.exit_code)
}

/// Earlier campaigns: those whose files are here, and those that the index knows of other machines; the latest last.
fn earlier(campaigns: &Campaigns, listener: &Indexing<'_>) -> Vec<Summary> {
    let header = listener.header;
    let mut earlier = campaigns.earlier(header);
    listener.use_index(|index| {
        for summary in index.earlier(&header.name, &header.started, EARLIER)? {
            if !earlier.iter().any(|here| here.campaign.started == summary.campaign.started) {
                earlier.push(summary);
            }
        }
        Ok(())
    });
    earlier.sort_by(|a, b| a.campaign.started.cmp(&b.campaign.started));
    earlier
}

/// Says what a specification stands for; nothing is run.
fn say_what_would_run(prepared: &Prepared, jobs: usize) -> u8 {
    for cell in &prepared.cells {
        let expected = if cell.expect == Expect::Violation { ", a violation is expected" } else { "" };
        out!("{:>4} a round  {}{expected}", cell.weight, cell.name);
    }
    for canary in &prepared.canaries {
        out!("{:>4} runs     canary {}", canary.runs, canary.name());
    }
    for line in &prepared.not_covered {
        out!("not covered   {line}");
    }
    let round: u64 = prepared.cells.iter().map(|cell| u64::from(cell.weight)).sum();
    out!("{round} runs a round, {jobs} at once");
    0
}

/// The campaign that is continued: its specification must be what it was.
fn continued(
    folder: CampaignFolder,
    path: &Path,
    text: &str,
    arguments: &RunArguments,
) -> Result<CampaignFolder, CommandError> {
    let header = folder.header()?;
    let began = format!("the campaign of {} in {} is not finished", header.started, folder.path().display());
    if header.specification != fingerprint(text) {
        let own = folder.file("campaign.toml");
        return Err(CommandError::usage(
            format!("{began}, and {} has changed since", path.display()),
            format!("continue it with its own specification, {}, or begin anew with --new", own.display()),
        ));
    }
    if arguments.date.as_ref().is_some_and(|date| *date != header.date) {
        return Err(CommandError::usage(
            began,
            format!("leave out --date, or give {}; or use --new", header.date.as_str()),
        ));
    }
    Ok(folder)
}

fn begun(
    campaigns: &Campaigns,
    prepared: &Prepared,
    text: &str,
    shard: Shard,
    date: Option<Day>,
) -> Result<CampaignFolder, CommandError> {
    let now = jiff::Timestamp::now();
    let started = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let today = || Day::try_from(now.strftime("%Y-%m-%d").to_string()).expect("a day of today's calendar");
    let mut header = Header {
        format: Header::FORMAT,
        name: prepared.spec.name.get_ref().clone(),
        date: date.unwrap_or_else(today),
        started,
        seed: prepared.spec.seed,
        specification: fingerprint(text),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        shard,
        corpus: Vec::new(),
    };
    // Parts on several machines know different earlier campaigns, and must have one plan.
    if shard == Shard::WHOLE {
        header.corpus = corpus(&campaigns.earlier(&header));
    }
    Ok(campaigns.create(&header, text)?)
}

/// The seeds of earlier findings, the latest first, each once.
fn corpus(earlier: &[Summary]) -> Vec<KnownSeed> {
    let mut corpus: Vec<KnownSeed> = Vec::new();
    for summary in earlier.iter().rev() {
        for finding in &summary.findings {
            let known = KnownSeed { cell: finding.example.cell.clone(), seed: finding.example.seed };
            if !corpus.contains(&known) && corpus.len() < CORPUS {
                corpus.push(known);
            }
        }
    }
    corpus
}

fn jobs(arguments: &RunArguments, prepared: &Prepared) -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = lab::available_memory().unwrap_or(1 << 30);
    let chosen = arguments.jobs.or(prepared.spec.limits.jobs).map(usize::from);
    chosen.unwrap_or_else(|| jobs_for(cpus, memory)).clamp(1, 64)
}

/// The part that a scheduler asks for: an Indexed Job of Kubernetes counts from 0, a Slurm array from its own start.
fn shard_of_scheduler(variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, String> {
    let number = |name: &str| -> Result<Option<u32>, String> {
        variable(name)
            .map(|text| text.trim().parse().map_err(|_| format!("{name} is `{text}`, which is no number")))
            .transpose()
    };
    let part = |index: Option<u32>, count: Option<u32>, first: u32, names: &str| match (index, count) {
        (Some(index), Some(count)) if index >= first => Shard::new(index - first + 1, count),
        (Some(index), Some(_)) => Err(format!("there is no part {index}: the first is {first}")),
        (Some(_), None) => Err(format!("{names}: one is set, the other is not")),
        (None, _) => Ok(Shard::WHOLE),
    };
    if let index @ Some(_) = number("JOB_COMPLETION_INDEX")? {
        let names = "JOB_COMPLETION_INDEX and RASHOMON_SHARDS";
        return part(index, number("RASHOMON_SHARDS")?, 0, names);
    }
    let first = number("SLURM_ARRAY_TASK_MIN")?.unwrap_or(0);
    let names = "SLURM_ARRAY_TASK_ID and SLURM_ARRAY_TASK_COUNT";
    part(number("SLURM_ARRAY_TASK_ID")?, number("SLURM_ARRAY_TASK_COUNT")?, first, names)
}

/// Runs the command that the specification has for the end. That it fails changes nothing about the campaign.
fn at_end(prepared: &Prepared, folder: &CampaignFolder, summary: &Summary) {
    let Some((program, arguments)) = prepared.spec.at_end.as_ref().and_then(|end| end.command.split_first()) else {
        return;
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments).env("RASHOMON_CAMPAIGN_FOLDER", folder.path());
    command.env("RASHOMON_CAMPAIGN_VERDICT", summary.verdict.as_str());
    command.env("RASHOMON_CAMPAIGN_EXIT_CODE", summary.exit_code.to_string());
    match command.stdin(std::process::Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(status) => err!("warning: the command at the end, `{program}`, failed: {status}"),
        Err(error) => err!("warning: the command at the end, `{program}`, cannot be started: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(variables: &[(&str, &str)]) -> Result<Shard, String> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        shard_of_scheduler(&find)
    }

    #[test]
    fn schedulers_say_which_part_is_theirs() {
        assert_eq!(shard(&[]), Ok(Shard::WHOLE));
        let kubernetes = |index| shard(&[("JOB_COMPLETION_INDEX", index), ("RASHOMON_SHARDS", "16")]);
        assert_eq!(kubernetes("0"), Shard::new(1, 16));
        assert_eq!(kubernetes("15"), Shard::new(16, 16));
        assert!(kubernetes("16").is_err() && kubernetes("x").unwrap_err().contains("no number"));
        assert!(shard(&[("JOB_COMPLETION_INDEX", "3")]).unwrap_err().contains("RASHOMON_SHARDS"));
        let slurm = |id, first| {
            shard(&[("SLURM_ARRAY_TASK_ID", id), ("SLURM_ARRAY_TASK_COUNT", "4"), ("SLURM_ARRAY_TASK_MIN", first)])
        };
        assert_eq!(slurm("1", "1"), Shard::new(1, 4));
        assert_eq!(slurm("3", "0"), Shard::new(4, 4));
        assert!(slurm("0", "1").is_err() && slurm("5", "1").is_err());
    }
}
