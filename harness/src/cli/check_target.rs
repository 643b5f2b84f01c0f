//! `rashomon check-target`: tries a target step by step, and says what it saw. For descriptions and adapters in the
//! making.

use std::path::PathBuf;

use clap::Args;
use rashomon_runs::{Evidence, Store, Verdict};

use super::error::CommandError;
use super::names;
use super::progress::{Terminal, Verbosity};
use super::run::RunArguments;
use crate::registry::Registry;
use crate::runner::FinishedRun;
use crate::target::{Target, TargetConfig};
use crate::version;

/// Lengths of a run, s, of which the first is taken that has room for a fault of a class.
const TIMES: [u32; 8] = [6, 9, 12, 16, 20, 30, 45, 60];

#[derive(Args)]
pub(crate) struct CheckTargetArguments {
    /// The target: a file that describes one, or a name
    target: String,
    /// Tries no faults: a few seconds
    #[arg(long)]
    no_faults: bool,
    /// A setting of the target, as NAME=VALUE; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// The folder of runs
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Runs `rashomon check-target`: exit code 0 when every step went well, 2 when one did not.
pub(crate) fn check_target(registry: &Registry, arguments: &CheckTargetArguments) -> Result<u8, CommandError> {
    let target = names::target(registry, &arguments.target)?;
    describe(&*target);
    let store = Store::open(&arguments.results)?;
    let mut trial = Trial { registry, store, arguments, problems: 0 };
    let version = target.prepare(&TargetConfig::default()).map_err(crate::runner::RunError::from);
    match version.and_then(version::of) {
        Ok(version) => out!("programs     version {version}"),
        Err(error) => {
            trial.problem("programs", &error.to_string(), &error.remedy());
            return Ok(Verdict::Inconclusive.exit_code());
        }
    }
    trial.steps(&*target);
    if trial.problems == 0 {
        out!("all went well; next: run {} --faults all, then find a bug that you have planted", arguments.target);
        return Ok(0);
    }
    Ok(Verdict::Inconclusive.exit_code())
}

/// What the target says of itself.
fn describe(target: &dyn Target) {
    let info = target.info();
    let choice = TargetConfig::default();
    let serves =
        info.interfaces.iter().map(|&interface| format!("{interface} ({})", target.consistency(&choice, interface)));
    out!("description  {}: serves {}", info.name, serves.collect::<Vec<_>>().join(", "));
    out!("{:<13}{} nodes, {} settings, {} known bugs", "", info.default_nodes, info.settings.len(), info.mutants.len());
    if info.mutants.is_empty() {
        out!("{:<13}no known bug: plant one, or nobody knows whether this test can fail", "");
    }
}

struct Trial<'a> {
    registry: &'a Registry,
    store: Store,
    arguments: &'a CheckTargetArguments,
    problems: u32,
}

