//! The files that say what a campaign comes to, written from its summary and the folders of its runs.

use std::path::PathBuf;

use rashomon_campaign::Summary;
use rashomon_campaign::junit::junit;
use rashomon_campaign::markdown::markdown;

use super::{CampaignError, CampaignFolder};

/// The page, the Markdown summary, the JUnit file.
const PAGE: &str = "index.html";
const MARKDOWN: &str = "summary.md";
const JUNIT: &str = "junit.xml";

/// Writes them all and returns the page's path. `program` is how the user calls this program.
///
/// # Errors
///
/// When one cannot be written; each is there as a whole or not at all.
pub fn write(folder: &CampaignFolder, summary: &Summary, program: &str) -> Result<PathBuf, CampaignError> {
    let command = format!("{program} campaign report {}", folder.path().display());
    let page = rashomon_report::render_campaign(summary, &folder.runs(), &command);
    folder.write(PAGE, page.as_bytes())?;
    folder.write(MARKDOWN, markdown(summary).as_bytes())?;
    folder.write(JUNIT, junit(summary).as_bytes())?;
    // The last: a campaign is finished when this says so.
    folder.write_summary(summary)?;
    Ok(folder.file(PAGE))
}
