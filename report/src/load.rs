//! Reading a run's folder, and writing its page there.
//!
//! The manifest must be there; everything else may be missing or end in the middle, as it does when a run is killed.
//! The page then says so.

use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use rashomon_runs::{ReadError, RunFolder, files};
use thiserror::Error;

use crate::log::{self, Windows};
use crate::run_files::{NodeLog, Run};

/// Why a page could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The run could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The page could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl WriteError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            WriteError::Read(error) => error.remedy(),
            WriteError::Write { .. } => "free some space, or make the run's folder writable".to_owned(),
        }
    }
}

/// Reads a run from its folder.
pub fn load(dir: &Path) -> Result<Run, ReadError> {
    let folder = RunFolder::at(dir);
    let manifest = folder.manifest()?;
    let verdict = folder.verdict()?;
    let mut gaps = Vec::new();
    if verdict.is_none() {
        gaps.push(format!("There is no {}: the run was never judged.", files::VERDICT));
    }
    let faults = folder.faults()?;
    gaps.extend(faults.gap);
    let faults = faults.records;
    let history = match folder.history_as_far_as_intact() {
        Ok(recorded) => {
            gaps.extend(recorded.gap.map(|gap| format!("{gap} The page shows what comes before.")));
            Some(recorded.history)
        }
        Err(why) => {
            gaps.push(format!("{why} Operations cannot be shown."));
            None
        }
    };
    let windows = Windows::of_run(verdict.as_ref(), &faults);
    let logs = manifest.nodes.iter().filter_map(|node| read_log(dir, &node.name, &windows, &mut gaps)).collect();
    Ok(Run { manifest, verdict, faults, events: folder.events(), history, logs, gaps })
}

/// Reads a run from its folder, renders its page and puts it there in one step: a reader finds the old page or the
/// new one, never a part. Returns the page's path.
pub fn write_report(dir: &Path) -> Result<PathBuf, WriteError> {
    let run = load(dir)?;
    let page = crate::render(&run.files());
    let path = dir.join(files::REPORT);
    let partial = dir.join(format!(".{}.partial", files::REPORT));
    let written = File::create(&partial)
        .and_then(|mut file| file.write_all(page.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, &path));
    match written {
        Ok(()) => Ok(path),
        Err(source) => {
            // Best effort: the error that matters is the one being reported.
            let _ = fs::remove_file(&partial);
            Err(WriteError::Write { path, source })
        }
    }
}

fn read_log(dir: &Path, node: &str, windows: &Windows, gaps: &mut Vec<String>) -> Option<NodeLog> {
    if node.is_empty() || node.contains(['/', '\\']) || node.starts_with('.') {
        gaps.push(format!("The manifest names a node {node:?}, which cannot be a folder; its log was not read."));
        return None;
    }
    let path = dir.join(files::NODES).join(node).join(files::NODE_LOG);
    // Opening a pipe would wait for somebody who writes to it; a link may lead anywhere.
    if std::fs::symlink_metadata(&path).is_ok_and(|about| !about.is_file()) {
        gaps.push(format!("The log of {node} is not a regular file; it was not read."));
        return None;
    }
    let read = File::open(&path).and_then(|file| log::read(node, BufReader::with_capacity(1 << 16, file), windows));
    match read {
        Ok(log) => Some(log),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            gaps.push(format!("There is no log of {node}."));
            None
        }
        Err(error) => {
            gaps.push(format!("The log of {node} could not be read: {error}."));
            None
        }
    }
}
