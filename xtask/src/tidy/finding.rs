//! What a rule reports.

use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// Fails the command.
    Error,
    /// Asks for attention.
    Alarm,
}

/// A place that breaks a rule, and what to do about it.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    /// The file, from the repository's root.
    pub(super) path: String,
    /// The line, from 1.
    pub(super) line: usize,
    /// How much it matters.
    pub(super) severity: Severity,
    /// What is wrong and the remedy.
    pub(super) message: String,
}

impl Finding {
    /// A finding that fails the command.
    pub(super) fn error(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, severity: Severity::Error, message: message.into() }
    }

    /// A finding that asks for attention.
    pub(super) fn alarm(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { severity: Severity::Alarm, ..Finding::error(path, line, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Alarm => "alarm",
        };
        write!(out, "{}:{}: {word}: {}", self.path, self.line, self.message)
    }
}
