//! One run as its supervisor sees it, outside of the lab: prepare its folder, start the lab, pass on its events, judge
//! what it left, write its page. It knows no command line and prints nothing.

mod error;
mod manifest;
mod many;
mod verdict;

pub use error::RunError;
pub use manifest::option_defaults;
pub use many::Many;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use rashomon_runs::{Manifest, Plan, RunDigest, RunFolder, Store, VerdictRecord};
use serde::{Deserialize, Serialize};

use crate::event::{Listener, Phase, RunEvent, RunEventKind, stream};
use crate::faults::Capability;
use crate::faults::clock::ClockWays;
use crate::honesty;
use crate::lab::{self, Ending, EnterSpec, Interrupts, LabEnd, LabError, LabErrorKind, LabStdout};
use crate::registry::Registry;

/// Runs plans.
pub struct Runner<'a> {
    /// What there is to test.
    pub registry: &'a Registry,
    /// Where runs are written.
    pub store: &'a Store,
    /// How the user calls this program; the command line that runs a plan again begins with it.
    pub program: String,
    /// The command line that is recorded as having started the runs.
    pub command: Vec<String>,
}

/// A run that is over and has been judged.
pub struct FinishedRun {
    /// Where it is.
    pub folder: RunFolder,
    /// Its inputs and outcome.
    pub manifest: Manifest,
    /// What was found.
    pub verdict: VerdictRecord,
    /// Its page; absent when it could not be written.
    pub report: Option<PathBuf>,
}

impl FinishedRun {
    /// The run in short.
    pub fn digest(&self) -> RunDigest {
        RunDigest::of(&self.manifest, Some(&self.verdict))
    }

    /// It was ended before its time.
    pub fn interrupted(&self) -> bool {
        self.manifest.evidence.as_ref().is_some_and(|evidence| evidence.interrupted)
    }
}

/// What the runner hands over to the controller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Payload {
    /// Execute the run of this folder.
    Run { run_dir: PathBuf },
    /// Examine a client.
    Examine(Box<honesty::Order>),
}

/// How a run ended that did not end well.
enum BadEnd {
    /// The harness or its environment failed.
    Broke { what: String, remedy: String },
    /// Somebody ended it: the user, or whoever killed a process of the lab.
    Interrupted(String),
}

impl From<LabError> for BadEnd {
    fn from(error: LabError) -> BadEnd {
        match error.kind {
            LabErrorKind::Disturbed => BadEnd::Interrupted(error.what),
            _ => BadEnd::Broke { what: error.what, remedy: error.remedy },
        }
    }
}

impl Runner<'_> {
    /// Runs a plan and judges it.
    ///
    /// # Errors
    ///
    /// When no run could be made. A run that was begun and broke is finished, with that verdict.
    pub fn run(&self, plan: &Plan, listener: &dyn Listener) -> Result<FinishedRun, RunError> {
        if let Some((signal, _)) = Interrupts::caught() {
            return Err(RunError::Interrupted { how: format!("{signal} came") });
        }
        environment_is_fit(self.registry, plan)?;
        let began = Instant::now();
        let mut manifest = manifest::first(self, plan)?;
        let folder = self.store.new_run(&manifest.run)?;
        manifest.run = folder.name();
        folder.write_manifest(&manifest)?;
        self.store.link(&folder, None)?;
        let tell = |kind: RunEventKind| {
            let elapsed_ms = began.elapsed().as_micros() as f64 / 1000.0;
            listener.event(&RunEvent { run: manifest.run.clone(), elapsed_ms, kind });
        };
        tell(started(&manifest, &folder));
        let before_lab_ms = began.elapsed().as_secs_f64() * 1000.0;
        let described = described_in(self.registry, plan);
        let ended = in_lab(plan, described, folder.path(), &tell);
        // The controller has added to the manifest; when it could not, the first one is still there.
        let mut manifest = folder.manifest()?;
        manifest.timings.first_operation_ms =
            before_lab_ms + manifest.timings.lab_up_ms + manifest.timings.nodes_ready_ms;
        tell(RunEventKind::PhaseBegan { phase: Phase::Judging });
        let judging = Instant::now();
        let verdict = match ended {
            Ok(()) => verdict::of_run(self.registry, plan, &manifest, &folder),
            Err(BadEnd::Interrupted(how)) => verdict::of_interrupted(self.registry, plan, &mut manifest, &folder, &how),
            Err(BadEnd::Broke { what, remedy }) => {
                verdict::of_broken(self.registry, plan, &manifest, &folder, what, &remedy)
            }
        };
        manifest.timings.check_ms = judging.elapsed().as_secs_f64() * 1000.0;
        manifest.verdict = Some(verdict.verdict);
        folder.write_verdict(&verdict)?;
        folder.write_manifest(&manifest)?;
        self.store.link(&folder, Some(verdict.verdict))?;
        tell(RunEventKind::Judged { verdict: verdict.verdict, reasons: verdict.reasons.clone() });
        let report = match rashomon_report::write_report(folder.path()) {
            Ok(path) => Some(path),
            Err(error) => {
                tell(RunEventKind::Warning { message: format!("the report could not be written: {error}") });
                None
            }
        };
        let finished = FinishedRun { folder, manifest, verdict, report };
        let digest = Box::new(finished.digest());
        tell(RunEventKind::Finished { digest, report: finished.report.clone() });
        Ok(finished)
    }
}

