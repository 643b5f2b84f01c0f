//! Frames: length, checksums, payload.
//!
//! `length: u32 | payload crc: u32 | crc of the 8 bytes before: u32 | payload`, little endian. The header has a
//! checksum of its own, so that a damaged length is not taken for a frame that reaches beyond the end of the file.

const HEADER: usize = 12;

/// A frame around a payload.
pub(super) fn encode(payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("a group commit is far below 4 GiB");
    let start = out.len();
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    let header = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&header.to_le_bytes());
    out.extend_from_slice(payload);
}

/// The payload of the intact frame that begins the bytes, and the length of the frame; `None` when there is none.
pub(super) fn decode(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let header = bytes.get(..HEADER)?;
    let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    if crc32fast::hash(&header[..8]) != word(8) {
        return None;
    }
    let end = HEADER + word(0) as usize;
    let payload = bytes.get(HEADER..end)?;
    (crc32fast::hash(payload) == word(4)).then_some((payload, end))
}

/// Whether an intact frame begins anywhere in the bytes.
pub(super) fn any_intact(bytes: &[u8]) -> bool {
    (0..bytes.len()).any(|at| decode(&bytes[at..]).is_some())
}
