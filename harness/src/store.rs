//! Where runs are written: one folder per run, never overwritten, and links to the latest.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rashomon_report::record::{Manifest, Verdict, VerdictRecord, files};
use serde::Serialize;
use thiserror::Error;

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
    /// A file of a run is not what it should be.
    #[error("{} is not a manifest that this version understands: {error}", path.display())]
    NotAManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        error: serde_json::Error,
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
            StoreError::NotAManifest { .. } => "give the folder of a run made by this version".to_owned(),
            StoreError::NoSuchRun { root, .. } => {
                format!("`ls {}` shows the runs; `latest` names the last one", root.display())
            }
        }
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::Io { action, path, error }
}

impl Store {
    /// The store in this folder, which is made when it is not there.
    pub fn open(root: &Path) -> Result<Store, StoreError> {
        if root.exists() && !root.is_dir() {
            let error = io::Error::new(io::ErrorKind::NotADirectory, "it is a file");
            return Err(StoreError::Io { action: "use as results folder", path: root.to_owned(), error });
        }
        fs::create_dir_all(root).map_err(failed("make", root))?;
        let root = root.canonicalize().map_err(failed("find", root))?;
        Ok(Store { root })
    }

    /// Makes the folder of a new run. Two runs of one second and seed get names of their own.
    pub fn new_run(&self, name: &str) -> Result<PathBuf, StoreError> {
        for attempt in 1..1000 {
            let numbered = if attempt == 1 { name.to_owned() } else { format!("{name}-{attempt}") };
            let folder = self.root.join(numbered);
            match fs::create_dir(&folder) {
                Ok(()) => return Ok(folder),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("make", &folder)(error)),
            }
        }
        let error = io::Error::new(io::ErrorKind::AlreadyExists, "a thousand runs of this second are there already");
        Err(StoreError::Io { action: "make", path: self.root.join(name), error })
    }

    /// Points `latest` (and, for a violation, `latest-violation`) at a run.
    pub fn link(&self, run: &Path, verdict: Option<Verdict>) -> Result<(), StoreError> {
        self.link_as("latest", run)?;
        if verdict == Some(Verdict::Violation) {
            self.link_as("latest-violation", run)?;
        }
        Ok(())
    }

    fn link_as(&self, name: &str, run: &Path) -> Result<(), StoreError> {
        let link = self.root.join(name);
        // Several threads, and several processes, may do this at once.
        static LINKED: AtomicU64 = AtomicU64::new(0);
        let unique = LINKED.fetch_add(1, Ordering::Relaxed);
        let next = self.root.join(format!(".{name}.{}.{unique}", std::process::id()));
        let _ = fs::remove_file(&next);
        let relative = run.file_name().map(PathBuf::from).unwrap_or_else(|| run.to_owned());
        std::os::unix::fs::symlink(relative, &next).map_err(failed("link", &next))?;
        fs::rename(&next, &link).map_err(failed("link", &link))
    }

    /// The folder of a run: a path to one, or a name within the store (`latest`).
    pub fn find(&self, name: &str) -> Result<PathBuf, StoreError> {
        let candidates = [PathBuf::from(name), self.root.join(name)];
        let found = candidates.into_iter().find(|folder| folder.join(files::MANIFEST).is_file());
        let folder = found.ok_or_else(|| StoreError::NoSuchRun { name: name.to_owned(), root: self.root.clone() })?;
        folder.canonicalize().map_err(failed("find", &folder))
    }
}

/// Reads a run's manifest.
pub fn read_manifest(run: &Path) -> Result<Manifest, StoreError> {
    let path = run.join(files::MANIFEST);
    let text = fs::read(&path).map_err(failed("read", &path))?;
    serde_json::from_slice(&text).map_err(|error| StoreError::NotAManifest { path, error })
}

/// Writes a run's manifest, replacing it as a whole.
pub fn write_manifest(run: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    write_json(&run.join(files::MANIFEST), manifest)
}

/// Writes a run's verdict.
pub fn write_verdict(run: &Path, verdict: &VerdictRecord) -> Result<(), StoreError> {
    write_json(&run.join(files::VERDICT), verdict)
}

fn write_json(path: &Path, content: &impl Serialize) -> Result<(), StoreError> {
    let next = path.with_extension("json.next");
    let mut text = serde_json::to_vec_pretty(content).expect("records serialise");
    text.push(b'\n');
    let written = fs::write(&next, text).and_then(|()| fs::rename(&next, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&next);
        failed("write", path)(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_the_same_name_get_folders_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("results")).unwrap();
        let first = store.new_run("now-raft-kv-register-1").unwrap();
        let second = store.new_run("now-raft-kv-register-1").unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn links_follow_the_latest_run_and_the_latest_violation() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (bad, good) = (store.new_run("bad").unwrap(), store.new_run("good").unwrap());
        store.link(&bad, Some(Verdict::Violation)).unwrap();
        store.link(&good, Some(Verdict::Pass)).unwrap();
        let points_at = |name: &str| folder.path().join(name).canonicalize().unwrap();
        assert_eq!(points_at("latest"), good);
        assert_eq!(points_at("latest-violation"), bad);
    }

    #[test]
    fn an_occupied_results_folder_is_named_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results");
        fs::write(&file, "mine").unwrap();
        let error = Store::open(&file).err().unwrap();
        assert!(error.to_string().contains("results") && error.remedy().contains("--results"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn a_missing_run_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(store.find("nothing").unwrap_err().to_string().contains("nothing"));
    }
}
