//! The kinds of plans of a comparison.
//!
//! Which faults and workloads expose bugs of a target is what the recipes of its known bugs say. So where the user does
//! not choose, every recipe is a kind of plan, without its bug; a target without recipes gets the defaults of `run`.

use rashomon_compare::Side;
use rashomon_runs::Plan;

use super::{Choice, Plans, Who};
use crate::cli::error::CommandError;
use crate::cli::names;
use crate::cli::run::RunArguments;
use crate::registry::Registry;
use crate::target::{Recipe, TargetInfo};

/// Length of the load where neither a recipe nor the user says.
const TIME: &str = "--time=10s";

/// The kinds of plans, and who runs them.
pub(crate) struct Palette<'a> {
    registry: &'a Registry,
    /// As the user named it.
    target: String,
    /// The words of each kind.
    kinds: Vec<Vec<String>>,
    labels: Vec<String>,
    /// The words that make a run one of base or candidate.
    versions: [Vec<String>; 2],
    mutants: Vec<(String, Option<usize>)>,
}

impl<'a> Palette<'a> {
    pub(crate) fn new(
        registry: &'a Registry,
        target: &str,
        info: &TargetInfo,
        versions: [&Choice; 2],
        run_flags: &[String],
        with_power: bool,
    ) -> Result<Palette<'a>, CommandError> {
        let mut kinds: Vec<Vec<String>> = Vec::new();
        let mut mutants = Vec::new();
        if run_flags.is_empty() {
            for mutant in &info.mutants {
                let Some(recipe) = &mutant.recipe else { continue };
                let words = words_of(recipe);
                let place = kinds.iter().position(|known| *known == words).unwrap_or_else(|| {
                    kinds.push(words);
                    kinds.len() - 1
                });
                mutants.push((mutant.name.clone(), Some(place)));
            }
        } else {
            let timed = run_flags.iter().any(|flag| flag == "--time" || flag.starts_with("--time="));
            let default = (!timed).then(|| TIME.to_owned());
            kinds.push(run_flags.iter().cloned().chain(default).collect());
            let findable = info.mutants.iter().filter(|mutant| mutant.recipe.is_some());
            mutants.extend(findable.map(|mutant| (mutant.name.clone(), None)));
        }
        if kinds.is_empty() {
            kinds.push(vec![TIME.to_owned()]);
        }
        if !with_power {
            mutants.clear();
        }
        let labels = kinds.iter().map(|words| format!("{target} {}", words.join(" "))).collect();
        let versions = versions.map(|version| version.words.clone());
        Ok(Palette { registry, target: target.to_owned(), kinds, labels, versions, mutants })
    }

    /// Checks every kind for both versions before anything is run; the classes of faults that occur.
    pub(crate) fn check(&self, seed: u64) -> Result<Vec<String>, CommandError> {
        let target = names::target(self.registry, &self.target)?;
        for side in [Side::Base, Side::Candidate] {
            target.prepare(&self.planned(0, seed, Who::Version(side))?.spec.target_config())?;
        }
        let mut classes: Vec<String> = Vec::new();
        for kind in 0..self.kinds.len() {
            for side in [Side::Base, Side::Candidate] {
                let plan = self.planned(kind, seed, Who::Version(side))?;
                if plan.spec.seed != seed {
                    let remedy = "use --seed of `compare`: each pair has a seed of its own";
                    return Err(CommandError::usage("the flags after `--` choose a seed", remedy));
                }
                let of_plan = self.registry.faults().classes_of(&plan.spec.faults);
                classes.extend(of_plan.into_iter().map(|class| class.name.to_owned()));
            }
        }
        classes.sort();
        classes.dedup();
        Ok(classes)
    }

    fn planned(&self, kind: usize, seed: u64, who: Who) -> Result<Plan, CommandError> {
        let side = if who == Who::Version(Side::Candidate) { 1 } else { 0 };
        let words = std::iter::once(&self.target).chain(&self.kinds[kind]).chain(&self.versions[side]);
        let mut words: Vec<String> = words.cloned().collect();
        if let Who::Mutant(place) = who {
            words.push(format!("--mutant={}", self.mutants[place].0));
        }
        RunArguments::from_words(&words)?.plan(self.registry, seed)
    }
}

impl Plans for Palette<'_> {
    fn kinds(&self) -> &[String] {
        &self.labels
    }

    fn mutants(&self) -> &[(String, Option<usize>)] {
        &self.mutants
    }

    fn draw(&self, kind: usize, seed: u64, who: Who) -> Result<Plan, String> {
        let plan = self.planned(kind, seed, who).map_err(|error| error.to_string())?;
        // Settings may change how faults are drawn; both versions meet those of the base.
        match who {
            Who::Version(Side::Candidate) => {
                let base = self.draw(kind, seed, Who::Version(Side::Base))?;
                Ok(Plan { schedule: base.schedule, ..plan })
            }
            _ => Ok(plan),
        }
    }
}

/// What a recipe says beside its bug. Runs are whole: a run that ends at its first violation would be faster.
fn words_of(recipe: &Recipe) -> Vec<String> {
    let words = recipe.flags("", "");
    words.into_iter().skip(2).filter(|word| word != "--stop-on-violation").collect()
}
