//! Reading a data directory back.

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::{Content, Head, WalError, at, frame, segment_path, snapshot_path};

/// What was found in a directory.
pub(crate) struct Found<C: Content> {
    /// What the last checkpoint said.
    pub(crate) head: C::Head,
    /// Its snapshot; `None` for a node that made none yet.
    pub(crate) snapshot: Option<C::Snapshot>,
    /// All records since, oldest first.
    pub(crate) records: Vec<C::Record>,
    /// The last segment's number; 0 when there is none.
    pub(super) segment: u64,
    /// How many bytes of it are intact.
    pub(super) length: u64,
    /// Bytes of a torn last write that were cut off.
    pub(crate) torn: u64,
    /// Files that are no longer needed.
    pub(super) obsolete: Vec<std::path::PathBuf>,
}

/// Reads a directory; changes nothing in it.
pub(crate) fn recover<C: Content>(dir: &Path) -> Result<Found<C>, WalError> {
    let mut obsolete = Vec::new();
    let mut segments = Vec::new();
    let mut snapshots = Vec::new();
    for item in at(dir, fs::read_dir(dir))? {
        let path = at(dir, item)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(number) = number(&name, "wal-", ".log") {
            segments.push(number);
        } else if let Some(number) = number(&name, "snapshot-", ".bin") {
            snapshots.push(number);
        } else if name.ends_with(".tmp") {
            obsolete.push(path);
        }
    }
    segments.sort_unstable();

    // The newest segment that starts afresh, and those after it, newest first.
    let mut chain = Vec::new();
    let mut torn = 0;
    let (mut head, mut snapshot) = (C::Head::default(), None);
    for (age, number) in segments.iter().rev().enumerate() {
        let segment = read_segment::<C>(dir, *number, age == 0)?;
        torn += segment.torn;
        chain.push((*number, segment.groups, segment.length));
        match segment.head {
            Some(Head::Checkpoint { snapshot: number, head: found }) => {
                (head, snapshot) = (found, number);
                break;
            }
            Some(Head::Continues) | None => {}
        }
    }
    let first = chain.last().map_or(0, |(number, ..)| *number);
    obsolete.extend(segments.iter().filter(|number| **number < first).map(|number| segment_path(dir, *number)));
    obsolete
        .extend(snapshots.iter().filter(|number| Some(**number) != snapshot).map(|number| snapshot_path(dir, *number)));

    let snapshot = match snapshot {
        Some(number) => Some(read_snapshot(&snapshot_path(dir, number))?),
        None => None,
    };
    let (segment, length) = chain.first().map_or((0, 0), |(number, _, length)| (*number, *length));
    let records = chain.into_iter().rev().flat_map(|(_, groups, _)| groups).flatten().collect();
    Ok(Found { head, snapshot, records, segment, length, torn, obsolete })
}

fn number(name: &str, prefix: &str, suffix: &str) -> Option<u64> {
    name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
}

struct Segment<C: Content> {
    head: Option<Head<C::Head>>,
    /// A frame after the first holds the records of one group commit.
    groups: Vec<Vec<C::Record>>,
    length: u64,
    torn: u64,
}

/// Reads a segment. In the last one, what follows the last intact frame is a torn write, unless another intact frame
/// follows it.
fn read_segment<C: Content>(dir: &Path, number: u64, is_last: bool) -> Result<Segment<C>, WalError> {
    let path = segment_path(dir, number);
    let bytes = at(&path, fs::read(&path))?;
    let mut segment = Segment { head: None, groups: Vec::new(), length: 0, torn: 0 };
    let mut offset = 0;
    while let Some((payload, length)) = frame::decode(&bytes[offset..]) {
        if offset == 0 {
            segment.head = Some(parse(&path, payload)?);
        } else {
            segment.groups.push(parse(&path, payload)?);
        }
        offset += length;
    }
    // A segment comes into being whole, so its first frame cannot be torn; and only the last segment is written to.
    let can_be_torn = is_last && offset > 0;
    if offset == 0 || offset < bytes.len() && (!can_be_torn || frame::any_intact(&bytes[offset + 1..])) {
        return Err(WalError::Damaged { path, offset: offset as u64 });
    }
    segment.length = offset as u64;
    segment.torn = (bytes.len() - offset) as u64;
    Ok(segment)
}

fn parse<T: DeserializeOwned>(path: &Path, payload: &[u8]) -> Result<T, WalError> {
    postcard::from_bytes(payload).map_err(|error| WalError::Inconsistent {
        path: path.to_path_buf(),
        why: format!("an intact frame does not decode ({error})"),
    })
}

fn read_snapshot<S: DeserializeOwned>(path: &Path) -> Result<S, WalError> {
    let bytes = at(path, fs::read(path))?;
    match frame::decode(&bytes) {
        Some((payload, length)) if length == bytes.len() => parse(path, payload),
        _ => Err(WalError::Damaged { path: path.to_path_buf(), offset: 0 }),
    }
}
