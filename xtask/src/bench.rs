//! `cargo xtask bench`: builds the benchmark programs in release mode and runs them one after the other.
//!
//! Each program is an example of the crate it measures and prints a table of its own, so that it can be run without
//! this tool too.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;

use crate::process::{self, Error};

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// Judging histories
    Checkers,
    /// Reading and writing histories
    Reading,
    /// Making and removing a lab
    Lab,
    /// Generators, clients and recorder
    Load,
    /// All of these
    All,
}

/// A benchmark: an example program of a crate.
struct Program {
    subject: Subject,
    folder: &'static str,
    package: &'static str,
    example: &'static str,
}

const PROGRAMS: &[Program] = &[
    Program { subject: Subject::Checkers, folder: "checkers", package: "rashomon-checkers", example: "bench_checkers" },
    Program { subject: Subject::Checkers, folder: "checkers", package: "rashomon-checkers", example: "bench_objects" },
    Program { subject: Subject::Checkers, folder: "checkers", package: "rashomon-checkers", example: "bench_strings" },
    Program { subject: Subject::Checkers, folder: "checkers", package: "rashomon-checkers", example: "bench_eventual" },
    Program { subject: Subject::Reading, folder: "history", package: "rashomon-history", example: "bench_reading" },
    Program { subject: Subject::Lab, folder: "harness", package: "rashomon-harness", example: "bench_lab" },
    Program { subject: Subject::Load, folder: "harness", package: "rashomon-harness", example: "bench_load" },
];

/// Runs the programs of one subject. Fails before the first one when any is missing.
pub(crate) fn run(root: &Path, subject: Subject, arguments: &[String]) -> Result<(), Error> {
    let wanted: Vec<&Program> =
        PROGRAMS.iter().filter(|program| subject == Subject::All || subject == program.subject).collect();
    for program in &wanted {
        let path = program.source();
        if !root.join(&path).is_file() {
            return Err(Error::Missing { path, subject: program.subject.to_string() });
        }
    }
    // What a benchmark starts as a process of its own: the node program.
    process::cargo(root, &["build", "--release", "--locked", "--quiet"], &[])?;
    for program in wanted {
        println!("\n## {} ({})\n", program.subject, program.source());
        let mut line = vec!["run", "--release", "--locked", "--quiet", "--package", program.package];
        line.extend(["--example", program.example, "--"]);
        line.extend(arguments.iter().map(String::as_str));
        process::cargo(root, &line, &[])?;
    }
    Ok(())
}

impl Program {
    /// Its source file, from the repository's root.
    fn source(&self) -> String {
        format!("{}/examples/{}.rs", self.folder, self.example)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no subject is hidden");
        out.write_str(value.get_name())
    }
}
