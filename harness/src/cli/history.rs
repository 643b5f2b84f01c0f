//! `rashomon history`: a recorded history in another format.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rashomon_history::HistoryWriter;
use rashomon_history::formats::{Format, InputError, JsonWriter, ReadOptions, read_events};
use rashomon_report::record::files;

use super::error::CommandError;
use super::{check, names};

#[derive(Args)]
pub(crate) struct HistoryArguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Writes a history in another format
    Convert(ConvertArguments),
}

#[derive(Args)]
struct ConvertArguments {
    /// The history: a file, a run's folder, or `-` for standard input
    from: PathBuf,
    /// The new file, or `-` for standard output
    #[arg(default_value = "-")]
    to: PathBuf,
    /// The new format
    #[arg(long = "to", value_name = "FORMAT", default_value = "jsonl")]
    format: String,
    /// The old format; found out from the content when not given
    #[arg(long = "from", value_name = "FORMAT")]
    from_format: Option<String>,
}

/// Carries out `rashomon history`.
pub(crate) fn history(arguments: &HistoryArguments) -> Result<u8, CommandError> {
    let What::Convert(convert) = &arguments.what;
    let from_format = convert.from_format.as_deref().map(check::format_named).transpose()?;
    let written = match convert.format.as_str() {
        "jsonl" => to_json_lines(convert, from_format),
        "rhist" => to_own(convert, from_format),
        other => return Err(names::unknown("format to write", other, ["jsonl", "rhist"])),
    };
    if let Some(warning) = written? {
        eprintln!("warning: {warning}");
    }
    Ok(0)
}

fn to_json_lines(convert: &ConvertArguments, from: Option<Format>) -> Result<Option<String>, CommandError> {
    let mut writer = JsonWriter::new(output(&convert.to)?);
    let mut failed = None;
    let cut = copy(convert, from, |event| {
        if failed.is_none() {
            failed = writer.push(event).err();
        }
    })?;
    let ended = failed.map_or(Ok(()), Err).and_then(|()| writer.finish()?.flush());
    quiet_on_broken_pipe(ended)?;
    Ok(cut)
}

fn to_own(convert: &ConvertArguments, from: Option<Format>) -> Result<Option<String>, CommandError> {
    let unwritable = |error: &dyn std::fmt::Display| CommandError::broken(error.to_string(), "write it elsewhere");
    let mut writer = HistoryWriter::new(output(&convert.to)?).map_err(|error| unwritable(&error))?;
    let mut failed = None;
    let cut = copy(convert, from, |event| {
        if failed.is_none() {
            failed = writer.push_ref(event).err();
        }
    })?;
    if let Some(error) = failed {
        return Err(unwritable(&error));
    }
    let mut output = writer.finish().map_err(|error| unwritable(&error))?;
    quiet_on_broken_pipe(output.flush())?;
    Ok(cut)
}

/// Reads every event; what is missing at the end, if anything is.
fn copy(
    convert: &ConvertArguments,
    format: Option<Format>,
    mut push: impl FnMut(rashomon_history::EventRef<'_>),
) -> Result<Option<String>, CommandError> {
    let path = if convert.from.is_dir() { convert.from.join(files::HISTORY) } else { convert.from.clone() };
    let input: Box<dyn Read> = if convert.from == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(&path).map_err(|error| cannot_open(&path, &error))?;
        Box::new(BufReader::with_capacity(1 << 20, opened))
    };
    let options = ReadOptions { format, ..ReadOptions::default() };
    let summary = read_events(input, options, &mut |event| {
        push(event);
        Ok(())
    });
    let summary = summary.map_err(|error: InputError| {
        CommandError::usage(format!("{}: {error}", path.display()), "mend the file, or export it again")
    })?;
    Ok(summary.cut_short.map(|cut| cut.what))
}

fn cannot_open(path: &Path, error: &io::Error) -> CommandError {
    CommandError::usage(format!("cannot open {}: {error}", path.display()), "give a history file, or a run's folder")
}

fn output(path: &Path) -> Result<Box<dyn Write>, CommandError> {
    if path == Path::new("-") {
        return Ok(Box::new(BufWriter::new(io::stdout().lock())));
    }
    let file = File::options().write(true).create_new(true).open(path).map_err(|error| {
        let remedy = "choose a new file: an existing one is not overwritten";
        CommandError::usage(format!("cannot write {}: {error}", path.display()), remedy)
    })?;
    Ok(Box::new(BufWriter::with_capacity(1 << 20, file)))
}

/// A reader of our output that has seen enough is no failure.
fn quiet_on_broken_pipe(written: io::Result<()>) -> Result<(), CommandError> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::broken(format!("cannot write the history: {error}"), "free some space"))
        }
        _ => Ok(()),
    }
}
