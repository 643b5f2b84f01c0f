//! An index over the runs of campaigns: what a page, a list or a fleet asks, answered without reading every file.
//!
//! The files of the campaigns are the truth. The index is rebuilt from them at will, and losing it loses nothing. It is
//! in SQLite, a file beside the campaigns, or in PostgreSQL, where many machines share it. Both have one schema and
//! answer the same queries in the same words ([`Index`]); many processes may write at once.

mod error;
mod postgres;
mod rows;
mod schema;
mod sqlite;

use std::path::Path;

use rashomon_campaign::{Header, RunRecord, Summary};

pub use error::IndexError;
pub use postgres::Postgres;
pub use rows::{Filter, IndexedRun, NightCounts, SignatureHistory};
pub use sqlite::Sqlite;

/// An index. Writing what is there already changes nothing; writing it anew replaces it.
pub trait Index: Send {
    /// Adds runs of a campaign.
    fn put_runs(&mut self, campaign: &Header, runs: &[RunRecord]) -> Result<(), IndexError>;

    /// Adds what a campaign comes to.
    fn put_summary(&mut self, summary: &Summary) -> Result<(), IndexError>;

    /// The summaries of finished campaigns of a name that began before another, the latest last, at most `limit`.
    /// Parts of campaigns are left out.
    fn earlier(&mut self, name: &str, before: &str, limit: u32) -> Result<Vec<Summary>, IndexError>;

    /// The runs of each campaign of a name by verdict, the latest first.
    fn nights(&mut self, name: &str, limit: u32) -> Result<Vec<NightCounts>, IndexError>;

    /// When each signature was seen first and last, and how often, the latest first.
    fn signatures(&mut self, name: &str, limit: u32) -> Result<Vec<SignatureHistory>, IndexError>;

    /// Runs that fit, the latest first.
    fn runs(&mut self, filter: &Filter, limit: u32) -> Result<Vec<IndexedRun>, IndexError>;

    /// How many runs there are.
    fn count(&mut self) -> Result<u64, IndexError>;

    /// Removes everything: the first step of a rebuild.
    fn clear(&mut self) -> Result<(), IndexError>;
}

/// The index at a place: `postgres://…`, or the path of a file for SQLite, which is made when it is not there.
///
/// # Errors
///
/// When it cannot be opened.
pub fn open(place: &str) -> Result<Box<dyn Index>, IndexError> {
    if place.starts_with("postgres://") || place.starts_with("postgresql://") {
        return Ok(Box::new(Postgres::connect(place)?));
    }
    Ok(Box::new(Sqlite::open(Path::new(place))?))
}
