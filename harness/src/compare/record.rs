//! What a comparison leaves: its page, `compare.json`, `summary.md`, and its runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rashomon_compare::{Summary, markdown};

/// The folder of its runs, within a comparison's.
pub(crate) const RUNS: &str = "runs";

/// The files that were written.
pub(crate) struct Written {
    /// The page.
    pub(crate) page: PathBuf,
    /// The summary in figures and sentences.
    pub(crate) json: PathBuf,
    /// The summary to paste.
    pub(crate) markdown: PathBuf,
}

/// Makes the folder of a comparison within the folder of runs: `compare-20261129T160455Z-raft-kv`.
pub(crate) fn new_folder(results: &Path, target: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(results)?;
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    for attempt in 1..1000 {
        let numbered = if attempt == 1 { String::new() } else { format!("-{attempt}") };
        let folder = results.join(format!("compare-{stamp}-{target}{numbered}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "a thousand comparisons of this second are there already"))
}

/// Writes the summary.
pub(crate) fn write(folder: &Path, summary: &Summary) -> io::Result<Written> {
    let written = Written {
        page: folder.join("index.html"),
        json: folder.join("compare.json"),
        markdown: folder.join("summary.md"),
    };
    let mut json = serde_json::to_vec_pretty(summary).expect("summaries serialise");
    json.push(b'\n');
    fs::write(&written.json, json)?;
    fs::write(&written.markdown, markdown::of(summary))?;
    fs::write(&written.page, rashomon_report::render_comparison(summary, &folder.join(RUNS)))?;
    Ok(written)
}
