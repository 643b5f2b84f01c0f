//! `rashomon check`: judges a recorded history, without any cluster.

use std::fs::File;
use std::io::{BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use rashomon_checkers::{Budget, Finding, Judgement, ModelKind};
use rashomon_history::History;
use rashomon_history::formats::{Format, InputError, ReadOptions, Summary, read_history};
use rashomon_runs::{RunFolder, Verdict, files};

use super::error::CommandError;
use super::names;
use crate::judge;
use crate::registry::Registry;

#[derive(Args)]
pub(crate) struct CheckArguments {
    /// The history: a file, a run's folder (or `latest`, `latest-violation`), or `-` for standard input
    file: PathBuf,
    /// What it must satisfy (`rashomon list models`); what the run demanded, when a run's folder is given
    #[arg(long)]
    model: Option<String>,
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
    /// Prints the whole judgement as JSON
    #[arg(long)]
    json: bool,
}

/// Carries out `rashomon check`; the exit code is a run's.
pub(crate) fn check(registry: &Registry, arguments: &CheckArguments) -> Result<u8, CommandError> {
    let defaults = Budget::default();
    let budget = Budget {
        steps: arguments.steps.unwrap_or(defaults.steps),
        bytes: arguments.memory.map_or(defaults.bytes, |mebibytes| mebibytes << 20),
    };
    let (history, judgements) = match &arguments.model {
        Some(model) => by_model(arguments, model, &budget)?,
        None => by_manifest(registry, arguments, &budget)?,
    };
    if arguments.json {
        let text = match &judgements[..] {
            [judgement] => serde_json::to_string_pretty(judgement),
            judgements => serde_json::to_string_pretty(judgements),
        };
        say!("{}", text.expect("judgements serialise"));
    } else {
        judgements.iter().for_each(|judgement| print(&history, judgement));
    }
    let verdict = |judgement: &Judgement| match judgement.finding {
        Finding::Valid => Verdict::Pass,
        Finding::Invalid => Verdict::Violation,
        Finding::Unknown => Verdict::Inconclusive,
    };
    Ok(judgements.iter().map(verdict).fold(Verdict::Pass, Verdict::worst).exit_code())
}

/// Judges any history by the model that the user names.
fn by_model(
    arguments: &CheckArguments,
    model: &str,
    budget: &Budget,
) -> Result<(History, Vec<Judgement>), CommandError> {
    let model: ModelKind =
        model.parse().map_err(|_| names::unknown("model", model, ModelKind::ALL.iter().map(|model| model.name())))?;
    let format = arguments.format.as_deref().map(format_named).transpose()?;
    let (history, summary) = read(&arguments.file, format, arguments.independent)?;
    print_warnings(&summary);
    let judgement = rashomon_checkers::check(&history, model, budget);
    Ok((history, vec![judgement]))
}

/// Judges a run's history by what its manifest says was demanded.
fn by_manifest(
    registry: &Registry,
    arguments: &CheckArguments,
    budget: &Budget,
) -> Result<(History, Vec<Judgement>), CommandError> {
    let folder = RunFolder::at(located(&arguments.file));
    if !folder.is_a_run() {
        let remedy = "say with --model what it must satisfy (`rashomon list models`)";
        let what = format!("{} is not the folder of a run, and there is no --model", arguments.file.display());
        return Err(CommandError::usage(what, remedy));
    }
    let manifest = folder.manifest()?;
    let say_which = "say with --model what it must satisfy";
    let spec = &manifest.spec;
    let workload = registry
        .find_workload(&spec.workload)
        .ok_or_else(|| CommandError::usage(format!("this program has no workload `{}`", spec.workload), say_which))?;
    let judged = judge::judge_recorded(&**workload, spec, manifest.evidence.as_ref(), &folder, budget)
        .map_err(|error| CommandError::usage(error, "the run may have ended before its first operation"))?;
    if let Some(warning) = judged.warning {
        tell!("warning: {warning}");
    }
    Ok((judged.history, judged.judgements))
}

pub(crate) fn format_named(name: &str) -> Result<Format, CommandError> {
    let known = Format::ALL.into_iter();
    let found = known.clone().find(|format| format.as_str() == name);
    found.ok_or_else(|| names::unknown("format", name, known.map(|format| format.as_str())))
}

/// What reading a history has mended or missed, on standard error.
pub(crate) fn print_warnings(summary: &Summary) {
    for warning in &summary.warnings {
        tell!("warning: {warning}");
    }
    if let Some(cut) = &summary.cut_short {
        tell!("warning: {}", cut.what);
    }
}

/// A history to read, and what to call it: a file, the one in a run's folder, or standard input for `-`.
pub(crate) fn open(file: &Path) -> Result<(Box<dyn Read>, String), CommandError> {
    if file == Path::new("-") {
        return Ok((Box::new(std::io::stdin().lock()), "standard input".to_owned()));
    }
    let file = located(file);
    let path = if file.is_dir() { file.join(files::HISTORY) } else { file };
    let opened = File::open(&path).map_err(|error| {
        let remedy = "give a history file, or the folder of a run";
        CommandError::usage(format!("cannot open {}: {error}", path.display()), remedy)
    })?;
    Ok((Box::new(BufReader::with_capacity(1 << 20, opened)), path.display().to_string()))
}

/// A path as it is, or below `results/`: `latest` and its like are meant as elsewhere.
fn located(file: &Path) -> PathBuf {
    let within = Path::new("results").join(file);
    if !file.exists() && within.is_dir() { within } else { file.to_owned() }
}

fn read(file: &Path, format: Option<Format>, independent: bool) -> Result<(History, Summary), CommandError> {
    let (input, name) = open(file)?;
    let show = std::io::stderr().is_terminal();
    let mut progress = |bytes: u64| {
        if show && bytes >= 64 << 20 {
            eprint!("\rreading {} MiB ", bytes >> 20);
        }
    };
    let options = ReadOptions { format, independent, progress: Some(&mut progress) };
    read_history(input, options).map_err(|error| {
        let remedy = match &error {
            InputError::UnknownFormat { .. } => "name its format with --format",
            InputError::Empty => "the run may have been killed before its first operation",
            _ => "mend the file, or export it again",
        };
        CommandError::usage(format!("{name}: {error}"), remedy)
    })
}

fn print(history: &History, judgement: &Judgement) {
    let word = match judgement.finding {
        Finding::Valid => "valid",
        Finding::Invalid => "invalid",
        Finding::Unknown => "unknown",
    };
    say!("{word:<11} {}, {} operations", judgement.checker, history.len());
    for anomaly in &judgement.anomalies {
        say!("{:<11} {}", anomaly.name, anomaly.sentence);
        for id in &anomaly.operations {
            say!("  {}", super::summary::operation_line(&history.op(*id)));
        }
        for line in &anomaly.explanation {
            say!("  {line}");
        }
    }
    for text in &judgement.unknown {
        say!("unknown     {text}");
    }
    for method in &judgement.methods {
        say!(
            "method      {}: {} operations in {} parts, {} steps; {}",
            method.method,
            method.operations,
            method.parts,
            method.steps,
            method.why
        );
    }
    for note in &judgement.notes {
        say!("note        {note}");
    }
}
