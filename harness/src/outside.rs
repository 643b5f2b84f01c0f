//! One run as the program outside of the lab sees it: prepare its folder, start the lab, judge what it left, report.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rashomon_checkers::{Budget, Finding};
use rashomon_history::{History, Outcome};
use rashomon_runs::{
    Evidence, HostFacts, Manifest, MutantRecord, Plan, RunFolder, Store, TargetRecord, Verdict, VerdictRecord,
};
use serde::{Deserialize, Serialize};

use crate::cli::error::CommandError;
use crate::faults::kind::{self, FaultClass};
use crate::judge::{self, Demands, Judged};
use crate::lab::{self, Ending, EnterSpec, LabEnd};
use crate::registry::Registry;
use crate::run::{DataPlacement, RunSpec};
use crate::target::{Target, TargetConfig};
use crate::version;
use crate::workload::Workload;

/// A run that is over and has been judged.
pub(crate) struct Done {
    pub(crate) folder: RunFolder,
    pub(crate) manifest: Manifest,
    pub(crate) verdict: VerdictRecord,
    pub(crate) report: Option<PathBuf>,
}

/// Whether a run tells of its progress on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Aloud,
    /// One of many that go on at once.
    Quiet,
}

/// What the program outside hands over to the controller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payload {
    pub(crate) run_dir: PathBuf,
    pub(crate) quiet: bool,
}

/// Written by the controller when a run breaks, read (and removed) by the program outside.
pub(crate) const BROKEN_REASON: &str = "broken.json";

/// Carries out a plan and judges it. An error means that no run was made.
pub(crate) fn carry_out(registry: &Registry, store: &Store, plan: &Plan, voice: Voice) -> Result<Done, CommandError> {
    environment_is_fit(plan)?;
    let began = Instant::now();
    let mut manifest = first_manifest(registry, plan)?;
    let folder = store.new_run(&manifest.run)?;
    manifest.run = folder.name();
    folder.write_manifest(&manifest)?;
    store.link(&folder, None)?;
    if voice == Voice::Aloud {
        announce(&manifest, folder.path());
    }
    let before_lab_ms = began.elapsed().as_secs_f64() * 1000.0;
    let broken = in_lab(plan, folder.path(), voice).err();
    // The controller has added to the manifest; when it could not, the first one is still there.
    let mut manifest = folder.manifest()?;
    manifest.timings.first_operation_ms = before_lab_ms + manifest.timings.lab_up_ms + manifest.timings.nodes_ready_ms;
    let judging = Instant::now();
    let verdict = match broken {
        Some(error) => broken_verdict(registry, plan, &manifest, &folder, &error),
        None => judged(registry, plan, &manifest, &folder),
    };
    manifest.timings.check_ms = judging.elapsed().as_secs_f64() * 1000.0;
    manifest.verdict = Some(verdict.verdict);
    folder.write_verdict(&verdict)?;
    folder.write_manifest(&manifest)?;
    store.link(&folder, Some(verdict.verdict))?;
    let report = match rashomon_report::write_report(folder.path()) {
        Ok(path) => Some(path),
        Err(error) => {
            tell!("warning: the report could not be written: {error}");
            None
        }
    };
    Ok(Done { folder, manifest, verdict, report })
}

/// What the run needs of this machine beyond a lab, checked before anything is written.
fn environment_is_fit(plan: &Plan) -> Result<(), CommandError> {
    if plan.spec.fault_classes().contains(&FaultClass::Clock) && lab::find_faketime().is_none() {
        return Err(CommandError::broken(
            "clock faults need libfaketime, which is not installed",
            "install it (Debian and Ubuntu: apt-get install libfaketime), or leave `clock` out of --faults",
        ));
    }
    Ok(())
}

