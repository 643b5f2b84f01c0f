//! `rashomon check`: judges a recorded history, without any cluster.

use std::path::{Path, PathBuf};

use clap::Args;
use rashomon_checkers::eventual::EventualDemand;
use rashomon_checkers::initial::with_initial;
use rashomon_checkers::{Budget, Checker, Finding, Judgement, Level, transactions};
use rashomon_history::formats::Summary;
use rashomon_history::{History, Value};
use rashomon_runs::{RunFolder, Verdict};

use super::error::CommandError;
use super::{input, names};
use crate::judge;
use crate::registry::Registry;
use crate::workload::Requirements;

#[derive(Args)]
pub(crate) struct CheckArguments {
    /// The histories: files, runs' folders (or `latest`, `latest-violation`), or `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What it must satisfy (`rashomon list models`); what the run demanded, when a run's folder is given
    #[arg(long)]
    model: Option<String>,
    /// The level to judge by (`rashomon list levels`): of transactions their isolation, else strict-serializable; of
    /// replicas what they promise while they may disagree, else what the run demanded, or `eventual`
    #[arg(long, value_name = "LEVEL", visible_alias = "promise")]
    consistency: Option<String>,
    /// The file's format; found out from its content when not given
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Steps of search after which a checker gives up
    #[arg(long, value_name = "STEPS")]
    steps: Option<u64>,
    /// MiB that a checker's tables may hold
    #[arg(long, value_name = "MIB")]
    memory: Option<u64>,
    /// Each value is a pair `[key value]` of Jepsen's independent workloads: takes it apart
    #[arg(long)]
    independent: bool,
    /// What each object holds before the first operation, as JSON: `0`; of a multi-register `{"x": 0, "y": 0}`
    #[arg(long, value_name = "JSON", value_parser = input::value)]
    init: Option<Value>,
    /// How long after the last update replicas may still disagree; what the run demanded, else 5s
    #[arg(long, value_name = "TIME", value_parser = super::run::duration_ms)]
    convergence: Option<u64>,
    /// Prints the whole judgement as JSON
    #[arg(long)]
    json: bool,
    /// The folder of runs, where `latest` and its like are looked for
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// A history with what was found of it.
struct Checked {
    history: History,
    judgements: Vec<Judgement>,
    /// Why a history without an anomaly is no evidence.
    doubts: Vec<String>,
}

/// Runs `rashomon check`; the exit code is that of a run with the worst of the verdicts. A file that cannot be judged
/// does not keep the others from being judged.
pub(crate) fn check(registry: &Registry, arguments: &CheckArguments) -> Result<u8, CommandError> {
    let several = arguments.files.len() > 1;
    let mut worst = Verdict::Pass;
    let mut failed = None;
    for file in &arguments.files {
        match check_one(registry, arguments, file, several) {
            Ok(verdict) => worst = Verdict::worst(worst, verdict),
            Err(error) if several => {
                error.print();
                failed = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match failed {
        Some(error) if worst != Verdict::Violation => Ok(error.code()),
        _ => Ok(worst.exit_code()),
    }
}

fn check_one(
    registry: &Registry,
    arguments: &CheckArguments,
    file: &Path,
    several: bool,
) -> Result<Verdict, CommandError> {
    let defaults = Budget::default();
    let budget = Budget {
        steps: arguments.steps.unwrap_or(defaults.steps),
        bytes: arguments.memory.map_or(defaults.bytes, |mebibytes| mebibytes << 20),
    };
    let file = input::located(file, &arguments.results)?;
    let checked = match &arguments.model {
        Some(model) => by_model(registry, arguments, &file, model, &budget)?,
        None if arguments.init.is_some() => {
            return Err(CommandError::usage(
                "--init needs a --model",
                "say with --model what the history must satisfy",
            ));
        }
        None if RunFolder::at(&file).is_a_run() => by_manifest(registry, arguments, &file, &budget)?,
        None => by_recognition(arguments, &file, &budget)?,
    };
    if arguments.json {
        let text = match &checked.judgements[..] {
            judgements if several => {
                serde_json::to_string_pretty(&serde_json::json!({"file": file, "judgements": judgements}))
            }
            [judgement] => serde_json::to_string_pretty(judgement),
            judgements => serde_json::to_string_pretty(judgements),
        };
        out!("{}", text.expect("judgements serialise"));
    } else {
        if several {
            out!("{}", file.display());
        }
        checked.judgements.iter().for_each(|judgement| print(&checked.history, judgement));
        checked.doubts.iter().for_each(|doubt| out!("unknown     {doubt}"));
    }
    let verdict = |judgement: &Judgement| match judgement.finding {
        Finding::Valid => Verdict::Pass,
        Finding::Invalid => Verdict::Violation,
        Finding::Unknown => Verdict::Inconclusive,
    };
    let without_doubts = if checked.doubts.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    Ok(checked.judgements.iter().map(verdict).fold(without_doubts, Verdict::worst))
}

/// Judges a history of transactions without being told that it is one.
fn by_recognition(arguments: &CheckArguments, file: &Path, budget: &Budget) -> Result<Checked, CommandError> {
    let (history, _) = read(arguments, file)?;
    let Some(objects) = transactions::recognize(&history) else {
        let what = format!(
            "{} is neither the folder of a run nor a history of transactions, and there is no --model",
            file.display()
        );
        return Err(CommandError::usage(what, "say with --model what it must satisfy (`rashomon list models`)"));
    };
    let judgements = vec![judged(arguments, &objects.checker(), &history, budget)?];
    Ok(Checked { history, judgements, doubts: Vec::new() })
}

/// The level that the user names.
fn level(arguments: &CheckArguments) -> Result<Option<Level>, CommandError> {
    let parse = |name: &String| {
        name.parse().map_err(|_| names::unknown("consistency level", name, Level::all().map(Level::name)))
    };
    arguments.consistency.as_ref().map(parse).transpose()
}

fn read(arguments: &CheckArguments, file: &Path) -> Result<(History, Summary), CommandError> {
    let format = arguments.format.as_deref().map(input::format_named).transpose()?;
    let (history, summary) = input::read(file, format, arguments.independent)?;
    input::print_warnings(&summary);
    Ok((history, summary))
}

/// Judges a history by a checker and the level that the user names.
fn judged(
    arguments: &CheckArguments,
    checker: &Checker,
    history: &History,
    budget: &Budget,
) -> Result<Judgement, CommandError> {
    let level = level(arguments)?;
    if checker.is_transactional() {
        let level = level.unwrap_or(Level::STRICT_SERIALIZABLE);
        if level.as_isolation().is_none() {
            let what = format!("{level} is no isolation level, and {} judges transactions", checker.name);
            return Err(CommandError::usage(what, "choose another level (`rashomon list levels`)"));
        }
        return Ok(checker.check_at(history, level, budget));
    }
    if let Some(level) = level.filter(|level| level.is_isolation_only()) {
        let what =
            format!("{level} is an isolation level of transactions, and {} judges single operations", checker.name);
        return Err(CommandError::usage(what, "choose another level, or the model list-append or rw-register"));
    }
    let default = EventualDemand::DEFAULT;
    let demand = EventualDemand {
        promise: level.unwrap_or(default.promise),
        convergence_ns: arguments.convergence.map_or(default.convergence_ns, |milliseconds| milliseconds * 1_000_000),
        ..default
    };
    Ok(checker.check_under(history, &demand, budget))
}

/// Judges any history by the model that the user names.
fn by_model(
    registry: &Registry,
    arguments: &CheckArguments,
    file: &Path,
    model: &str,
    budget: &Budget,
) -> Result<Checked, CommandError> {
    let checkers = registry.checkers();
    let known = checkers.iter().map(|checker| checker.name);
    let checker = checkers.find(model).map_err(|_| names::unknown("model", model, known))?;
    let (history, summary) = read(arguments, file)?;
    // A transaction of two micro-operations is a list of two as well.
    if summary.looks_independent && !checker.is_transactional() {
        return Err(CommandError::usage(
            format!("{}: every value is a pair [key value], as in Jepsen's independent workloads", file.display()),
            "take the pairs apart with --independent",
        ));
    }
    let history = started(arguments, &checker, history)?;
    let judgements = vec![judged(arguments, &checker, &history, budget)?];
    Ok(Checked { history, judgements, doubts: Vec::new() })
}

/// The history with the value that the user says its objects begin with.
fn started(arguments: &CheckArguments, checker: &Checker, history: History) -> Result<History, CommandError> {
    let Some(value) = &arguments.init else { return Ok(history) };
    let able = "use a model of registers, strings or counters, or write the value with an operation";
    let initially = checker
        .initially
        .ok_or_else(|| CommandError::usage(format!("the objects of {} have no initial value", checker.name), able))?;
    let (history, operations, process) = with_initial(&history, initially, value)
        .map_err(|error| CommandError::usage(format!("--init {value}: {error}"), "say another value"))?;
    err!(
        "note: process {process} puts {value} into each object before everything else; recorded operations are numbered \
         from {operations}"
    );
    Ok(history)
}

/// Judges a run's history by what its manifest says was demanded.
fn by_manifest(
    registry: &Registry,
    arguments: &CheckArguments,
    file: &Path,
    budget: &Budget,
) -> Result<Checked, CommandError> {
    let folder = RunFolder::at(file);
    let manifest = folder.manifest()?;
    let say_which = "say with --model what it must satisfy";
    let mut spec = manifest.spec.clone();
    spec.consistency = level(arguments)?.unwrap_or(spec.consistency);
    spec.convergence_ms = arguments.convergence.unwrap_or(spec.convergence_ms);
    let workload = registry
        .find_workload(&spec.workload)
        .ok_or_else(|| CommandError::usage(format!("this program has no workload `{}`", spec.workload), say_which))?;
    if workload.model(&Requirements::new(spec.consistency, spec.options.clone())).is_none() {
        let what = format!("the workload `{}` has no checker for {} consistency", spec.workload, spec.consistency);
        return Err(CommandError::usage(what, say_which));
    }
    let judged = judge::judge_recorded(&**workload, &spec, manifest.evidence.as_ref(), &folder, budget)
        .map_err(|error| CommandError::usage(error, "the run may have ended before its first operation"))?;
    if let Some(warning) = judged.warning {
        err!("warning: {warning}");
    }
    // What the run did not exercise, its history cannot show.
    let doubts = match folder.verdict()? {
        Some(record) if matches!(record.verdict, Verdict::Inconclusive | Verdict::Broken) => {
            record.reasons.into_iter().map(|reason| format!("the run was {}: {reason}", record.verdict)).collect()
        }
        _ => Vec::new(),
    };
    Ok(Checked { history: judged.history, judgements: judged.judgements, doubts })
}

fn print(history: &History, judgement: &Judgement) {
    let word = match judgement.finding {
        Finding::Valid => "valid",
        Finding::Invalid => "invalid",
        Finding::Unknown => "unknown",
    };
    out!("{word:<11} {}, {} operations", judgement.checker, history.len());
    for anomaly in &judgement.anomalies {
        out!("{:<11} {}", anomaly.name, anomaly.sentence);
        for id in &anomaly.operations {
            out!("  {}", super::summary::operation_line(&history.op(*id)));
        }
        for line in &anomaly.explanation {
            out!("  {line}");
        }
    }
    for text in &judgement.unknown {
        out!("unknown     {text}");
    }
    for method in &judgement.methods {
        out!(
            "method      {}: {} operations in {} parts, {} steps; {}",
            method.method,
            method.operations,
            method.parts,
            method.steps,
            method.why
        );
    }
    for note in &judgement.notes {
        out!("note        {note}");
    }
}
