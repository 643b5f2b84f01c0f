//! Where PostgreSQL is installed: any version, wherever distributions put it.

use std::path::{Path, PathBuf};

use rashomon_harness::target::TargetError;

/// The programs that are needed.
const PROGRAMS: [&str; 6] = ["postgres", "initdb", "pg_ctl", "pg_isready", "pg_basebackup", "psql"];
/// Folders of which each version has one: Debian, Fedora and the project's own packages.
const VERSIONED: [(&str, &str); 3] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt", "postgresql-")];
/// Folders of a single version.
const SINGLE: [&str; 4] = ["/usr/local/pgsql/bin", "/usr/libexec/postgresql", "/usr/local/bin", "/usr/bin"];

/// An installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installation {
    /// The folder of its programs.
    pub(crate) bin: PathBuf,
}

impl Installation {
    /// The installation in this folder, or the newest one where no folder is named.
    pub(crate) fn find(bin: &str) -> Result<Installation, TargetError> {
        if !bin.is_empty() {
            let folder = PathBuf::from(bin);
            return match missing(&folder) {
                None => Ok(Installation { bin: folder }),
                Some(program) => Err(TargetError {
                    what: format!("{bin} has no program `{program}`"),
                    remedy:
                        "give the folder with all of PostgreSQL's programs, as --set bin=/usr/lib/postgresql/15/bin"
                            .to_owned(),
                }),
            };
        }
        let found = candidates().into_iter().find(|folder| missing(folder).is_none());
        found.map(|bin| Installation { bin }).ok_or_else(|| TargetError {
            what: "PostgreSQL is not installed".to_owned(),
            remedy:
                "install it (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server), \
                     or name the folder of its programs with --set bin=DIR"
                    .to_owned(),
        })
    }

    /// The path of one of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// What its programs need besides themselves, where that is not among the system's own files.
    pub(crate) fn root(&self) -> PathBuf {
        self.bin.parent().map_or_else(|| self.bin.clone(), Path::to_owned)
    }
}

fn missing(folder: &Path) -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| !folder.join(program).is_file())
}

/// Where an installation may be, the newest version first.
fn candidates() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for (folder, prefix) in VERSIONED {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        versions.extend(entries.filter_map(|entry| {
            let version = version(entry.file_name().to_str()?.strip_prefix(prefix)?)?;
            Some((version, entry.path().join("bin")))
        }));
    }
    versions.sort_unstable_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, path)| path).chain(SINGLE.map(PathBuf::from)).collect()
}

/// The major version in a folder's name: `15`, `9.6`.
fn version(name: &str) -> Option<u32> {
    name.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        assert_eq!((version("15"), version("9.6"), version("contrib")), (Some(15), Some(9), None));
    }

    #[test]
    fn a_folder_without_the_programs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = Installation::find(folder.path().to_str().unwrap()).unwrap_err();
        assert!(refused.what.contains("`postgres`") && refused.remedy.contains("--set bin="));
        for program in PROGRAMS {
            std::fs::write(folder.path().join(program), "").unwrap();
        }
        assert!(Installation::find(folder.path().to_str().unwrap()).is_ok());
    }
}
