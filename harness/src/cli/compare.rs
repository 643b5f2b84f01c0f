//! `rashomon compare`: is the candidate worse than the base?

mod plans;
mod print;
mod revision;
mod versions;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use rashomon_compare::{About, Design, Summary, Version};
use rashomon_runs::Store;

use super::error::CommandError;
use super::names;
use super::progress::{Terminal, Verbosity};
use super::run::duration_ms;
use super::seeds;
use crate::compare::{self, Comparison, Plans, Who};
use crate::event::Listener;
use crate::registry::Registry;
use crate::runner::Many;
use plans::Palette;
use versions::{Choice, VersionArguments};

/// Shown after the options.
const AFTER_HELP: &str = "\
Exit codes: 0 no worse (also: and faster), 1 worse or violates, 2 inconclusive, 3 slower, 254 wrong usage, 255 broken.

Examples:
  rashomon compare raft-kv --base old/rashomon-node --candidate new/rashomon-node --budget 15m
  rashomon compare raft-kv --candidate-mutant stale-read --budget 5m
  rashomon compare raft-kv --candidate-set heartbeat-ms=100 -- --faults kill --time 10s";

#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CompareArguments {
    /// The system under test (`rashomon list targets`)
    target: String,
    #[command(flatten)]
    versions: VersionArguments,
    /// No run is begun that would end later than this: 15m, 90s, 2h
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = duration_ms)]
    budget: u64,
    /// Ends after so many pairs, if nothing ends it before
    #[arg(long, value_name = "COUNT")]
    pairs: Option<u64>,
    /// "No worse" needs that fewer than this share of the candidate's runs can fail where the base's do not
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    bound: f64,
    /// Differences of speed below this share are of no interest
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    tolerance: f64,
    /// How many runs go on at once [default: one for each core, at most 4]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=32))]
    jobs: Option<u16>,
    /// Seed of every choice; pairs run with this seed and those that follow [default: random]
    #[arg(long)]
    seed: Option<u64>,
    /// Does not run the target's known bugs beside, which shows what this comparison can find
    #[arg(long)]
    no_power: bool,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
    /// Shows the result only, no line for each pair
    #[arg(long)]
    quiet: bool,
    /// Writes the summary to standard output as JSON instead
    #[arg(long)]
    json: bool,
    /// After `--`: flags of `rashomon run` for both versions; without any, plans of every kind that exposes a known bug
    /// of the target are run in turn
    #[arg(last = true, value_name = "RUN FLAGS")]
    run_flags: Vec<String>,
}

/// Runs `rashomon compare`.
pub(crate) fn compare(registry: &Registry, arguments: &CompareArguments) -> Result<u8, CommandError> {
    let info = names::target(registry, &arguments.target)?.info();
    let seed = arguments.seed.unwrap_or_else(seeds::any);
    share("--bound", arguments.bound)?;
    share("--tolerance", arguments.tolerance)?;
    let with_power = |base: &Choice| !arguments.no_power && base.may_have_mutants();
    let palette = |[base, candidate]: [&Choice; 2]| {
        let versions = [base, candidate];
        let palette =
            Palette::new(registry, &arguments.target, &info, versions, &arguments.run_flags, with_power(base))?;
        if arguments.versions.needs_restarts() { palette.with_restarts(seed) } else { Ok(palette) }
    };
    // What is wrong is said before a revision is built.
    let [base, candidate] = arguments.versions.choose(&info.name, &[None, None])?;
    palette([&base, &candidate])?.check(seed)?;
    let folder = compare::new_folder(&arguments.results, &info.name).map_err(|error| {
        let what = format!("cannot make a folder in {}: {error}", arguments.results.display());
        CommandError::broken(what, "choose a folder that you can write to with --results DIR")
    })?;
    let built = arguments.versions.build(&folder.join("programs"))?;
    let [base, candidate] = arguments.versions.choose(&info.name, &built)?;
    let palette = palette([&base, &candidate])?;
    let design = Design {
        bound: arguments.bound,
        tolerance: arguments.tolerance,
        most_pairs: arguments.pairs,
        ..Design::new(palette.check(seed)?)
    };
    let store = Store::open(&folder.join(compare::RUNS))?;
    let listener: Box<dyn Listener> = Box::new(Terminal::new(Verbosity::Quiet));
    let jobs = arguments.jobs.map_or_else(default_jobs, usize::from);
    let (quiet, began) = (arguments.quiet, Instant::now());
    let show = |line: &str| {
        if !quiet {
            err!("[{:7.1}] {line}", began.elapsed().as_secs_f64());
        }
    };
    err!("comparing {} with {}: {}", candidate.label, base.label, folder.display());
    let started = jiff::Timestamp::now().to_string();
    let comparison = Comparison {
        many: Many { runner: &super::runner(registry, &store), jobs, listener: &*listener },
        plans: &palette,
        design,
        budget: Duration::from_millis(arguments.budget),
        seed,
        show: &show,
    };
    let compared = comparison.run()?;
    let [base_version, candidate_version] = compared.versions;
    let about = About {
        target: info.name,
        base: Version { label: base.label, version: base_version },
        candidate: Version { label: candidate.label, version: candidate_version },
        mode: arguments.versions.mode().to_owned(),
        started,
        took_s: compared.took.as_secs_f64(),
        command: command_line(),
        power: compared.power,
    };
    let summary = Summary::of(&compared.judge, about);
    let written = compare::write(&folder, &summary).map_err(|error| {
        let what = format!("cannot write the summary into {}: {error}", folder.display());
        CommandError::broken(what, "free some space, or choose another folder with --results DIR")
    })?;
    if arguments.json {
        out!("{}", serde_json::to_string_pretty(&summary).expect("summaries serialise"));
    } else {
        print::summary(&summary, &written);
    }
    Ok(summary.exit_code)
}

/// As many labs at once as there are cores, but few: the versions are timed.
fn default_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(4)
}

fn share(flag: &str, share: f64) -> Result<(), CommandError> {
    if share > 0.0 && share < 1.0 {
        return Ok(());
    }
    Err(CommandError::usage(format!("{flag} {share} is no share"), "give a share between 0 and 1, as 0.1 for 10%"))
}

/// The command line as the user typed it.
fn command_line() -> String {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    std::iter::once(super::program_name()).chain(words).collect::<Vec<String>>().join(" ")
}
