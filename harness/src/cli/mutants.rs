//! `rashomon mutants`: proves that known bugs are found, each by its recipe.

mod table;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use clap::Args;
use rashomon_runs::{Store, Verdict};

use super::error::CommandError;
use super::names;
use super::run::RunArguments;
use super::seeds::Seeds;
use crate::outside::{self, Done, Voice};
use crate::registry::Registry;
use crate::target::{MutantInfo, Recipe};
use table::Row;

#[derive(Args)]
pub(crate) struct MutantsArguments {
    /// The target whose known bugs are to be found
    target: String,
    /// Only these mutants; all that have a recipe when none is given
    mutants: Vec<String>,
    /// The seeds each recipe is run with (both ends included)
    #[arg(long, value_name = "FIRST..LAST", default_value = "1..10")]
    seeds: Seeds,
    /// The share of its runs in which each mutant must be found
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    demand: f64,
    /// How many runs go on at once
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=32))]
    jobs: u16,
    /// Writes the table into this Markdown file as well, between the lines that mark the target's table
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Carries out `rashomon mutants`: prints a table in Markdown; exit code 0 when every mutant was found often enough.
pub(crate) fn mutants(registry: &Registry, arguments: &MutantsArguments) -> Result<u8, CommandError> {
    let target = registry
        .find_target(&arguments.target)
        .ok_or_else(|| names::unknown("target", &arguments.target, registry.target_names()))?;
    let store = Store::open(&arguments.results)?;
    let info = target.info();
    let recipes = chosen(&info.mutants, &arguments.mutants)?;
    let campaign = Campaign::new(registry, &store, &info.name, recipes, arguments.seeds)?;
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs {
            scope.spawn(|| campaign.work());
        }
    });
    let rows = campaign.finish();
    print!("{}", table::markdown(&rows));
    if let Some(path) = &arguments.write {
        let order: Vec<&str> = info.mutants.iter().map(|mutant| mutant.name.as_str()).collect();
        table::write_into(path, &info.name, arguments.seeds, &rows, &order)?;
        tell!("written into {}", path.display());
    }
    let missed = rows.iter().filter(|row| row.runs == 0 || (row.found as f64) < arguments.demand * row.runs as f64);
    let missed: Vec<&str> = missed.map(|row| row.mutant.name.as_str()).collect();
    if missed.is_empty() {
        return Ok(0);
    }
    tell!("found too seldom: {}", missed.join(", "));
    Ok(Verdict::Inconclusive.exit_code())
}

/// The mutants to be run, each with its recipe.
fn chosen(all: &[MutantInfo], names_given: &[String]) -> Result<Vec<(MutantInfo, Recipe)>, CommandError> {
    if names_given.is_empty() {
        let with_recipe = all.iter().filter_map(|mutant| Some((mutant.clone(), mutant.recipe.clone()?)));
        return Ok(with_recipe.collect());
    }
    let mut chosen = Vec::new();
    for name in names_given {
        let mutant = all
            .iter()
            .find(|mutant| mutant.name == *name)
            .ok_or_else(|| names::unknown("mutant", name, all.iter().map(|mutant| mutant.name.as_str())))?;
        let recipe = mutant.recipe.clone().ok_or_else(|| {
            let remedy = "run it with faults of your own: `rashomon run --mutant`";
            CommandError::usage(format!("no recipe exposes `{name}` yet"), remedy)
        })?;
        chosen.push((mutant.clone(), recipe));
    }
    Ok(chosen)
}

/// Every recipe with every seed, some of them at once.
struct Campaign<'a> {
    registry: &'a Registry,
    store: &'a Store,
    recipes: Vec<RunArguments>,
    /// What is left to do: a recipe's place and a seed.
    left: Mutex<VecDeque<(usize, u64)>>,
    rows: Mutex<Vec<Row>>,
    /// The user has put an end to it.
    interrupted: AtomicBool,
}

impl<'a> Campaign<'a> {
    /// A campaign whose recipes have all been read: a wrong one is an error before anything is run.
    fn new(
        registry: &'a Registry,
        store: &'a Store,
        target: &str,
        recipes: Vec<(MutantInfo, Recipe)>,
        seeds: Seeds,
    ) -> Result<Campaign<'a>, CommandError> {
        let mut rows = Vec::new();
        let mut parsed = Vec::new();
        let mut left = VecDeque::new();
        for (place, (mutant, recipe)) in recipes.into_iter().enumerate() {
            let words = recipe.flags(target, &mutant.name);
            let mut arguments = RunArguments::from_words(&words)?;
            // Linearizability is judged cheaply while the history grows; elsewhere the recipe says whether to.
            let spec = arguments.plan(registry, seeds.first)?.spec;
            if !spec.consistency.converges_later() {
                arguments.stop_on_violation();
            }
            parsed.push(arguments);
            rows.push(Row::new(mutant, recipe));
            left.extend(seeds.iter().map(|seed| (place, seed)));
        }
        Ok(Campaign {
            registry,
            store,
            recipes: parsed,
            left: Mutex::new(left),
            rows: Mutex::new(rows),
            interrupted: AtomicBool::new(false),
        })
    }

    /// Carries out one run after the other until none is left. A run that could not be made is counted as such.
    fn work(&self) {
        while !self.interrupted.load(Ordering::Acquire) {
            let Some((place, seed)) = lock(&self.left).pop_front() else { return };
            let done = self.carry_out(place, seed);
            let row = &mut lock(&self.rows)[place];
            match done {
                Ok(done) => {
                    tell!(
                        "{} seed {seed}: {}, {}",
                        row.mutant.name,
                        done.verdict.verdict,
                        done.folder.path().display()
                    );
                    row.count(&done);
                    if done.manifest.evidence.as_ref().is_some_and(|evidence| evidence.interrupted) {
                        self.interrupted.store(true, Ordering::Release);
                    }
                }
                Err(error) => {
                    tell!("{} seed {seed}: {error}", row.mutant.name);
                    row.runs += 1;
                }
            }
        }
    }

    fn carry_out(&self, place: usize, seed: u64) -> Result<Done, CommandError> {
        let plan = self.recipes[place].plan(self.registry, seed)?;
        outside::carry_out(self.registry, self.store, &plan, Voice::Quiet)
    }

    fn finish(self) -> Vec<Row> {
        self.rows.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
