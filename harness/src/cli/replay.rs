//! `rashomon replay`: the plan of an earlier run again.

use std::path::PathBuf;

use clap::Args;
use rashomon_runs::Store;

use super::error::CommandError;
use super::summary;
use crate::outside::{self, Voice};
use crate::registry::Registry;

#[derive(Args)]
pub(crate) struct ReplayArguments {
    /// The run: its folder, its name, `latest` or `latest-violation`
    run: String,
    /// Carries out the plan with another build of the target's node program
    #[arg(long, value_name = "PATH")]
    node_binary: Option<PathBuf>,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Carries out `rashomon replay`. The schedule comes from the manifest, not from the seed: it stays what it was even
/// when a later version would draw another.
pub(crate) fn replay(registry: &Registry, arguments: &ReplayArguments) -> Result<u8, CommandError> {
    let store = Store::open(&arguments.results)?;
    let run = store.find(&arguments.run)?;
    let manifest = run.manifest()?;
    let mut plan = manifest.plan();
    if arguments.node_binary.is_some() {
        plan.spec.node_binary.clone_from(&arguments.node_binary);
    }
    tell!("replaying {}", manifest.run);
    let done = outside::carry_out(registry, &store, &plan, Voice::Aloud)?;
    for (what, then, now) in [
        ("version of rashomon", &manifest.version, &done.manifest.version),
        ("version of the target", &manifest.target.version, &done.manifest.target.version),
        ("kernel", &manifest.host.kernel, &done.manifest.host.kernel),
    ] {
        if then != now {
            tell!("note: the {what} was {then} then and is {now} now");
        }
    }
    summary::print_run(&done);
    let then = manifest.verdict.map_or_else(|| "no verdict".to_owned(), |verdict| verdict.to_string());
    say!("then        {then}");
    Ok(done.verdict.verdict.exit_code())
}
