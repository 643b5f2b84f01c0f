//! The journal of a campaign: a run has been made when its line is here, whole.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use rashomon_campaign::RunRecord;

use super::CampaignError;

/// The records of a campaign, in memory and on disk.
pub struct Journal {
    path: PathBuf,
    file: File,
    records: Vec<RunRecord>,
    ids: BTreeSet<String>,
}

impl Journal {
    /// Reads the records of a journal without changing it; a line that was cut short is left out.
    pub fn read(path: &Path) -> Result<Vec<RunRecord>, CampaignError> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(parse(path, &bytes)?.0),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(CampaignError::failed("read", path)(error)),
        }
    }

    /// Opens a journal for more, which is made when it is not there. A line that was cut short is removed: its run is
    /// made again.
    pub fn open(path: &Path) -> Result<Journal, CampaignError> {
        let failed = |action| CampaignError::failed(action, path);
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(failed("open"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed("read"))?;
        let (records, whole) = parse(path, &bytes)?;
        if whole < bytes.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(failed("cut"))?;
        }
        file.seek(SeekFrom::Start(whole as u64)).map_err(failed("read"))?;
        let ids = records.iter().map(|record| record.id.clone()).collect();
        Ok(Journal { path: path.to_owned(), file, records, ids })
    }

    /// All records, in the order in which their runs ended.
    pub fn records(&self) -> &[RunRecord] {
        &self.records
    }

    /// Whether the run of this identity has been made.
    pub fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Adds a record; it is on disk when this returns. A run that was made has no second record.
    pub fn append(&mut self, record: RunRecord) -> Result<(), CampaignError> {
        if self.has(&record.id) {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&record).expect("records serialise");
        line.push(b'\n');
        let before = self.file.stream_position().map_err(CampaignError::failed("read", &self.path))?;
        if let Err(error) = self.file.write_all(&line).and_then(|()| self.file.sync_data()) {
            // What was written of the line must not stand before the next one.
            let _ = self.file.set_len(before).and_then(|()| self.file.seek(SeekFrom::Start(before)).map(drop));
            return Err(CampaignError::failed("write", &self.path)(error));
        }
        self.ids.insert(record.id.clone());
        self.records.push(record);
        Ok(())
    }
}

/// The records, and how many bytes their whole lines take.
fn parse(path: &Path, bytes: &[u8]) -> Result<(Vec<RunRecord>, usize), CampaignError> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let mut records = Vec::new();
    for (index, line) in bytes[..whole].split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() {
            continue;
        }
        let record = serde_json::from_slice(line)
            .map_err(|error| CampaignError::damaged(path, format!("line {}: {error}", index + 1)))?;
        records.push(record);
    }
    Ok((records, whole))
}

#[cfg(test)]
mod tests {
    use rashomon_campaign::Role;
    use rashomon_runs::Verdict;

    use super::*;

    fn record(id: &str) -> RunRecord {
        RunRecord {
            id: id.to_owned(),
            role: Role::Main,
            repeats: None,
            cell: "a".to_owned(),
            seed: 1,
            command: String::new(),
            started: String::new(),
            wall_s: 1.0,
            verdict: Verdict::Pass,
            cause: None,
            digest: None,
            starvation: None,
            program: None,
            reduced: false,
        }
    }

    #[test]
    fn a_line_that_was_cut_short_anywhere_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        for id in ["1", "2"] {
            journal.append(record(id)).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        let first = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for cut in first..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            assert_eq!(Journal::read(&path).unwrap().len(), 1);
            let mut journal = Journal::open(&path).unwrap();
            assert!(journal.has("1") && !journal.has("2"));
            journal.append(record("2")).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        }
    }

    #[test]
    fn a_run_has_one_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        let mut journal = Journal::open(&path).unwrap();
        journal.append(record("1")).unwrap();
        journal.append(record("1")).unwrap();
        assert_eq!((journal.records().len(), Journal::read(&path).unwrap().len()), (1, 1));
    }

    #[test]
    fn a_damaged_line_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.jsonl");
        std::fs::write(&path, "\n{\"id\": 7}\n").unwrap();
        assert!(Journal::read(&path).unwrap_err().to_string().contains("line 2"));
    }

    #[test]
    fn a_full_disk_leaves_no_part_of_a_line() {
        // Writing to it fails as on a full disk; reading it would never end.
        let file = File::options().write(true).open("/dev/full").unwrap();
        let path = PathBuf::from("/dev/full");
        let mut journal = Journal { path, file, records: Vec::new(), ids: BTreeSet::new() };
        let error = journal.append(record("1")).unwrap_err();
        assert!(error.remedy().contains("free some space"), "{error}");
        assert!(!journal.has("1") && journal.records().is_empty());
    }
}
