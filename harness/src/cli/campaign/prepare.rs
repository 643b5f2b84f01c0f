//! From a specification's text to a plan whose every combination can be run.

use std::collections::BTreeMap;
use std::path::Path;

use rashomon_campaign::cell::{self, CanaryCell, Cell, Known};
use rashomon_campaign::spec::Position;
use rashomon_campaign::{Header, Plan, Spec, SpecError};
use sha2::{Digest, Sha256};

use super::super::error::CommandError;
use super::super::names;
use super::super::run::RunArguments;
use crate::registry::Registry;

/// A specification that was read and found to make sense here.
pub(super) struct Prepared {
    pub(super) spec: Spec,
    pub(super) cells: Vec<Cell>,
    pub(super) canaries: Vec<CanaryCell>,
    /// What it leaves out, in plain words.
    pub(super) not_covered: Vec<String>,
}

impl Prepared {
    /// The specification of this text; `path` is what errors name.
    pub(super) fn of(registry: &Registry, path: &Path, text: &str) -> Result<Prepared, CommandError> {
        let wrong = |error: SpecError| {
            CommandError::usage(format!("{}:{}: {}", path.display(), error.at, error.what), error.hint)
        };
        let spec = Spec::parse(text).map_err(wrong)?;
        let targets = |name: &str| known(registry, name);
        let cells = cell::cells(text, &spec, &targets).map_err(wrong)?;
        let mut canaries = cell::canaries(text, &spec, &targets).map_err(wrong)?;
        for cell in &cells {
            can_be_run(registry, cell).map_err(wrong)?;
        }
        for canary in &mut canaries {
            stop_early(registry, canary).map_err(wrong)?;
        }
        let not_covered = not_covered(registry, &cells);
        Ok(Prepared { spec, cells, canaries, not_covered })
    }

    /// Its plan.
    pub(super) fn plan(&self, header: Header) -> Plan {
        Plan::new(header, self.cells.clone(), self.canaries.clone(), self.spec.budget.runs)
    }
}

/// By what a specification's text is recognized.
pub(super) fn fingerprint(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a run of these words can be planned with this seed.
pub(super) fn can_plan(registry: &Registry, words: &[String], seed: u64) -> bool {
    RunArguments::from_words(words).is_ok_and(|arguments| arguments.plan(registry, seed).is_ok())
}

fn known(registry: &Registry, name: &str) -> Result<Known, (String, String)> {
    let target = names::target(registry, name).map_err(CommandError::into_parts)?;
    let info = target.info();
    let recipes = info
        .mutants
        .iter()
        .filter_map(|mutant| Some((mutant.name.clone(), mutant.recipe.as_ref()?.flags(&info.name, &mutant.name))));
    let recipes: BTreeMap<String, Vec<String>> = recipes.collect();
    Ok(Known { workload: info.default_workload, nodes: info.default_nodes, recipes })
}

/// That a combination can be run; without faults first, so that a mistake is placed where it was made.
fn can_be_run(registry: &Registry, cell: &Cell) -> Result<(), SpecError> {
    let without = |word: &String| if word.starts_with("--faults=") { "--faults=none".to_owned() } else { word.clone() };
    let calm: Vec<String> = cell.words.iter().map(without).collect();
    plannable(registry, &calm, cell.workload_at)?;
    plannable(registry, &cell.words, cell.faults_at)
}

/// That a run of these words can be planned with some seed.
fn plannable(registry: &Registry, words: &[String], at: Position) -> Result<(), SpecError> {
    let wrong = |error: CommandError| {
        let (what, hint) = error.into_parts();
        SpecError { at, what: what.replace('\n', " "), hint }
    };
    let arguments = RunArguments::from_words(words).map_err(wrong)?;
    let first = arguments.plan(registry, 1).map(drop);
    match first {
        Err(error) if (2..20).all(|seed| arguments.plan(registry, seed).is_err()) => Err(wrong(error)),
        _ => Ok(()),
    }
}

/// A known bug has been found at its first certain violation; where that is cheap to see, the run ends there.
fn stop_early(registry: &Registry, canary: &mut CanaryCell) -> Result<(), SpecError> {
    plannable(registry, &canary.words, canary.at)?;
    let plan = (1..20).find_map(|seed| RunArguments::from_words(&canary.words).ok()?.plan(registry, seed).ok());
    if plan.is_some_and(|plan| !plan.spec.consistency.converges_later() && !plan.spec.stop_on_violation) {
        canary.words.push("--stop-on-violation".to_owned());
    }
    Ok(())
}

/// Targets and classes of faults of this program that no combination has.
fn not_covered(registry: &Registry, cells: &[Cell]) -> Vec<String> {
    let mut lines = Vec::new();
    for target in registry.target_names().iter().filter(|name| !cells.iter().any(|cell| cell.target == **name)) {
        lines.push(format!("target {target}: not in the specification"));
    }
    let planned = cells.iter().filter_map(|cell| {
        (1..20).find_map(|seed| RunArguments::from_words(&cell.words).ok()?.plan(registry, seed).ok())
    });
    let kinds: Vec<_> = planned.flat_map(|plan| plan.spec.faults).collect();
    let requested = registry.faults().classes_of(&kinds);
    for class in registry.faults().classes() {
        if !requested.iter().any(|known| known.name == class.name) {
            lines.push(format!("faults of class {}: not in the specification", class.name));
        }
    }
    lines
}
