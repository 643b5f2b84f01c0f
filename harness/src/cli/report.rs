//! `rashomon report`: the page of a run, written again.

use std::path::PathBuf;

use clap::Args;

use super::error::CommandError;
use rashomon_runs::Store;

#[derive(Args)]
pub(crate) struct ReportArguments {
    /// The run: its folder, its name, `latest` or `latest-violation`
    run: String,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Runs `rashomon report`.
pub(crate) fn report(arguments: &ReportArguments) -> Result<u8, CommandError> {
    let run = Store::open(&arguments.results)?.find(&arguments.run)?;
    let page = rashomon_report::write_report(run.path())
        .map_err(|error| CommandError::broken(format!("the report cannot be written: {error}"), error.remedy()))?;
    out!("{}", page.display());
    Ok(0)
}
