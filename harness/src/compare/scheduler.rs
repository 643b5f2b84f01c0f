//! Which run comes next: the other half of a pair, a new pair, the plan of an earlier one again, or a known bug.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rashomon_compare::{Judge, Observed, Pair, Power, Side, Step};
use rashomon_runs::{Manifest, Plan};

use super::power::{Executed, PowerRuns};
use super::{Plans, Who};
use crate::draw::{Draw, Stream};

/// What a run took besides its load before one has been measured, ms.
const OVERHEAD_MS: f64 = 4000.0;

/// How many seeds are tried until one has a plan.
const SEEDS_TRIED: u32 = 100;

/// By which a finished run is known again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tag {
    /// A run of a pair.
    Half {
        /// The pair.
        number: u64,
        /// Whose run.
        side: Side,
    },
    /// A run of a known bug.
    Power {
        /// Its place in [`Plans::mutants`].
        mutant: usize,
    },
}

/// A pair of which a run is under way.
struct Open {
    seed: u64,
    kind: usize,
    repeats: Option<u64>,
    first: Side,
    base: Option<Observed>,
    candidate: Option<Observed>,
}

pub(super) struct Scheduler<'a> {
    plans: &'a dyn Plans,
    pub(super) judge: Judge,
    seed: u64,
    draw: Draw,
    /// The kinds of plans that this round has not run yet.
    round: Vec<usize>,
    /// The other halves of pairs that have begun.
    queue: VecDeque<(Tag, Plan)>,
    open: BTreeMap<u64, Open>,
    /// Kinds and seeds of the pairs that have ended, by number.
    kinds: BTreeMap<u64, Executed>,
    begun: u64,
    /// How many seeds were used.
    seeds: u64,
    executed: Vec<Executed>,
    known_bugs: PowerRuns,
    known_bug_is_next: bool,
    jobs: usize,
    until: Instant,
    /// The most that a run took besides its load, ms.
    overhead_ms: f64,
}

