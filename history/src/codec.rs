//! The history file (`history.rhist`): append-only, compressed, readable after a crash.
//!
//! ```text
//! file   = header, frame*, end frame?
//! header = magic (8) · version u16 · flags u16 (0) · CRC-32 of the 12 bytes before it        16 bytes
//! frame  = tag (4) · stored length u32 · raw length u32 · events u32 · events before u64
//!          · CRC-32 of the stored body · CRC-32 of the 28 bytes before it                    32 bytes
//!          · body: zstd of the columns (see [`columns`]), nothing in an end frame
//! ```
//!
//! Integers are little-endian. The tag is `EVTS` (events) or `DONE` (the end; "events before" is the total).
//!
//! What this buys:
//! - A frame is written with one `write`, and each carries all it needs (names and values are interned per frame, not
//!   per file), so what was written before a `kill -9` is readable, and neither side keeps state that grows.
//! - The frame header has a checksum of its own: a damaged length is *corruption*, not a false end of file.
//! - "Events before" makes a lost, repeated or swapped frame visible.
//! - A file without an end frame is of a run that was killed: everything in it is true, but more may have happened.
//!
//! This module does no `fsync`; a history survives the death of the process, and of the machine as far as the
//! caller synchronises the file.

mod columns;
mod frame;
mod planes;
mod reader;
mod varint;
mod writer;

pub use reader::{HistoryReader, ReadError};
pub use writer::{HistoryWriter, WriteError};

/// The first bytes of a history file. Not text on purpose, and broken by any newline conversion, as in PNG.
pub const MAGIC: [u8; 8] = *b"\x89RHIST\r\n";

/// The version this build writes, and the newest that it reads.
pub const VERSION: u16 = 1;

/// Bytes in the file header.
const HEADER_BYTES: usize = 16;

/// A frame ends when its columns reach this many bytes, or on [`HistoryWriter::flush`].
const FRAME_TARGET_BYTES: usize = 128 << 10;

/// No frame's columns may be larger.
const FRAME_MAX_BYTES: usize = 64 << 20;

/// Most events of a frame that is accepted. A writer begins the next frame after [`FRAME_TARGET_BYTES`], each event
/// counted with ten.
const FRAME_MAX_EVENTS: u32 = 1 << 16;

/// What a file may grow to when it is decompressed: this much, and [`GROWTH`] times what there is of it. Histories grow
/// to less than ten times their size; a file of more is made to exhaust the memory.
const UNASKED_BYTES: u64 = 64 << 20;
const GROWTH: u64 = 256;

/// No key, value, function name or error text may take more, so that any event fits a frame.
const VALUE_MAX_BYTES: usize = 15 << 20;

/// The file header.
fn header() -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests;
