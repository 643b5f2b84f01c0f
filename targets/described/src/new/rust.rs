//! A project in Rust: the example of an adapter, as a crate of its own.

use std::path::{Path, PathBuf};

use rashomon_harness::target::TargetError;

use super::ProjectFile;

/// The example's sources.
const SOURCES: [(&str, &str); 6] = [
    ("src/main.rs", include_str!("../../../../examples/own-target/src/main.rs")),
    ("src/target.rs", include_str!("../../../../examples/own-target/src/target.rs")),
    ("src/client.rs", include_str!("../../../../examples/own-target/src/client.rs")),
    ("src/server.rs", include_str!("../../../../examples/own-target/src/server.rs")),
    ("src/counter.rs", include_str!("../../../../examples/own-target/src/counter.rs")),
    ("src/peak.rs", include_str!("../../../../examples/own-target/src/peak.rs")),
];

/// What the example is called, as a target.
const EXAMPLE: &str = "tiny-kv";

/// The files, and what to do next.
pub(super) fn project(name: &str) -> Result<(Vec<ProjectFile>, Vec<String>), TargetError> {
    let sources = SOURCES.map(|(path, source)| ProjectFile::new(path, source.replace(EXAMPLE, name)));
    let mut files = vec![ProjectFile::new("Cargo.toml", manifest(name, &checkout()?))];
    files.extend(sources);
    files.push(ProjectFile::new("tests/planted_bug.rs", test(name)));
    let next = vec![format!("cargo run -- run {name} --time 10s"), "cargo test".to_owned()];
    Ok((files, next))
}

/// The sources that this program was built from: the project's crate builds on them.
fn checkout() -> Result<PathBuf, TargetError> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).unwrap_or(here);
    if root.join("harness/Cargo.toml").is_file() {
        return Ok(root.to_owned());
    }
    Err(TargetError {
        what: format!("the sources of this program are no longer in {}", root.display()),
        remedy: "run `./rashomon new` in a checkout: the new crate builds on its sources".to_owned(),
    })
}

/// A crate that is a workspace of its own, so that it builds anywhere, inside of another workspace too.
fn manifest(name: &str, root: &Path) -> String {
    let path = |folder: &str| root.join(folder).display().to_string();
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\npublish = false\n\n\
         [workspace]\n\n\
         [dependencies]\n\
         rashomon-checkers = {{ path = {:?} }}\n\
         rashomon-harness = {{ path = {:?} }}\n\
         rashomon-history = {{ path = {:?} }}\n\
         rashomon-workloads = {{ path = {:?} }}\n\
         tokio = {{ version = \"1\", features = [\"io-util\", \"macros\", \"net\", \"rt-multi-thread\", \"sync\", \"time\"] }}\n\n\
         [profile.test]\nopt-level = 1\n",
        path("checkers"),
        path("harness"),
        path("history"),
        path("workloads"),
    )
}

fn test(name: &str) -> String {
    format!(
        r#"//! The planted bug is found, and without it the system passes.

use std::process::Command;

/// The exit code of a run: 0 pass, 1 violation.
fn run(flags: &[&str]) -> Option<i32> {{
    let results = std::env::temp_dir().join(format!("{name}-{{}}", std::process::id()));
    let mut program = Command::new(env!("CARGO_BIN_EXE_{name}"));
    program.args(["run", "{name}", "--seed", "1", "--time", "10s", "--faults", "kill", "--quiet"]).args(flags);
    let status = program.arg("--results").arg(&results).status().expect("the program starts");
    let _ = std::fs::remove_dir_all(results);
    status.code()
}}

#[test]
fn the_planted_bug_is_found() {{
    assert_eq!(run(&[]), Some(0));
    assert_eq!(run(&["--mutant", "forgets"]), Some(1));
}}
"#
    )
}
