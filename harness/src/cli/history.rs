//! `rashomon history`: a recorded history in another format.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use rashomon_history::formats::{ConvertError, Format, ReadOptions, WriteOptions, convert};

use super::error::CommandError;
use super::input;

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
    /// The new format: jsonl, edn or rhist
    #[arg(long = "to", value_name = "FORMAT", default_value = "jsonl")]
    format: String,
    /// The old format; found out from the content when not given
    #[arg(long = "from", value_name = "FORMAT")]
    from_format: Option<String>,
    /// Text holds pairs `[key value]`, as Jepsen's independent workloads do: taken apart when read, put together in EDN
    #[arg(long)]
    independent: bool,
    /// The folder of runs, where `latest` and its like are looked for
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Runs `rashomon history`.
pub(crate) fn history(arguments: &HistoryArguments) -> Result<u8, CommandError> {
    let What::Convert(arguments) = &arguments.what;
    let options = ReadOptions {
        format: arguments.from_format.as_deref().map(input::format_named).transpose()?,
        independent: arguments.independent,
        ..ReadOptions::default()
    };
    let format = input::format_named(&arguments.format)?;
    if !matches!(format, Format::Own | Format::JsonLines | Format::Edn) {
        let remedy = "write jsonl, edn or rhist";
        return Err(CommandError::usage(format!("histories are not written as `{format}`"), remedy));
    }
    let (input, name) = input::open(&input::located(&arguments.from, &arguments.results)?)?;
    let mut output = output(&arguments.to)?;
    let converted = convert(input, options, &mut output, WriteOptions { format, independent: arguments.independent });
    let flushed = converted.and_then(|summary| output.flush().map_err(ConvertError::Output).map(|()| summary));
    match flushed {
        Ok(summary) => {
            input::print_warnings(&summary);
            Ok(0)
        }
        // A reader of our output that has seen enough is no failure.
        Err(ConvertError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(ConvertError::Output(error)) => Err(CommandError::broken(
            format!("cannot write {}: {error}", arguments.to.display()),
            "free some space, or write it elsewhere",
        )),
        Err(error) => Err(CommandError::usage(format!("{name}: {error}"), "fix the file, or export it again")),
    }
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
