//! The folders of campaigns: where each keeps its files, which one is continued, which were before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use rashomon_campaign::{End, Header, RunRecord, Shard, Summary};
use rashomon_runs::{RunFolder, Store};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CampaignError, Journal};

/// Earlier campaigns that are looked at.
const EARLIER: usize = 30;

const HEADER: &str = "campaign.json";
const SPECIFICATION: &str = "campaign.toml";
const JOURNAL: &str = "runs.jsonl";
const SUMMARY: &str = "summary.json";
const ACTIVE: &str = "active-seconds";
const LOCK: &str = "lock";
const RUNS: &str = "runs";
const LOGS: &str = "logs";

/// All campaigns below a folder of results.
pub struct Campaigns {
    root: PathBuf,
}

impl Campaigns {
    /// The campaigns in this folder of results.
    pub fn of(results: &Path) -> Campaigns {
        Campaigns { root: results.join("campaigns") }
    }

    /// Every campaign of a name, in order of their beginning; of all names when none is given.
    pub fn list(&self, name: Option<&str>) -> Vec<CampaignFolder> {
        let below = |folder: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let names = match name {
            Some(name) => vec![self.root.join(name)],
            None => below(&self.root),
        };
        let folders = names.iter().flat_map(|name| below(name)).map(CampaignFolder::at);
        let mut folders: Vec<(String, CampaignFolder)> =
            folders.filter_map(|folder| Some((folder.header().ok()?.started, folder))).collect();
        folders.sort_by(|a, b| a.0.cmp(&b.0));
        folders.into_iter().map(|(_, folder)| folder).collect()
    }

    /// The campaign of this name that is not finished, if it is the last one of its part.
    pub fn unfinished(&self, name: &str, shard: Shard) -> Option<CampaignFolder> {
        let of_part = |folder: &CampaignFolder| folder.header().is_ok_and(|header| header.shard == shard);
        let last = self.list(Some(name)).into_iter().rfind(of_part)?;
        let finished = last.summary().is_ok_and(|summary| {
            summary.is_some_and(|summary| !matches!(summary.end, End::Unfinished | End::Stopped { .. }))
        });
        (!finished).then_some(last)
    }

    /// A campaign by its folder, or the last one of a name.
    pub fn find(&self, name: &str) -> Result<CampaignFolder, CampaignError> {
        let direct = CampaignFolder::at(PathBuf::from(name));
        if direct.header().is_ok() {
            return Ok(direct);
        }
        let last = self.list(Some(name)).pop();
        last.ok_or_else(|| CampaignError::NotFound { name: name.to_owned(), root: self.root.clone() })
    }

    /// The summaries of finished campaigns of a name that began before another, the latest last. Parts are left out:
    /// what one part has not found, another may have.
    pub fn earlier(&self, header: &Header) -> Vec<Summary> {
        let folders = self.list(Some(&header.name)).into_iter();
        let summaries = folders.filter_map(|folder| folder.summary().ok().flatten());
        let mut earlier: Vec<Summary> = summaries
            .filter(|summary| summary.campaign.started < header.started && summary.campaign.shard == Shard::WHOLE)
            .filter(|summary| summary.end != End::Unfinished)
            .collect();
        earlier.split_off(earlier.len().saturating_sub(EARLIER))
    }

    /// Makes the folder of a new campaign.
    pub fn create(&self, header: &Header, specification: &str) -> Result<CampaignFolder, CampaignError> {
        let of_name = self.root.join(&header.name);
        fs::create_dir_all(&of_name).map_err(CampaignError::failed("make", &of_name))?;
        let stamp: String = header.started.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
        let part = match header.shard {
            Shard::WHOLE => String::new(),
            Shard { index, count } => format!("-part-{index}-of-{count}"),
        };
        for attempt in 1..1000 {
            let again = if attempt == 1 { String::new() } else { format!("-{attempt}") };
            let path = of_name.join(format!("{stamp}{part}{again}"));
            match fs::create_dir(&path) {
                Ok(()) => {
                    let folder = CampaignFolder::at(path);
                    folder.begin(header, specification)?;
                    return Ok(folder);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(CampaignError::failed("make", &path)(error)),
            }
        }
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "a thousand campaigns of this second are there");
        Err(CampaignError::failed("make", &of_name)(error))
    }
}

/// The folder of one campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignFolder {
    path: PathBuf,
}