impl Trial<'_> {
    fn problem(&mut self, step: &str, what: &str, remedy: &str) {
        self.problems += 1;
        out!("{step:<13}PROBLEM: {what}");
        if !remedy.is_empty() {
            out!("{:<13}{remedy}", "");
        }
    }

    fn steps(&mut self, target: &dyn Target) {
        let info = target.info();
        if info.default_nodes > 1 {
            // Not every system can run alone: that is no mistake.
            match self.run(&["--nodes=1", "--faults=none", "--time=2s"]) {
                Ok(run) => self.undisturbed("one node", &run, false),
                Err(error) => out!("{:<13}not tried: {error}", "one node"),
            }
        }
        let before = self.problems;
        let workloads = self.registry.workloads().filter(|workload| info.interfaces.contains(&workload.interface()));
        let mut names: Vec<&str> = workloads.map(|workload| workload.name()).collect();
        names.sort_by_key(|name| *name != info.default_workload);
        for (place, workload) in names.into_iter().enumerate() {
            let step = format!("{workload}:");
            match self.run(&["--faults=none", "--time=3s", &format!("--workload={workload}")]) {
                Ok(run) => self.undisturbed(&step, &run, info.has_leader && place == 0),
                Err(error) => self.problem(&step, &error.to_string(), ""),
            }
        }
        if self.arguments.no_faults || self.problems > before {
            return;
        }
        for class in self.registry.faults().classes().into_iter().filter(|class| class.opt_in.is_none()) {
            self.fault(class.name);
        }
    }

    fn run(&self, flags: &[&str]) -> Result<FinishedRun, CommandError> {
        let plan = self.planned(flags)?.plan(self.registry, 1)?;
        Ok(super::runner(self.registry, &self.store).run(&plan, &Terminal::new(Verbosity::Quiet))?)
    }

    fn planned(&self, flags: &[&str]) -> Result<RunArguments, CommandError> {
        let settings = self.arguments.settings.iter().map(|setting| format!("--set={setting}"));
        let words = [self.arguments.target.clone()].into_iter().chain(flags.iter().map(|&flag| flag.to_owned()));
        RunArguments::from_words(&words.chain(settings).collect::<Vec<_>>())
    }

    /// A run without any fault: every function must succeed, and nothing may be wrong.
    fn undisturbed(&mut self, step: &str, run: &FinishedRun, leader: bool) {
        let Some(evidence) = &run.manifest.evidence else {
            return self.broken(step, run);
        };
        if run.verdict.verdict == Verdict::Broken {
            return self.broken(step, run);
        }
        out!("{step:<13}served after {:.0} ms; {}", run.manifest.timings.nodes_ready_ms, operations(evidence));
        if run.verdict.verdict == Verdict::Violation {
            let what =
                format!("a violation without any fault: {}", run.verdict.reasons.first().map_or("", String::as_str));
            self.problem(step, &what, "doubt the client first: test-client examines it");
        }
        for function in &evidence.functions {
            if function.ok == 0 {
                let what = format!("no `{}` was acknowledged", function.f);
                let remedy =
                    format!("read {} and the nodes' logs", run.folder.file(rashomon_runs::files::CLIENTS).display());
                self.problem(step, &what, &remedy);
            }
        }
        let leaderships = evidence.events.iter().find(|(kind, _)| kind == "leader").map_or(0, |(_, count)| *count);
        if leader && leaderships == 0 {
            self.problem(
                step,
                "no node said that it leads",
                "look at `leader` of the description, or `Target::status`",
            );
        }
    }

    fn broken(&mut self, step: &str, run: &FinishedRun) {
        let reasons = run.verdict.reasons.join("; ");
        let remedy = format!("see {}", run.folder.path().display());
        self.problem(step, &reasons, &remedy);
    }

    /// A run with faults of a class: at least one must be seen to take effect.
    fn fault(&mut self, class: &str) {
        let faults = format!("--faults={class}");
        let fits = |seconds: &&u32| {
            let arguments = self.planned(&[&faults, &format!("--time={seconds}s")]);
            arguments.is_ok_and(|arguments| arguments.plan(self.registry, 1).is_ok())
        };
        let Some(seconds) = TIMES.iter().find(fits) else {
            return out!("{class:<13}not tried: it does not apply here, or a minute has no room for it");
        };
        let run = match self.run(&[&faults, &format!("--time={seconds}s")]) {
            Ok(run) => run,
            Err(error) => return self.problem(class, &error.to_string(), ""),
        };
        let Some(evidence) = run.manifest.evidence.as_ref().filter(|_| run.verdict.verdict != Verdict::Broken) else {
            return self.broken(class, &run);
        };
        let installed = evidence.faults();
        out!("{class:<13}{installed} took effect; {}; {}", operations(evidence), run.verdict.verdict);
        if installed == 0 {
            let remedy = format!("see why in {}", run.folder.file(rashomon_runs::files::FAULTS).display());
            self.problem(class, "no fault was seen to take effect", &remedy);
        }
        if run.verdict.verdict == Verdict::Violation {
            out!("{:<13}{}", "", run.verdict.reasons.first().map_or("", String::as_str));
            out!("{:<13}{}", "", run.report.as_ref().map_or_else(String::new, |report| report.display().to_string()));
        }
    }
}

fn operations(evidence: &Evidence) -> String {
    let of =
        |counts: &rashomon_runs::FunctionCounts| format!("{} {}/{}/{}", counts.f, counts.ok, counts.fail, counts.info);
    let counts: Vec<String> = evidence.functions.iter().map(of).collect();
    format!("ok/fail/info: {}", counts.join(", "))
}
