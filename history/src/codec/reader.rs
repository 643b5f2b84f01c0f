//! Reading a history file, frame by frame.

use std::io::{self, Read};

use thiserror::Error;
use zstd::bulk::Decompressor;

use super::columns::{ColumnReader, Malformed, SharedEvent};
use super::frame::{self, BadHeader, FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use super::{FRAME_MAX_BYTES, FRAME_MAX_EVENTS, GROWTH, HEADER_BYTES, MAGIC, UNASKED_BYTES, VERSION};
use crate::{Event, EventRef, HistoryBuilder, HistoryError};

/// Why reading a history file ended before its end.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The operating system failed to read.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// The file does not begin as a history file does.
    #[error("this is not a Rashomon history file (it does not begin with the bytes that all of them begin with)")]
    NotAHistory,
    /// A newer Rashomon wrote it.
    #[error("byte {at_byte}: this history was written by a newer Rashomon ({what}); read it with that one")]
    Newer {
        /// Where the unknown part begins.
        at_byte: u64,
        /// What is new in it.
        what: String,
    },
    /// The file ends without an end frame: its run was killed, or the file was cut. All events before are intact.
    #[error(
        "the history ends at byte {at_byte} without an end frame: its run was killed or the file was cut; \
         the {events_read} events before are intact"
    )]
    Truncated {
        /// Where the intact part ends.
        at_byte: u64,
        /// How many events were read before it.
        events_read: u64,
    },
    /// The last frame is damaged and nothing readable follows it, as after a power loss. All events before are intact.
    #[error(
        "the history's tail is damaged at byte {at_byte}: {what}; nothing readable follows, \
         the {events_read} events before are intact"
    )]
    CorruptTail {
        /// Where the intact part ends.
        at_byte: u64,
        /// How many events were read before it.
        events_read: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A frame is damaged though more follows: the file was altered, or the disk lost something.
    #[error(
        "the history is corrupt at byte {at_byte}: {what}; {events_read} events before are intact, what follows cannot \
         be trusted: restore the file from a copy"
    )]
    Corrupt {
        /// Where the intact part ends.
        at_byte: u64,
        /// How many events were read before it.
        events_read: u64,
        /// What is wrong there.
        what: &'static str,
    },
}

impl ReadError {
    /// True where the events read are a history that can be judged, with a warning: the run was killed, or the machine
    /// lost its last moments. False where something in the middle is wrong.
    pub fn is_cut_short(&self) -> bool {
        matches!(self, ReadError::Truncated { .. } | ReadError::CorruptTail { .. })
    }
}

/// Whether events could be added to a history.
type Pushed = Result<(), HistoryError>;

/// Streams the events of a history file. After an error it yields nothing more.
///
/// Memory: one frame, whatever the file's size.
pub struct HistoryReader<R> {
    input: R,
    /// Where the next frame begins.
    at_byte: u64,
    events_read: u64,
    /// What all frames so far take decompressed.
    raw_bytes: u64,
    state: State,
    decompressor: Option<Decompressor<'static>>,
    stored: Vec<u8>,
    columns: ColumnReader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The file header was not read yet.
    Begin,
    Frames,
    /// The end frame was seen, and nothing follows it.
    Complete,
    Failed,
}

impl<R: Read> HistoryReader<R> {
    /// A reader of the history file in `input`. Reads nothing yet; needs no buffering of its own.
    pub fn new(input: R) -> HistoryReader<R> {
        HistoryReader {
            input,
            at_byte: 0,
            events_read: 0,
            raw_bytes: 0,
            state: State::Begin,
            decompressor: None,
            stored: Vec::new(),
            columns: ColumnReader::default(),
        }
    }

    /// How many events it has handed out.
    pub fn events_read(&self) -> u64 {
        self.events_read - u64::from(self.columns.left())
    }

    /// How many bytes of the file it has gone through, for a progress bar.
    pub fn bytes_read(&self) -> u64 {
        self.at_byte
    }

