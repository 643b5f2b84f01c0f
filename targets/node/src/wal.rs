//! The write-ahead log: what a node must not forget, on disk.
//!
//! It knows nothing of what it keeps: a target says with [`Content`] what its records, heads and snapshots are, makes
//! the records it writes and replays those it finds.
//!
//! A data directory holds numbered segments `wal-<n>.log` and snapshots `snapshot-<n>.bin`. A segment is a sequence of
//! [frames](frame); a frame holds the records of one group commit, so that either all of them survive a crash or none.
//! A segment that begins with a [`Head::Checkpoint`] starts afresh: nothing before it counts. Recovery reads the newest
//! such segment and those after it; older files are left-overs and are deleted.
//!
//! Written is: new frames at the end of the last segment, then `fdatasync`. A checkpoint goes in this order: the
//! snapshot (to a temporary name, fsync, rename, fsync of the directory), a new segment with the rest of the log (the
//! same way), then the old files are deleted. A crash between any two steps leaves a directory that recovers.
//!
//! Not detected: damage to the last frame of the last segment cannot be told from a write that a crash tore, and is
//! dropped as such (Alagappan et al., Protocol-Aware Recovery, FAST 2018, section 2).

mod disk;
mod frame;
mod recovery;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use disk::Disk;
pub(crate) use recovery::{Found, recover};
pub(crate) use writer::{Batch, Write, Writer};

/// A segment that grew beyond this is closed and the next one begun.
const SEGMENT_BYTES: u64 = 16 << 20;

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub(crate) enum WalError {
    /// An operating system error.
    #[error("{path}: {source}; check that the data directory exists, is writable and has space left")]
    Io { path: PathBuf, source: io::Error },
    /// Damage that is not a torn last write.
    #[error(
        "{path}: damaged at byte {offset}, with intact records after it: this is not a torn last write, and what is \
         missing may have been acknowledged. Restore the directory, or empty it and let the node rejoin only if you \
         know that a majority has its data"
    )]
    Damaged { path: PathBuf, offset: u64 },
    /// Intact bytes that make no sense.
    #[error("{path}: {why}; was it written by another version, or mixed with another node's directory?")]
    Inconsistent { path: PathBuf, why: String },
}

/// What one target keeps.
pub(crate) trait Content: 'static {
    /// What is appended.
    type Record: Serialize + DeserializeOwned + Send;
    /// What a checkpoint says besides its snapshot: small, or what must be at hand before the snapshot is. The default
    /// is a node that never ran.
    type Head: Serialize + DeserializeOwned + Default + Send;
    /// The state that replaces all records before it.
    type Snapshot: Serialize + DeserializeOwned + Send + Sync;
}

/// What a segment's first frame says.
#[derive(Debug, Serialize, Deserialize)]
enum Head<H> {
    /// Continues the segment before it.
    Continues,
    /// Starts afresh.
    Checkpoint {
        /// The number of the snapshot file that belongs to it; `None` for a node that has none yet.
        snapshot: Option<u64>,
        /// What else the target keeps.
        head: H,
    },
}

fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("wal-{number:08}.log"))
}

fn snapshot_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("snapshot-{number:08}.bin"))
}

/// Adds the path to an operating system error.
fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, WalError> {
    result.map_err(|source| WalError::Io { path: path.to_path_buf(), source })
}
