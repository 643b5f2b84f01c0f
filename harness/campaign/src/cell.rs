//! What a campaign runs again and again with other seeds: one combination of target, workload, faults, size and
//! settings.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::spec::{Entry, Expect, Position, Spec, SpecError};

/// A combination.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// What it is called in records and on pages; unique within a campaign.
    pub name: String,
    /// The target.
    pub target: String,
    /// The workload.
    pub workload: String,
    /// The faults, as `--faults` takes them.
    pub faults: String,
    /// How many nodes.
    pub nodes: u16,
    /// Settings of the target.
    pub settings: BTreeMap<String, String>,
    /// The words that follow `run`; the seed is added.
    pub words: Vec<String>,
    /// How often it occurs in a round.
    pub weight: u32,
    /// What is expected.
    pub expect: Expect,
    /// Where its entry is in the file.
    pub at: Position,
    /// Where its workload is named; its entry where none is.
    pub workload_at: Position,
    /// Where its faults are named; its entry where none are.
    pub faults_at: Position,
}

/// A mutant that must be found.
#[derive(Clone, Debug, PartialEq)]
pub struct CanaryCell {
    /// The target.
    pub target: String,
    /// The mutant.
    pub mutant: String,
    /// The words that follow `run`; the seed is added.
    pub words: Vec<String>,
    /// How often it is run.
    pub runs: u32,
    /// In how many of its runs it must be found at least.
    pub found_min: u32,
    /// Where its entry is in the file.
    pub at: Position,
}

impl CanaryCell {
    /// What it is called in records and on pages.
    pub fn name(&self) -> String {
        format!("{} {}", self.target, self.mutant)
    }
}

/// What is known of a target by whoever has the targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its own workload.
    pub workload: String,
    /// How many nodes it has when the user does not say.
    pub nodes: u16,
    /// The words that follow `run` to find each mutant, of those that can be found.
    pub recipes: BTreeMap<String, Vec<String>>,
}

/// Who knows targets: what is known of one by its name, or what is wrong with the name (what, hint).
pub type Targets<'a> = dyn Fn(&str) -> Result<Known, (String, String)> + 'a;

/// The combinations of a specification, in its order.
///
/// # Errors
///
/// When a target is unknown, or a combination occurs twice.
pub fn cells(text: &str, spec: &Spec, targets: &Targets<'_>) -> Result<Vec<Cell>, SpecError> {
    let mut cells = Vec::new();
    let mut names = BTreeSet::new();
    for entry in &spec.runs {
        let at = Position::of(text, entry.target.span().start);
        let known = targets(entry.target.get_ref()).map_err(|(what, hint)| SpecError { at, what, hint })?;
        for cell in of_entry(text, entry, &known) {
            if !names.insert(cell.name.clone()) {
                let what = format!("`{}` occurs twice", cell.name);
                return Err(SpecError { at: cell.at, what, hint: "set its `weight` instead".to_owned() });
            }
            cells.push(cell);
        }
    }
    Ok(cells)
}

/// The canaries of a specification, in its order.
///
/// # Errors
///
/// When a target or a mutant is unknown.
pub fn canaries(text: &str, spec: &Spec, targets: &Targets<'_>) -> Result<Vec<CanaryCell>, SpecError> {
    let one = |canary: &crate::spec::Canary| {
        let at = Position::of(text, canary.target.span().start);
        let (target, mutant) = (canary.target.get_ref(), canary.mutant.get_ref());
        let known = targets(target).map_err(|(what, hint)| SpecError { at, what, hint })?;
        let at = Position::of(text, canary.mutant.span().start);
        let words = if canary.flags.is_empty() {
            known.recipes.get(mutant).cloned().ok_or_else(|| {
                let there: Vec<&str> = known.recipes.keys().map(String::as_str).collect();
                let what = format!("`{target}` has no mutant `{mutant}` with a recipe");
                SpecError { at, what, hint: nearest(mutant, &there) }
            })?
        } else {
            let own = [target.clone(), format!("--mutant={mutant}")];
            own.into_iter().chain(canary.flags.iter().cloned()).collect()
        };
        let found_min = ((f64::from(canary.runs) * canary.at_least).ceil() as u32).max(1);
        Ok(CanaryCell { target: target.clone(), mutant: mutant.clone(), words, runs: canary.runs, found_min, at })
    };
    spec.canaries.iter().map(one).collect()
}

fn nearest(name: &str, known: &[&str]) -> String {
    match known.iter().min_by_key(|candidate| strsim::damerau_levenshtein(name, candidate)) {
        Some(near) if strsim::damerau_levenshtein(name, near) <= 1 + name.len() / 3 => {
            format!("did you mean `{near}`?")
        }
        Some(_) => format!("there are: {}", known.join(", ")),
        None => "give `flags` that find it".to_owned(),
    }
}

/// An axis of the product: what is listed, or one thing when nothing is.
fn axis<T: Clone>(listed: &[T], otherwise: T) -> Vec<T> {
    if listed.is_empty() { vec![otherwise] } else { listed.to_vec() }
}

