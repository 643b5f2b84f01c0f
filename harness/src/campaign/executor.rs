//! Makes the runs of a campaign that are still to be made, as many side by side as there are jobs.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::Scope;
use std::time::{Duration, Instant};

use rashomon_campaign::plan::Plan;
use rashomon_campaign::summary::{self, Inputs};
use rashomon_campaign::{End, Role, RunRecord, Spec, Summary};
use rashomon_statistics::median;

use super::child::{Job, Made, Maker, Stop};
use super::event::Progress;
use super::program::Programs;
use super::{CampaignError, CampaignEvent, CampaignFolder, CampaignListener, Journal, machine};
use crate::lab::Interrupts;

/// How often the campaign looks at signals and at its time.
const TICK: Duration = Duration::from_millis(200);
/// How often it keeps how long it was worked on.
const KEEP_EVERY: Duration = Duration::from_secs(5);

/// Says whether a run can be planned: its words and its seed.
pub type Planner<'a> = dyn Fn(&[String], u64) -> bool + 'a;

/// Makes the runs of a campaign.
pub struct Executor<'a> {
    /// Where the campaign keeps its files.
    pub folder: &'a CampaignFolder,
    /// Its specification.
    pub spec: &'a Spec,
    /// Its plan.
    pub plan: &'a Plan,
    /// Earlier campaigns of its name, the latest last.
    pub earlier: &'a [Summary],
    /// What its specification leaves out, in plain words.
    pub not_covered: &'a [String],
    /// How the user calls this program.
    pub program: &'a str,
    /// Says whether a run can be planned.
    pub planner: &'a Planner<'a>,
    /// How many runs go on at once.
    pub jobs: usize,
    /// Who is told what happens.
    pub listener: &'a dyn CampaignListener,
}

/// What a campaign is doing just now.
struct State<'a> {
    journal: &'a mut Journal,
    running: BTreeSet<String>,
    next_place: u64,
    began: Instant,
    active_before_s: f64,
    end: Option<End>,
    stop: &'a Stop,
}

/// A run that has ended.
type Ended = (Job, Result<Made, CampaignError>);

