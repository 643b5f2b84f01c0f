//! Developer tools: `cargo xtask tidy|bench|golden|dist`.
//!
//! What cargo does by itself (format, lint, test, document) is not repeated here; `.ci/run` strings both together.

/// Writes a line to standard output; a reader that has closed its end is no reason to fail.
macro_rules! out {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Writes a line to standard error.
macro_rules! err {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

mod bench;
mod dist;
mod golden;
mod process;
mod tidy;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Tools for those who work on Rashomon itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Subcommand)]
enum Tool {
    /// Checks the house rules that neither rustfmt nor clippy knows
    Tidy {
        /// Mend white space and wide comments first
        #[arg(long)]
        fix: bool,
    },
    /// Builds and runs benchmark programs, and prints their tables
    Bench {
        /// What to measure: a crate's folder (checkers), one program's subject (reading), or all
        #[arg(default_value = "all")]
        subject: String,
        /// Passed on to each program
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Rewrites the expected output of the protocols' golden scripts; read the difference before you commit it
    Golden,
    /// Makes one archive that runs on a machine without a toolchain
    Dist,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let root = repository();
    let result = match cli.tool {
        Tool::Tidy { fix } => return tidy::run(&root, fix, &tool_names()),
        Tool::Bench { subject, arguments } => bench::run(&root, &subject, &arguments),
        Tool::Golden => golden::run(&root),
        Tool::Dist => dist::run(&root).map(|archive| out!("{}", archive.display())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            err!("cargo xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The names that may follow `cargo xtask`.
fn tool_names() -> Vec<String> {
    Cli::command().get_subcommands().map(|tool| tool.get_name().to_owned()).collect()
}

/// The checkout that cargo runs this program for; without cargo, the one that it was built from.
fn repository() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().expect("xtask is a folder of the repository").to_owned()
}
