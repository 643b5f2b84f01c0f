//! The nemesis: injects a schedule in time, records what became of each fault, and heals it.
//!
//! Everything is done in one task in the order of the plan; only waiting for a restarted node happens beside it, so
//! that a node that is slow to come up does not hold up the others' faults. When the plan is over and a class of faults
//! has shown no effect yet, it gets further attempts while time is left. Whatever ends the run, every active fault is
//! healed before the final reads.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rashomon_faults::{
    ActionError, FaultCatalogue, Healed, Injected, NotInjected, Pending, Retries, Retry, Step, steps,
};
use rashomon_runs::{FaultOutcome, FaultRecord};
use rashomon_spec::fault_kind::FaultClass;
use rashomon_spec::schedule::{FaultId, PlannedFault, Schedule};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::faults::FaultLog;
use crate::faults::environment::LabEnvironment;
use crate::lab::LabError;
use crate::recorder::Recorder;
use crate::target::TargetTiming;

/// The active faults in plain words, for people who watch.
pub type ActiveFaults = Arc<Mutex<BTreeMap<u32, String>>>;

/// Why the nemesis could not continue.
#[derive(Debug, thiserror::Error)]
pub enum NemesisError {
    /// The lab did not do what it was asked for.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A fault failed for a reason of its own.
    #[error("a fault could not be injected or healed: {0}")]
    Fault(Box<dyn std::error::Error + Send + Sync>),
    /// The file of faults could not be written.
    #[error("faults.jsonl cannot be written: {0}")]
    Log(#[from] io::Error),
}

impl From<ActionError> for NemesisError {
    fn from(error: ActionError) -> NemesisError {
        match error {
            ActionError::Unsupported(reason) => NemesisError::Fault(reason.into()),
            ActionError::Failed(error) => match error.downcast::<LabError>() {
                Ok(error) => NemesisError::Lab(*error),
                Err(error) => NemesisError::Fault(error),
            },
        }
    }
}

/// Injects the schedule of one run.
pub struct Nemesis<'a> {
    faults: rashomon_faults::Nemesis<'a>,
    catalogue: &'a FaultCatalogue,
    recorder: &'a Recorder,
    timing: TargetTiming,
    log: FaultLog,
    active: ActiveFaults,
    /// What is waited for until a fault is over, with its identity.
    waits: FuturesUnordered<Pending<'a, (FaultId, String)>>,
    /// The faults that are over when so much has been waited for.
    ending: BTreeMap<FaultId, (FaultRecord, usize)>,
}

/// The part of a plan that a nemesis injects, and until when.
pub struct Assignment<'s> {
    /// The plan.
    pub schedule: &'s Schedule,
    /// When its time 0 is.
    pub start: Instant,
    /// How long the load lasts, milliseconds: no fault is added after it.
    pub time_ms: u64,
}

