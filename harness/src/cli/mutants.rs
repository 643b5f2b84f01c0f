//! `rashomon mutants`: proves that known bugs are found, each by its recipe.

mod table;

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use rashomon_runs::{Plan, Store, Verdict};

use super::error::CommandError;
use super::names;
use super::progress::{Terminal, Verbosity};
use super::run::RunArguments;
use super::seeds::Seeds;
use crate::registry::Registry;
use crate::runner::Many;
use crate::target::{MutantInfo, Recipe};
use table::Row;

#[derive(Args)]
pub(crate) struct MutantsArguments {
    /// The target whose known bugs are to be found, or the file that describes it
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

/// Runs `rashomon mutants`: prints a table in Markdown; exit code 0 when every mutant was found often enough.
pub(crate) fn mutants(registry: &Registry, arguments: &MutantsArguments) -> Result<u8, CommandError> {
    let target = names::target(registry, &arguments.target)?;
    let store = Store::open(&arguments.results)?;
    let info = target.info();
    let recipes = chosen(&info.mutants, &arguments.mutants)?;
    let (mut rows, plans) = planned(registry, &arguments.target, recipes, arguments.seeds)?;
    let many = Many {
        runner: &super::runner(registry, &store),
        jobs: usize::from(arguments.jobs),
        listener: &Terminal::new(Verbosity::Quiet),
    };
    many.run(plans.into_iter(), |(place, seed), result| {
        let row: &mut Row = &mut rows[place];
        match result {
            Ok(run) => {
                err!("{} seed {seed}: {}, {}", row.mutant.name, run.verdict.verdict, run.folder.path().display());
                row.count(&run.digest());
            }
            Err(error) => {
                err!("{} seed {seed}: {}", row.mutant.name, CommandError::from(error));
                row.count_unmade();
            }
        }
        ControlFlow::Continue(())
    });
    out!("{}", table::markdown(&rows).trim_end());
    if let Some(path) = &arguments.write {
        let order: Vec<&str> = info.mutants.iter().map(|mutant| mutant.name.as_str()).collect();
        table::write_into(path, &info.name, arguments.seeds, &rows, &order)?;
        err!("written into {}", path.display());
    }
    let missed = rows.iter().filter(|row| row.runs == 0 || (row.found as f64) < arguments.demand * row.runs as f64);
    let missed: Vec<&str> = missed.map(|row| row.mutant.name.as_str()).collect();
    if missed.is_empty() {
        return Ok(0);
    }
    err!("detection rate too low: {}", missed.join(", "));
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

/// A plan with its row's place and its seed.
type TaggedPlan = ((usize, u64), Plan);

/// Every recipe with every seed: a row for each mutant, and the plans, each with its row's place and its seed. A wrong
/// recipe is an error before anything is run.
fn planned(
    registry: &Registry,
    target: &str,
    recipes: Vec<(MutantInfo, Recipe)>,
    seeds: Seeds,
) -> Result<(Vec<Row>, Vec<TaggedPlan>), CommandError> {
    let mut rows = Vec::new();
    let mut plans = Vec::new();
    for (place, (mutant, recipe)) in recipes.into_iter().enumerate() {
        let words = recipe.flags(target, &mutant.name);
        let mut arguments = RunArguments::from_words(&words)?;
        // Linearizability is judged cheaply while the history grows; elsewhere the recipe says whether to.
        let spec = arguments.plan(registry, seeds.first)?.spec;
        if !spec.consistency.converges_later() {
            arguments.stop_on_violation();
        }
        for seed in seeds.iter() {
            plans.push(((place, seed), arguments.plan(registry, seed)?));
        }
        rows.push(Row::new(mutant, recipe));
    }
    Ok((rows, plans))
}