    /// True once the end frame was reached: the run ended in order and no event is missing.
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// The next event by reference; `None` after the last one, and after an error.
    #[inline]
    pub fn next_ref(&mut self) -> Option<Result<EventRef<'_>, ReadError>> {
        Some(self.next_shared()?.map(|(event, _, _)| event))
    }

    /// Adds the events of the next frame to a history, the same one for all frames of this reader; `None` after the
    /// last one.
    pub(crate) fn next_frame_into(&mut self, builder: &mut HistoryBuilder) -> Option<Result<Pushed, ReadError>> {
        if let Err(error) = self.fill()? {
            return Some(Err(error));
        }
        Some(Ok(self.columns.identify(builder).and_then(|()| self.columns.all_into(builder))))
    }

    #[inline]
    fn next_shared(&mut self) -> Option<Result<SharedEvent<'_>, ReadError>> {
        if self.columns.left() == 0
            && let Err(error) = self.fill()?
        {
            return Some(Err(error));
        }
        self.columns.next().map(Ok)
    }

    /// Loads frames up to the next event; `None` when there is none.
    fn fill(&mut self) -> Option<Result<(), ReadError>> {
        while self.columns.left() == 0 {
            match self.next_frame() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.state = State::Failed;
                    return Some(Err(error));
                }
            }
        }
        Some(Ok(()))
    }

    /// Loads the next frame; false at the end of the file.
    fn next_frame(&mut self) -> Result<bool, ReadError> {
        match self.state {
            State::Begin => self.file_header()?,
            State::Frames => {}
            State::Complete | State::Failed => return Ok(false),
        }
        self.state = State::Frames;
        let mut bytes = [0; FRAME_HEADER_BYTES];
        let length = read_fully(&mut self.input, &mut bytes)?;
        if length < bytes.len() {
            return Err(self.truncated());
        }
        let header = match FrameHeader::decode(&bytes) {
            Ok(header) => header,
            Err(BadHeader::Checksum) => return Err(self.corrupt("a frame's header has a wrong checksum", &bytes[1..])),
            Err(BadHeader::UnknownTag(tag)) => {
                let what = format!("a frame of kind `{}`", tag.escape_ascii());
                return Err(ReadError::Newer { at_byte: self.at_byte, what });
            }
        };
        if header.before != self.events_read {
            return Err(self.corrupt_for_certain("frames are missing, repeated or out of order"));
        }
        match header.kind {
            FrameKind::Events => self.events_frame(header)?,
            FrameKind::End => self.end_frame()?,
        }
        Ok(self.state == State::Frames)
    }

    fn file_header(&mut self) -> Result<(), ReadError> {
        let mut bytes = [0; HEADER_BYTES];
        let length = read_fully(&mut self.input, &mut bytes)?;
        let magic = length.min(MAGIC.len());
        if bytes[..magic] != MAGIC[..magic] {
            return Err(ReadError::NotAHistory);
        }
        if length < HEADER_BYTES {
            return Err(self.truncated());
        }
        if crc32fast::hash(&bytes[..12]).to_le_bytes() != bytes[12..] {
            return Err(self.corrupt_for_certain("the file's header has a wrong checksum"));
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        let flags = u16::from_le_bytes([bytes[10], bytes[11]]);
        if version != VERSION || flags != 0 {
            let what = format!("format version {version}, flags {flags}; this one reads version {VERSION}, flags 0");
            return Err(ReadError::Newer { at_byte: 8, what });
        }
        self.at_byte = HEADER_BYTES as u64;
        Ok(())
    }

    fn events_frame(&mut self, header: FrameHeader) -> Result<(), ReadError> {
        let (stored, raw) = (header.stored as usize, header.raw as usize);
        if raw > FRAME_MAX_BYTES || stored > FRAME_MAX_BYTES || header.events > FRAME_MAX_EVENTS {
            return Err(self.corrupt_for_certain("a frame is larger than any that was ever written"));
        }
        self.raw_bytes += raw as u64;
        if self.raw_bytes > UNASKED_BYTES + GROWTH * (self.at_byte + stored as u64) {
            return Err(self.corrupt_for_certain("it decompresses to far more than any history that was ever written"));
        }
        self.stored.clear();
        (&mut self.input).take(stored as u64).read_to_end(&mut self.stored)?;
        if self.stored.len() < stored {
            return Err(self.truncated());
        }
        if crc32fast::hash(&self.stored) != header.body_crc {
            let body = std::mem::take(&mut self.stored);
            return Err(self.corrupt("a frame has a wrong checksum", &body));
        }
        if let Err(what) = self.decode(header) {
            return Err(self.corrupt_for_certain(what));
        }
        self.at_byte += (FRAME_HEADER_BYTES + stored) as u64;
        self.events_read += u64::from(header.events);
        Ok(())
    }

    fn decode(&mut self, header: FrameHeader) -> Result<(), Malformed> {
        const DOES_NOT_DECOMPRESS: Malformed = "a frame does not decompress";
        let decompressor = match &mut self.decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().map_err(|_| DOES_NOT_DECOMPRESS)?),
        };
        let raw = self.columns.buffer();
        raw.clear();
        raw.reserve(header.raw as usize);
        decompressor.decompress_to_buffer(&self.stored, raw).map_err(|_| DOES_NOT_DECOMPRESS)?;
        if raw.len() != header.raw as usize {
            return Err("a frame decompresses to another length than its header says");
        }
        self.columns.begin(header.events)
    }

    fn end_frame(&mut self) -> Result<(), ReadError> {
        self.at_byte += FRAME_HEADER_BYTES as u64;
        let mut next = [0; 1];
        if read_fully(&mut self.input, &mut next)? > 0 {
            return Err(self.corrupt("the file goes on after its end frame", &next));
        }
        self.state = State::Complete;
        Ok(())
    }

    fn truncated(&self) -> ReadError {
        ReadError::Truncated { at_byte: self.at_byte, events_read: self.events_read }
    }

    fn corrupt_for_certain(&self, what: &'static str) -> ReadError {
        ReadError::Corrupt { at_byte: self.at_byte, events_read: self.events_read, what }
    }

    /// The error for damage here: is it the tail, or does a frame follow, in `taken` (bytes read already) or after?
    fn corrupt(&mut self, what: &'static str, taken: &[u8]) -> ReadError {
        let (at_byte, events_read) = (self.at_byte, self.events_read);
        match frame_follows(taken, &mut self.input) {
            Ok(true) => ReadError::Corrupt { at_byte, events_read, what },
            Ok(false) => ReadError::CorruptTail { at_byte, events_read, what },
            Err(error) => ReadError::Io(error),
        }
    }
}

