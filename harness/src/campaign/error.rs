//! Why a campaign cannot be begun, continued or read.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a campaign cannot be begun, continued or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CampaignError {
    /// A file or folder of it cannot be used.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
    /// A file of it is not what it should be.
    #[error("{}: {detail}", path.display())]
    Damaged {
        /// The file, with the line where there are lines.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Another process runs it.
    #[error("another process runs the campaign in {}", .0.display())]
    Locked(PathBuf),
    /// There is no such campaign.
    #[error("there is no campaign {name} in {}", root.display())]
    NotFound {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// Folders cannot be merged.
    #[error("{0}")]
    Unmergeable(String),
}

impl CampaignError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            CampaignError::Io { source, .. } if is_full(source) => {
                "free some space; the same command then continues the campaign".to_owned()
            }
            CampaignError::Io { .. } => "choose a folder that you can write to with --results DIR".to_owned(),
            CampaignError::Damaged { .. } => {
                "it was changed by hand, or by a later version: begin anew with --new".to_owned()
            }
            CampaignError::Locked(_) => "wait for it, or end it first".to_owned(),
            CampaignError::NotFound { .. } => "`campaign status` lists the campaigns that there are".to_owned(),
            CampaignError::Unmergeable(_) => "give the folders of all shards of one campaign".to_owned(),
        }
    }

    pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CampaignError {
        let path = path.to_owned();
        move |source| CampaignError::Io { action, path, source }
    }

    pub(super) fn damaged(path: &Path, detail: impl ToString) -> CampaignError {
        CampaignError::Damaged { path: path.to_owned(), detail: detail.to_string() }
    }
}

/// Whether the disk, or the user's share of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
