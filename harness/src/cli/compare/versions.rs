//! Which two versions are compared: programs, known bugs, settings.

use std::path::PathBuf;

use clap::Args;

use crate::cli::error::CommandError;

#[derive(Args)]
pub(crate) struct VersionArguments {
    /// The base's node program; the one beside this program when not given
    #[arg(long, value_name = "PATH")]
    base: Option<PathBuf>,
    /// The candidate's node program
    #[arg(long, value_name = "PATH")]
    candidate: Option<PathBuf>,
    /// Switches on a known bug of the base
    #[arg(long, value_name = "NAME")]
    base_mutant: Option<String>,
    /// Switches on a known bug of the candidate: shows what the comparison says of it
    #[arg(long, value_name = "NAME")]
    candidate_mutant: Option<String>,
    /// A setting of the base, as NAME=VALUE; may be repeated
    #[arg(long = "base-set", value_name = "NAME=VALUE")]
    base_settings: Vec<String>,
    /// A setting of the candidate, as NAME=VALUE; may be repeated
    #[arg(long = "candidate-set", value_name = "NAME=VALUE")]
    candidate_settings: Vec<String>,
}

/// A version that was chosen.
pub(crate) struct Choice {
    /// What it is called.
    pub(crate) label: String,
    /// The words that make a run one of this version.
    pub(crate) words: Vec<String>,
    mutant: bool,
}

impl Choice {
    fn new(program: Option<&PathBuf>, mutant: Option<&String>, settings: &[String]) -> Choice {
        let mut label = Vec::new();
        let mut words = Vec::new();
        if let Some(program) = program {
            label.push(program.display().to_string());
            words.push(format!("--node-binary={}", program.display()));
        }
        if let Some(mutant) = mutant {
            label.push(format!("mutant {mutant}"));
            words.push(format!("--mutant={mutant}"));
        }
        for setting in settings {
            label.push(setting.clone());
            words.push(format!("--set={setting}"));
        }
        let label = if label.is_empty() { "the build beside this program".to_owned() } else { label.join(", ") };
        Choice { label, words, mutant: mutant.is_some() }
    }

    /// A known bug can be switched on beside what was chosen.
    pub(crate) fn may_have_mutants(&self) -> bool {
        !self.mutant
    }
}

impl VersionArguments {
    /// Base and candidate.
    pub(crate) fn choose(&self, target: &str) -> Result<[Choice; 2], CommandError> {
        let none = self.candidate.is_none() && self.candidate_mutant.is_none() && self.candidate_settings.is_empty();
        if none {
            let remedy = format!(
                "name the candidate with --candidate PATH, --candidate-set NAME=VALUE or --candidate-mutant NAME \
                 (`rashomon list mutants` has those of {target})"
            );
            return Err(CommandError::usage("there is nothing to compare with the base", remedy));
        }
        Ok([
            Choice::new(self.base.as_ref(), self.base_mutant.as_ref(), &self.base_settings),
            Choice::new(self.candidate.as_ref(), self.candidate_mutant.as_ref(), &self.candidate_settings),
        ])
    }
}
