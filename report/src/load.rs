//! Reading a run's folder, and writing its page there.
//!
//! The manifest must be there; everything else may be missing or end in the middle, as it does when a run is killed.
//! The page then says so. A file that is there but is not what it should be is an error that names the file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use rashomon_history::{History, HistoryBuilder, HistoryReader};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::log::{self, Windows};
use crate::record::{FaultRecord, Manifest, VerdictRecord, files};
use crate::run_files::{NodeLog, Run};

/// Why a run could not be read.
#[derive(Debug, Error)]
pub enum LoadError {
    /// There is no manifest: this is not a run's folder.
    #[error("{} is not a run's folder: it has no {}; name a folder below results/", .0.display(), files::MANIFEST)]
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
    /// The run was made by a newer Rashomon.
    #[error("{} has layout {found}, this version reads layouts up to {}; use the version that made the run", path.display(), Manifest::FORMAT)]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its layout.
        found: u32,
    },
}

/// Why a page could not be written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The run could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The page could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads a run from its folder.
pub fn load(dir: &Path) -> Result<Run, LoadError> {
    let mut gaps = Vec::new();
    let manifest = read_manifest(dir)?;
    let verdict: Option<VerdictRecord> = match read_text(&dir.join(files::VERDICT))? {
        Some(text) => Some(parse(&dir.join(files::VERDICT), &text)?),
        None => {
            gaps.push(format!("There is no {}: the run was never judged.", files::VERDICT));
            None
        }
    };
    let faults = read_faults(dir, &mut gaps)?;
    let history = read_history(&dir.join(files::HISTORY), &mut gaps);
    let windows = Windows::of_run(verdict.as_ref(), &faults);
    let logs = manifest.nodes.iter().filter_map(|node| read_log(dir, &node.name, &windows, &mut gaps)).collect();
    Ok(Run { manifest, verdict, faults, history, logs, gaps })
}

/// Reads the faults of a run from its folder, each once, in order of their beginning; none when none were recorded.
pub fn load_faults(dir: &Path) -> Result<Vec<FaultRecord>, LoadError> {
    read_faults(dir, &mut Vec::new())
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

fn read_manifest(dir: &Path) -> Result<Manifest, LoadError> {
    let path = dir.join(files::MANIFEST);
    let text = read_text(&path)?.ok_or_else(|| LoadError::NotARun(dir.to_owned()))?;
    // The layout is looked at first: a newer one need not parse as this one.
    let layout: serde_json::Value = parse(&path, &text)?;
    match layout.get("format").and_then(serde_json::Value::as_u64) {
        Some(found) if found > u64::from(Manifest::FORMAT) => {
            Err(LoadError::Newer { path, found: u32::try_from(found).unwrap_or(u32::MAX) })
        }
        _ => parse(&path, &text),
    }
}

/// The faults, each once: the later line of an id counts.
fn read_faults(dir: &Path, gaps: &mut Vec<String>) -> Result<Vec<FaultRecord>, LoadError> {
    let path = dir.join(files::FAULTS);
    let Some(text) = read_text(&path)? else {
        gaps.push(format!("There is no {}: faults are unknown.", files::FAULTS));
        return Ok(Vec::new());
    };
    let mut faults: BTreeMap<u32, FaultRecord> = BTreeMap::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<FaultRecord>(line) {
            Ok(fault) => {
                faults.insert(fault.id, fault);
            }
            Err(_) if !line.ends_with('\n') => {
                gaps.push(format!("The last line of {} is unfinished and was left out.", files::FAULTS));
            }
            Err(error) => {
                return Err(LoadError::Damaged { path, line: index + 1, detail: error.to_string() });
            }
        }
    }
    let mut faults: Vec<FaultRecord> = faults.into_values().collect();
    faults.sort_by_key(|fault| (fault.begin_ns, fault.id));
    Ok(faults)
}

/// The history as far as it is intact; what is missing or wrong goes to `gaps`.
fn read_history(path: &Path, gaps: &mut Vec<String>) -> Option<History> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            gaps.push(match error.kind() {
                io::ErrorKind::NotFound => format!("There is no {}: operations cannot be shown.", files::HISTORY),
                _ => format!("{} cannot be read: {error}.", files::HISTORY),
            });
            return None;
        }
    };
    let mut builder = HistoryBuilder::default();
    let wrong = HistoryReader::new(file).find_map(|event| match event {
        Ok(event) => builder.push(&event).err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    });
    if let Some(wrong) = wrong {
        gaps.push(format!("{}: {wrong}. The page shows what comes before.", files::HISTORY));
    }
    Some(builder.finish())
}

fn read_log(dir: &Path, node: &str, windows: &Windows, gaps: &mut Vec<String>) -> Option<NodeLog> {
    if node.is_empty() || node.contains(['/', '\\']) || node.starts_with('.') {
        gaps.push(format!("The manifest names a node {node:?}, which cannot be a folder; its log was not read."));
        return None;
    }
    let path = dir.join(files::NODES).join(node).join(files::NODE_LOG);
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

/// A file's text; `None` when there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, LoadError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LoadError::Unreadable { path: path.to_owned(), source }),
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, LoadError> {
    serde_json::from_str(text).map_err(|error| LoadError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        detail: error.to_string(),
    })
}
