//! `rashomon replay`: the plan of an earlier run again.

use std::path::PathBuf;

use clap::Args;
use rashomon_runs::Store;

use super::error::CommandError;
use super::progress::{Terminal, Verbosity};
use super::summary;
use crate::registry::Registry;

#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// The run: its folder, its name, `latest` or `latest-violation`
    run: String,
    /// Runs the plan with another build of the target's node program
    #[arg(long, value_name = "PATH")]
    node_binary: Option<PathBuf>,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Runs `rashomon replay`. The schedule comes from the manifest, not from the seed: it stays what it was even
/// when a later version would draw another.
pub(crate) fn replay(registry: &Registry, arguments: &ReplayArguments) -> Result<u8, CommandError> {
    let store = Store::open(&arguments.results)?;
    let run = store.find(&arguments.run)?;
    let manifest = run.manifest()?;
    let mut plan = manifest.plan();
    if arguments.node_binary.is_some() {
        plan.spec.node_binary.clone_from(&arguments.node_binary);
    }
    err!("replaying {}", manifest.run);
    let finished = super::runner(registry, &store).run(&plan, &Terminal::new(Verbosity::Progress))?;
    for (what, then, now) in [
        ("version of rashomon", &manifest.version, &finished.manifest.version),
        ("version of the target", &manifest.target.version, &finished.manifest.target.version),
        ("kernel", &manifest.host.kernel, &finished.manifest.host.kernel),
    ] {
        if then != now {
            err!("note: the {what} was {then} then and is {now} now");
        }
    }
    summary::print_run(registry, &finished);
    let then = manifest.verdict.map_or_else(|| "no verdict".to_owned(), |verdict| verdict.to_string());
    out!("then        {then}");
    Ok(finished.verdict.verdict.exit_code())
}
