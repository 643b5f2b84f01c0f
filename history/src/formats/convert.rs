//! From any format to another.

use std::io::{self, BufWriter, Read, Write};

use thiserror::Error;

use super::{EdnWriter, Format, InputError, JsonWriter, ReadOptions, Refusal, Summary, read_events};
use crate::{EventRef, HistoryWriter, WriteError};

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteOptions {
    /// The format: [`Format::Own`], [`Format::JsonLines`] or [`Format::Edn`].
    pub format: Format,
    /// In EDN, write values of events that have a key as `[key value]`.
    pub independent: bool,
}

/// Why a history could not be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// The input cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The output cannot be written.
    #[error("cannot write the converted history: {0}")]
    Output(io::Error),
    /// The own format cannot hold an event.
    #[error(transparent)]
    Own(WriteError),
    /// The format is only read.
    #[error("histories are not written as `{0}`; write rhist, jsonl or edn")]
    OnlyRead(Format),
}

/// Reads a history and writes it in another format, event by event. An input that is cut short is written up to its
/// cut; the summary says so, and an output in the own format then has no end frame either.
pub fn convert(
    input: impl Read,
    read: ReadOptions<'_>,
    output: impl Write,
    write: WriteOptions,
) -> Result<Summary, ConvertError> {
    match write.format {
        Format::Own => {
            let mut writer = HistoryWriter::new(output).map_err(own)?;
            let summary = pump(input, read, |event| writer.push_ref(event).map_err(own))?;
            match summary.cut_short {
                None => drop(writer.finish().map_err(own)?),
                Some(_) => writer.flush().map_err(own)?,
            }
            Ok(summary)
        }
        Format::JsonLines => {
            let mut writer = JsonWriter::new(BufWriter::new(output));
            let summary = pump(input, read, |event| writer.push(event).map_err(ConvertError::Output))?;
            writer.finish().map_err(ConvertError::Output)?;
            Ok(summary)
        }
        Format::Edn => {
            let mut writer = EdnWriter::new(BufWriter::new(output), write.independent);
            let summary = pump(input, read, |event| writer.push(event).map_err(ConvertError::Output))?;
            writer.finish().map_err(ConvertError::Output)?;
            Ok(summary)
        }
        Format::Json | Format::Log => Err(ConvertError::OnlyRead(write.format)),
    }
}

/// Reads events into `push`, whose error is the one reported.
fn pump(
    input: impl Read,
    read: ReadOptions<'_>,
    mut push: impl FnMut(EventRef<'_>) -> Result<(), ConvertError>,
) -> Result<Summary, ConvertError> {
    let mut failed = None;
    let summary = read_events(input, read, &mut |event| {
        push(event).map_err(|error| {
            failed = Some(error);
            Refusal::Stop
        })
    });
    match (failed, summary) {
        (Some(error), _) => Err(error),
        (None, summary) => Ok(summary?),
    }
}

fn own(error: WriteError) -> ConvertError {
    match error {
        WriteError::Io(error) => ConvertError::Output(error),
        error => ConvertError::Own(error),
    }
}
