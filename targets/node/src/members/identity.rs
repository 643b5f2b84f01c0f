//! The file `identity`: a node's incarnation, and whether it has left.
//!
//! Replaced as a whole: written to a temporary name, fsync, rename, fsync of the directory. So a crash leaves the old
//! one or the new one. It has a thread of its own, since that takes as long as the disk takes.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rashomon_swim::{Identity, Swim};

use crate::driver::Journal;
use crate::wal::WalError;

/// The thread's handle.
pub(crate) struct IdentityFile {
    writes: mpsc::Sender<(u64, Identity)>,
    thread: JoinHandle<()>,
}

impl IdentityFile {
    /// Starts the thread. It calls `report` with the number of the latest identity after each write, or with the error
    /// after which it ends; it ends too when `report` returns false.
    pub(crate) fn start(
        data: &Path,
        mut report: impl FnMut(Result<u64, WalError>) -> bool + Send + 'static,
    ) -> IdentityFile {
        let (writes, receiver) = mpsc::channel::<(u64, Identity)>();
        let data = data.to_path_buf();
        let thread = std::thread::spawn(move || {
            while let Ok(first) = receiver.recv() {
                let (number, identity) = receiver.try_iter().last().unwrap_or(first);
                let written = replace(&data, identity);
                let failed = written.is_err();
                let path = path(&data);
                if !report(written.map(|()| number).map_err(|source| WalError::Io { path, source })) || failed {
                    return;
                }
            }
        });
        IdentityFile { writes, thread }
    }

    /// Hands an identity over.
    fn send(&self, number: u64, identity: Identity) {
        // A thread that ended has reported why; the loop ends on that report.
        let _ = self.writes.send((number, identity));
    }
}

impl Journal<Swim> for IdentityFile {
    fn write(&mut self, _: &Swim, records: Vec<Identity>, number: u64) {
        // Each replaces what was there before.
        if let Some(latest) = records.last() {
            self.send(number, *latest);
        }
    }

    fn finish(self) {
        drop(self.writes);
        let _ = self.thread.join();
    }
}

fn path(data: &Path) -> PathBuf {
    data.join("identity")
}

/// What the file holds; `None` where there is none.
pub(crate) fn recover(data: &Path) -> Result<Option<Identity>, WalError> {
    let path = path(data);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(WalError::Io { path, source }),
    };
    let damaged = || WalError::Inconsistent { path: path.clone(), why: "it is damaged".to_owned() };
    let (check, identity) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    if u32::from_le_bytes(*check) != crc32fast::hash(identity) {
        return Err(damaged());
    }
    postcard::from_bytes(identity).map(Some).map_err(|_| damaged())
}

fn replace(data: &Path, identity: Identity) -> io::Result<()> {
    let bytes = postcard::to_stdvec(&identity).expect("an identity is plain data and always encodes");
    let new = data.join("identity.new");
    let mut file = File::create(&new)?;
    file.write_all(&crc32fast::hash(&bytes).to_le_bytes())?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&new, path(data))?;
    File::open(data)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reported_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(recover(dir.path()).unwrap(), None);
        let (reports, reported) = mpsc::channel();
        let file = IdentityFile::start(dir.path(), move |result| reports.send(result.unwrap()).is_ok());
        for number in 1..=3 {
            file.send(number, Identity { incarnation: 10 + number, left: number == 3 });
            while reported.recv().unwrap() < number {}
            let expected = Identity { incarnation: 10 + number, left: number == 3 };
            assert_eq!(recover(dir.path()).unwrap(), Some(expected));
        }
        Journal::<Swim>::finish(file);
    }

    #[test]
    fn damage_is_told() {
        let dir = tempfile::tempdir().unwrap();
        replace(dir.path(), Identity { incarnation: 7, left: false }).unwrap();
        let whole = fs::read(path(dir.path())).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            fs::write(path(dir.path()), bytes).unwrap();
            assert!(recover(dir.path()).is_err_and(|error| error.to_string().contains("identity")), "byte {at}");
        }
        fs::write(path(dir.path()), b"abc").unwrap();
        assert!(recover(dir.path()).is_err());
    }
}
