//! One run, inside its lab: nodes, clients, nemesis and recorder from the first start to the final reads.
//!
//! The runner, outside, has written the manifest with everything that determines the run; the controller executes it,
//! adds what was exercised, and sends events of what happens. It judges nothing.

mod exits;
mod interrupt;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rashomon_history::Event;
use rashomon_runs::{
    ClockRecord, Evidence, FaultLog, FaultOutcome, FaultRecord, IsolationRecord, Manifest, NodeLimits, NodeRecord,
    Plan, ReadError, RunFolder, StoreError, files,
};
use thiserror::Error;
use tokio::sync::watch;

use crate::client::ClientLog;
use crate::cluster::{self, Cluster, ClusterPlans, StartError};
use crate::event::stream::EventSender;
use crate::event::{Phase, ProgressSample, RunEventKind};
use crate::faults::clock::{Chosen, ClockWays, Clocks};
use crate::faults::environment::LabEnvironment;
use crate::faults::nemesis::{ActiveFaults, Assignment, Nemesis, NemesisError};
use crate::faults::{Capability, rules};
use crate::final_reads::{self, Agreement};
use crate::honesty;
use crate::lab::{self, Inside, Isolation, Lab, LabError, LabErrorKind, LabSpec, NamespaceLab, NodeUser};
use crate::load::{Connect, Load};
use crate::online;
use crate::protocol_events::EventLog;
use crate::reactions;
use crate::recorder::Recorder;
use crate::registry::Registry;
use crate::run::{DataPlacement, RunSpec};
use crate::runner::Payload;
use crate::schedule::Schedule;
use crate::target::{Connection, NoTarget, Node, NodePlan, Target, TargetError};
use crate::workload::{GeneratorSpec, Workload};
use interrupt::Interrupt;

/// Why a run broke.
#[derive(Debug, Error)]
pub(crate) enum ControllerError {
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A file could not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The manifest could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no such target.
    #[error(transparent)]
    NoTarget(#[from] NoTarget),
    /// The target cannot be started.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The nodes did not come up at the beginning.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The nemesis could not go on.
    #[error("the nemesis failed: {0}")]
    Nemesis(#[from] NemesisError),
    /// The history could not be written.
    #[error("the history cannot be written: {0}")]
    History(std::io::Error),
    /// The user ended it before the load began.
    #[error("{0}")]
    Interrupted(String),
    /// Something else failed.
    #[error("{0}")]
    Other(String),
}

impl ControllerError {
    /// What interrupted the run, if that is all that is wrong with it.
    fn interruption(&self) -> Option<String> {
        match self {
            ControllerError::Interrupted(how) => Some(how.clone()),
            ControllerError::Lab(error)
            | ControllerError::Nemesis(NemesisError::Lab(error))
            | ControllerError::Start(StartError::Lab(error) | StartError::NotReady { error, .. }) => {
                (error.kind == LabErrorKind::Disturbed).then(|| error.what.clone())
            }
            _ => None,
        }
    }

    /// What to do about it; empty when nothing is known.
    pub(crate) fn remedy(&self) -> String {
        match self {
            ControllerError::Lab(error) | ControllerError::Nemesis(NemesisError::Lab(error)) => error.remedy.clone(),
            ControllerError::Store(error) => error.remedy(),
            ControllerError::Read(error) => error.remedy(),
            ControllerError::NoTarget(error) => error.remedy(),
            ControllerError::Target(error) => error.remedy.clone(),
            ControllerError::History(error) | ControllerError::Nemesis(NemesisError::Log(error))
                if error.kind() == std::io::ErrorKind::StorageFull =>
            {
                "free some space, or write elsewhere with --results DIR; what was recorded so far can be checked"
                    .to_owned()
            }
            ControllerError::Start(StartError::Lab(error) | StartError::NotReady { error, .. }) => error.remedy.clone(),
            _ => String::new(),
        }
    }
}

/// How often there is a sample of the progress.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);

/// The program's second life, inside a lab. The exit code says whether the run broke; the last event says why.
pub(crate) fn main(registry: &Registry, inside: Inside) -> ExitCode {
    let events = Arc::new(EventSender::new(std::io::stdout()));
    let broke = match serde_json::from_str(&inside.payload) {
        Ok(Payload::Examine(order)) => {
            honesty::inside(registry, inside, &order);
            return ExitCode::SUCCESS;
        }
        Ok(Payload::Run { run_dir }) => run(registry, inside, &run_dir, &events).err(),
        Err(error) => Some(ControllerError::Other(format!("what the runner handed over cannot be read: {error}"))),
    };
    let code = if broke.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    events.finish(broke.map(|error| match error.interruption() {
        Some(how) => RunEventKind::Interrupted { how },
        None => RunEventKind::Broke { what: error.to_string(), remedy: error.remedy() },
    }));
    code
}

/// Executes the run whose folder the runner has prepared.
fn run(registry: &Registry, inside: Inside, run_dir: &Path, events: &Arc<EventSender>) -> Result<(), ControllerError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| ControllerError::Other(format!("the runtime cannot be started: {error}")))?;
    let ran = runtime.block_on(async {
        let interrupt = Interrupt::listen()
            .map_err(|error| ControllerError::Other(format!("signals cannot be listened to: {error}")))?;
        let folder = RunFolder::at(run_dir);
        let mut manifest = folder.manifest()?;
        let run = Run::new(registry, folder, &manifest, events.clone())?;
        run.execute(inside, &mut manifest, interrupt).await
    });
    // Calls into the lab that were given up may take long, and go with this process.
    runtime.shutdown_background();
    ran
}

