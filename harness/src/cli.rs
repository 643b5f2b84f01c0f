//! The command line.
//!
//! Exit codes are Jepsen's: 0 pass, 1 violation, 2 inconclusive, 254 wrong usage, 255 broken (the harness or its
//! environment failed). Results go to standard output, progress and messages to standard error.

mod campaign;
mod check;
mod doctor;
pub(crate) mod error;
mod history;
mod input;
mod list;
mod mutants;
mod names;
mod progress;
mod replay;
mod report;
mod run;
mod seeds;
mod summary;

use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use rashomon_runs::{Store, Verdict};

use crate::controller;
use crate::lab;
use crate::registry::Registry;
use crate::runner::Runner;

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
    /// Lists what can be chosen
    List(list::ListArguments),
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
    let matches = Arguments::command().bin_name(program).try_get_matches();
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            // `--help` and `--version` come this way too.
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    // What starts labs ends them in an orderly way; the rest may be cut off where it is.
    let makes_runs = match &arguments.command {
        Command::Run(_) | Command::Replay(_) | Command::Mutants(_) => true,
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
        Command::List(arguments) => list::list(&registry, arguments),
        Command::Doctor(arguments) => doctor::doctor(arguments),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            error.print();
            ExitCode::from(error.code())
        }
    }
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
