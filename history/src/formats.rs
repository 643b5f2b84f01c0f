//! Reading and writing histories in the formats of the field.
//!
//! | format | what | written by |
//! |---|---|---|
//! | [`Format::Own`] | `history.rhist`, see [`crate::codec`] | Rashomon |
//! | [`Format::JsonLines`] | one JSON object per event and line, in order of time | Rashomon, scripts |
//! | [`Format::Json`] | the same objects in one array, in the order recorded | elle-cli, exports from Jepsen |
//! | [`Format::Edn`] | maps, one after another or in one vector | Jepsen, Knossos, elle-cli, Porcupine (key-value) |
//! | [`Format::Log`] | lines as `INFO  jepsen.util - 0 :invoke :read nil` | Jepsen's log, Porcupine (etcd) |
//!
//! Everything streams: a reader holds one window of its input and what is open, never the file. What was mended on the
//! way (times out of order, keys that mean nothing, the nemesis's lines) is in the [`Summary`], so that no reading is
//! silently lossy. `docs/formats.md` has an example of each.

mod convert;
mod cursor;
mod edn;
mod json;
mod log;
mod number;
mod record;
mod source;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Chain, Cursor, Read};

use thiserror::Error;

use crate::codec::MAGIC;
use crate::{EventRef, History, HistoryBuilder, HistoryError, HistoryReader, ReadError};
pub use convert::{ConvertError, WriteOptions, convert};
pub use edn::EdnWriter;
pub use json::JsonWriter;
use record::{Assembler, Order, Record};
pub use source::Position;
use source::Source;

/// How a history is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Rashomon's own: binary, compressed, crash-safe.
    Own,
    /// JSON objects, one per line.
    JsonLines,
    /// JSON objects in one array.
    Json,
    /// EDN maps, as Jepsen writes them.
    Edn,
    /// Lines of Jepsen's log.
    Log,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 5] = [Format::Own, Format::JsonLines, Format::Json, Format::Edn, Format::Log];

    /// The name used on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Own => "rhist",
            Format::JsonLines => "jsonl",
            Format::Json => "json",
            Format::Edn => "edn",
            Format::Log => "log",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = UnknownFormatName;

    fn from_str(name: &str) -> Result<Format, UnknownFormatName> {
        Format::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| UnknownFormatName(name.to_owned()))
    }
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no history format `{0}`; there are rhist, jsonl, json, edn and log")]
pub struct UnknownFormatName(String);

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// How to read.
#[derive(Default)]
pub struct ReadOptions<'a> {
    /// The format; found out from the content where it is not given.
    pub format: Option<Format>,
    /// In text formats, each value is a pair `[key value]` of Jepsen's independent workloads: take it apart. Events
    /// that have a key of their own stay as they are.
    pub independent: bool,
    /// Called now and then with the number of bytes read so far.
    pub progress: Option<&'a mut dyn FnMut(u64)>,
}

/// What reading a history came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many events there were.
    pub events: u64,
    /// How many lines or maps were no operations of clients: the nemesis's, other log lines.
    pub skipped: u64,
    /// What was mended or ignored, one sentence each.
    pub warnings: Vec<String>,
    /// Every value looks like the pair `[key value]` of Jepsen's independent workloads, and was not taken apart
    /// ([`ReadOptions::independent`]).
    pub looks_independent: bool,
    /// Where and how the input ends too early; everything before is intact. `None` when it is whole.
    pub cut_short: Option<CutShort>,
}

/// The end of an input that ends in the middle of something: its run was killed, or the file was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutShort {
    /// The byte where the intact part ends.
    pub at_byte: u64,
    /// What is missing, in one sentence.
    pub what: String,
}

/// Why an input could not be read.
#[derive(Debug, Error)]
pub enum InputError {
    /// The operating system failed to read.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// The own format is damaged.
    #[error(transparent)]
    Own(ReadError),
    /// Something is not as the format wants it.
    #[error("line {}, column {}: {what}", position.line, position.column)]
    Syntax {
        /// Where.
        position: Position,
        /// What was expected and what is there.
        what: Cow<'static, str>,
    },
    /// The events do not make a history.
    #[error("line {}: {error}", position.line)]
    History {
        /// Where the event is written.
        position: Position,
        /// What is wrong with it.
        error: HistoryError,
    },
    /// The events of the own format do not make a history.
    #[error(transparent)]
    Events(HistoryError),
    /// The content looks like none of the formats.
    #[error("this looks like none of the history formats (rhist, jsonl, json, edn, log); it begins with `{begins}`")]
    UnknownFormat {
        /// The first bytes.
        begins: String,
    },
    /// The receiver wanted no more events.
    #[error("reading was stopped")]
    Stopped,
    /// A log without a line that is an operation's.
    #[error("none of the {lines} lines of this log is an operation, as `jepsen.util - 0 :invoke :read nil`")]
    NoOperations {
        /// How many lines there are that are not empty.
        lines: u64,
    },
    /// There is nothing.
    #[error("the history is empty: not a single byte")]
    Empty,
}

