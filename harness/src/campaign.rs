//! Campaigns: many runs, unattended, that survive whatever ends them.
//!
//! [`CampaignFolder`] is where a campaign keeps its files, [`Executor`] makes the runs that are still to be made, each
//! as a child process. What is planned and what it comes to is computed in `rashomon_campaign`; nothing here judges.
//!
//! # What is on disk
//!
//! `<results>/campaigns/<name>/<start>/`:
//!
//! | file | content |
//! |---|---|
//! | `campaign.json` | what was recorded once at the start ([`Header`](rashomon_campaign::Header)) |
//! | `campaign.toml` | the specification as it was then |
//! | `runs.jsonl` | the journal: one [`RunRecord`](rashomon_campaign::RunRecord) a line, written when a run is over |
//! | `runs/` | the folders of the runs |
//! | `logs/` | what runs printed that left no verdict |
//! | `summary.json`, … | what it comes to; written again at will |
//!
//! A run has been made when its line is on disk, whole. What a killed campaign was doing has no line: it is done again,
//! and what it left is removed.

mod child;
mod error;
mod event;
mod executor;
mod folder;
mod journal;
mod machine;
mod output;
mod program;
mod starvation;

pub(crate) use child::end_with_parent;
pub use error::CampaignError;
pub use event::{CampaignEvent, CampaignListener};
pub use executor::{Executor, Planner};
pub use folder::{CampaignFolder, Campaigns, Lock};
pub use journal::Journal;
pub use machine::jobs_for;
pub use output::write as write_outputs;