struct Run<'a> {
    folder: RunFolder,
    spec: RunSpec,
    schedule: Schedule,
    target: Arc<dyn Target>,
    registry: &'a Registry,
    events: Arc<EventSender>,
}

impl<'a> Run<'a> {
    fn new(
        registry: &'a Registry,
        folder: RunFolder,
        manifest: &Manifest,
        events: Arc<EventSender>,
    ) -> Result<Run<'a>, ControllerError> {
        let Plan { spec, schedule, definition } = manifest.plan();
        let target = registry.planned_target(&spec.target, definition.as_deref())?;
        Ok(Run { folder, spec, schedule, target, registry, events })
    }

    async fn execute(
        &self,
        inside: Inside,
        manifest: &mut Manifest,
        interrupt: Interrupt,
    ) -> Result<(), ControllerError> {
        self.enter(Phase::LabUp);
        let began = Instant::now();
        let mut lab_spec = self.lab_spec();
        let (config, other) = (self.spec.target_config(), self.spec.other_config());
        let plans = cluster::plan_versions(&*self.target, config, other, &lab_spec)?;
        let mut clocks = None;
        if self.registry.faults().needs(&self.spec.faults, Capability::WallClocks) {
            clocks = Some(ClockWays::of_this_machine(self.spec.clock)?.choose_all(&plans.nodes));
        }
        lab_spec.clocks = clocks.as_ref().is_some_and(Clocks::use_vdso);
        let lab = Arc::new(NamespaceLab::up(inside, &lab_spec)?);
        manifest.timings.lab_up_ms = milliseconds(began);
        manifest.isolation = Some(isolation_record(lab.isolation()));
        self.events.send(RunEventKind::LabUp { took_ms: manifest.timings.lab_up_ms });
        let ran = self.in_lab(lab.clone(), plans, clocks, manifest, interrupt).await;
        self.enter(Phase::LabDown);
        let ending = Instant::now();
        // A call into the lab that was given up may still hold it; then it goes with this process.
        let down = Arc::into_inner(lab).map_or(Ok(()), |lab| Box::new(lab).down());
        manifest.timings.lab_down_ms = milliseconds(ending);
        self.events.send(RunEventKind::LabDown { took_ms: manifest.timings.lab_down_ms });
        // Also of a run that failed: what it had exercised until then.
        let written = self.folder.write_manifest(manifest);
        ran?;
        down?;
        Ok(written?)
    }

    fn enter(&self, phase: Phase) {
        self.events.send(RunEventKind::PhaseBegan { phase });
    }

    fn lab_spec(&self) -> LabSpec {
        let mut spec = LabSpec::new(self.spec.nodes, self.folder.path());
        spec.user = self.target.node_user();
        if self.spec.data == DataPlacement::Disk {
            spec.data = lab::DataPlacement::Directory(self.folder.file("data"));
        }
        spec
    }

    async fn in_lab(
        &self,
        lab: Arc<NamespaceLab>,
        plans: ClusterPlans,
        clocks: Option<Clocks>,
        manifest: &mut Manifest,
        mut interrupt: Interrupt,
    ) -> Result<(), ControllerError> {
        manifest.nodes = plans.context.nodes.iter().zip(&plans.nodes).map(node_record).collect();
        let needs = |capability| self.registry.faults().needs(&self.spec.faults, capability);
        let clocks_are_ours = clocks.is_some();
        let events = EventLog::create(&self.folder.file(files::EVENTS)).map_err(NemesisError::Log)?;
        let cluster = Cluster::new(self.target.clone(), lab.clone(), plans, clocks, Arc::new(events))?;

        self.target.begin(cluster.context())?;
        self.enter(Phase::NodesStarting);
        let starting = Instant::now();
        if needs(Capability::Links) {
            cluster.hub_rules(rules::first_rules()).await?;
        }
        let started = tokio::select! {
            started = cluster.start_all() => started,
            how = interrupt.wait() => {
                return Err(ControllerError::Interrupted(format!("{how} while the nodes started")));
            }
        };
        if let Err(error) = started {
            let evidence = exits::of_start(&error, &lab, &cluster, clocks_are_ours).ok_or(error)?;
            self.leave_nothing_recorded()?;
            manifest.evidence = Some(Evidence { exits_by_design: self.exits_by_design(), ..evidence });
            return Ok(());
        }
        manifest.timings.nodes_ready_ms = milliseconds(starting);
        self.events.send(RunEventKind::NodesReady { took_ms: manifest.timings.nodes_ready_ms });

        let epoch = Instant::now();
        lab.set_epoch(epoch);
        cluster.events().set_epoch(epoch);
        let violated = Arc::new(AtomicBool::new(false));
        let audience = self.spec.stop_on_violation.then(|| self.watch_online(violated.clone())).transpose()?;
        let recorder = Recorder::create(
            &self.folder.file(files::HISTORY),
            epoch,
            self.workload()?.interface(),
            self.spec.nodes,
            audience,
        )
        .map_err(ControllerError::History)?;
        let recorder = Arc::new(recorder);
        let events = self.events.clone();
        let log = self.folder.create_fault_log().map_err(NemesisError::Log)?;
        let log = log.observed_by(move |fault| events.send(fault_event(fault)));
        let active = ActiveFaults::default();
        let timing = self.target.timing(&cluster.context().config)?;
        let env = LabEnvironment::new(&cluster, &recorder);
        let mut nemesis = Nemesis::new(self.registry.faults(), &env, &recorder, log, active.clone(), timing);
        let log = ClientLog::at(&self.folder.file(files::CLIENTS), epoch);
        let load = self.load(&cluster, recorder.clone(), log)?;
        let (stop, stopped) = watch::channel(false);
        let (phase, phases) = watch::channel(Phase::Load);
        let sampling = tokio::spawn(sample(self.events.clone(), recorder.clone(), active, phases));

        self.enter(Phase::Load);
        let loading = Instant::now();
        let drive = async {
            load.run(stopped.clone()).await;
            // The generator may be exhausted before the time is up.
            let _ = stop.send(true);
        };
        let faults = async {
            let assignment = Assignment { schedule: &self.schedule, start: epoch.into(), time_ms: self.spec.time_ms };
            let struck = nemesis.run(&assignment, stopped.clone()).await;
            if struck.is_err() {
                // The run is broken: no reason to go on with it.
                let _ = stop.send(true);
            }
            struck
        };
        let interrupted = async {
            tokio::select! {
                how = interrupt.wait() => how,
                how = interrupt::damage(&lab) => how,
            }
        };
        let time_limit = self.until_over(&recorder, &violated, &stop, stopped.clone(), interrupted);
        let ((), struck, mut interrupted) = tokio::join!(drive, faults, time_limit);
        manifest.timings.load_ms = milliseconds(loading);
        let load_ns = recorder.now_ns();
        let load_ok = Some(recorder.with_tally(|tally| tally.acknowledged_by_function()));
        let operations = recorder.with_tally(|tally| tally.totals());
        self.events.send(RunEventKind::LoadEnded { took_ms: manifest.timings.load_ms, operations });

        let violated = violated.load(Ordering::Acquire);
        let mut seen = Evidence { load_ns, load_ok, ..Evidence::default() };
        if struck.is_ok() && interrupted.is_none() && !recorder.failed() {
            self.enter(Phase::FinalReads);
            let _ = phase.send(Phase::FinalReads);
            let reading = async {
                if violated {
                    reads_after_violation(&load).await;
                    return Ok(());
                }
                self.final_reads(&load, load_ns, &mut seen).await
            };
            tokio::select! {
                read = reading => read?,
                how = interrupt.wait() => interrupted = Some(how),
            }
        }
        sampling.abort();
        let mut evidence = self.evidence(&recorder, nemesis.log(), interrupted.is_some(), seen);
        evidence.notes.extend(interrupted.map(|how| format!("interrupted: {how}")));
        evidence.late_arrivals = load.late.load(Ordering::Relaxed);
        if violated {
            evidence.notes.push("the run stopped at the first certain violation (--stop-on-violation)".to_owned());
        }
        evidence.unexpected_exits = exits::unexpected(&lab, &cluster, Some(epoch));
        evidence.exits_by_design = self.exits_by_design();
        let faults: Vec<&FaultRecord> = nemesis.log().records().collect();
        let leaderships = cluster.events().leaderships();
        evidence.leader_reactions = reactions::count(&faults, &leaderships, timing.election_timeout);
        evidence.events = cluster.events().counts();
        evidence.notes.extend(cluster.events().left_out().in_words());
        manifest.evidence = Some(evidence);
        for node in &mut manifest.nodes {
            node.clock = clock_record(&cluster, node.id, env.clock_witnesses(node.id));
        }
        recorder.finish().map_err(ControllerError::History)?;
        struck?;
        Ok(())
    }

    /// Writes the files of a run whose load never began.
    fn leave_nothing_recorded(&self) -> Result<(), ControllerError> {
        let interface = self.workload()?.interface();
        let path = self.folder.file(files::HISTORY);
        let recorder = Recorder::create(&path, Instant::now(), interface, self.spec.nodes, None);
        recorder.and_then(|recorder| recorder.finish()).map_err(ControllerError::History)?;
        self.folder.create_fault_log().map_err(NemesisError::Log)?;
        Ok(())
    }

    fn exits_by_design(&self) -> bool {
        self.target.info_under(&self.spec.target_config()).exits_by_design
    }

    /// Starts to check the history beside the run; what is recorded goes to the sender.
    fn watch_online(&self, violated: Arc<AtomicBool>) -> Result<mpsc::Sender<Vec<Event>>, ControllerError> {
        let workload = self.workload()?.clone();
        let demand = self.spec.demand(None);
        let (audience, batches) = mpsc::channel();
        std::thread::Builder::new()
            .name("online-checker".to_owned())
            .spawn(move || online::watch(&*workload, &demand, &batches, &violated))
            .map_err(|error| ControllerError::Other(format!("the online checker cannot be started: {error}")))?;
        Ok(audience)
    }

    fn workload(&self) -> Result<&'a Arc<dyn Workload>, ControllerError> {
        let name = &self.spec.workload;
        self.registry
            .find_workload(name)
            .ok_or_else(|| ControllerError::Other(format!("there is no workload `{name}`")))
    }

    fn load(&self, cluster: &Cluster, recorder: Arc<Recorder>, log: ClientLog) -> Result<Load, ControllerError> {
        let workload = self.workload()?;
        let generator = workload
            .generator(&GeneratorSpec {
                seed: self.spec.seed,
                clients: self.spec.clients,
                options: self.spec.options.clone(),
            })
            .map_err(ControllerError::Other)?;
        let deadline = Duration::from_millis(self.spec.deadline_ms);
        let interface = workload.interface();
        let (target, context) = (self.target.clone(), cluster.context().clone());
        let connect: Connect = Arc::new(move |process, node| {
            let node = &context.nodes[usize::from(node) - 1];
            let session = u64::from(process);
            target.client(&context, &Connection { interface, node, session, deadline, log: &log })
        });
        Ok(Load {
            recorder,
            generator: Arc::new(Mutex::new(generator)),
            connect,
            nodes: self.spec.nodes,
            clients: self.spec.clients,
            stride: self.spec.clients + u32::from(self.spec.nodes),
            rate: self.spec.rate,
            seed: self.spec.seed,
            deadline,
            late: Arc::default(),
        })
    }

    /// Turns `stop` true when the time is up, a violation is certain, the history cannot be written, or the run is
    /// interrupted: then it says how.
    async fn until_over(
        &self,
        recorder: &Recorder,
        violated: &AtomicBool,
        stop: &watch::Sender<bool>,
        mut stopped: watch::Receiver<bool>,
        interrupted: impl Future<Output = String>,
    ) -> Option<String> {
        let time_is_up = tokio::time::sleep(Duration::from_millis(self.spec.time_ms));
        let nothing_to_wait_for = async {
            while !recorder.failed() && !violated.load(Ordering::Acquire) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let interrupted = tokio::select! {
            () = time_is_up => None,
            () = nothing_to_wait_for => None,
            _ = stopped.wait_for(|&stopped| stopped) => None,
            how = interrupted => Some(how),
        };
        let _ = stop.send(true);
        interrupted
    }

    /// Reads through every node what the workload wants to be read last, as often as the consistency calls for.
    async fn final_reads(
        &self,
        load: &Load,
        quiet_since_ns: u64,
        evidence: &mut Evidence,
    ) -> Result<(), ControllerError> {
        evidence.quiet_since_ns = Some(quiet_since_ns);
        let complete = if self.spec.consistency.converges_later() {
            let interface = self.workload()?.interface();
            let bound = Duration::from_millis(self.spec.convergence_ms);
            let convergence = final_reads::read_until_alike(load, Agreement { interface, quiet_since_ns, bound }).await;
            let complete = convergence.complete;
            evidence.convergence = Some(convergence);
            complete
        } else {
            final_reads::read_once(load).await
        };
        evidence.final_reads_unanswered = !complete;
        let convergence = evidence.convergence.clone();
        self.events.send(RunEventKind::FinalReads { complete, convergence });
        Ok(())
    }

    fn evidence(&self, recorder: &Recorder, log: &FaultLog, interrupted: bool, seen: Evidence) -> Evidence {
        let (functions, reads_after_heal) =
            recorder.with_tally(|tally| (tally.functions(), tally.reads_since_heal().to_vec()));
        Evidence {
            functions,
            last_heal_ns: log.last_heal_ns(),
            reads_after_heal,
            faults_installed: log.count(FaultOutcome::Installed),
            faults_skipped: log.count(FaultOutcome::Skipped),
            faults_unconfirmed: log.count(FaultOutcome::Unconfirmed),
            interrupted,
            ..seen
        }
    }
}