impl Executor<'_> {
    /// Makes the runs that have no record yet, until there are none, the budget is spent, or something stops it. Runs
    /// that a killed campaign left without a record are removed first.
    ///
    /// # Errors
    ///
    /// When the campaign's own files cannot be used. What the disk has then is whole: the campaign can be continued.
    pub fn run(&self, journal: &mut Journal) -> Result<End, CampaignError> {
        self.folder.remove_unrecorded(journal.records())?;
        let (stop, programs) = (Stop::default(), Programs::default());
        let maker = Maker {
            folder: self.folder,
            program: self.program,
            limits: &self.spec.limits,
            programs: &programs,
            stop: &stop,
        };
        let mut state = State {
            journal,
            running: BTreeSet::new(),
            next_place: u64::from(self.plan.header().shard.index - 1),
            began: Instant::now(),
            active_before_s: self.folder.active_s(),
            end: None,
            stop: &stop,
        };
        self.listener.event(&CampaignEvent::CampaignStarted {
            folder: self.folder.path().to_owned(),
            planned: self.plan.len_of_shard(),
            done: self.done(state.journal.records()),
            jobs: self.jobs,
        });
        std::thread::scope(|scope| self.make_runs(scope, &maker, &mut state))
    }

    fn make_runs<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        maker: &'scope Maker<'scope>,
        state: &mut State<'_>,
    ) -> Result<End, CampaignError> {
        let (results, arrived) = mpsc::channel::<Ended>();
        let mut failure = None;
        let mut kept = Instant::now();
        loop {
            self.look_around(state);
            while state.end.is_none() && state.running.len() < self.jobs {
                let Some(job) = self.next(state) else { break };
                self.begin(scope, maker, state, job, results.clone());
            }
            if state.running.is_empty() {
                break;
            }
            match arrived.recv_timeout(TICK) {
                Ok((job, made)) => {
                    state.running.remove(&job.id);
                    if let Err(error) = self.ended(state, made) {
                        state.end.get_or_insert(End::Stopped { why: error.to_string() });
                        state.stop.gently();
                        failure.get_or_insert(error);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            if kept.elapsed() >= KEEP_EVERY {
                kept = Instant::now();
                self.folder.write_active_s(self.active_s(state));
            }
        }
        self.folder.write_active_s(self.active_s(state));
        failure.map_or_else(|| Ok(state.end.take().unwrap_or(End::Complete)), Err)
    }

    /// Signals, the time, the disk: what ends a campaign from outside of its runs.
    fn look_around(&self, state: &mut State<'_>) {
        if Interrupts::caught().is_some() {
            state.end = Some(End::Unfinished);
            state.stop.gently();
            if Interrupts::insisted().is_some() {
                state.stop.at_once();
            }
        }
        if state.end.is_some() {
            return;
        }
        let free = machine::free_bytes(self.folder.path());
        let least = self.spec.limits.disk_free;
        if free.is_some_and(|free| free < least.bytes()) {
            state.end = Some(disk_full(least.to_string()));
            return;
        }
        if let Some(time) = self.spec.budget.time
            && self.active_s(state) >= time.duration().as_secs_f64()
        {
            state.end = Some(End::TimeUp);
        }
    }

    fn active_s(&self, state: &State<'_>) -> f64 {
        state.active_before_s + state.began.elapsed().as_secs_f64()
    }

    /// The next run: repetitions of what was found before anything new.
    fn next(&self, state: &mut State<'_>) -> Option<Job> {
        let again = self.next_repetition(state);
        if again.is_some() {
            return again;
        }
        if self.spec.budget.until_first_violation && self.has_finding(state.journal.records()) {
            // What goes on may still find something whose repetitions follow.
            state.end = state.running.is_empty().then_some(End::FirstViolation);
            return None;
        }
        loop {
            let planned = self.plan.get(state.next_place)?;
            state.next_place += u64::from(self.plan.header().shard.count);
            if state.journal.has(&planned.id) {
                continue;
            }
            let can = planned.seeds.iter().copied().find(|&seed| (self.planner)(&planned.words, seed));
            return Some(Job {
                id: planned.id,
                role: planned.role,
                repeats: None,
                cell: planned.cell,
                words: planned.words,
                seed: can.unwrap_or(planned.seeds[0]),
            });
        }
    }

    fn next_repetition(&self, state: &State<'_>) -> Option<Job> {
        let inputs = self.inputs(state.journal.records(), End::Unfinished);
        for (record, numbers) in summary::needs_repetition(&inputs, self.spec.repeat) {
            let ids = numbers.iter().map(|number| format!("{}.r{number}", record.id));
            let Some(id) = ids.into_iter().find(|id| !state.running.contains(id)) else { continue };
            let Some(cell) = self.plan.cells().iter().find(|cell| cell.name == record.cell) else { continue };
            return Some(Job {
                id,
                role: Role::Repetition,
                repeats: Some(record.id.clone()),
                cell: record.cell.clone(),
                words: cell.words.clone(),
                seed: record.seed,
            });
        }
        None
    }

    fn has_finding(&self, records: &[RunRecord]) -> bool {
        Summary::of(&self.inputs(records, End::Unfinished)).open_findings().next().is_some()
    }

    fn begin<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        maker: &'scope Maker<'scope>,
        state: &mut State<'_>,
        job: Job,
        results: mpsc::Sender<Ended>,
    ) {
        self.listener.event(&CampaignEvent::CampaignRunStarted {
            id: job.id.clone(),
            role: job.role,
            cell: job.cell.clone(),
            seed: job.seed,
        });
        state.running.insert(job.id.clone());
        scope.spawn(move || {
            let made = maker.make(&job);
            let _ = results.send((job, made));
        });
    }

    fn ended(&self, state: &mut State<'_>, made: Result<Made, CampaignError>) -> Result<(), CampaignError> {
        match made? {
            Made::Interrupted => {}
            Made::DiskFull => {
                state.end.get_or_insert(disk_full(self.spec.limits.disk_free.to_string()));
            }
            Made::Run(record) => {
                state.journal.append((*record).clone())?;
                let progress = self.progress(state);
                self.listener.event(&CampaignEvent::CampaignRunFinished { record, progress });
            }
        }
        Ok(())
    }

    /// Planned runs that were made.
    fn done(&self, records: &[RunRecord]) -> u64 {
        records.iter().filter(|record| record.role != Role::Repetition).count() as u64
    }

    /// How far it is: what remains takes as long for each run as the runs so far, and no longer than the time allows.
    fn progress(&self, state: &State<'_>) -> Progress {
        let records = state.journal.records();
        let (done, planned) = (self.done(records), self.plan.len_of_shard());
        let walls: Vec<f64> = records.iter().rev().take(50).map(|record| record.wall_s).collect();
        let each_s = median(&walls);
        let by_runs = planned.zip(each_s).map(|(planned, each_s)| {
            let turns = planned.saturating_sub(done).div_ceil(self.jobs as u64);
            turns as f64 * each_s
        });
        let by_time = self.spec.budget.time.map(|time| {
            let left = (time.duration().as_secs_f64() - self.active_s(state)).max(0.0);
            // Runs that have begun are finished.
            left + each_s.unwrap_or(0.0) / 2.0
        });
        let left_s = by_runs.into_iter().chain(by_time).reduce(f64::min);
        Progress { done, planned, left_s }
    }

    /// What the campaign comes to.
    pub fn summary(&self, records: &[RunRecord], end: End) -> Summary {
        Summary::of(&self.inputs(records, end))
    }

    fn inputs<'b>(&'b self, records: &'b [RunRecord], end: End) -> Inputs<'b> {
        Inputs {
            header: self.plan.header(),
            cells: self.plan.cells(),
            canaries: self.plan.canaries(),
            mutes: &self.spec.mutes,
            noise: self.spec.limits.noise,
            planned: self.plan.len_of_shard(),
            records,
            earlier: self.earlier,
            end,
            not_covered: self.not_covered,
        }
    }
}

fn disk_full(least: String) -> End {
    let why = format!(
        "less than {least} is free on the disk of the results ([limits] disk-free): free some space, as with `runs \
         gc`; the same command then continues"
    );
    End::Stopped { why }
}
