//! `rashomon runs`: what the folder of results has, and what of it is removed.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rashomon_runs::{RunFolder, Store, Verdict};

use super::error::CommandError;
use crate::campaign::{CampaignFolder, Campaigns};

#[derive(Args)]
pub(crate) struct RunsArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists runs with their verdicts and sizes
    List(ListArguments),
    /// Keeps a run whatever its age
    Pin(PinArguments),
    /// Removes runs that are old and not pinned
    Gc(GcArguments),
}

#[derive(Args)]
struct ListArguments {
    /// Only runs with this verdict
    #[arg(long, value_name = "VERDICT")]
    verdict: Option<String>,
    /// The folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

#[derive(Args)]
struct PinArguments {
    /// The run: its folder, its name, `latest` or `latest-violation`
    run: String,
    /// Lets go of it instead
    #[arg(long)]
    remove: bool,
    /// The folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

#[derive(Args)]
struct GcArguments {
    /// Runs younger than this stay: 30d, 12h
    #[arg(long, value_name = "TIME", value_parser = super::run::duration_ms)]
    keep: u64,
    /// Only says what would be removed
    #[arg(long)]
    dry_run: bool,
    /// The folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Runs `rashomon runs`.
pub(crate) fn runs(arguments: &RunsArguments) -> Result<u8, CommandError> {
    match &arguments.command {
        Command::List(arguments) => list(arguments),
        Command::Pin(arguments) => pin(arguments),
        Command::Gc(arguments) => gc(arguments),
    }
}

/// Every run: those of the folder itself, then those of its campaigns.
fn all(results: &Path) -> Result<Vec<RunFolder>, CommandError> {
    let mut runs = Store::open(results)?.runs()?;
    for campaign in Campaigns::of(results).list(None) {
        runs.extend(campaign.store()?.runs()?);
    }
    Ok(runs)
}

fn list(arguments: &ListArguments) -> Result<u8, CommandError> {
    let (mut count, mut bytes) = (0u64, 0u64);
    for run in all(&arguments.results)? {
        let verdict = run.digest().map_or_else(
            |_| "unreadable".to_owned(),
            |digest| digest.verdict.map_or("not judged", Verdict::as_str).to_owned(),
        );
        if arguments.verdict.as_ref().is_some_and(|wanted| *wanted != verdict) {
            continue;
        }
        let size = size_bytes(run.path());
        count += 1;
        bytes += size;
        let pinned = if run.is_pinned() { "  pinned" } else { "" };
        out!("{verdict:<13}{:>10}  {}{pinned}", in_mib(size), run.path().display());
    }
    out!("{count} runs, {}", in_mib(bytes));
    Ok(0)
}

fn pin(arguments: &PinArguments) -> Result<u8, CommandError> {
    let run = Store::open(&arguments.results)?.find(&arguments.run)?;
    if arguments.remove {
        run.unpin()?;
    } else {
        run.pin()?;
    }
    out!("{}", run.path().display());
    Ok(0)
}

fn gc(arguments: &GcArguments) -> Result<u8, CommandError> {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let (mut removed, mut bytes) = (0u64, 0u64);
    for run in all(&arguments.results)? {
        if is_being_made(&run) || run.is_pinned() || !is_older(&run, now_ms, arguments.keep) {
            continue;
        }
        removed += 1;
        bytes += size_bytes(run.path());
        if arguments.dry_run {
            out!("{}", run.path().display());
        } else {
            run.remove()?;
        }
    }
    remove_dangling_links(&arguments.results);
    let what = if arguments.dry_run { "would be removed" } else { "removed" };
    out!("{removed} runs, {} {what}", in_mib(bytes));
    Ok(0)
}

/// Whether a campaign that goes on may be making it just now.
fn is_being_made(run: &RunFolder) -> bool {
    let campaign = run.path().parent().and_then(Path::parent).map(CampaignFolder::at);
    campaign.is_some_and(|campaign| campaign.runs_now())
}

/// Whether a run began longer ago than this. One that cannot be read stays: it may be of a later version.
fn is_older(run: &RunFolder, now_ms: i64, keep_ms: u64) -> bool {
    let began = run.manifest().ok().and_then(|manifest| manifest.started.parse::<jiff::Timestamp>().ok());
    began
        .is_some_and(|began| now_ms.saturating_sub(began.as_millisecond()) > i64::try_from(keep_ms).unwrap_or(i64::MAX))
}

/// `latest` and its like, where what they name is gone.
fn remove_dangling_links(results: &Path) {
    for name in ["latest", "latest-violation"] {
        let link = results.join(name);
        if link.is_symlink() && !link.exists() {
            // What cannot be removed is a link that leads nowhere, and no more.
            let _ = std::fs::remove_file(link);
        }
    }
}

/// What the files of a folder take, links not followed.
fn size_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => size_bytes(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn in_mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
