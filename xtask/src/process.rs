//! Runs cargo and reports how it ended.

use std::path::Path;
use std::process::{Command, Stdio};

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The program could not be started.
    #[error("cannot start `{command}`: {source}")]
    Start {
        /// The command line.
        command: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It ended with something else than success.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// A file cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no benchmark of this subject.
    #[error("nothing measures `{subject}`; there are: {known}")]
    NoBenchmark {
        /// What was to be measured.
        subject: String,
        /// What can be.
        known: String,
    },
    /// A crate's manifest cannot be read.
    #[error("{path}: {problem}")]
    Manifest {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// What a failed use of a file is.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.display().to_string();
        move |source| Error::File { path, source }
    }
}

/// Runs a command, and fails unless it succeeds.
pub(crate) fn succeed(command: &mut Command) -> Result<(), Error> {
    let line = format!("{command:?}");
    let status = command.status().map_err(|source| Error::Start { command: line.clone(), source })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { command: line, status }) }
}

/// What cargo prints in the repository.
pub(crate) fn cargo_output(root: &Path, arguments: &[&str]) -> Result<String, Error> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(arguments).stderr(Stdio::inherit());
    let line = || format!("cargo {}", arguments.join(" "));
    let output = command.output().map_err(|source| Error::Start { command: line(), source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Failed { command: line(), status: output.status })
    }
}

/// Runs cargo in the repository with its output shown, and fails unless it succeeds.
pub(crate) fn cargo(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), Error> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).args(arguments).envs(environment.iter().copied());
    let line = || format!("cargo {}", arguments.join(" "));
    let status = command.status().map_err(|source| Error::Start { command: line(), source })?;
    if status.success() { Ok(()) } else { Err(Error::Failed { command: line(), status }) }
}
