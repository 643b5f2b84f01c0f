//! Where runs are written: one folder per run, never overwritten, and links to the latest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::{ReadError, RunDigest, RunFolder, Verdict};

/// A folder of runs.
pub struct Store {
    root: PathBuf,
}

/// Why a run cannot be written or read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The folder cannot be used.
    #[error("cannot {action} {}: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// There is no such run.
    #[error("there is no run {name} in {}", root.display())]
    NoSuchRun {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        root: PathBuf,
    },
}

impl StoreError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            StoreError::Io { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
                "free some space, or write elsewhere with --results DIR".to_owned()
            }
            StoreError::Io { error, .. } if error.kind() == io::ErrorKind::NotADirectory => {
                "a file stands where the results folder should be: move it, or choose another with --results DIR"
                    .to_owned()
            }
            StoreError::Io { .. } => "choose a folder that you can write to with --results DIR".to_owned(),
            StoreError::NoSuchRun { root, .. } => {
                format!("`ls {}` shows the runs; `latest` names the last one", root.display())
            }
        }
    }

    pub(crate) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
        let path = path.to_owned();
        move |error| StoreError::Io { action, path, error }
    }
}

impl Store {
    /// The store in this folder, which is made when it is not there.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        if root.exists() && !root.is_dir() {
            let error = io::Error::new(io::ErrorKind::NotADirectory, "it is a file");
            return Err(StoreError::Io { action: "use as results folder", path: root.to_owned(), error });
        }
        fs::create_dir_all(root).map_err(StoreError::failed("make", root))?;
        let root = root.canonicalize().map_err(StoreError::failed("find", root))?;
        Ok(Store { root })
    }

    /// Makes the folder of a new run. Two runs of one second and seed get names of their own.
    pub fn new_run(&self, name: &str) -> Result<RunFolder, StoreError> {
        for attempt in 1..1000 {
            let numbered = if attempt == 1 { name.to_owned() } else { format!("{name}-{attempt}") };
            let folder = self.root.join(numbered);
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(RunFolder::at(folder)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StoreError::failed("make", &folder)(error)),
            }
        }
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "a thousand runs of this second are there already");
        Err(StoreError::Io { action: "make", path: self.root.join(name), error })
    }

    /// Points `latest` (and, for a violation, `latest-violation`) at a run.
    pub fn link(&self, run: &RunFolder, verdict: Option<Verdict>) -> Result<(), StoreError> {
        self.link_as("latest", run)?;
        if verdict == Some(Verdict::Violation) {
            self.link_as("latest-violation", run)?;
        }
        Ok(())
    }

    fn link_as(&self, name: &str, run: &RunFolder) -> Result<(), StoreError> {
        let link = self.root.join(name);
        // Whatever else has this name is the user's.
        if fs::symlink_metadata(&link).is_ok_and(|about| !about.is_symlink()) {
            return Ok(());
        }
        // Several threads, and several processes, may do this at once.
        static LINKED: AtomicU64 = AtomicU64::new(0);
        let unique = LINKED.fetch_add(1, Ordering::Relaxed);
        let next = self.root.join(format!(".{name}.{}.{unique}", std::process::id()));
        let _ = fs::remove_file(&next);
        let relative = PathBuf::from(run.name());
        std::os::unix::fs::symlink(relative, &next).map_err(StoreError::failed("link", &next))?;
        fs::rename(&next, &link).map_err(StoreError::failed("link", &link))
    }

    /// The folder of a run: a path to one, or a name within the store (`latest`).
    pub fn find(&self, name: &str) -> Result<RunFolder, StoreError> {
        let candidates = [PathBuf::from(name), self.root.join(name)].map(RunFolder::at);
        let found = candidates.into_iter().find(RunFolder::is_a_run);
        let found = found.ok_or_else(|| StoreError::NoSuchRun { name: name.to_owned(), root: self.root.clone() })?;
        found.path().canonicalize().map(RunFolder::at).map_err(StoreError::failed("find", found.path()))
    }

    /// Every run in the folder, in order of its name, which begins with the time it began; links are left out.
    pub fn runs(&self) -> Result<Vec<RunFolder>, StoreError> {
        let failed = || StoreError::failed("list", &self.root);
        let mut runs = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let run = RunFolder::at(entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && run.is_a_run() {
                runs.push(run);
            }
        }
        runs.sort_by_key(RunFolder::name);
        Ok(runs)
    }

    /// What every run is listed, grouped and compared by, read one after the other as the iterator goes on: a run that
    /// cannot be read is an error of its own and hides no other.
    pub fn digests(&self) -> Result<impl Iterator<Item = (RunFolder, Result<RunDigest, ReadError>)>, StoreError> {
        Ok(self.runs()?.into_iter().map(|run| {
            let digest = run.digest();
            (run, digest)
        }))
    }
}
