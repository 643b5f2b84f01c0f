//! Why a run's folder could not be read.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{Manifest, files};

/// Why a run's folder could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// There is no manifest: this is not a run's folder.
    #[error("{} is not a run's folder: it has no {}", .0.display(), files::MANIFEST)]
    NotARun(PathBuf),
    /// A file is there and cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is damaged: line {line}: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// The run was recorded by a newer Rashomon.
    #[error(
        "{} has format {format}, written by rashomon {version}; this is rashomon {}, which reads formats up to {}",
        path.display(), env!("CARGO_PKG_VERSION"), Manifest::FORMAT
    )]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its format.
        format: u64,
        /// The version that wrote it.
        version: String,
    },
}

impl ReadError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            ReadError::NotARun(_) => "name a folder below results/, a run's name, or `latest`".to_owned(),
            ReadError::Unreadable { path, .. } => format!("make {} readable for this user", path.display()),
            ReadError::Damaged { .. } => {
                "restore the file from a copy; the history alone can be checked with --model".to_owned()
            }
            ReadError::Newer { version, .. } => format!("use rashomon {version} or a later version"),
        }
    }

    pub(crate) fn damaged(path: &Path, error: &serde_json::Error) -> ReadError {
        ReadError::Damaged { path: path.to_owned(), line: error.line(), detail: error.to_string() }
    }
}
