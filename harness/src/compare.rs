//! Two versions of a target in pairs of runs: begins them, some side by side, until everything is decided or time is
//! up.
//!
//! What the pairs prove is judged by `rashomon_compare`, which also says whether a plan should be repeated. Here runs
//! are begun and observed; the order of the two runs of a pair, and of the kinds of plans, is drawn from the seed.

mod observe;
mod power;
mod record;
mod scheduler;

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rashomon_compare::{Design, Judge, Pair, Power, Side};
use rashomon_runs::Plan;

pub(crate) use record::{RUNS, Written, new_folder, write};

use crate::runner::{FinishedRun, Many, RunError};
use scheduler::{Scheduler, Tag};

/// Who runs a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// One of the two versions.
    Version(Side),
    /// The base with the known bug at this place of [`Plans::mutants`].
    Mutant(usize),
}

/// The kinds of plans that a comparison runs.
pub(crate) trait Plans: Sync {
    /// What each kind is called: the words that follow `run`.
    fn kinds(&self) -> &[String];

    /// Known bugs by which the detection power is measured, each with the kind of plan that should expose it, where
    /// that is known.
    fn mutants(&self) -> &[(String, Option<usize>)];

    /// The plan of a kind and a seed. Plans of one kind and seed differ in nothing but who runs them.
    fn draw(&self, kind: usize, seed: u64, who: Who) -> Result<Plan, String>;
}

/// A comparison that is about to begin.
pub(crate) struct Comparison<'a> {
    /// What runs the plans.
    pub(crate) many: Many<'a>,
    /// The plans.
    pub(crate) plans: &'a dyn Plans,
    /// What is decided before.
    pub(crate) design: Design,
    /// No run is begun that would end later than this.
    pub(crate) budget: Duration,
    /// The seed of all choices.
    pub(crate) seed: u64,
    /// Is shown a line for each pair.
    pub(crate) show: &'a (dyn Fn(&str) + Sync),
}

/// What a comparison left.
pub(crate) struct Compared {
    pub(crate) judge: Judge,
    /// What the programs of base and candidate say of their versions.
    pub(crate) versions: [String; 2],
    pub(crate) power: Option<Power>,
    pub(crate) took: Duration,
}

impl Comparison<'_> {
    /// Runs pairs until everything is decided, the budget is used up or the user interrupts it.
    ///
    /// # Errors
    ///
    /// When no run of a plan can be made.
    pub(crate) fn run(&self) -> Result<Compared, RunError> {
        let began = Instant::now();
        let scheduler =
            Scheduler::new(self.plans, Judge::new(self.design.clone()), self.seed, self.many.jobs, began + self.budget);
        let scheduler = Mutex::new(scheduler);
        let mut failed = None;
        let mut versions = [String::new(), String::new()];
        self.many.run(std::iter::from_fn(|| lock(&scheduler).next()), |tag, result| match result {
            Ok(run) => {
                if let Tag::Half { side, .. } = tag {
                    versions[side as usize].clone_from(&run.manifest.target.version);
                }
                self.finished(&mut lock(&scheduler), tag, &run)
            }
            Err(error) => {
                failed.get_or_insert(error);
                ControlFlow::Break(())
            }
        });
        let scheduler = scheduler.into_inner().unwrap_or_else(PoisonError::into_inner);
        match failed {
            Some(error) if scheduler.judge.usable_pairs() == 0 => Err(error),
            _ => {
                let power = scheduler.power();
                Ok(Compared { judge: scheduler.judge, versions, power, took: began.elapsed() })
            }
        }
    }

    fn finished(&self, scheduler: &mut Scheduler<'_>, tag: Tag, run: &FinishedRun) -> ControlFlow<()> {
        let observed = observe::run(run);
        match tag {
            Tag::Half { number, side } => {
                if let Some(pair) = scheduler.half_is_over(number, side, observed, &run.manifest) {
                    (self.show)(&line(&pair, &scheduler.judge));
                }
            }
            Tag::Power { mutant } => {
                let name = &self.plans.mutants()[mutant].0;
                (self.show)(&format!("mutant {name}: {}", shown(&observed)));
                scheduler.mutant_is_over(mutant, &observed);
            }
        }
        ControlFlow::Continue(())
    }
}

fn lock<'a, 'b>(scheduler: &'a Mutex<Scheduler<'b>>) -> MutexGuard<'a, Scheduler<'b>> {
    scheduler.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pair in one line.
fn line(pair: &Pair, judge: &Judge) -> String {
    let repeats = pair.repeats.map_or_else(String::new, |number| format!(" (pair {number} again)"));
    format!(
        "pair {}{repeats}, seed {}: base {}, candidate {}; {} after {} pairs",
        pair.number,
        pair.seed,
        shown(&pair.base),
        shown(&pair.candidate),
        judge.verdict().as_str(),
        judge.usable_pairs()
    )
}

/// What a run showed, in a few words.
fn shown(observed: &rashomon_compare::Observed) -> String {
    let names: Vec<&str> = observed.findings.iter().map(|finding| finding.name.as_str()).collect();
    match (names.is_empty(), observed.is_usable()) {
        (false, _) => names.join(", "),
        (true, true) => observed.verdict.to_string(),
        (true, false) => format!("left out ({})", observed.reason),
    }
}
