//! Every crate shares the workspace's edition, lints, licence and versions of dependencies.

use toml::{Table, Value};

use super::files::File;
use super::finding::Finding;

/// Fields of `[package]` that a crate takes from the workspace.
const SHARED: &[&str] = &["edition", "license", "publish", "rust-version", "version"];

const DEPENDENCIES: &[&str] = &["build-dependencies", "dependencies", "dev-dependencies"];

/// Checks the manifest of one crate.
pub(super) fn check(file: &File, findings: &mut Vec<Finding>) {
    let mut error = |key: &str, message: String| {
        let begins = |line: &str| {
            line.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '.', '=']))
        };
        let line = file.text.lines().position(begins).map_or(1, |index| index + 1);
        findings.push(Finding::error(&file.path, line, message));
    };
    let manifest: Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(problem) => return error("", format!("not TOML: {problem}")),
    };
    let package = manifest.get("package");
    if package.and_then(|package| package.get("metadata")?.get("cargo-fuzz")).is_some() {
        // Fuzzers are a workspace of their own, because they need another toolchain.
        return;
    }
    for field in SHARED {
        if !package.and_then(|package| package.get(field)).is_some_and(from_workspace) {
            error("[package]", format!("write `{field}.workspace = true` in [package]"));
        }
    }
    if package.and_then(|package| package.get("description")).is_none() {
        error("[package]", "no `description` in [package]; say in one line what the crate is for".to_owned());
    }
    if !manifest.get("lints").is_some_and(from_workspace) {
        error("[lints]", "write `workspace = true` in [lints]".to_owned());
    }
    for section in DEPENDENCIES {
        let Some(dependencies) = manifest.get(*section).and_then(Value::as_table) else { continue };
        for (name, dependency) in dependencies {
            if !from_workspace(dependency) {
                let message =
                    format!("write `{name}.workspace = true`, and its version in the root's [workspace.dependencies]");
                error(name, message);
            }
        }
    }
}

fn from_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIDY: &str = "[package]\nname = \"a\"\ndescription = \"A\"\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\n[dependencies]\n\
        b.workspace = true\nc = { workspace = true, features = [\"d\"] }\n\n[lints]\nworkspace = true\n";

    fn lines(text: &str) -> Vec<usize> {
        let file = File { path: "a/Cargo.toml".to_owned(), text: text.to_owned() };
        let mut findings = Vec::new();
        check(&file, &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_tidy_manifest_has_no_findings() {
        assert_eq!(lines(TIDY), []);
    }

    #[test]
    fn fuzzers_are_left_alone() {
        assert_eq!(lines("[package]\nname = \"a\"\n\n[package.metadata]\ncargo-fuzz = true\n"), []);
    }

    #[test]
    fn each_missing_field_is_found() {
        for field in SHARED {
            assert_eq!(lines(&TIDY.replace(&format!("\n{field}.workspace = true"), "")), [1], "{field}");
        }
        assert_eq!(lines(&TIDY.replace("description", "keywords")), [1]);
        assert_eq!(lines(&TIDY.replace("[lints]\nworkspace = true\n", "")), [1]);
    }

    #[test]
    fn versions_outside_the_workspace_are_found() {
        assert_eq!(lines(&TIDY.replace("b.workspace = true", "b = \"1\"")), [11]);
        assert_eq!(lines(&format!("{TIDY}[dev-dependencies]\ne = {{ path = \"../e\" }}\n")), [17]);
        assert_eq!(lines("[package\n"), [1]);
    }
}