/// Reads once what is left after a violation has ended the run: whether a write that nobody saw was late or is lost. It
/// changes nothing about the verdict, so it may not take long.
async fn reads_after_violation(load: &Load) {
    const LIMIT: Duration = Duration::from_secs(2);
    let _ = tokio::time::timeout(LIMIT, final_reads::read_once(load)).await;
}

fn isolation_record(isolation: &Isolation) -> IsolationRecord {
    let Isolation { user, host_uid, limits, data } = isolation.clone();
    IsolationRecord {
        user: match user {
            NodeUser::Unprivileged => "unprivileged".to_owned(),
            NodeUser::Root => "root".to_owned(),
        },
        host_uid,
        limits: NodeLimits {
            memory_bytes: limits.memory_bytes,
            processes: limits.processes,
            log_bytes: limits.log_bytes,
            scratch_bytes: limits.scratch_bytes,
            data_bytes: limits.data_bytes,
        },
        data,
    }
}

/// How the clock of a node could be set, and what showed it.
fn clock_record(cluster: &Cluster, id: u16, shown_by: Vec<String>) -> Option<ClockRecord> {
    let ways = cluster.clock_ways(id);
    let described = |chosen: Chosen| format!("{} ({})", chosen.way, chosen.why);
    let processes: BTreeMap<_, _> = ways.into_iter().map(|(name, chosen)| (name, described(chosen))).collect();
    (!processes.is_empty()).then_some(ClockRecord { processes, shown_by })
}

fn node_record((node, plan): (&Node, &NodePlan)) -> NodeRecord {
    NodeRecord {
        id: node.id,
        name: node.name.clone(),
        address: node.ip.to_string(),
        command: plan.processes.first().map_or_else(Vec::new, |process| process.command.words()),
        clock: None,
    }
}

/// Sends samples of the progress until it is dropped.
async fn sample(
    events: Arc<EventSender>,
    recorder: Arc<Recorder>,
    active: ActiveFaults,
    phase: watch::Receiver<Phase>,
) {
    loop {
        tokio::time::sleep(SAMPLE_EVERY).await;
        recorder.tick();
        let active_faults = active.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).values().cloned().collect();
        events.send(RunEventKind::Progress(ProgressSample {
            time_ns: recorder.now_ns(),
            phase: *phase.borrow(),
            operations: recorder.with_tally(|tally| tally.totals()),
            active_faults,
        }));
    }
}

fn fault_event(fault: &FaultRecord) -> RunEventKind {
    let fault = fault.clone();
    if fault.end_ns.is_some() && fault.outcome != FaultOutcome::Skipped {
        RunEventKind::FaultHealed { fault }
    } else {
        RunEventKind::FaultBegan { fault }
    }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