impl<'a> Scheduler<'a> {
    pub(super) fn new(plans: &'a dyn Plans, judge: Judge, seed: u64, jobs: usize, until: Instant) -> Scheduler<'a> {
        Scheduler {
            plans,
            judge,
            seed,
            draw: Draw::new(seed, Stream::Arrivals),
            round: Vec::new(),
            queue: VecDeque::new(),
            open: BTreeMap::new(),
            kinds: BTreeMap::new(),
            begun: 0,
            seeds: 0,
            executed: Vec::new(),
            known_bugs: PowerRuns::new(plans.mutants()),
            known_bug_is_next: false,
            jobs,
            until,
            overhead_ms: 0.0,
        }
    }

    /// The next run; `None` when nothing more is to be begun.
    pub(super) fn next(&mut self) -> Option<(Tag, Plan)> {
        let step = self.judge.next();
        if step == Step::Stop && self.judge.verdict().exit_code() == 1 {
            // Pairs that are under way would change nothing.
            return None;
        }
        if let Some(half) = self.queue.pop_front() {
            return Some(half);
        }
        if step == Step::Stop || (self.known_bug_is_next && step == Step::Fresh) {
            self.known_bug_is_next = false;
            if let Some(run) = self.known_bug() {
                return Some(run);
            }
        }
        match step {
            Step::Stop => None,
            Step::Fresh => self.fresh_pair(),
            Step::Repeat(number) => {
                let &Executed { kind, seed } = self.kinds.get(&number)?;
                self.pair(kind, seed, Some(number))
            }
        }
    }

    /// Begins a pair of a plan that was not run, if there is time for it. Of a seed whose schedule does not fit its
    /// time there is none; the next one is taken.
    fn fresh_pair(&mut self) -> Option<(Tag, Plan)> {
        let kind = self.next_kind();
        for _ in 0..SEEDS_TRIED {
            let seed = self.seed.wrapping_add(self.seeds);
            self.seeds += 1;
            if self.plans.draw(kind, seed, Who::Version(Side::Candidate)).is_ok() {
                return self.pair(kind, seed, None);
            }
        }
        None
    }

    /// Begins a pair, if there is time for it.
    fn pair(&mut self, kind: usize, seed: u64, repeats: Option<u64>) -> Option<(Tag, Plan)> {
        let draw = |side| self.plans.draw(kind, seed, Who::Version(side)).ok();
        let (mut base, mut candidate) = (draw(Side::Base)?, draw(Side::Candidate)?);
        // A plan is repeated to see a violation again, which is judged while the history grows where that is cheap.
        for plan in [&mut base, &mut candidate] {
            plan.spec.stop_on_violation |= repeats.is_some() && !plan.spec.consistency.converges_later();
        }
        let one_after_the_other = if self.jobs > 1 { 1 } else { 2 };
        let enough = self.judge.has_enough_with(self.open.len() as u64);
        if enough || (self.begun > 0 && !self.fits(&base, one_after_the_other)) {
            return None;
        }
        self.begun += 1;
        let number = self.begun;
        let first = if self.draw.chance(0.5) { Side::Base } else { Side::Candidate };
        self.open.insert(number, Open { seed, kind, repeats, first, base: None, candidate: None });
        self.known_bug_is_next = true;
        let half = |side, plan| (Tag::Half { number, side }, plan);
        let (base, candidate) = (half(Side::Base, base), half(Side::Candidate, candidate));
        let (now, later) = if first == Side::Base { (base, candidate) } else { (candidate, base) };
        self.queue.push_back(later);
        Some(now)
    }

    fn known_bug(&mut self) -> Option<(Tag, Plan)> {
        let judge = &self.judge;
        let (mutant, Executed { kind, seed }) = self.known_bugs.next(&self.executed, &|name| judge.base_shows(name))?;
        let plan = self.plans.draw(kind, seed, Who::Mutant(mutant)).ok()?;
        self.fits(&plan, 1).then_some((Tag::Power { mutant }, plan))
    }

    /// So many runs like this, one after the other, end before the budget does.
    fn fits(&self, plan: &Plan, runs: u32) -> bool {
        let overhead = if self.overhead_ms > 0.0 { self.overhead_ms } else { OVERHEAD_MS };
        let run = Duration::from_secs_f64((plan.spec.time_ms as f64 + overhead) / 1000.0);
        Instant::now() + run * runs <= self.until
    }

    /// Every kind of plan once in each round, in an order of its own.
    fn next_kind(&mut self) -> usize {
        if self.round.is_empty() {
            self.round = (0..self.plans.kinds().len()).collect();
            self.draw.shuffle(&mut self.round);
        }
        self.round.pop().unwrap_or(0)
    }

    /// Takes in a run of a pair; the pair, when that was its second.
    pub(super) fn half_is_over(
        &mut self,
        number: u64,
        side: Side,
        observed: Observed,
        manifest: &Manifest,
    ) -> Option<Pair> {
        let timings = &manifest.timings;
        let overhead = timings.first_operation_ms + timings.lab_down_ms + timings.check_ms + timings.load_ms
            - manifest.spec.time_ms as f64;
        self.overhead_ms = self.overhead_ms.max(overhead);
        let open = self.open.get_mut(&number)?;
        match side {
            Side::Base => open.base = Some(observed),
            Side::Candidate => open.candidate = Some(observed),
        }
        if open.base.is_none() || open.candidate.is_none() {
            return None;
        }
        let Open { seed, kind, repeats, first, base, candidate } = self.open.remove(&number)?;
        let plan = self.plans.kinds()[kind].clone();
        let pair = Pair { number, seed, plan, repeats, first, base: base?, candidate: candidate? };
        let executed = Executed { kind, seed };
        self.kinds.insert(number, executed);
        if pair.is_usable() && repeats.is_none() {
            self.executed.push(executed);
        }
        self.judge.count(pair.clone());
        Some(pair)
    }

    /// Takes in a run of a known bug.
    pub(super) fn mutant_is_over(&mut self, mutant: usize, observed: &Observed) {
        self.known_bugs.is_over(mutant, observed);
    }

    /// The detection power, as far as it was measured.
    pub(super) fn power(&self) -> Option<Power> {
        self.known_bugs.summary(&|name| self.judge.base_shows(name))
    }
}
