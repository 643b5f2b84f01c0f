//! `rashomon campaign index` and `history`: what the index over all runs answers.

use std::path::Path;

use clap::Args;
use rashomon_index::{Filter, Index};

use super::super::error::CommandError;
use super::Results;
use crate::campaign::Campaigns;

/// Rows of an answer.
const ROWS: u32 = 30;

/// Where the index is.
#[derive(Args)]
pub(super) struct Place {
    /// The index over all runs: postgres://USER@HOST:PORT/DATABASE, or a file for SQLite [default:
    /// campaigns/index.sqlite in the folder of results]
    #[arg(long, value_name = "ADDRESS")]
    store: Option<String>,
}

impl Place {
    /// Opens the index.
    pub(super) fn open(&self, results: &Path) -> Result<Box<dyn Index>, CommandError> {
        let place = match &self.store {
            Some(place) => place.clone(),
            None => {
                let folder = results.join("campaigns");
                std::fs::create_dir_all(&folder).map_err(|error| {
                    let remedy = "choose a folder that you can write to with --results DIR";
                    CommandError::broken(format!("cannot make {}: {error}", folder.display()), remedy)
                })?;
                folder.join("index.sqlite").display().to_string()
            }
        };
        Ok(rashomon_index::open(&place)?)
    }
}

#[derive(Args)]
pub(crate) struct IndexArguments {
    /// Empties the index first: all of it, also what other machines have added
    #[arg(long)]
    clear: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    results: Results,
}

#[derive(Args)]
pub(crate) struct HistoryArguments {
    /// The campaigns' name
    name: String,
    /// The runs that show this finding, by its signature
    #[arg(long, value_name = "ID")]
    signature: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    results: Results,
}

/// Runs `rashomon campaign index`: the files of all campaigns once more into the index.
pub(crate) fn index(arguments: &IndexArguments) -> Result<u8, CommandError> {
    let mut index = arguments.place.open(&arguments.results.results)?;
    if arguments.clear {
        index.clear()?;
    }
    let campaigns = Campaigns::of(&arguments.results.results).list(None);
    for folder in &campaigns {
        index.put_runs(&folder.header()?, &folder.records()?)?;
        if let Some(summary) = folder.summary()? {
            index.put_summary(&summary)?;
        }
    }
    out!("{} campaigns added; {} runs in the index", campaigns.len(), index.count()?);
    Ok(0)
}

/// Runs `rashomon campaign history`.
pub(crate) fn history(arguments: &HistoryArguments) -> Result<u8, CommandError> {
    let mut index = arguments.place.open(&arguments.results.results)?;
    if let Some(signature) = &arguments.signature {
        let filter =
            Filter { name: Some(arguments.name.clone()), signature: Some(signature.clone()), ..Filter::default() };
        for run in index.runs(&filter, ROWS)? {
            out!("{:<20} {:<12} {}, seed {}  {}", run.started, run.role, run.cell, run.seed, run.folder);
        }
        return Ok(0);
    }
    let nights = index.nights(&arguments.name, ROWS)?;
    if nights.is_empty() {
        let remedy = "`campaign index` adds the campaigns of a folder of results";
        return Err(CommandError::usage(format!("the index has no campaign `{}`", arguments.name), remedy));
    }
    for night in nights {
        out!(
            "{:<20} {:>5} pass {:>4} violation {:>4} inconclusive {:>4} broken",
            night.started,
            night.pass,
            night.violation,
            night.inconclusive,
            night.broken
        );
    }
    for finding in index.signatures(&arguments.name, ROWS)? {
        out!(
            "{}  {} in {}: {} runs of {} campaigns, {} to {}",
            finding.signature,
            finding.anomaly,
            finding.target,
            finding.runs,
            finding.campaigns,
            finding.first,
            finding.last
        );
    }
    Ok(0)
}
