//! Detection power: known bugs, built into the base, are run by plans that the comparison has run.
//!
//! A bug that such a plan shows would have been caught by the comparison, which runs the same plan of the candidate. So
//! each is run first by the plan that should expose it.

use std::collections::BTreeMap;

use rashomon_compare::{Caught, Observed, Power};

/// How many runs each mutant is given.
const RUNS_MAX: u64 = 3;

/// A pair that was run: its kind of plan and its seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Executed {
    pub(super) kind: usize,
    pub(super) seed: u64,
}

struct Mutant {
    name: String,
    kind: Option<usize>,
    begun: u64,
    finished: u64,
    /// The names it showed: how often, and whether one was certain.
    shown: BTreeMap<String, (u64, bool)>,
    /// It cannot be run: the base's program does not have it, or the run broke.
    broke: bool,
}

/// The known bugs and what they showed.
pub(super) struct PowerRuns(Vec<Mutant>);

impl PowerRuns {
    pub(super) fn new(mutants: &[(String, Option<usize>)]) -> PowerRuns {
        let one = |(name, kind): &(String, Option<usize>)| Mutant {
            name: name.clone(),
            kind: *kind,
            begun: 0,
            finished: 0,
            shown: BTreeMap::new(),
            broke: false,
        };
        PowerRuns(mutants.iter().map(one).collect())
    }

    /// The next run: which mutant, and which pair's plan. `is_known` says what the base showed itself.
    pub(super) fn next(&mut self, executed: &[Executed], is_known: &dyn Fn(&str) -> bool) -> Option<(usize, Executed)> {
        let mut places: Vec<usize> = (0..self.0.len()).collect();
        places.sort_by_key(|&place| self.0[place].begun);
        for place in places {
            let mutant = &mut self.0[place];
            if mutant.begun >= RUNS_MAX || mutant.broke || mutant.begun > mutant.finished || mutant.caught(is_known) {
                continue;
            }
            let fitting = executed.iter().filter(|pair| mutant.kind.is_none_or(|kind| kind == pair.kind));
            let fitting: Vec<Executed> = fitting.copied().collect();
            // A new plan each time, or the last one again.
            if let Some(&pair) = fitting.get(mutant.begun as usize).or(fitting.last()) {
                mutant.begun += 1;
                return Some((place, pair));
            }
        }
        None
    }

    pub(super) fn is_over(&mut self, place: usize, observed: &Observed) {
        let mutant = &mut self.0[place];
        mutant.finished += 1;
        mutant.broke |= !observed.is_usable();
        for finding in &observed.findings {
            let shown = mutant.shown.entry(finding.name.clone()).or_default();
            *shown = (shown.0 + 1, shown.1 || finding.certain);
        }
    }

    /// What was caught; nothing where none was run.
    pub(super) fn summary(&self, is_known: &dyn Fn(&str) -> bool) -> Option<Power> {
        let (run, not_run): (Vec<&Mutant>, Vec<&Mutant>) =
            self.0.iter().partition(|mutant| mutant.finished > 0 && !mutant.broke);
        let mutants: Vec<Caught> = run
            .into_iter()
            .map(|mutant| Caught {
                mutant: mutant.name.clone(),
                caught: mutant.caught(is_known),
                runs: mutant.finished,
                shown_as: mutant.shown.keys().cloned().collect::<Vec<String>>().join(", "),
            })
            .collect();
        let untried = not_run.into_iter().map(|mutant| mutant.name.clone()).collect();
        (!mutants.is_empty()).then_some(Power { mutants, untried })
    }
}

impl Mutant {
    /// It showed something that the base did not, for certain or twice.
    fn caught(&self, is_known: &dyn Fn(&str) -> bool) -> bool {
        self.shown.iter().any(|(name, &(runs, certain))| !is_known(name) && (certain || runs > 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_run_by_the_plan_that_should_expose_it_once_a_pair_has_run_it() {
        let mut power = PowerRuns::new(&[("a".to_owned(), Some(1)), ("b".to_owned(), None)]);
        let unknown = |_: &str| false;
        assert!(power.next(&[], &unknown).is_none());
        let mut executed = vec![Executed { kind: 0, seed: 7 }];
        assert_eq!(power.next(&executed, &unknown).map(|(place, pair)| (place, pair.seed)), Some((1, 7)));
        assert!(power.next(&executed, &unknown).is_none(), "one run of each at a time");
        executed.push(Executed { kind: 1, seed: 8 });
        assert_eq!(power.next(&executed, &unknown).map(|(place, pair)| (place, pair.seed)), Some((0, 8)));
    }
}