fn of_entry(text: &str, entry: &Entry, known: &Known) -> Vec<Cell> {
    let place = |spanned: &toml::Spanned<String>| (spanned.get_ref().clone(), Position::of(text, spanned.span().start));
    let target = place(&entry.target);
    let workloads: Vec<_> = entry.workloads.iter().map(place).collect();
    let faults: Vec<_> = entry.faults.iter().map(place).collect();
    let text_of = |table: &BTreeMap<String, crate::spec::Scalar>| -> BTreeMap<String, String> {
        table.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    };
    let settings: Vec<_> = entry.settings.iter().map(text_of).collect();
    let options = text_of(&entry.options);
    let mut cells = Vec::new();
    for (workload, workload_at) in axis(&workloads, (known.workload.clone(), target.1)) {
        for (faults, faults_at) in axis(&faults, ("partition,kill".to_owned(), target.1)) {
            for nodes in axis(&entry.nodes, known.nodes) {
                for settings in axis(&settings, BTreeMap::new()) {
                    let mut cell = Cell {
                        name: format!("{} {workload} {faults} {nodes} nodes", target.0),
                        target: target.0.clone(),
                        workload: workload.clone(),
                        faults: faults.clone(),
                        nodes,
                        settings,
                        words: Vec::new(),
                        weight: entry.weight,
                        expect: entry.expect,
                        at: target.1,
                        workload_at,
                        faults_at,
                    };
                    complete(&mut cell, entry, &options);
                    cells.push(cell);
                }
            }
        }
    }
    cells
}

/// Adds the words, and to the name what distinguishes the entry from others of the same target.
fn complete(cell: &mut Cell, entry: &Entry, options: &BTreeMap<String, String>) {
    cell.words = vec![
        cell.target.clone(),
        format!("--workload={}", cell.workload),
        format!("--faults={}", cell.faults),
        format!("--nodes={}", cell.nodes),
    ];
    let mut more = Vec::new();
    more.extend(cell.settings.iter().map(|(name, value)| format!("--set={name}={value}")));
    more.extend(options.iter().map(|(name, value)| format!("--option={name}={value}")));
    more.extend(entry.clients.map(|clients| format!("--clients={clients}")));
    more.extend(entry.rate.map(|rate| format!("--rate={rate}")));
    more.extend(entry.flags.iter().cloned());
    for word in &more {
        cell.name.push(' ');
        cell.name.push_str(word.trim_start_matches("--set=").trim_start_matches("--option="));
    }
    cell.words.extend(entry.time.map(|time| format!("--time={time}")));
    cell.words.extend(more);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A stand-in for the targets of a program.
    pub(crate) fn targets(name: &str) -> Result<Known, (String, String)> {
        let recipes = [("stale-read".to_owned(), vec![name.to_owned(), "--mutant=stale-read".to_owned()])];
        match name {
            "raft-kv" | "crdt" => {
                Ok(Known { workload: "register".to_owned(), nodes: 5, recipes: BTreeMap::from(recipes) })
            }
            _ => Err((format!("there is no target `{name}`"), "did you mean `raft-kv`?".to_owned())),
        }
    }

    const TEXT: &str = "name = \"a\"\nbudget.runs = 5\n[[run]]\ntarget = \"raft-kv\"\nworkloads = [\"register\", \"set\"]\n\
                        faults = [\"kill\", \"none\"]\nnodes = [3, 5]\nsettings = [{}, {timeout-ms = 200}]\ntime = \"20s\"\n";

    #[test]
    fn an_entry_is_the_product_of_its_lists() {
        let spec = Spec::parse(TEXT).unwrap();
        let cells = cells(TEXT, &spec, &targets).unwrap();
        assert_eq!(cells.len(), 16);
        assert_eq!(cells[0].name, "raft-kv register kill 3 nodes");
        assert_eq!(cells[1].name, "raft-kv register kill 3 nodes timeout-ms=200");
        let words =
            ["raft-kv", "--workload=register", "--faults=kill", "--nodes=3", "--time=20s", "--set=timeout-ms=200"];
        assert_eq!(cells[1].words, words);
        let names: BTreeSet<&String> = cells.iter().map(|cell| &cell.name).collect();
        assert_eq!(names.len(), 16);
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let error = |text: &str| cells(text, &Spec::parse(text).unwrap(), &targets).unwrap_err().to_string();
        assert_eq!(
            error(&TEXT.replace("raft-kv", "raft-vk")),
            "4:10: there is no target `raft-vk`: did you mean `raft-kv`?"
        );
        let twice = format!("{TEXT}[[run]]\ntarget = \"raft-kv\"\nfaults = [\"kill\"]\n");
        assert!(error(&twice).starts_with("11:10: `raft-kv register kill 5 nodes` occurs twice"), "{}", error(&twice));
    }

    #[test]
    fn a_canary_has_its_recipe_or_flags_of_its_own() {
        let text =
            "name = \"a\"\n[[canary]]\ntarget = \"raft-kv\"\nmutant = \"stale-read\"\nruns = 5\nat-least = 0.5\n";
        let spec = Spec::parse(text).unwrap();
        let found = canaries(text, &spec, &targets).unwrap();
        assert_eq!((found[0].found_min, found[0].words.len()), (3, 2));
        let wrong = text.replace("\"stale-read", "\"stale-raed");
        let error = canaries(&wrong, &Spec::parse(&wrong).unwrap(), &targets).unwrap_err().to_string();
        assert!(error.starts_with("4:10: ") && error.ends_with("did you mean `stale-read`?"), "{error}");
        let own = wrong + "flags = [\"--faults=none\"]\n";
        let found = canaries(&own, &Spec::parse(&own).unwrap(), &targets).unwrap();
        assert_eq!(found[0].words, ["raft-kv", "--mutant=stale-raed", "--faults=none"]);
    }
}
