//! The workspace's crates, from its manifests: what other tools would otherwise have to list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::process::Error;

/// A crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its folder from the repository's root; empty for the root itself.
    pub(crate) folder: String,
    /// Its name.
    pub(crate) package: String,
    /// The crates that it takes from the workspace's dependencies, for whatever purpose.
    pub(crate) dependencies: BTreeSet<String>,
}

impl Member {
    /// A path below its folder, from the repository's root.
    pub(crate) fn path(&self, below: &str) -> String {
        if self.folder.is_empty() { below.to_owned() } else { format!("{}/{below}", self.folder) }
    }
}

/// All crates, the root first, then in the order of the manifest.
pub(crate) fn members(root: &Path) -> Result<Vec<Member>, Error> {
    let manifest = manifest(root, "")?;
    let listed = manifest.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
    let folders = listed.into_iter().flatten().filter_map(Value::as_str);
    std::iter::once("").chain(folders).map(|folder| member(root, folder)).collect()
}

/// The names in the root's `[workspace.dependencies]`.
pub(crate) fn shared_dependencies(root: &Path) -> Result<Vec<String>, Error> {
    let manifest = manifest(root, "")?;
    let shared = manifest.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let names = shared.and_then(Value::as_table).into_iter().flat_map(Table::keys);
    Ok(names.cloned().collect())
}

fn member(root: &Path, folder: &str) -> Result<Member, Error> {
    let manifest = manifest(root, folder)?;
    let package = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let Some(package) = package else {
        return Err(Error::Manifest { path: format!("{folder}/Cargo.toml"), problem: "it has no package".to_owned() });
    };
    let mut dependencies = BTreeSet::new();
    for section in ["build-dependencies", "dependencies", "dev-dependencies"] {
        let table = manifest.get(section).and_then(Value::as_table);
        dependencies.extend(table.into_iter().flat_map(Table::keys).cloned());
    }
    Ok(Member { folder: folder.to_owned(), package: package.to_owned(), dependencies })
}

fn manifest(root: &Path, folder: &str) -> Result<Table, Error> {
    let path = root.join(folder).join("Cargo.toml");
    let wrong = |problem: String| Error::Manifest { path: path.display().to_string(), problem };
    let text = fs::read_to_string(&path).map_err(|error| wrong(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_read() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let members = members(root).unwrap();
        let named = |package: &str| members.iter().find(|member| member.package == package).unwrap();
        assert_eq!(named("rashomon").path("src/main.rs"), "src/main.rs");
        assert_eq!(named("rashomon-spec").path("src/lib.rs"), "harness/spec/src/lib.rs");
        assert!(named("xtask").dependencies.contains("toml"));
        assert!(shared_dependencies(root).unwrap().iter().any(|name| name == "toml"));
    }

    #[test]
    fn a_manifest_that_is_none_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("Cargo.toml"), "[workspace]\nmembers = [\"a\"]\n[package]\nname = \"r\"\n").unwrap();
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/Cargo.toml"), "[package\n").unwrap();
        assert!(members(root.path()).unwrap_err().to_string().contains("a/Cargo.toml"));
    }
}
