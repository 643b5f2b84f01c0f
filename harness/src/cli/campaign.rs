//! `rashomon campaign`: many runs, unattended.

mod history;
mod listen;
mod merge;
mod new;
mod prepare;
mod run;
mod status;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rashomon_index::IndexError;

use super::error::CommandError;
use crate::campaign::CampaignError;
use crate::registry::Registry;

#[derive(Args)]
pub(crate) struct CampaignArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes a commented specification for the targets that are there
    New(new::NewArguments),
    /// Runs a campaign; continues it when it was interrupted
    Run(run::RunArguments),
    /// Reports how far campaigns are
    Status(status::StatusArguments),
    /// Sums a campaign up again and writes its page
    Report(status::ReportArguments),
    /// Makes one campaign of its shards
    Merge(merge::MergeArguments),
    /// Adds the campaigns of a folder of results to the index over all runs
    Index(history::IndexArguments),
    /// Reports the nights of a campaign and its findings over time, from the index
    History(history::HistoryArguments),
}

/// Where results are.
#[derive(Args)]
struct Results {
    /// The folder of results
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

impl CampaignArguments {
    /// Whether it starts labs.
    pub(crate) fn makes_runs(&self) -> bool {
        matches!(self.command, Command::Run(_))
    }
}

/// Runs `rashomon campaign`.
pub(crate) fn campaign(registry: &Registry, arguments: &CampaignArguments) -> Result<u8, CommandError> {
    match &arguments.command {
        Command::New(arguments) => new::new(registry, arguments),
        Command::Run(arguments) => run::run(registry, arguments),
        Command::Status(arguments) => status::status(arguments),
        Command::Report(arguments) => status::report(registry, arguments),
        Command::Merge(arguments) => merge::merge(registry, arguments),
        Command::Index(arguments) => history::index(arguments),
        Command::History(arguments) => history::history(arguments),
    }
}

impl From<IndexError> for CommandError {
    fn from(error: IndexError) -> CommandError {
        CommandError::broken(error.to_string(), error.remedy())
    }
}

impl From<CampaignError> for CommandError {
    fn from(error: CampaignError) -> CommandError {
        let remedy = error.remedy();
        match error {
            CampaignError::NotFound { .. } | CampaignError::Unmergeable(_) | CampaignError::Locked(_) => {
                CommandError::usage(error.to_string(), remedy)
            }
            _ => CommandError::broken(error.to_string(), remedy),
        }
    }
}
