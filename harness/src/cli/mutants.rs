//! `rashomon mutants`: proves that known bugs are found, each by its recipe.

use std::path::PathBuf;

use clap::Args;
use rashomon_report::record::Verdict;

use super::error::CommandError;
use super::names;
use super::run::RunArguments;
use super::seeds::Seeds;
use crate::outside::{self, Done};
use crate::registry::Registry;
use crate::store::Store;
use crate::target::{MutantInfo, Recipe, Target};

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
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// What the runs of one mutant came to.
struct Row {
    mutant: MutantInfo,
    flags: String,
    runs: usize,
    found: usize,
    /// When the first contradiction was complete, seconds into the run, for each run that found one.
    after_s: Vec<f64>,
    /// How its first anomaly was named.
    shown_as: Option<String>,
}

/// Carries out `rashomon mutants`: prints a table in Markdown; exit code 0 when every mutant was found often enough.
pub(crate) fn mutants(registry: &Registry, arguments: &MutantsArguments) -> Result<u8, CommandError> {
    let target = registry
        .find_target(&arguments.target)
        .ok_or_else(|| names::unknown("target", &arguments.target, registry.targets().map(|target| target.name())))?;
    let store = Store::open(&arguments.results)?;
    let mut rows = Vec::new();
    for (mutant, recipe) in chosen(&**target, &arguments.mutants)? {
        let (row, interrupted) = run_recipe(registry, &store, &**target, mutant, recipe, arguments.seeds)?;
        rows.push(row);
        if interrupted {
            break;
        }
    }
    println!("| mutant | bug | found by | found in | median time to detection | shown as |");
    println!("|---|---|---|---|---|---|");
    for row in &rows {
        println!("{}", row.markdown());
    }
    let missed = rows.iter().filter(|row| (row.found as f64) < arguments.demand * row.runs as f64);
    let missed: Vec<&str> = missed.map(|row| row.mutant.name).collect();
    if missed.is_empty() {
        return Ok(0);
    }
    eprintln!("found too seldom: {}", missed.join(", "));
    Ok(Verdict::Inconclusive.exit_code())
}

/// The mutants to be run, each with its recipe.
fn chosen(target: &dyn Target, names_given: &[String]) -> Result<Vec<(MutantInfo, Recipe)>, CommandError> {
    let all = target.mutants();
    if names_given.is_empty() {
        let with_recipe = all.into_iter().filter_map(|mutant| mutant.recipe.map(|recipe| (mutant, recipe)));
        return Ok(with_recipe.collect());
    }
    let mut chosen = Vec::new();
    for name in names_given {
        let mutant = all
            .iter()
            .find(|mutant| mutant.name == name)
            .ok_or_else(|| names::unknown("mutant", name, all.iter().map(|mutant| mutant.name)))?;
        let recipe = mutant.recipe.ok_or_else(|| {
            let remedy = "run it with faults of your own: `rashomon run --mutant`";
            CommandError::usage(format!("no recipe exposes `{name}` yet"), remedy)
        })?;
        chosen.push((mutant.clone(), recipe));
    }
    Ok(chosen)
}

/// Runs a recipe with every seed; true when the user has put an end to it.
fn run_recipe(
    registry: &Registry,
    store: &Store,
    target: &dyn Target,
    mutant: MutantInfo,
    recipe: Recipe,
    seeds: Seeds,
) -> Result<(Row, bool), CommandError> {
    let flags = recipe.flags(target.name(), mutant.name);
    let words: Vec<String> = flags.iter().cloned().chain(["--stop-on-violation".to_owned()]).collect();
    let arguments = RunArguments::from_words(&words)?;
    let mut row = Row { mutant, flags: flags.join(" "), runs: 0, found: 0, after_s: Vec::new(), shown_as: None };
    for seed in seeds.iter() {
        let done = outside::carry_out(registry, store, &arguments.plan(registry, seed)?)?;
        eprintln!("{} seed {seed}: {}", row.mutant.name, done.verdict.verdict);
        row.count(&done);
        if done.manifest.evidence.as_ref().is_some_and(|evidence| evidence.interrupted) {
            return Ok((row, true));
        }
    }
    Ok((row, false))
}

impl Row {
    fn count(&mut self, done: &Done) {
        self.runs += 1;
        if done.verdict.verdict != Verdict::Violation {
            return;
        }
        self.found += 1;
        let anomalies = || done.verdict.judgements.iter().flat_map(|judgement| &judgement.anomalies);
        let first = anomalies().min_by_key(|anomaly| anomaly.window.1);
        if let Some(first) = first {
            self.after_s.push(first.window.1 as f64 / 1e9);
            self.shown_as.get_or_insert_with(|| first.name.clone());
        }
    }

    fn markdown(&self) -> String {
        let mut after = self.after_s.clone();
        after.sort_by(f64::total_cmp);
        let median = after.get(after.len() / 2).map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1} s"));
        let MutantInfo { name, id, summary, .. } = &self.mutant;
        let shown = self.shown_as.as_deref().unwrap_or("–");
        format!(
            "| `{name}` | {id}: {summary} | `{}` | {} of {} | {median} | {shown} |",
            self.flags, self.found, self.runs
        )
    }
}
