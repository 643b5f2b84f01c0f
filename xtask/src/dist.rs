//! `cargo xtask dist`: one archive that runs on a machine without a toolchain.
//!
//! It holds both programs, shell completions and man pages (made by the program itself, from its own command line),
//! licences, documents, `campaigns/`, `deploy/` and the checksums of all of it. The programs need a Linux with the C
//! library of the machine that built them or a newer one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::process::{self, Error};

/// Programs, from the folder that cargo builds into.
const PROGRAMS: [&str; 2] = ["rashomon", "rashomon-node"];
/// What is taken as it is, from the repository's root.
const AS_IT_IS: [&str; 6] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "docs", "campaigns", "deploy"];
/// Checksums of everything else, as `sha256sum -c` reads them.
const CHECKSUMS: &str = "SHA256SUMS";

/// Builds the archive into the folder `target/dist`, and returns its path.
pub(crate) fn run(root: &Path) -> Result<PathBuf, Error> {
    process::cargo(root, &["build", "--release", "--locked"], &[])?;
    let built = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let name = format!("rashomon-{}-{}-linux", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    let dist = built.join("dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Error::file(&folder))?;
    }
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    for program in PROGRAMS {
        let (from, to) = (built.join("release").join(program), folder.join(program));
        fs::copy(&from, &to).map_err(Error::file(&from))?;
    }
    let mut generate = Command::new(folder.join(PROGRAMS[0]));
    process::succeed(generate.arg("generate").arg(folder.join("share")))?;
    for name in AS_IT_IS {
        copy(&root.join(name), &folder.join(name))?;
    }
    let sums = checksums(&folder)?;
    let path = folder.join(CHECKSUMS);
    fs::write(&path, sums).map_err(Error::file(&path))?;
    let archive = dist.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    // The same content gives the same archive, whoever makes it and when.
    tar.args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C"]);
    process::succeed(tar.arg(&dist).arg("-czf").arg(&archive).arg(&name))?;
    Ok(archive)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop).map_err(Error::file(from));
    }
    fs::create_dir_all(to).map_err(Error::file(to))?;
    for path in entries(from)? {
        copy(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file(folder))?;
    let paths: Result<Vec<PathBuf>, std::io::Error> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(Error::file(folder))?;
    paths.sort();
    Ok(paths)
}

/// A line for each file, in order of their paths.
fn checksums(folder: &Path) -> Result<String, Error> {
    let mut lines = String::new();
    let mut left = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(entries(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        let content = fs::read(&path).map_err(Error::file(&path))?;
        let sum: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        lines.push_str(&format!("{sum}  {}\n", relative.display()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_checksum_whatever_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("b/c")).unwrap();
        fs::write(from.join("a"), "abc").unwrap();
        fs::write(from.join("b/c/d"), "").unwrap();
        let to = folder.path().join("to");
        copy(&from, &to).unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n\
                        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b/c/d\n";
        assert_eq!(checksums(&to).unwrap(), expected);
    }

    #[test]
    fn what_is_packed_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for name in AS_IT_IS {
            assert!(root.join(name).exists(), "{name}");
        }
    }
}