fn first_manifest(registry: &Registry, plan: &Plan) -> Result<Manifest, CommandError> {
    let spec = &plan.spec;
    let target = registry.find_target(&spec.target).ok_or_else(|| gone("target", &spec.target))?;
    let workload = registry.find_workload(&spec.workload).ok_or_else(|| gone("workload", &spec.workload))?;
    let choice = spec.target_config();
    let version = version::of(target.prepare(&choice)?)?;
    let info = target.info_under(&choice);
    let mutant = info.mutants.into_iter().find(|mutant| Some(&mutant.name) == spec.mutant.as_ref());
    let defaults = info.settings.into_iter().map(|setting| (setting.name, setting.default));
    let settings = defaults.chain(spec.settings.clone()).collect();
    let now = jiff::Timestamp::now();
    let stamp = now.strftime("%Y%m%dT%H%M%SZ");
    Ok(Manifest {
        format: Manifest::FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        run: format!("{stamp}-{}-{}-{}", spec.target, spec.workload, spec.seed),
        started: now.to_string(),
        command: std::env::args().collect(),
        reproduce: reproduce(spec, &**target, &**workload),
        spec: spec.clone(),
        schedule: plan.schedule.clone(),
        target: TargetRecord {
            name: spec.target.clone(),
            summary: info.summary,
            version,
            mutant: mutant.map(|mutant| MutantRecord { name: mutant.name, id: mutant.id, summary: mutant.summary }),
            workload: spec.workload.clone(),
            model: workload.model(&spec.demand(None)).unwrap_or_default(),
            consistency: spec.consistency.to_string(),
            settings,
        },
        host: host_facts(),
        isolation: None,
        nodes: Vec::new(),
        timings: Default::default(),
        evidence: None,
        verdict: None,
    })
}

fn gone(what: &str, name: &str) -> CommandError {
    CommandError::usage(format!("this program has no {what} `{name}`"), "use the program that made the run")
}

/// The command line that draws this plan again; what is as the command's defaults have it is left out.
fn reproduce(spec: &RunSpec, target: &dyn Target, workload: &dyn Workload) -> String {
    let mut words = vec![crate::cli::program_name(), "run".to_owned(), spec.target.clone()];
    let mut flag = |name: &str, value: String| words.push(format!("--{name} {}", quoted(&value)));
    flag("workload", spec.workload.clone());
    for (name, value) in &spec.options {
        if option_defaults(target, &spec.target_config(), workload).get(name) != Some(value) {
            flag("option", format!("{name}={value}"));
        }
    }
    if spec.consistency != target.consistency(&spec.target_config(), workload.interface()) {
        flag("consistency", spec.consistency.to_string());
    }
    let promised = target.timing(&spec.target_config()).map(|timing| timing.convergence.as_millis() as u64);
    if spec.consistency.converges_later() && promised != Ok(spec.convergence_ms) {
        flag("convergence", duration(spec.convergence_ms));
    }
    for (name, value) in &spec.settings {
        flag("set", format!("{name}={value}"));
    }
    if let Some(mutant) = &spec.mutant {
        flag("mutant", mutant.clone());
    }
    if let Some(program) = &spec.node_binary {
        flag("node-binary", program.display().to_string());
    }
    flag("faults", kind::shortest(&spec.faults, spec.nodes, target.info_under(&spec.target_config()).has_leader));
    flag("nodes", spec.nodes.to_string());
    flag("clients", spec.clients.to_string());
    flag("rate", spec.rate.to_string());
    flag("time", duration(spec.time_ms));
    flag("deadline", duration(spec.deadline_ms));
    if spec.data != DataPlacement::default() {
        flag("data", spec.data.as_str().to_owned());
    }
    flag("seed", spec.seed.to_string());
    if spec.stop_on_violation {
        words.push("--stop-on-violation".to_owned());
    }
    words.join(" ")
}

/// The workload's options as a run of this target has them when the user does not say.
pub(crate) fn option_defaults(
    target: &dyn Target,
    choice: &TargetConfig,
    workload: &dyn Workload,
) -> BTreeMap<String, String> {
    let general = workload.options().iter().map(|option| (option.name.to_owned(), option.default.to_owned()));
    general.chain(target.workload_defaults(choice, workload.name())).collect()
}

/// A length of time as the command line takes it.
fn duration(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{}s", ms / 1000) } else { format!("{ms}ms") }
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./,:".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn host_facts() -> HostFacts {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    HostFacts {
        kernel: kernel.trim().to_owned(),
        cpus: std::thread::available_parallelism().map_or(0, |count| count.get() as u32),
        memory_bytes: kib.unwrap_or(0u64) * 1024,
        privilege: if nix::unistd::geteuid().is_root() { "root" } else { "user" }.to_owned(),
    }
}

