//! `cargo xtask golden`: rewrites the expected output of the protocols' golden scripts.

use std::fs;
use std::path::Path;

use crate::process::{self, Error};
use crate::workspace::{self, Member};

/// Runs the tests of every crate that has golden scripts with `UPDATE_GOLDEN=1`.
pub(crate) fn run(root: &Path) -> Result<(), Error> {
    for member in with_scripts(root)? {
        out!("{}", member.package);
        process::cargo(root, &["test", "--quiet", "--package", &member.package], &[("UPDATE_GOLDEN", "1")])?;
    }
    out!("golden scripts rewritten; read `git diff` before you commit it");
    Ok(())
}

/// The crates that have golden scripts: text files in a folder `scripts` somewhere below their tests.
fn with_scripts(root: &Path) -> Result<Vec<Member>, Error> {
    let mut members = workspace::members(root)?;
    members.retain(|member| has_scripts(&root.join(member.path("tests"))));
    Ok(members)
}

fn has_scripts(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let in_scripts = folder.file_name().is_some_and(|name| name == "scripts");
    entries.map(|entry| entry.path()).any(|path| {
        let is_text = path.extension().is_some_and(|extension| extension == "txt");
        if path.is_dir() { has_scripts(&path) } else { in_scripts && is_text }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_with_scripts_is_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let found: Vec<String> = with_scripts(root).unwrap().into_iter().map(|member| member.package).collect();
        for package in ["rashomon-raft", "rashomon-crdt", "rashomon-swim", "rashomon-dynamo"] {
            assert!(found.iter().any(|name| name == package), "no {package} in {found:?}");
        }
        assert!(!found.iter().any(|name| name == "rashomon"), "fixtures of the root are no scripts");
    }
}
