//! Which two versions are compared: programs, known bugs, settings.

use std::path::{Path, PathBuf};

use clap::Args;

use super::revision::{self, Recipe};

use crate::cli::error::CommandError;
use crate::run::OtherRuns;

#[derive(Args)]
pub(crate) struct VersionArguments {
    /// The base's node program; the one beside this program when not given
    #[arg(long, value_name = "PATH")]
    base: Option<PathBuf>,
    /// The candidate's node program
    #[arg(long, value_name = "PATH")]
    candidate: Option<PathBuf>,
    /// Builds the base's node program from this git revision
    #[arg(long, value_name = "REVISION", conflicts_with = "base", requires_all = ["build", "binary"])]
    base_rev: Option<String>,
    /// Builds the candidate's node program from this git revision
    #[arg(long, value_name = "REVISION", conflicts_with = "candidate", requires_all = ["build", "binary"])]
    candidate_rev: Option<String>,
    /// The shell command that builds a revision, run in a temporary checkout of it
    #[arg(long, value_name = "COMMAND", requires = "binary")]
    build: Option<String>,
    /// Where the built node program then is, seen from the checkout
    #[arg(long, value_name = "PATH", requires = "build")]
    binary: Option<PathBuf>,
    /// Runs base and candidate in one cluster, the candidate on every other node, beside clusters of the base alone
    #[arg(long, conflicts_with = "upgrade")]
    mixed: bool,
    /// Starts every cluster with the base, and the candidate on its data whenever a node is restarted, beside clusters
    /// of the base alone
    #[arg(long)]
    upgrade: bool,
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
    fn new(program: &Program<'_>, mutant: Option<&String>, settings: &[String]) -> Choice {
        let mut label = Vec::new();
        let mut words = Vec::new();
        if let Some(name) = &program.name {
            label.push(name.clone());
        }
        if let Some(program) = program.path {
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

    /// Makes it the second version in clusters of the base.
    fn join(&mut self, base: &Choice, runs: OtherRuns) {
        let second = self.words.iter().map(|word| word.replacen("--", "--other-", 1));
        let runs = format!("--other={}", runs.as_str());
        self.words = base.words.iter().cloned().chain([runs]).chain(second).collect();
    }

    /// A known bug can be switched on beside what was chosen.
    pub(crate) fn may_have_mutants(&self) -> bool {
        !self.mutant
    }
}

/// A node program; neither a name nor a path: the one beside this program.
#[derive(Default)]
struct Program<'a> {
    name: Option<String>,
    path: Option<&'a Path>,
}

impl<'a> Program<'a> {
    /// From a path, a revision and what was built of it; a revision that is not built yet has a name only.
    fn new(path: Option<&'a PathBuf>, revision: Option<&String>, built: Option<&'a PathBuf>) -> Program<'a> {
        let shown = path.map(|path| path.display().to_string());
        let revision = revision.map(|revision| format!("revision {revision}"));
        Program { name: shown.or(revision), path: path.or(built).map(PathBuf::as_path) }
    }
}

impl VersionArguments {
    /// Base and candidate; `built` are the programs of their revisions, as far as they are built.
    pub(crate) fn choose(&self, target: &str, built: &[Option<PathBuf>; 2]) -> Result<[Choice; 2], CommandError> {
        let none = self.candidate.is_none()
            && self.candidate_rev.is_none()
            && self.candidate_mutant.is_none()
            && self.candidate_settings.is_empty();
        if none {
            let remedy = format!(
                "name the candidate with --candidate PATH, --candidate-rev REVISION, --candidate-set NAME=VALUE or \
                 --candidate-mutant NAME (`rashomon list mutants` has those of {target})"
            );
            return Err(CommandError::usage("there is nothing to compare with the base", remedy));
        }
        let base = Program::new(self.base.as_ref(), self.base_rev.as_ref(), built[0].as_ref());
        let candidate = Program::new(self.candidate.as_ref(), self.candidate_rev.as_ref(), built[1].as_ref());
        let base = Choice::new(&base, self.base_mutant.as_ref(), &self.base_settings);
        let mut candidate = Choice::new(&candidate, self.candidate_mutant.as_ref(), &self.candidate_settings);
        if let Some(runs) = self.both_in_one_cluster() {
            candidate.join(&base, runs);
        }
        Ok([base, candidate])
    }

    fn both_in_one_cluster(&self) -> Option<OtherRuns> {
        match (self.mixed, self.upgrade) {
            (true, _) => Some(OtherRuns::EveryOtherNode),
            (_, true) => Some(OtherRuns::Restarts),
            _ => None,
        }
    }

    /// Plans that restart no node cannot be used.
    pub(crate) fn needs_restarts(&self) -> bool {
        self.upgrade
    }

    /// How the candidate is run, in words.
    pub(crate) fn mode(&self) -> &'static str {
        match self.both_in_one_cluster() {
            None => "each version in clusters of its own",
            Some(OtherRuns::EveryOtherNode) => "the candidate on every other node of the base's clusters",
            Some(OtherRuns::Restarts) => "the candidate on the base's data, from the second start of each node on",
        }
    }

    /// Builds the revisions that were named, one after the other; their programs are kept in `folder`.
    pub(crate) fn build(&self, folder: &Path) -> Result<[Option<PathBuf>; 2], CommandError> {
        let (Some(command), Some(binary)) = (&self.build, &self.binary) else { return Ok([None, None]) };
        let recipe = Recipe { command, binary };
        let built = |revision: &Option<String>, side: &str| {
            let build = |revision: &String| revision::build(revision, &recipe, &folder.join(side));
            revision.as_ref().map(build).transpose()
        };
        Ok([built(&self.base_rev, "base")?, built(&self.candidate_rev, "candidate")?])
    }
}