fn announce(manifest: &Manifest, dir: &Path) {
    let mutant =
        manifest.target.mutant.as_ref().map_or_else(String::new, |mutant| format!(" ({} mutant)", mutant.name));
    tell!("{}{mutant}, {}: {}", manifest.target.name, manifest.target.workload, dir.display());
}

/// Starts the lab and waits for its end.
fn in_lab(plan: &Plan, dir: &Path, voice: Voice) -> Result<(), CommandError> {
    let mut visible = vec![dir.to_owned()];
    visible.extend(plan.spec.node_binary.clone());
    let label = dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let payload = Payload { run_dir: dir.to_owned(), quiet: voice == Voice::Quiet };
    let payload = serde_json::to_string(&payload).expect("a path of ours is text");
    let spec = EnterSpec { label, payload, visible, ..EnterSpec::default() };
    let end = lab::enter(&spec)?.wait()?;
    if end == LabEnd::Controller(Ending::Exited(0)) {
        return Ok(());
    }
    let path = dir.join(BROKEN_REASON);
    let reason = std::fs::read_to_string(&path).ok().and_then(|text| CommandError::from_json(&text));
    let _ = std::fs::remove_file(&path);
    Err(reason.unwrap_or_else(|| {
        let how = match end {
            LabEnd::Controller(ending) => format!("the run inside the lab {ending}"),
            LabEnd::Killed => "the lab was killed from outside".to_owned(),
        };
        CommandError::broken(how, "what was recorded so far can be checked; please report it if it happens again")
    }))
}

/// The verdict of a run that broke. What it recorded is still judged: an anomaly seen is an anomaly.
fn broken_verdict(
    registry: &Registry,
    plan: &Plan,
    manifest: &Manifest,
    folder: &RunFolder,
    error: &CommandError,
) -> VerdictRecord {
    let mut reasons = vec![error.to_string()];
    let judgements =
        judge_history(registry, plan, manifest, folder).map_or_else(|_| Vec::new(), |judged| judged.judgements);
    if judgements.iter().any(|judgement| judgement.finding == Finding::Invalid) {
        reasons.push("what was recorded until then has an anomaly".to_owned());
    }
    VerdictRecord { verdict: Verdict::Broken, reasons, judgements }
}

fn judged(registry: &Registry, plan: &Plan, manifest: &Manifest, folder: &RunFolder) -> VerdictRecord {
    let broken =
        |reason: String| VerdictRecord { verdict: Verdict::Broken, reasons: vec![reason], judgements: Vec::new() };
    let Some(evidence) = &manifest.evidence else {
        return broken("the run ended without saying what it exercised".to_owned());
    };
    let Some(workload) = registry.find_workload(&plan.spec.workload) else {
        return broken("the workload is gone".to_owned());
    };
    match judge_history(registry, plan, manifest, folder) {
        Ok(judged) => {
            let faults = plan.spec.fault_classes();
            let functions = workload.required(&plan.spec.options);
            let demands = Demands { functions: &functions, faults: &faults, schedule: &plan.schedule };
            let mut verdict = judge::verdict(&demands, evidence, judged.judgements);
            let missing = judged.warning.or_else(|| missing_operations(evidence, &judged.history));
            if verdict.verdict == Verdict::Pass && missing.is_some() {
                // What is missing may be what contradicts.
                verdict = VerdictRecord { verdict: Verdict::Inconclusive, reasons: Vec::new(), ..verdict };
            }
            verdict.reasons.extend(missing);
            verdict
        }
        Err(error) => broken(error),
    }
}

/// That the history on disk has fewer acknowledged operations than were counted when they were recorded.
fn missing_operations(evidence: &Evidence, history: &History) -> Option<String> {
    let counted: u64 = evidence.functions.iter().map(|counts| counts.ok).sum();
    let there = history.ops().filter(|op| op.outcome == Outcome::Ok).count() as u64;
    (there < counted).then(|| {
        format!("the history has {there} acknowledged operations of {counted} that were recorded: it is not whole")
    })
}

fn judge_history(registry: &Registry, plan: &Plan, manifest: &Manifest, folder: &RunFolder) -> Result<Judged, String> {
    let workload = registry.find_workload(&plan.spec.workload).ok_or("the workload is gone")?;
    judge::judge_recorded(&**workload, &plan.spec, manifest.evidence.as_ref(), folder, &Budget::default())
}