/// Why a receiver of events wants no more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The events do not make a history: reported with the event's place.
    History(HistoryError),
    /// A reason of its own: reported as [`InputError::Stopped`].
    Stop,
}

impl From<HistoryError> for Refusal {
    fn from(error: HistoryError) -> Refusal {
        Refusal::History(error)
    }
}

/// What is handed each event; its refusal ends the reading.
pub type Sink<'a> = dyn FnMut(EventRef<'_>) -> Result<(), Refusal> + 'a;

/// How much is looked at to tell the format.
const DETECT_BYTES: usize = 64 << 10;

/// Progress is reported about this often.
const PROGRESS_BYTES: u64 = 1 << 20;

/// The format of a history that begins with these bytes; `None` when it looks like none.
pub fn detect(bytes: &[u8]) -> Option<Format> {
    if !bytes.is_empty() && bytes[..bytes.len().min(MAGIC.len())] == MAGIC[..bytes.len().min(MAGIC.len())] {
        return Some(Format::Own);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let after = |at: usize| bytes.get(at..).unwrap_or_default().trim_ascii_start();
    match bytes.first()? {
        b'{' if after(1).starts_with(b"\"") => Some(Format::JsonLines),
        b'[' if after(1).starts_with(b"]") => Some(Format::Json),
        b'[' if after(1).starts_with(b"{") && after(1)[1..].trim_ascii_start().starts_with(b"\"") => Some(Format::Json),
        b'{' | b'[' | b'(' | b';' | b'#' => Some(Format::Edn),
        _ if log::begins_as_log(bytes) => Some(Format::Log),
        _ => None,
    }
}

/// Reads events in real-time order into `sink`. Memory does not grow with the input.
pub fn read_events(input: impl Read, options: ReadOptions<'_>, sink: &mut Sink<'_>) -> Result<Summary, InputError> {
    let (format, input) = open(input, options.format)?;
    read_as(format, input, options, sink)
}

/// Reads a whole history.
pub fn read_history(input: impl Read, options: ReadOptions<'_>) -> Result<(History, Summary), InputError> {
    let mut builder = HistoryBuilder::default();
    let (format, input) = open(input, options.format)?;
    let summary = match format {
        // What this format repeats has numbers already.
        Format::Own => read_own(input, options.progress.unwrap_or(&mut |_| {}), |reader| {
            let pushed = reader.next_frame_into(&mut builder)?;
            Some(pushed.map_err(InputError::Own).and_then(|pushed| pushed.map_err(InputError::Events)))
        })?,
        _ => read_as(format, input, options, &mut |event| Ok(builder.push_ref(event)?))?,
    };
    Ok((builder.finish(), summary))
}

/// An input whose beginning, read to detect the format, comes first again.
type Rewound<R> = Chain<Cursor<Vec<u8>>, R>;

/// The format of an input, given or found out, and the whole input.
fn open<R: Read>(mut input: R, format: Option<Format>) -> Result<(Format, Rewound<R>), InputError> {
    let mut begin = Vec::new();
    (&mut input).take(DETECT_BYTES as u64).read_to_end(&mut begin)?;
    if begin.is_empty() {
        return Err(InputError::Empty);
    }
    let Some(format) = format.or_else(|| detect(&begin)) else {
        let begins = String::from_utf8_lossy(&begin[..begin.len().min(40)]).escape_debug().to_string();
        return Err(InputError::UnknownFormat { begins });
    };
    Ok((format, Cursor::new(begin).chain(input)))
}

fn read_as(
    format: Format,
    input: impl Read,
    options: ReadOptions<'_>,
    sink: &mut Sink<'_>,
) -> Result<Summary, InputError> {
    let mut no_progress = |_| {};
    let progress = options.progress.unwrap_or(&mut no_progress);
    let assembler = |order| Assembler::new(order, options.independent);
    match format {
        Format::Own => read_own(input, progress, |reader| {
            let event = match reader.next_ref()? {
                Ok(event) => event,
                Err(error) => return Some(Err(InputError::Own(error))),
            };
            Some(sink(event).map_err(|refusal| match refusal {
                Refusal::History(error) => InputError::Events(error),
                Refusal::Stop => InputError::Stopped,
            }))
        }),
        Format::JsonLines => read_text(input, json::Parser::default(), assembler(Order::ByTime), progress, sink),
        Format::Json => read_text(input, json::Parser::default(), assembler(Order::AsWritten), progress, sink),
        Format::Edn => read_text(input, edn::Parser::default(), assembler(Order::AsWritten), progress, sink),
        Format::Log => read_text(input, log::Parser::default(), assembler(Order::AsWritten), progress, sink),
    }
}

/// Takes one event after another, or one frame, with `next`.
fn read_own<R: Read>(
    input: R,
    progress: &mut dyn FnMut(u64),
    mut next: impl FnMut(&mut HistoryReader<R>) -> Option<Result<(), InputError>>,
) -> Result<Summary, InputError> {
    let mut reader = HistoryReader::new(input);
    let mut cut_short = None;
    let mut reported = 0;
    while let Some(taken) = next(&mut reader) {
        match taken {
            Ok(()) => {}
            Err(InputError::Own(error)) if error.is_cut_short() => {
                let what = error.to_string();
                cut_short = Some(CutShort { at_byte: reader.bytes_read(), what });
                break;
            }
            Err(InputError::Own(ReadError::Io(error))) => return Err(InputError::Io(error)),
            Err(error) => return Err(error),
        }
        if reader.bytes_read() >= reported + PROGRESS_BYTES {
            reported = reader.bytes_read();
            progress(reported);
        }
    }
    progress(reader.bytes_read());
    Ok(Summary { events: reader.events_read(), cut_short, ..Summary::default() })
}

/// What a parser of a text format found.
enum Step {
    /// A record in these first bytes, the map itself beginning at `begins`.
    Record { begins: usize, length: usize },
    /// Nothing of interest in these first bytes; `other` when they are a line that is no operation's.
    Skip { length: usize, other: bool },
    /// The input is at its end, and whole.
    End,
}

/// Why a parser stopped.
enum Fault {
    /// The text ends too early; with more of it, the parser begins this step again.
    More,
    /// Something is wrong at byte `at`.
    Bad { at: usize, what: Cow<'static, str> },
}

/// A text format: finds one record after another.
trait TextFormat {
    /// The next thing in `text`. `at_end` says that nothing follows it. Changes itself only when it returns `Ok`.
    fn next<'a>(&mut self, text: &'a [u8], at_end: bool, record: &mut Record<'a>) -> Result<Step, Fault>;

    /// Whether lines that are no operations belong to the format.
    fn is_log(&self) -> bool {
        false
    }

    /// What there is to say about the input once it was read.
    fn remark(&self) -> Option<&'static str> {
        None
    }
}

fn read_text(
    input: impl Read,
    mut format: impl TextFormat,
    mut assembler: Assembler,
    progress: &mut dyn FnMut(u64),
    sink: &mut Sink<'_>,
) -> Result<Summary, InputError> {
    let mut source = Source::new(input);
    let mut reported = 0;
    let mut others = 0;
    let cut_short = loop {
        let mut record = Record::default();
        match format.next(source.text(), source.at_end(), &mut record) {
            Ok(Step::Record { begins, length }) => {
                match assembler.add(&mut record, sink) {
                    Ok(Ok(())) => {}
                    Ok(Err(Refusal::History(error))) => {
                        return Err(InputError::History { position: source.position(begins), error });
                    }
                    Ok(Err(Refusal::Stop)) => return Err(InputError::Stopped),
                    Err(what) => return Err(InputError::Syntax { position: source.position(begins), what }),
                }
                drop(record);
                source.take(length);
            }
            Ok(Step::Skip { length, other }) => {
                drop(record);
                others += u64::from(other);
                source.take(length);
            }
            Ok(Step::End) => break None,
            Err(Fault::More) => {
                drop(record);
                if source.more()? {
                    continue;
                }
                break Some(ends_early(&source)?);
            }
            Err(Fault::Bad { at, what }) => return Err(InputError::Syntax { position: source.position(at), what }),
        }
        if source.taken() >= reported + PROGRESS_BYTES {
            reported = source.taken();
            progress(reported);
        }
    };
    progress(source.taken() + source.text().len() as u64);
    let mut summary = assembler.summary();
    summary.skipped += others;
    if format.is_log() && summary.events == 0 && cut_short.is_none() {
        return Err(InputError::NoOperations { lines: summary.skipped });
    }
    summary.cut_short = cut_short;
    summary.warnings.extend(format.remark().map(str::to_owned));
    Ok(summary)
}

/// The input ends inside a record. A cut file is no error; a bracket that is never closed is one, for it hides all
/// that follows.
fn ends_early(source: &Source<impl Read>) -> Result<CutShort, InputError> {
    let text = source.text();
    let leading = text.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
    let position = source.position(leading);
    if !source.at_end() {
        let what = format!("this event is larger than {} MiB", source::RECORD_MAX_BYTES >> 20);
        return Err(InputError::Syntax { position, what: Cow::Owned(what) });
    }
    let word: &[u8] = b"process";
    if text.windows(word.len()).filter(|window| *window == word).count() > 1 {
        let what = Cow::Borrowed("a bracket or quote that opens here, or in this event, is never closed");
        return Err(InputError::Syntax { position, what });
    }
    let what = if leading == text.len() {
        format!("the history ends at line {} without its closing bracket: the file was cut", position.line)
    } else {
        format!("the history ends in the middle of the event at line {}: the file was cut", position.line)
    };
    Ok(CutShort { at_byte: position.byte, what })
}

#[cfg(test)]
mod tests;
