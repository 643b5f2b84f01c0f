//! `cargo xtask tidy`: the house rules that neither rustfmt nor clippy knows.
//!
//! Each rule is a function from one file to findings, so it can be tested on a few lines of text. A finding names the
//! place and the remedy. *Errors* fail the command; *alarms* (a file or function that has grown long) only ask for
//! attention. There is no list of exceptions to add oneself to.

mod dependencies;
mod documents;
mod files;
mod finding;
mod fix;
mod layout;
mod manifests;
mod purity;
mod rust_source;
mod unsafety;
mod words;

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use files::Tree;
use finding::{Finding, Severity};
use rust_source::RustSource;

/// Checks the repository at `root` and prints what it finds, after mending what can be mended without thought if `fix`
/// says so. `tools` are the names that may follow `cargo xtask`.
pub(crate) fn run(root: &Path, fix: bool, tools: &[String]) -> ExitCode {
    let read = || {
        let tree = Tree::read(root)?;
        if fix && mend(root, &tree)? > 0 { Tree::read(root) } else { Ok(tree) }
    };
    let tree = match read() {
        Ok(tree) => tree,
        Err(error) => {
            err!("tidy: cannot read or write the repository: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut findings = check(&tree, tools);
    findings.extend(dependencies::check(root));
    for finding in &findings {
        out!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    out!("tidy: {} files; errors: {errors}, alarms: {}", tree.files().len(), findings.len() - errors);
    if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes the files that [`fix`] changes; returns how many.
fn mend(root: &Path, tree: &Tree) -> io::Result<usize> {
    let mut count = 0;
    for file in tree.files() {
        let text = fix::fixed(file);
        if text != file.text {
            fs::write(root.join(&file.path), text)?;
            out!("{}: mended", file.path);
            count += 1;
        }
    }
    Ok(count)
}

/// All findings in the order of files and lines.
fn check(tree: &Tree, tools: &[String]) -> Vec<Finding> {
    let test_files = rust_source::test_only_files(tree);
    let mut findings = Vec::new();
    for file in tree.files() {
        layout::check_text(file, &mut findings);
        if file.path.ends_with(".rs") {
            let source = RustSource::new(file, test_files.contains(&file.path));
            layout::check_rust(&source, &mut findings);
            words::check(&source, &mut findings);
            purity::check(&source, &mut findings);
            unsafety::check(&source, &mut findings);
        } else if file.path.ends_with(".md") {
            documents::check(file, tree, tools, &mut findings);
        } else if file.path.ends_with("Cargo.toml") && file.path != "Cargo.toml" {
            manifests::check(file, &mut findings);
        }
    }
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}
