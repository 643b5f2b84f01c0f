//! The 32 bytes before every frame's body.

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// Events.
    Events,
    /// Nothing: the history is complete.
    End,
}

/// A frame header, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// What the body holds.
    pub(super) kind: FrameKind,
    /// Bytes of the body as stored.
    pub(super) stored: u32,
    /// Bytes of the body after decompression.
    pub(super) raw: u32,
    /// Events in this frame.
    pub(super) events: u32,
    /// Events in all frames before this one.
    pub(super) before: u64,
    /// CRC-32 of the stored body.
    pub(super) body_crc: u32,
}

/// Why 32 bytes are not a frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// The checksum is wrong.
    Checksum,
    /// The checksum is right but this build does not know the tag: a newer one wrote it.
    UnknownTag([u8; 4]),
}

/// Bytes in a frame header.
pub(super) const FRAME_HEADER_BYTES: usize = 32;

const EVENTS: [u8; 4] = *b"EVTS";
const END: [u8; 4] = *b"DONE";

impl FrameHeader {
    /// The header as stored.
    pub(super) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[..4].copy_from_slice(match self.kind {
            FrameKind::Events => &EVENTS,
            FrameKind::End => &END,
        });
        bytes[4..8].copy_from_slice(&self.stored.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.raw.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.events.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.before.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..28]);
        bytes[28..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header in these bytes.
    pub(super) fn decode(bytes: &[u8; FRAME_HEADER_BYTES]) -> Result<FrameHeader, BadHeader> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if crc32fast::hash(&bytes[..28]) != word(28) {
            return Err(BadHeader::Checksum);
        }
        let tag = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let kind = match tag {
            EVENTS => FrameKind::Events,
            END => FrameKind::End,
            _ => return Err(BadHeader::UnknownTag(tag)),
        };
        let before = u64::from(word(16)) | u64::from(word(20)) << 32;
        Ok(FrameHeader { kind, stored: word(4), raw: word(8), events: word(12), before, body_crc: word(24) })
    }
}

/// Whether a valid frame header begins somewhere in `bytes`.
pub(super) fn contains_header(bytes: &[u8]) -> bool {
    bytes.windows(FRAME_HEADER_BYTES).any(|window| {
        (window[..4] == EVENTS || window[..4] == END)
            && window.try_into().is_ok_and(|window| FrameHeader::decode(window).is_ok())
    })
}
