//! Which node program a run tested: its hash, and the revision of the working tree that it lies in.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rashomon_campaign::NodeProgram;
use sha2::{Digest, Sha256};

/// What is known of programs by their files, so that a file is hashed once.
#[derive(Default)]
pub(super) struct Programs(Mutex<BTreeMap<PathBuf, (SystemTime, u64, NodeProgram)>>);

impl Programs {
    /// The program in a file; `None` when it cannot be read.
    pub(super) fn of(&self, path: &Path) -> Option<NodeProgram> {
        let about = path.metadata().ok().filter(|about| about.is_file())?;
        let (changed, length) = (about.modified().ok()?, about.len());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, size, program)) = known.get(path)
            && (*then, *size) == (changed, length)
        {
            return Some(program.clone());
        }
        let program = NodeProgram { sha256: sha256(path).ok()?, revision: revision(path) };
        known.insert(path.to_owned(), (changed, length, program.clone()));
        Some(program)
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let (mut file, mut hasher) = (File::open(path)?, Sha256::new());
    let mut bytes = vec![0; 1 << 16];
    loop {
        match file.read(&mut bytes)? {
            0 => break,
            length => hasher.update(&bytes[..length]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The revision that is checked out where the program lies.
fn revision(path: &Path) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(path.parent()?).args(["rev-parse", "--verify", "--quiet", "HEAD"]);
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let hash = text.trim();
    let is_hash = hash.len() >= 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    (output.status.success() && is_hash).then(|| hash.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node");
        std::fs::write(&path, "abc").unwrap();
        let programs = Programs::default();
        let program = programs.of(&path).unwrap();
        assert_eq!(program.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        std::fs::write(&path, "abcd").unwrap();
        assert_ne!(programs.of(&path).unwrap().sha256, program.sha256);
        assert_eq!(programs.of(folder.path()), None);
    }
}