impl<'a> Nemesis<'a> {
    /// A nemesis that has not done anything yet.
    pub fn new(
        catalogue: &'a FaultCatalogue,
        env: &'a LabEnvironment<'a>,
        recorder: &'a Recorder,
        log: FaultLog,
        active: ActiveFaults,
        timing: TargetTiming,
    ) -> Nemesis<'a> {
        Nemesis {
            faults: rashomon_faults::Nemesis::new(catalogue, env, timing),
            catalogue,
            recorder,
            timing,
            log,
            active,
            waits: FuturesUnordered::new(),
            ending: BTreeMap::new(),
        }
    }

    /// Injects a plan until it is over or `stop` turns true; then heals everything.
    pub async fn run(
        &mut self,
        assignment: &Assignment<'_>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        let followed = self.follow(assignment, &mut stop).await;
        let healed = self.heal_all().await;
        followed.and(healed)
    }

    async fn follow(
        &mut self,
        assignment: &Assignment<'_>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        for (at_ms, step) in steps(assignment.schedule) {
            if !self.wait_until(assignment.start, at_ms, stop).await? {
                return Ok(());
            }
            match step {
                Step::Inject { episode, planned } => self.inject(episode, planned, None).await?,
                Step::Heal { id } => self.heal(id).await?,
            }
        }
        self.retry(assignment, stop).await
    }

    /// Gives the classes of which no fault has taken effect further attempts, each an episode of its own.
    async fn retry(
        &mut self,
        assignment: &Assignment<'_>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        let (schedule, start) = (assignment.schedule, assignment.start);
        let mut retries = Retries::new(self.catalogue, schedule, assignment.time_ms, self.timing);
        let mut episode = schedule.episodes.len() as u32;
        loop {
            let now_ms = start.elapsed().as_millis() as u64;
            let installed = self.log.count(FaultOutcome::Installed);
            let Some(next) = retries.next(now_ms, |class| installed.iter().any(|(of, _)| of.as_str() == class)) else {
                return Ok(());
            };
            let Retry { of, planned, end_ms } = next;
            episode += 1;
            if !self.wait_until(start, planned.at_ms, stop).await? {
                return Ok(());
            }
            self.inject(episode, &planned, Some(of)).await?;
            for until_ms in [planned.at_ms + planned.for_ms, end_ms] {
                if !self.wait_until(start, until_ms, stop).await? {
                    return Ok(());
                }
                self.heal(planned.id).await?;
            }
        }
    }

    /// Waits, and finishes meanwhile what restarted nodes were waited for; false when the run is to stop.
    async fn wait_until(
        &mut self,
        start: Instant,
        at_ms: u64,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, NemesisError> {
        let due = start + Duration::from_millis(at_ms);
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|&stopped| stopped) => return Ok(false),
                Some((id, text)) = self.waits.next() => self.waited(id, text)?,
                () = tokio::time::sleep_until(due) => return Ok(true),
            }
        }
    }

    /// Heals every fault that is still active, and waits for the nodes that were started again. What cannot be healed
    /// keeps nothing else from being healed; the first error is returned.
    pub async fn heal_all(&mut self) -> Result<(), NemesisError> {
        let mut all = Ok(());
        while let Some(id) = self.faults.first_active() {
            let healed = self.heal(id).await;
            all = all.and(healed);
        }
        while let Some((id, text)) = self.waits.next().await {
            let ended = self.waited(id, text);
            all = all.and(ended);
        }
        all
    }

    /// The records of all faults.
    pub fn log(&self) -> &FaultLog {
        &self.log
    }

    async fn inject(
        &mut self,
        episode: u32,
        planned: &PlannedFault,
        retry_of: Option<FaultId>,
    ) -> Result<(), NemesisError> {
        let record = match self.faults.inject(planned).await {
            Ok(injected) => {
                let record = self.injected(episode, planned, injected);
                self.show(planned.id, Some(record.description.clone()));
                self.recorder.with_tally(|tally| tally.forget_reads());
                record
            }
            Err(NotInjected::Skipped(reason)) => {
                let now_ns = self.recorder.now_ns();
                let description = format!("{} was skipped", planned.kind);
                let injected = Injected { begin_ns: now_ns, description, ..Injected::default() };
                FaultRecord {
                    outcome: FaultOutcome::Skipped,
                    end_ns: Some(now_ns),
                    reason: Some(reason),
                    ..self.injected(episode, planned, injected)
                }
            }
            Err(NotInjected::Failed(error)) => return Err(ActionError::Failed(error).into()),
        };
        self.log.write(FaultRecord { retry_of: retry_of.map(|id| id.0), ..record })?;
        Ok(())
    }

    /// The record of a fault that has just begun.
    fn injected(&self, episode: u32, planned: &PlannedFault, injected: Injected) -> FaultRecord {
        let class = self.catalogue.class(&planned.kind).map_or("unknown", |class| class.name);
        FaultRecord {
            id: planned.id.0,
            episode,
            class: FaultClass::new(class),
            kind: planned.kind.to_string(),
            description: injected.description,
            nodes: self.faults.names(&injected.nodes),
            begin_ns: injected.begin_ns,
            end_ns: None,
            outcome: if injected.proved { FaultOutcome::Installed } else { FaultOutcome::Unconfirmed },
            proof: injected.proof,
            healed: Vec::new(),
            reason: None,
            clock_ms: injected.clock_ms,
            retry_of: None,
        }
    }

    async fn heal(&mut self, id: FaultId) -> Result<(), NemesisError> {
        let Some(healed) = self.faults.heal(id).await? else { return Ok(()) };
        let Some(mut record) = self.log.latest(id.0).cloned() else { return Ok(()) };
        let Healed { proved, proof, healed, reason, end_ns, waits } = healed;
        if proved {
            record.outcome = FaultOutcome::Installed;
        }
        record.proof.extend(proof);
        record.healed.extend(healed);
        record.reason = reason;
        record.end_ns = end_ns;
        if waits.is_empty() {
            return self.ended(id, record);
        }
        self.ending.insert(id, (record, waits.len()));
        self.waits.extend(waits.into_iter().map(|wait| wait.map(move |text| (id, text)).boxed_local()));
        Ok(())
    }

    /// Something that a fault's end waited for has come: a node serves again, or it is clear that it does not.
    fn waited(&mut self, id: FaultId, text: String) -> Result<(), NemesisError> {
        let Some((mut record, missing)) = self.ending.remove(&id) else { return Ok(()) };
        record.healed.push(text);
        if missing > 1 {
            self.ending.insert(id, (record, missing - 1));
            return Ok(());
        }
        self.ended(id, record)
    }

    fn ended(&mut self, id: FaultId, mut record: FaultRecord) -> Result<(), NemesisError> {
        record.end_ns.get_or_insert(self.recorder.now_ns());
        self.log.write(record)?;
        self.recorder.with_tally(|tally| tally.forget_reads());
        self.show(id, None);
        Ok(())
    }

    fn show(&self, id: FaultId, description: Option<String>) {
        let mut active = self.active.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match description {
            Some(text) => active.insert(id.0, text),
            None => active.remove(&id.0),
        };
    }
}
