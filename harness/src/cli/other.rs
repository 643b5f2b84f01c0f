//! A second version of the target in the cluster of a run.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::error::CommandError;
use super::run::{assignments, known_mutant};
use crate::faults::FaultCatalogue;
use crate::run::{OtherRuns, OtherVersion, RunSpec};
use crate::target::TargetInfo;

/// The class of faults that restart nodes.
const RESTARTING: &str = "kill";

#[derive(Args)]
pub(crate) struct OtherArguments {
    /// Runs a second version of the target in the same cluster: on every other node (n2, n4, …), or from each node's
    /// second start on, on the data of the first version
    #[arg(long, value_name = "WHERE", value_parser = runs())]
    other: Option<OtherRuns>,
    /// The second version's node program
    #[arg(long, value_name = "PATH", requires = "other")]
    other_node_binary: Option<PathBuf>,
    /// Switches on a known bug in the second version
    #[arg(long, value_name = "NAME", requires = "other")]
    other_mutant: Option<String>,
    /// A setting of the second version, as NAME=VALUE; may be repeated
    #[arg(long = "other-set", value_name = "NAME=VALUE", requires = "other")]
    other_settings: Vec<String>,
}

fn runs() -> impl TypedValueParser<Value = OtherRuns> {
    let words = OtherRuns::ALL.map(OtherRuns::as_str);
    PossibleValuesParser::new(words).map(|word| OtherRuns::named(&word).expect("a possible value"))
}

impl OtherArguments {
    /// The second version, if there is to be one.
    pub(super) fn version(&self, info: &TargetInfo) -> Result<Option<OtherVersion>, CommandError> {
        let Some(runs) = self.other else { return Ok(None) };
        if let Some(mutant) = &self.other_mutant {
            known_mutant(&info.mutants, mutant)?;
        }
        let known = info.settings.iter().map(|setting| &*setting.name);
        Ok(Some(OtherVersion {
            runs,
            mutant: self.other_mutant.clone(),
            node_binary: self.other_node_binary.clone(),
            settings: assignments("setting", &self.other_settings, known)?,
        }))
    }
}

/// A second version that runs from the second start of a node on needs faults that restart nodes.
pub(super) fn restarts(faults: &FaultCatalogue, spec: &RunSpec) -> Result<(), CommandError> {
    if faults.classes_of(&spec.faults).iter().any(|class| class.name == RESTARTING) {
        return Ok(());
    }
    let what = "no fault of this run restarts a node, so the second version would never run";
    Err(CommandError::usage(what, format!("add {RESTARTING} to --faults")))
}
