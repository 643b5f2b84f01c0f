//! What a command says when it cannot do what it was asked.

use std::fmt;

use rashomon_runs::{ReadError, StoreError, Verdict};

use crate::lab::LabErrorKind;
use crate::runner::RunError;

/// A command that failed: what is wrong and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandError {
    kind: Kind,
    what: String,
    remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usage,
    Broken,
    Interrupted,
}

impl CommandError {
    /// The user asked for something that does not exist or make sense.
    pub(crate) fn usage(what: impl Into<String>, remedy: impl Into<String>) -> CommandError {
        CommandError { kind: Kind::Usage, what: what.into(), remedy: remedy.into() }
    }

    /// The harness or its environment failed.
    pub(crate) fn broken(what: impl Into<String>, remedy: impl Into<String>) -> CommandError {
        CommandError { kind: Kind::Broken, what: what.into(), remedy: remedy.into() }
    }

    /// Somebody ended what was under way: the user, or whoever killed a process of the lab. Nothing is wrong with the
    /// harness.
    pub(crate) fn interrupted(what: impl Into<String>, remedy: impl Into<String>) -> CommandError {
        CommandError { kind: Kind::Interrupted, what: what.into(), remedy: remedy.into() }
    }

    /// What is wrong, and what to do about it.
    pub(crate) fn into_parts(self) -> (String, String) {
        (self.what, self.remedy)
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self.kind {
            Kind::Usage => super::USAGE,
            Kind::Broken => super::BROKEN,
            Kind::Interrupted => Verdict::Inconclusive.exit_code(),
        }
    }

    /// Writes it to standard error.
    pub(crate) fn print(&self) {
        err!("{self}");
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error: {}", self.what)?;
        if !self.remedy.is_empty() {
            write!(out, "\nhint: {}", self.remedy)?;
        }
        Ok(())
    }
}

impl From<ReadError> for CommandError {
    fn from(error: ReadError) -> CommandError {
        CommandError::usage(error.to_string(), error.remedy())
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> CommandError {
        let remedy = error.remedy();
        match error {
            StoreError::NoSuchRun { .. } => CommandError::usage(error.to_string(), remedy),
            _ => CommandError::broken(error.to_string(), remedy),
        }
    }
}

impl From<crate::target::TargetError> for CommandError {
    fn from(error: crate::target::TargetError) -> CommandError {
        CommandError::usage(error.what, error.remedy)
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> CommandError {
        let kind = match &error {
            RunError::Interrupted { .. } => CommandError::interrupted,
            error if error.is_usage() => CommandError::usage,
            _ => CommandError::broken,
        };
        kind(error.to_string(), error.remedy())
    }
}

impl From<crate::lab::LabError> for CommandError {
    fn from(error: crate::lab::LabError) -> CommandError {
        match error.kind {
            LabErrorKind::Disturbed => CommandError::interrupted(error.what, error.remedy),
            _ => CommandError::broken(error.what, error.remedy),
        }
    }
}