impl<R: Read> Iterator for HistoryReader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Result<Event, ReadError>> {
        Some(self.next_shared()?.map(|(event, f, error)| Event {
            time: event.time,
            process: event.process,
            kind: event.kind,
            f: f.clone(),
            key: event.key.clone(),
            value: event.value.clone(),
            node: event.node,
            error: error.cloned(),
        }))
    }
}

/// Reads until `bytes` is full or the input ends; says how many came.
fn read_fully(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match input.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Whether a valid frame header begins anywhere in `taken` or the rest of `input`, in constant memory.
fn frame_follows(taken: &[u8], input: &mut impl Read) -> io::Result<bool> {
    if frame::contains_header(taken) {
        return Ok(true);
    }
    const OVERLAP: usize = FRAME_HEADER_BYTES - 1;
    let mut window = vec![0; OVERLAP + (64 << 10)];
    let mut kept = taken.len().min(OVERLAP);
    window[..kept].copy_from_slice(&taken[taken.len() - kept..]);
    loop {
        let length = kept + read_fully(input, &mut window[kept..])?;
        if frame::contains_header(&window[..length]) {
            return Ok(true);
        }
        if length < window.len() {
            return Ok(false);
        }
        window.copy_within(length - OVERLAP.., 0);
        kept = OVERLAP;
    }
}
