//! Commands with the words of another tool, for people who know that: each stands for a `run`.

use clap::{ArgMatches, Command};

use super::error::CommandError;
use crate::registry::Registry;

/// The command line of another tool.
pub trait Dialect: Send + Sync {
    /// The command with its arguments; its name must be no other command's.
    fn command(&self) -> Command;

    /// The words of `rashomon run` for which the arguments stand, `run` left out.
    ///
    /// # Errors
    ///
    /// When nothing here does what an argument asks for.
    fn translate(&self, arguments: &ArgMatches) -> Result<Vec<String>, Untranslated>;
}

/// Why arguments cannot be translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Untranslated {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// The words of the command line that these arguments stand for, if they are another tool's.
pub(super) fn words(registry: &Registry, matches: &ArgMatches) -> Option<Result<Vec<String>, CommandError>> {
    let (name, arguments) = matches.subcommand()?;
    let dialect = registry.dialects().find(|dialect| dialect.command().get_name() == name)?;
    let run = [super::program_name(), "run".to_owned()];
    let translated = dialect.translate(arguments).map(|words| run.into_iter().chain(words).collect());
    Some(translated.map_err(|error| CommandError::usage(error.what, error.remedy)))
}
