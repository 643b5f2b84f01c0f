//! Commands that a binary adds to those of the harness.

use clap::{ArgMatches, Command};

use crate::registry::Registry;
use crate::target::TargetError;

/// A command of a binary's own, beside `run` and the others.
pub trait ExtraCommand: Send + Sync {
    /// Its name, arguments and help.
    fn command(&self) -> Command;

    /// Runs it.
    ///
    /// # Errors
    ///
    /// When it cannot do what it was asked: the user's fault, and no run's verdict.
    fn run(&self, registry: &Registry, arguments: &ArgMatches) -> Result<Printed, TargetError>;
}

/// What a command prints to standard output, and its exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// The text, without a last line feed.
    pub text: String,
    /// 0, or a verdict's.
    pub code: u8,
}
