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

/// The longest load of a recipe, s: many pairs say more than long ones.
const SECONDS_MAX: u32 = 20;

/// How many seeds are tried for a kind of plan before it is called impossible.
const SEEDS_TRIED: u64 = 100;

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
        if run_flags.iter().any(|flag| flag == "--seed" || flag.starts_with("--seed=") || flag.starts_with("--seeds")) {
            let remedy = "use --seed of `compare`: each pair has a seed of its own";
            return Err(CommandError::usage("the flags after `--` choose a seed", remedy));
        }
        let mut kinds: Vec<Vec<String>> = Vec::new();
        let mut mutants = Vec::new();
        if run_flags.is_empty() {
            for mutant in &info.mutants {
                let Some(recipe) = &mutant.recipe else { continue };
                let words = words_of(recipe, recipe.seconds.min(SECONDS_MAX));
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

    /// Keeps the kinds that restart nodes; that none does is wrong usage.
    pub(crate) fn with_restarts(mut self, seed: u64) -> Result<Palette<'a>, CommandError> {
        let fits = |kind: usize| self.any_plan(kind, seed, Side::Candidate).map(drop);
        let kept: Vec<usize> = (0..self.kinds.len()).filter(|&kind| fits(kind).is_ok()).collect();
        if kept.is_empty() {
            fits(0)?;
        }
        let place = |kind: &usize| kept.iter().position(|kept| kept == kind);
        let moved = |(name, kind): (String, Option<usize>)| match kind {
            Some(kind) => place(&kind).map(|kind| (name, Some(kind))),
            None => Some((name, None)),
        };
        self.mutants = self.mutants.into_iter().filter_map(moved).collect();
        self.kinds = kept.iter().map(|&kind| self.kinds[kind].clone()).collect();
        self.labels = kept.iter().map(|&kind| self.labels[kind].clone()).collect();
        Ok(self)
    }

    /// Checks every kind for both versions before anything is run; the classes of faults that occur.
    pub(crate) fn check(&self, seed: u64) -> Result<Vec<String>, CommandError> {
        let target = names::target(self.registry, &self.target)?;
        for side in [Side::Base, Side::Candidate] {
            target.prepare(&self.any_plan(0, seed, side)?.spec.target_config())?;
        }
        let mut classes: Vec<String> = Vec::new();
        for kind in 0..self.kinds.len() {
            for side in [Side::Base, Side::Candidate] {
                let plan = self.any_plan(kind, seed, side)?;
                let of_plan = self.registry.faults().classes_of(&plan.spec.faults);
                classes.extend(of_plan.into_iter().map(|class| class.name.to_owned()));
            }
        }
        classes.sort();
        classes.dedup();
        Ok(classes)
    }

    /// The plan of the first seed from this one on that has one: of some seeds, the schedule does not fit its time.
    fn any_plan(&self, kind: usize, seed: u64, side: Side) -> Result<Plan, CommandError> {
        let planned = |more: u64| self.planned(kind, seed.wrapping_add(more), Who::Version(side));
        planned(0).or_else(|error| (1..SEEDS_TRIED).find_map(|more| planned(more).ok()).ok_or(error))
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

/// What a recipe says beside its bug, but for so many seconds. Runs are whole: a run that ends at its first violation
/// would be faster.
fn words_of(recipe: &Recipe, seconds: u32) -> Vec<String> {
    let words = Recipe { seconds, ..recipe.clone() }.flags("", "");
    words.into_iter().skip(2).filter(|word| word != "--stop-on-violation").collect()
}
