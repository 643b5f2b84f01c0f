//! The files that say what a campaign comes to, written from its summary.

use rashomon_campaign::Summary;
use rashomon_campaign::markdown::markdown;

use super::{CampaignError, CampaignFolder};

/// The Markdown summary.
const MARKDOWN: &str = "summary.md";

/// Writes them all.
///
/// # Errors
///
/// When one cannot be written; each is there as a whole or not at all.
pub fn write(folder: &CampaignFolder, summary: &Summary) -> Result<(), CampaignError> {
    folder.write(MARKDOWN, markdown(summary).as_bytes())?;
    // The last: a campaign is finished when this says so.
    folder.write_summary(summary)
}
