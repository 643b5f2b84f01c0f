//! What a run's manifest says before the run begins, with the command line that runs its plan again.

use std::collections::BTreeMap;

use rashomon_runs::{HostFacts, Manifest, MutantRecord, Plan, TargetRecord};

use super::{RunError, Runner};
use crate::faults::FaultCatalogue;
use crate::run::{ClockWay, DataPlacement, RunSpec};
use crate::target::{Target, TargetConfig};
use crate::version;
use crate::workload::Workload;

/// The manifest of a run that is about to begin: everything but what will be exercised.
pub(super) fn first(runner: &Runner<'_>, plan: &Plan) -> Result<Manifest, RunError> {
    let (registry, spec) = (runner.registry, &plan.spec);
    let target = registry.planned_target(&spec.target, plan.definition.as_deref())?;
    let workload = registry.find_workload(&spec.workload).ok_or_else(|| gone(&spec.workload))?;
    let choice = spec.target_config();
    let version = version::of(target.prepare(&choice)?)?;
    if let Some((other, _)) = spec.other_config() {
        target.prepare(&other)?;
    }
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
        command: runner.command.clone(),
        reproduce: reproduce(&runner.program, runner.registry.faults(), spec, &*target, &**workload),
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
            definition: info.definition,
        },
        host: host_facts(),
        isolation: None,
        nodes: Vec::new(),
        timings: Default::default(),
        evidence: None,
        verdict: None,
    })
}

fn gone(workload: &str) -> RunError {
    RunError::Unknown { what: "workload", name: workload.to_owned() }
}

/// The command line that draws this plan again; what is as the command's defaults have it is left out.
fn reproduce(
    program: &str,
    faults: &FaultCatalogue,
    spec: &RunSpec,
    target: &dyn Target,
    workload: &dyn Workload,
) -> String {
    let word = target.info().file.map_or_else(|| spec.target.clone(), |file| quoted(&file.display().to_string()));
    let mut words = vec![program.to_owned(), "run".to_owned(), word];
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
    if let Some(other) = &spec.other {
        flag("other", other.runs.as_str().to_owned());
        other.mutant.iter().for_each(|mutant| flag("other-mutant", mutant.clone()));
        other.node_binary.iter().for_each(|program| flag("other-node-binary", program.display().to_string()));
        other.settings.iter().for_each(|(name, value)| flag("other-set", format!("{name}={value}")));
    }
    let has_leader = target.info_under(&spec.target_config()).has_leader;
    flag("faults", faults.shortest(&spec.faults, spec.nodes, has_leader));
    flag("nodes", spec.nodes.to_string());
    flag("clients", spec.clients.to_string());
    flag("rate", spec.rate.to_string());
    flag("time", duration(spec.time_ms));
    flag("deadline", duration(spec.deadline_ms));
    if spec.data != DataPlacement::default() {
        flag("data", spec.data.as_str().to_owned());
    }
    if spec.clock != ClockWay::default() {
        flag("clock", spec.clock.as_str().to_owned());
    }
    flag("seed", spec.seed.to_string());
    if spec.stop_on_violation {
        words.push("--stop-on-violation".to_owned());
    }
    words.join(" ")
}

/// The workload's options as a run of this target has them when the user does not say.
pub fn option_defaults(
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
