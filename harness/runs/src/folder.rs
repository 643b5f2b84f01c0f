//! One run's folder: the one reader and the one writer of its files.
//!
//! Only the manifest must be there; everything else may be missing or end in the middle, as it does when a run is
//! killed. A file that is there but is not what it should be is an error that names the file and the line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use rashomon_history::formats::{ReadOptions, read_history};
use rashomon_history::{History, HistoryBuilder, HistoryReader};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{FaultLog, FaultRecord, Manifest, ProtocolEvent, ReadError, RunDigest, StoreError, VerdictRecord, files};

/// Protocol events that are read of one run, and bytes of their file.
const EVENTS_MAX: usize = 200_000;
const EVENTS_BYTES_MAX: u64 = 64 << 20;

/// A run's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

/// The faults that a run recorded.
#[derive(Clone, Debug, Default)]
pub struct RecordedFaults {
    /// Each fault once, in order of their beginning.
    pub records: Vec<FaultRecord>,
    /// What is missing or unfinished, in plain words.
    pub gap: Option<String>,
}

/// The history that a run recorded.
#[derive(Clone, Debug)]
pub struct RecordedHistory {
    /// Its operations.
    pub history: History,
    /// What is missing or wrong, in plain words.
    pub gap: Option<String>,
}

/// What is looked at first: a newer format need not parse as this one.
#[derive(Deserialize)]
struct Header {
    format: u64,
    #[serde(default)]
    version: String,
}