/// What the run needs of its plan and of this machine beyond a lab, checked before anything is written.
fn environment_is_fit(registry: &Registry, plan: &Plan) -> Result<(), RunError> {
    let (nodes, most) = (plan.spec.nodes, lab::Limits::most_nodes());
    if nodes == 0 || nodes > most {
        return Err(RunError::Environment {
            what: format!(
                "{nodes} nodes are not possible here; the memory that is available now is enough for 1 to {most}"
            ),
            remedy: "choose another number with --nodes, or free memory; `doctor` says how many are possible"
                .to_owned(),
        });
    }
    registry.faults().check(&plan.schedule, plan.spec.nodes).map_err(RunError::Schedule)?;
    if registry.faults().needs(&plan.spec.faults, Capability::WallClocks) {
        ClockWays::of_this_machine(plan.spec.clock)
            .map_err(|error| RunError::Environment { what: error.what, remedy: error.remedy })?;
    }
    Ok(())
}

fn started(manifest: &Manifest, folder: &RunFolder) -> RunEventKind {
    RunEventKind::RunStarted {
        folder: folder.path().to_owned(),
        target: manifest.target.name.clone(),
        mutant: manifest.target.mutant.as_ref().map(|mutant| mutant.name.clone()),
        workload: manifest.target.workload.clone(),
        seed: manifest.spec.seed,
        nodes: manifest.spec.nodes,
        time_ms: manifest.spec.time_ms,
        planned_faults: manifest.schedule.faults().count(),
    }
}

/// The folder of the file that describes the target: programs of its nodes and clients lie there.
pub(crate) fn described_in(registry: &Registry, plan: &Plan) -> Option<PathBuf> {
    let target = registry.planned_target(&plan.spec.target, plan.definition.as_deref()).ok()?;
    target.info().file?.parent().map(Path::to_owned)
}

/// Starts the lab, passes on what its controller sends, and waits for its end.
fn in_lab(
    plan: &Plan,
    described: Option<PathBuf>,
    dir: &Path,
    tell: &(impl Fn(RunEventKind) + Sync),
) -> Result<(), BadEnd> {
    let mut visible = vec![dir.to_owned()];
    visible.extend(plan.spec.node_binary.clone());
    visible.extend(plan.spec.other.as_ref().and_then(|other| other.node_binary.clone()));
    visible.extend(described);
    let label = dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let payload = serde_json::to_string(&Payload::Run { run_dir: dir.to_owned() }).expect("a path of ours is text");
    let spec = EnterSpec { label, payload, visible, stdout: LabStdout::Captured, ..EnterSpec::default() };
    let mut lab = lab::enter(&spec)?;
    let events = lab.take_stdout();
    let said = Mutex::new(None);
    let pass_on = |event: RunEventKind| {
        let reason = match &event {
            RunEventKind::Broke { what, remedy } => Some(BadEnd::Broke { what: what.clone(), remedy: remedy.clone() }),
            RunEventKind::Interrupted { how } => Some(BadEnd::Interrupted(how.clone())),
            _ => None,
        };
        if reason.is_some() {
            *said.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = reason;
        }
        tell(event);
    };
    let end = std::thread::scope(|scope| {
        // The stream ends with the last process of the lab that holds it, so this thread does, too.
        if let Some(events) = events {
            scope.spawn(|| stream::receive(events, pass_on));
        }
        lab.wait()
    })?;
    if end == LabEnd::Controller(Ending::Exited(0)) {
        return Ok(());
    }
    let reason = said.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    Err(reason.unwrap_or_else(|| unexplained(end)))
}

/// What an end means of which the controller has said nothing.
fn unexplained(end: LabEnd) -> BadEnd {
    match end {
        LabEnd::Killed if Interrupts::caught().is_some() => {
            BadEnd::Interrupted("a second signal ended the lab at once".to_owned())
        }
        LabEnd::Killed => BadEnd::Interrupted("the lab was killed from outside".to_owned()),
        LabEnd::Controller(ending) if ending.from_outside() => {
            BadEnd::Interrupted(format!("the run inside the lab {ending}"))
        }
        LabEnd::Controller(ending) => BadEnd::Broke {
            what: format!("the run inside the lab {ending}"),
            remedy: "what was recorded so far can be checked; please report it if it happens again".to_owned(),
        },
    }
}
