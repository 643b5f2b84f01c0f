//! What happens in a campaign, as events: for a terminal, for lines of JSON.

use std::path::PathBuf;

use rashomon_campaign::{CampaignVerdict, Role, RunRecord};
use serde::Serialize;

/// What happened. As JSON one flat object with its name as `event`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CampaignEvent {
    /// The campaign begins or continues.
    CampaignStarted {
        /// Its folder.
        folder: PathBuf,
        /// The runs that are planned, repetitions not counted; absent where only time bounds them.
        planned: Option<u64>,
        /// Those of them that were made before.
        done: u64,
        /// How many go on at once.
        jobs: usize,
    },
    /// A run begins.
    CampaignRunStarted {
        /// Its identity within the campaign.
        id: String,
        /// What it is for.
        role: Role,
        /// Its combination, or the known bug.
        cell: String,
        /// Its seed.
        seed: u64,
    },
    /// A run is over and in the journal.
    CampaignRunFinished {
        /// Its record.
        record: Box<RunRecord>,
        /// What remains.
        progress: Progress,
    },
    /// Something a user should know that does not end the campaign.
    Warning {
        /// What.
        message: String,
    },
    /// The campaign is over, or goes on later.
    CampaignFinished {
        /// Its folder.
        folder: PathBuf,
        /// What it comes to so far.
        verdict: CampaignVerdict,
        /// The exit code.
        exit_code: u8,
        /// Why.
        reasons: Vec<String>,
    },
}

/// How far a campaign is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// Planned runs that were made.
    pub done: u64,
    /// All of them, where that is bounded.
    pub planned: Option<u64>,
    /// How long it will take from now on, s: by the runs so far, and by the time it has; absent before the first run.
    pub left_s: Option<f64>,
}

/// Who is told what happens, on the campaign's own thread.
pub trait CampaignListener {
    /// An event, as it happens.
    fn event(&self, event: &CampaignEvent);
}
