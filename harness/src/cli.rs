//! The command line.
//!
//! Exit codes are Jepsen's: 0 pass, 1 violation, 2 inconclusive, 254 wrong usage, 255 broken (the harness or its
//! environment failed); `compare` has 3, slower, as well. Results go to standard output, progress and messages to
//! standard error.

mod campaign;
mod check;
mod check_target;
mod compare;
mod dialect;
mod doctor;
pub(crate) mod error;
mod extra;
mod generate;
mod history;
mod input;
mod list;
mod mutants;
mod names;
mod other;
mod progress;
mod replay;
mod report;
mod run;
mod runs;
mod seeds;
mod summary;
mod test_client;

pub use extra::{ExtraCommand, Printed};

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use rashomon_runs::{Store, Verdict};

pub use dialect::{Dialect, Untranslated};

use crate::controller;
use crate::lab;
use crate::registry::Registry;
use crate::runner::Runner;
use error::CommandError;

/// Wrong usage.
const USAGE: u8 = 254;
/// The harness or its environment failed.
const BROKEN: u8 = 255;

/// Starts real clusters, breaks them on purpose, and finds out whether one truth can explain what every client saw.
#[derive(Parser)]
#[command(
    name = "rashomon",
    version,
    after_help = "Exit codes: 0 pass, 1 violation, 2 inconclusive, 254 wrong usage, 255 broken (harness or environment)."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a workload against a target under faults, judges the history and writes a report
    Run(Box<run::RunArguments>),
    /// Judges a recorded history: no cluster needed
    Check(check::CheckArguments),
    /// Runs the plan of an earlier run again: same seed, same schedule
    Replay(replay::ReplayArguments),
    /// Writes a recorded history in another format
    History(history::HistoryArguments),
    /// Writes the report of a run again
    Report(report::ReportArguments),
    /// Checks that the known bugs of a target are found, each by its recipe
    Mutants(mutants::MutantsArguments),
    /// Runs many plans unattended, and sums up what they found
    Campaign(campaign::CampaignArguments),
    /// Tries a target step by step, and says what it saw
    CheckTarget(check_target::CheckTargetArguments),
    /// Examines whether a client is honest: what it says, against what crossed the wire
    TestClient(test_client::TestClientArguments),
    /// Compares two versions of a target in pairs of runs: is the candidate worse, slower, or neither?
    Compare(Box<compare::CompareArguments>),
    /// Lists, keeps and removes runs
    Runs(runs::RunsArguments),
    /// Lists what can be chosen
    List(list::ListArguments),
    /// Writes shell completions and man pages into a folder
    Generate(generate::GenerateArguments),
    /// Reports what this machine can and cannot do, with the command that fixes each gap
    Doctor(doctor::DoctorArguments),
}

/// The whole program: hand it what the binary offers and return what it returns.
///
/// It must be called first thing in `main`, before any thread is started, because a run starts this same program
/// again inside its lab.
pub fn main(registry: Registry) -> ExitCode {
    if let Some(inside) = lab::dispatch_hidden_commands() {
        return controller::main(&registry, inside);
    }
    if !crate::campaign::end_with_parent() {
        return ExitCode::from(Verdict::Inconclusive.exit_code());
    }
    let program = program_name();
    let extras = registry.commands().iter().map(|extra| extra.command());
    let dialects = registry.dialects().map(|dialect| dialect.command());
    let matches = Arguments::command().subcommands(extras.chain(dialects)).bin_name(program).try_get_matches();
    let matches = match matches {
        Ok(matches) => matches,
        Err(error) => return not_understood(&error),
    };
    if let Some(code) = run_extra(&registry, &matches) {
        return code;
    }
    let arguments = match dialect::words(&registry, &matches) {
        None => Arguments::from_arg_matches(&matches),
        Some(Ok(words)) => Arguments::try_parse_from(words),
        Some(Err(error)) => return ended(Err(error)),
    };
    let arguments = match arguments {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(&error),
    };
    // What starts labs ends them in an orderly way; the rest may be cut off where it is.
    let makes_runs = match &arguments.command {
        Command::Run(_) | Command::Replay(_) | Command::Mutants(_) | Command::Compare(_) => true,
        Command::CheckTarget(_) | Command::TestClient(_) => true,
        Command::Campaign(arguments) => arguments.makes_runs(),
        _ => false,
    };
    let _interrupts = makes_runs.then(lab::Interrupts::catch);
    let result = match &arguments.command {
        Command::Run(arguments) => run::run(&registry, arguments),
        Command::Check(arguments) => check::check(&registry, arguments),
        Command::Replay(arguments) => replay::replay(&registry, arguments),
        Command::History(arguments) => history::history(arguments),
        Command::Report(arguments) => report::report(arguments),
        Command::Mutants(arguments) => mutants::mutants(&registry, arguments),
        Command::Campaign(arguments) => campaign::campaign(&registry, arguments),
        Command::CheckTarget(arguments) => check_target::check_target(&registry, arguments),
        Command::TestClient(arguments) => test_client::test_client(&registry, arguments),
        Command::Compare(arguments) => compare::compare(&registry, arguments),
        Command::Runs(arguments) => runs::runs(arguments),
        Command::Generate(arguments) => generate::generate(Arguments::command(), arguments),
        Command::List(arguments) => list::list(&registry, arguments),
        Command::Doctor(arguments) => doctor::doctor(arguments),
    };
    ended(result)
}

fn ended(result: Result<u8, CommandError>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            error.print();
            ExitCode::from(error.code())
        }
    }
}

/// `--help` and `--version` come this way too.
fn not_understood(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
}

/// Runs a command that the binary has added, if it is one.
fn run_extra(registry: &Registry, matches: &clap::ArgMatches) -> Option<ExitCode> {
    let (name, arguments) = matches.subcommand()?;
    let extra = registry.commands().iter().find(|extra| extra.command().get_name() == name)?;
    let ran = extra.run(registry, arguments).map_err(|error| CommandError::usage(error.what, error.remedy));
    Some(ended(ran.map(|printed| {
        out!("{}", printed.text);
        printed.code
    })))
}

/// What runs plans for a command.
pub(crate) fn runner<'a>(registry: &'a Registry, store: &'a Store) -> Runner<'a> {
    let command = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    Runner { registry, store, program: program_name(), command }
}

/// How the user calls this program: `./rashomon` from a checkout, else the name of its file, which may be a user's own.
pub(crate) fn program_name() -> String {
    let file = || Some(Path::new(&std::env::args_os().next()?).file_name()?.to_string_lossy().into_owned());
    std::env::var("RASHOMON_COMMAND").ok().or_else(file).unwrap_or_else(|| "rashomon".to_owned())
}
