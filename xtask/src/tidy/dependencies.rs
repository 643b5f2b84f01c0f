//! What crates depend on: pure ones on no runtime and no operating system, also not through others; and the workspace
//! on nothing that no crate uses.

use std::collections::BTreeSet;
use std::path::Path;

use super::finding::Finding;
use super::purity;
use crate::process;
use crate::workspace::{self, Member};

/// Crates that bring a runtime, sockets or system calls.
const IMPURE: &[&str] = &["axum", "hyper", "libc", "mio", "nfq", "nix", "rustix", "socket2", "tokio"];

/// Crates for whose build nothing of the kind is needed either.
const BUILT_PURE: &[&str] = &["checkers", "harness/spec", "workloads"];

/// Checks the repository at `root`.
pub(super) fn check(root: &Path) -> Vec<Finding> {
    let found = || -> Result<Vec<Finding>, process::Error> {
        let members = workspace::members(root)?;
        let mut findings = unused(&workspace::shared_dependencies(root)?, &members);
        for member in members.iter().filter(|member| purity::is_pure_room(&member.folder)) {
            findings.extend(impure(member, &tree(root, member)?));
        }
        Ok(findings)
    };
    found().unwrap_or_else(|error| vec![Finding::error("Cargo.toml", 1, error.to_string())])
}

/// Entries of `[workspace.dependencies]` that no crate takes.
fn unused(shared: &[String], members: &[Member]) -> Vec<Finding> {
    let used: BTreeSet<&String> = members.iter().flat_map(|member| &member.dependencies).collect();
    let unused = shared.iter().filter(|name| !used.contains(name));
    unused.map(|name| Finding::error("Cargo.toml", 1, format!("no crate uses `{name}`; remove it"))).collect()
}

/// All crates that a crate is built from, as cargo sees them; without those of its tests.
fn tree(root: &Path, member: &Member) -> Result<String, process::Error> {
    let edges = if BUILT_PURE.contains(&member.folder.as_str()) { "normal,build" } else { "normal" };
    let arguments = ["tree", "--locked", "--edges", edges, "--prefix", "none", "--package", &member.package];
    process::cargo_output(root, &arguments)
}

/// Those of the crates in a tree that a pure crate must not be built from.
fn impure(member: &Member, tree: &str) -> Vec<Finding> {
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let impure = names.into_iter().filter(|name| IMPURE.contains(name));
    let path = member.path("Cargo.toml");
    let message = |name| {
        format!(
            "`{}` depends on `{name}` (`cargo tree -p {} -e normal -i {name}`); it knows no operating system",
            member.package, member.package
        )
    };
    impure.map(|name| Finding::error(&path, 1, message(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(dependencies: &[&str]) -> Member {
        let dependencies = dependencies.iter().map(|&name| name.to_owned()).collect();
        Member { folder: "workloads".to_owned(), package: "rashomon-workloads".to_owned(), dependencies }
    }

    #[test]
    fn a_runtime_below_a_pure_crate_is_found_however_deep() {
        let tree = "rashomon-workloads v0.1.0 (/a)\nserde v1.0.0\nrashomon-harness v0.1.0 (/a)\ntokio v1.0.0 (*)\n";
        let found = impure(&member(&[]), tree);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("`tokio`") && found[0].path == "workloads/Cargo.toml");
        assert!(impure(&member(&[]), "rashomon-workloads v0.1.0\ntokio-like v1.0.0\n").is_empty());
    }

    #[test]
    fn unused_dependencies_are_found() {
        let shared = ["serde".to_owned(), "rand".to_owned()];
        let found = unused(&shared, &[member(&["serde"])]);
        assert_eq!(found.len(), 1);
        assert!(found[0].message.contains("`rand`"));
    }

    #[test]
    fn workloads_and_the_vocabulary_are_pure() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let members = workspace::members(root).unwrap();
        for package in ["rashomon-workloads", "rashomon-spec", "rashomon-checkers", "rashomon-raft"] {
            let member = members.iter().find(|member| member.package == package).unwrap();
            assert!(purity::is_pure_room(&member.folder), "{package}");
            let tree = tree(root, member).unwrap();
            assert!(tree.contains(package), "{tree}");
            assert!(impure(member, &tree).is_empty());
        }
        let harness = members.iter().find(|member| member.package == "rashomon-harness").unwrap();
        assert!(!impure(harness, &tree(root, harness).unwrap()).is_empty(), "the tree is read");
    }
}