/// As long as this lives, no other process runs the campaign.
pub struct Lock(#[expect(dead_code, reason = "it is held, not used")] Flock<File>);

impl CampaignFolder {
    /// The campaign in this folder.
    pub fn at(path: impl Into<PathBuf>) -> CampaignFolder {
        CampaignFolder { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The specification first: a folder with a header is whole.
    fn begin(&self, header: &Header, specification: &str) -> Result<(), CampaignError> {
        let runs = self.file(RUNS);
        fs::create_dir(&runs).map_err(CampaignError::failed("make", &runs))?;
        self.write(SPECIFICATION, specification.as_bytes())?;
        self.write_json(HEADER, header)
    }

    /// What was recorded when it began.
    pub fn header(&self) -> Result<Header, CampaignError> {
        let path = self.file(HEADER);
        let header: Header = read_json(&path)?
            .ok_or_else(|| CampaignError::NotFound { name: String::new(), root: self.path.clone() })?;
        if header.format > Header::FORMAT {
            let detail = format!("format {} was written by version {}; use that", header.format, header.version);
            return Err(CampaignError::damaged(&path, detail));
        }
        Ok(header)
    }

    /// The specification as it was when it began.
    pub fn specification(&self) -> Result<String, CampaignError> {
        let path = self.file(SPECIFICATION);
        fs::read_to_string(&path).map_err(CampaignError::failed("read", &path))
    }

    /// Its records, without changing anything.
    pub fn records(&self) -> Result<Vec<RunRecord>, CampaignError> {
        Journal::read(&self.file(JOURNAL))
    }

    /// Its journal, for more.
    pub fn journal(&self) -> Result<Journal, CampaignError> {
        Journal::open(&self.file(JOURNAL))
    }

    /// What it came to when it was last summed up.
    pub fn summary(&self) -> Result<Option<Summary>, CampaignError> {
        read_json(&self.file(SUMMARY))
    }

    /// Keeps what it comes to.
    pub fn write_summary(&self, summary: &Summary) -> Result<(), CampaignError> {
        self.write_json(SUMMARY, summary)
    }

    /// How long it was worked on so far, s.
    pub fn active_s(&self) -> f64 {
        fs::read_to_string(self.file(ACTIVE)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0.0)
    }

    /// Keeps how long it was worked on. A convenience: a power cut may lose some seconds of it.
    pub(super) fn write_active_s(&self, seconds: f64) {
        let next = self.file(&format!(".{ACTIVE}.next"));
        let _ = fs::write(&next, format!("{seconds:.0}\n")).and_then(|()| fs::rename(&next, self.file(ACTIVE)));
    }

    /// The store of its runs.
    pub fn store(&self) -> Result<Store, CampaignError> {
        let runs = self.runs();
        Store::open(&runs).map_err(|error| CampaignError::failed("open", &runs)(io::Error::other(error.to_string())))
    }

    /// Where its runs are.
    pub fn runs(&self) -> PathBuf {
        self.file(RUNS)
    }

    /// Keeps what a run printed.
    pub(super) fn write_log(&self, id: &str, text: &[u8]) -> Result<PathBuf, CampaignError> {
        let logs = self.file(LOGS);
        fs::create_dir_all(&logs).map_err(CampaignError::failed("make", &logs))?;
        let path = logs.join(format!("{id}.log"));
        fs::write(&path, text).map_err(CampaignError::failed("write", &path))?;
        Ok(path)
    }

    /// Removes runs that have no record: those that a killed campaign was making.
    pub(super) fn remove_unrecorded(&self, records: &[RunRecord]) -> Result<usize, CampaignError> {
        let known = |run: &RunFolder| {
            let name = run.name();
            records.iter().any(|record| record.digest.as_ref().is_some_and(|digest| digest.run == name))
        };
        let mut removed = 0;
        for entry in fs::read_dir(self.runs()).map_err(CampaignError::failed("list", &self.runs()))?.flatten() {
            let run = RunFolder::at(entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !known(&run) {
                remove_patiently(run.path()).map_err(CampaignError::failed("remove", run.path()))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Makes sure that this process alone runs the campaign.
    pub fn lock(&self) -> Result<Lock, CampaignError> {
        let path = self.file(LOCK);
        let file =
            File::options().create(true).append(true).open(&path).map_err(CampaignError::failed("open", &path))?;
        let locked = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        locked.map(Lock).map_err(|_| CampaignError::Locked(self.path.clone()))
    }

    /// Whether a process runs it now.
    pub fn runs_now(&self) -> bool {
        self.file(LOCK).exists() && matches!(self.lock(), Err(CampaignError::Locked(_)))
    }

    fn write_json(&self, name: &str, content: &impl Serialize) -> Result<(), CampaignError> {
        let mut text = serde_json::to_vec_pretty(content).expect("records serialise");
        text.push(b'\n');
        self.write(name, &text)
    }

    /// Writes one of its files as a whole, and durably: after a power cut it is the old one or the new one.
    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<(), CampaignError> {
        let (path, next) = (self.file(name), self.file(&format!(".{name}.next")));
        let written = File::create(&next)
            .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&next, &path))
            .and_then(|()| File::open(&self.path)?.sync_all());
        written.map_err(|error| {
            let _ = fs::remove_file(&next);
            CampaignError::failed("write", &path)(error)
        })
    }
}

/// Removes a folder; a lab whose campaign was killed a moment ago may still write into it while the kernel ends it.
fn remove_patiently(folder: &Path) -> io::Result<()> {
    for _ in 0..50 {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            removed => return removed,
        }
    }
    fs::remove_dir_all(folder)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CampaignError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| CampaignError::damaged(path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CampaignError::failed("read", path)(error)),
    }
}
