//! A recorded history as the command line names it: a file, a run's folder, or standard input.

use std::fs::File;
use std::io::{BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use rashomon_history::formats::{Format, InputError, ReadOptions, Summary, read_history};
use rashomon_history::{History, OpId, Value};
use rashomon_runs::files;

use super::error::CommandError;
use super::names;

pub(crate) fn format_named(name: &str) -> Result<Format, CommandError> {
    let known = Format::ALL.into_iter();
    let found = known.clone().find(|format| format.as_str() == name);
    found.ok_or_else(|| names::unknown("format", name, known.map(|format| format.as_str())))
}

/// What reading a history has repaired or missed, on standard error.
pub(crate) fn print_warnings(summary: &Summary) {
    for warning in &summary.warnings {
        err!("warning: {warning}");
    }
    if summary.skipped > 0 {
        err!("note: {} line(s) or event(s) that are no operations of clients were skipped", summary.skipped);
    }
    if let Some(cut) = &summary.cut_short {
        err!("warning: {}", cut.what);
    }
}

/// A history to read, and what to call it: a file, the one in a run's folder, or standard input for `-`.
pub(crate) fn open(file: &Path) -> Result<(Box<dyn Read>, String), CommandError> {
    if file == Path::new("-") {
        return Ok((Box::new(std::io::stdin().lock()), "standard input".to_owned()));
    }
    let path = if file.is_dir() { file.join(files::HISTORY) } else { file.to_owned() };
    let opened = File::open(&path).map_err(|error| {
        let remedy = "give a history file, or the folder of a run";
        CommandError::usage(format!("cannot open {}: {error}", path.display()), remedy)
    })?;
    Ok((Box::new(BufReader::with_capacity(1 << 20, opened)), path.display().to_string()))
}

/// A path as it is, or below the folder of runs: `latest` and its like are meant as elsewhere.
pub(crate) fn located(file: &Path, results: &Path) -> Result<PathBuf, CommandError> {
    if file == Path::new("-") || file.exists() {
        return Ok(file.to_owned());
    }
    let within = results.join(file);
    if within.exists() {
        return Ok(within);
    }
    let remedy = "give a history file, or the folder of a run (--results says where runs are)";
    Err(CommandError::usage(format!("no such file: {} (nor {})", file.display(), within.display()), remedy))
}

/// Reads a whole history, with progress on a terminal.
pub(crate) fn read(file: &Path, format: Option<Format>, independent: bool) -> Result<(History, Summary), CommandError> {
    let (input, name) = open(file)?;
    let show = std::io::stderr().is_terminal();
    let mut progress = |bytes: u64| {
        if show && bytes >= 64 << 20 {
            let _ = write!(std::io::stderr(), "\rreading {} MiB ", bytes >> 20);
        }
    };
    let options = ReadOptions { format, independent, progress: Some(&mut progress) };
    read_history(input, options).map_err(|error| {
        let remedy = match &error {
            InputError::UnknownFormat { .. } => "name its format with --format",
            InputError::Empty => "the run may have been killed before its first operation",
            _ => "fix the file, or export it again",
        };
        CommandError::usage(format!("{name}: {error}"), remedy)
    })
}

/// A value of a history as the command line gives it: JSON, read as in a line of a JSON history.
pub(crate) fn value(text: &str) -> Result<Value, String> {
    let json: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
    let line = serde_json::json!({"type": "invoke", "process": 0, "f": "initial", "value": json}).to_string();
    let options = ReadOptions { format: Some(Format::JsonLines), ..ReadOptions::default() };
    let (history, _) = read_history(line.as_bytes(), options).map_err(|error| error.to_string())?;
    Ok(history.op(OpId(0)).input)
}
