//! Writing a history file, frame by frame.

use std::io::{self, Write};

use thiserror::Error;
use zstd::bulk::Compressor;

use super::columns::{ColumnWriter, Refused};
use super::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKind};
use super::{FRAME_TARGET_BYTES, VALUE_MAX_BYTES};
use crate::value::MAX_DEPTH;
use crate::{Event, EventRef};

/// Fast, and within a few per cent of the higher levels on columns.
const COMPRESSION_LEVEL: i32 = 1;

/// Why an event was not recorded.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The operating system failed to write.
    #[error("cannot write the history: {0}")]
    Io(#[from] io::Error),
    /// An earlier write failed, so the file may end in half a frame; nothing more is appended behind it.
    #[error("an earlier write of the history failed; nothing more is written")]
    Poisoned,
    /// A value is nested too deeply. The event was left out; the writer can go on.
    #[error("a value of event {event} is nested more than {MAX_DEPTH} levels deep")]
    TooDeep {
        /// The event's index, 0-based.
        event: u64,
    },
    /// A key, value or text is too large for any frame. The event was left out; the writer can go on.
    #[error("a value of event {event} takes more than {} MiB", VALUE_MAX_BYTES >> 20)]
    TooLarge {
        /// The event's index, 0-based.
        event: u64,
    },
}

/// Writes a history file: [`push`](HistoryWriter::push) events, [`flush`](HistoryWriter::flush) as often as a crash may
/// cost, [`finish`](HistoryWriter::finish) at the end.
///
/// Memory: one frame. Each frame reaches `output` in one write. Dropped without `finish`, it writes what it holds but
/// no end frame, so that the file reads as that of a run which did not end in order.
pub struct HistoryWriter<W: Write> {
    /// Taken by `finish`.
    output: Option<W>,
    columns: ColumnWriter,
    compressor: Compressor<'static>,
    raw: Vec<u8>,
    frame: Vec<u8>,
    /// Events in the frames written.
    written: u64,
    state: State,
}

/// The invariant behind every use of the output.
const NOT_TAKEN: &str = "the output is taken by `finish` only, which consumes the writer";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Poisoned,
    Finished,
}

impl<W: Write> HistoryWriter<W> {
    /// Begins a history file: writes its header to `output`, which needs no buffering of its own.
    pub fn new(mut output: W) -> Result<HistoryWriter<W>, WriteError> {
        output.write_all(&super::header())?;
        Ok(HistoryWriter {
            output: Some(output),
            columns: ColumnWriter::default(),
            compressor: Compressor::new(COMPRESSION_LEVEL)?,
            raw: Vec::new(),
            frame: Vec::new(),
            written: 0,
            state: State::Open,
        })
    }

    /// Appends an event. It is in the file after the next [`flush`](HistoryWriter::flush) at the latest.
    pub fn push(&mut self, event: &Event) -> Result<(), WriteError> {
        self.push_ref(event.borrowed())
    }

    /// Appends an event given by reference.
    pub fn push_ref(&mut self, event: EventRef<'_>) -> Result<(), WriteError> {
        if self.state != State::Open {
            return Err(WriteError::Poisoned);
        }
        self.columns.push(event).map_err(|refused| {
            let event = self.events();
            match refused {
                Refused::TooDeep => WriteError::TooDeep { event },
                Refused::TooLarge => WriteError::TooLarge { event },
            }
        })?;
        if self.columns.bytes() >= FRAME_TARGET_BYTES {
            self.write_frame()?;
        }
        Ok(())
    }

    /// How many events were pushed.
    pub fn events(&self) -> u64 {
        self.written + u64::from(self.columns.events())
    }

    /// Ends the current frame, writes it, and flushes the output. Without new events, only the latter.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        if self.state != State::Open {
            return Err(WriteError::Poisoned);
        }
        if self.columns.events() > 0 {
            self.write_frame()?;
        }
        self.guard(|writer| writer.output.as_mut().expect(NOT_TAKEN).flush())
    }

    /// Writes what is left and the end frame, and hands the output back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.flush()?;
        let before = self.written;
        let header = FrameHeader { kind: FrameKind::End, stored: 0, raw: 0, events: 0, before, body_crc: 0 };
        self.guard(|writer| {
            let output = writer.output.as_mut().expect(NOT_TAKEN);
            output.write_all(&header.encode())?;
            output.flush()
        })?;
        self.state = State::Finished;
        Ok(self.output.take().expect(NOT_TAKEN))
    }

    fn write_frame(&mut self) -> Result<(), WriteError> {
        let events = self.columns.events();
        self.raw.clear();
        self.columns.finish(&mut self.raw);
        self.guard(|writer| writer.compress_and_write(events))?;
        self.written += u64::from(events);
        Ok(())
    }

    fn compress_and_write(&mut self, events: u32) -> io::Result<()> {
        let bound = zstd::zstd_safe::compress_bound(self.raw.len());
        self.frame.clear();
        self.frame.resize(FRAME_HEADER_BYTES + bound, 0);
        let stored = self.compressor.compress_to_buffer(&self.raw, &mut self.frame[FRAME_HEADER_BYTES..])?;
        self.frame.truncate(FRAME_HEADER_BYTES + stored);
        let header = FrameHeader {
            kind: FrameKind::Events,
            stored: stored as u32,
            raw: self.raw.len() as u32,
            events,
            before: self.written,
            body_crc: crc32fast::hash(&self.frame[FRAME_HEADER_BYTES..]),
        };
        self.frame[..FRAME_HEADER_BYTES].copy_from_slice(&header.encode());
        self.output.as_mut().expect(NOT_TAKEN).write_all(&self.frame)
    }

    fn guard(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), WriteError> {
        write(self).map_err(|error| {
            self.state = State::Poisoned;
            WriteError::Io(error)
        })
    }
}

impl<W: Write> Drop for HistoryWriter<W> {
    fn drop(&mut self) {
        if self.state == State::Open {
            // Nobody is left to tell; the reader sees the missing end frame.
            let _ = self.flush();
        }
    }
}