impl RunFolder {
    /// The run in this folder, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> RunFolder {
        RunFolder { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name: the folder's.
    pub fn name(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// The path of one of its files (see [`files`]).
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether it has a manifest.
    pub fn is_a_run(&self) -> bool {
        self.file(files::MANIFEST).is_file()
    }

    /// The manifest.
    pub fn manifest(&self) -> Result<Manifest, ReadError> {
        let path = self.file(files::MANIFEST);
        let text = read_text(&path)?.ok_or_else(|| ReadError::NotARun(self.path.clone()))?;
        let Header { format, version } = parse(&path, &text)?;
        if format > u64::from(Manifest::FORMAT) {
            let version = if version.is_empty() { "of a later version".to_owned() } else { version };
            return Err(ReadError::Newer { path, format, version });
        }
        parse(&path, &text)
    }

    /// The verdict; `None` when the run was never judged.
    pub fn verdict(&self) -> Result<Option<VerdictRecord>, ReadError> {
        let path = self.file(files::VERDICT);
        read_text(&path)?.map(|text| parse(&path, &text)).transpose()
    }

    /// The faults: the later line of an id counts, and a last line that was cut short is left out.
    pub fn faults(&self) -> Result<RecordedFaults, ReadError> {
        let path = self.file(files::FAULTS);
        let Some(text) = read_text(&path)? else {
            let gap = format!("There is no {}: faults are unknown.", files::FAULTS);
            return Ok(RecordedFaults { records: Vec::new(), gap: Some(gap) });
        };
        let mut gap = None;
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
                    gap = Some(format!("The last line of {} is unfinished and was left out.", files::FAULTS));
                }
                Err(error) => {
                    return Err(ReadError::Damaged { path, line: index + 1, detail: error.to_string() });
                }
            }
        }
        let mut records: Vec<FaultRecord> = faults.into_values().collect();
        records.sort_by_key(|fault| (fault.begin_ns, fault.id));
        Ok(RecordedFaults { records, gap })
    }

    /// The protocol events in order of time, of very many the first; none where the run has no such file. What is no
    /// event is left out: a target wrote what is in it.
    pub fn events(&self) -> Vec<ProtocolEvent> {
        let Ok(file) = File::open(self.file(files::EVENTS)) else { return Vec::new() };
        let lines = BufReader::new(file.take(EVENTS_BYTES_MAX)).lines().map_while(Result::ok);
        let events = lines.filter_map(|line| serde_json::from_str::<ProtocolEvent>(&line).ok());
        let mut events: Vec<ProtocolEvent> = events.take(EVENTS_MAX).collect();
        events.sort_by_key(|event| event.at_ns);
        events
    }

    /// The history for a checker: one that is cut short is read up to there, one that is wrong anywhere is an error.
    pub fn history(&self) -> Result<RecordedHistory, String> {
        let path = self.file(files::HISTORY);
        let wrong = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
        let file = File::open(&path).map_err(|error| wrong(&error))?;
        let input = BufReader::with_capacity(1 << 20, file);
        let (history, summary) = read_history(input, ReadOptions::default()).map_err(|error| wrong(&error))?;
        Ok(RecordedHistory { history, gap: summary.cut_short.map(|cut| cut.what) })
    }

    /// The history for a reader: as far as it is intact, whatever follows; the gap says what. An error says why there
    /// is none at all.
    pub fn history_as_far_as_intact(&self) -> Result<RecordedHistory, String> {
        let file = File::open(self.file(files::HISTORY)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("There is no {}.", files::HISTORY),
            _ => format!("{} cannot be read: {error}.", files::HISTORY),
        })?;
        let mut builder = HistoryBuilder::default();
        let wrong = HistoryReader::new(file).find_map(|event| match event {
            Ok(event) => builder.push(&event).err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        });
        let gap = wrong.map(|wrong| format!("{}: {wrong}.", files::HISTORY));
        Ok(RecordedHistory { history: builder.finish(), gap })
    }

    /// What many runs are listed, grouped and compared by: from the run's files, or, of a run that was reduced to its
    /// manifest and digest, as it was kept.
    pub fn digest(&self) -> Result<RunDigest, ReadError> {
        let path = self.file(files::DIGEST);
        if let Some(text) = read_text(&path)? {
            return parse(&path, &text);
        }
        let digest = RunDigest::of(&self.manifest()?, self.verdict()?.as_ref());
        Ok(if digest.anomalies.is_empty() { digest } else { digest.with_faults(&self.faults()?.records) })
    }

    /// Reduces the run to its manifest and its digest: everything else is removed. For runs in which nothing was found.
    pub fn reduce(&self, digest: &RunDigest) -> Result<(), StoreError> {
        write_json(&self.file(files::DIGEST), digest)?;
        for entry in fs::read_dir(&self.path).map_err(StoreError::failed("list", &self.path))? {
            let entry = entry.map_err(StoreError::failed("list", &self.path))?;
            if [files::MANIFEST, files::DIGEST, files::PINNED].iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let removed = if is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(StoreError::failed("remove", &path))?;
        }
        Ok(())
    }

    /// Whether the user keeps it whatever its age.
    pub fn is_pinned(&self) -> bool {
        self.file(files::PINNED).exists()
    }

    /// Keeps it whatever its age.
    pub fn pin(&self) -> Result<(), StoreError> {
        let path = self.file(files::PINNED);
        fs::write(&path, "").map_err(StoreError::failed("write", &path))
    }

    /// Lets go of it.
    pub fn unpin(&self) -> Result<(), StoreError> {
        let path = self.file(files::PINNED);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::failed("remove", &path)(error)),
            _ => Ok(()),
        }
    }

    /// Removes the run with everything in it.
    pub fn remove(&self) -> Result<(), StoreError> {
        fs::remove_dir_all(&self.path).map_err(StoreError::failed("remove", &self.path))
    }

    /// Writes the manifest in today's format, replacing it as a whole.
    pub fn write_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let manifest = Manifest { format: Manifest::FORMAT, ..manifest.clone() };
        write_json(&self.file(files::MANIFEST), &manifest)
    }

    /// Writes the verdict, replacing it as a whole.
    pub fn write_verdict(&self, verdict: &VerdictRecord) -> Result<(), StoreError> {
        write_json(&self.file(files::VERDICT), verdict)
    }

    /// Begins the file of faults, which must not be there yet.
    pub fn create_fault_log(&self) -> io::Result<FaultLog> {
        FaultLog::create(&self.file(files::FAULTS))
    }
}

/// A file's text; `None` when there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, ReadError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(ReadError::Unreadable { path: path.to_owned(), source }),
    }
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ReadError> {
    serde_json::from_str(text).map_err(|error| ReadError::damaged(path, &error))
}

fn write_json(path: &Path, content: &impl Serialize) -> Result<(), StoreError> {
    let next = path.with_extension("json.next");
    let mut text = serde_json::to_vec_pretty(content).expect("records serialise");
    text.push(b'\n');
    let written = fs::write(&next, text).and_then(|()| fs::rename(&next, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&next);
        StoreError::failed("write", path)(error)
    })
}
