//! Rooms without an operating system: whatever they compute follows from their input alone, so it can be repeated.

use super::finding::Finding;
use super::rust_source::RustSource;

/// What pure code must not name, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("std::env", "take it as an argument"),
    ("std::fs", "take an `io::Read` or `io::Write`, or do it in `harness`"),
    ("std::net", "do it in `harness` or in the node program"),
    ("std::process", "do it in `harness`"),
    ("std::thread", "leave threads to the caller"),
    ("std::time::Instant", "take the time as an argument"),
    ("std::time::SystemTime", "take the time as an argument"),
    ("tokio", "do it in `harness` or in the node program"),
    ("rand::random", "take a seeded generator as an argument"),
    ("rand::rng", "take a seeded generator as an argument"),
    ("rand::thread_rng", "take a seeded generator as an argument"),
    ("rand::rngs::OsRng", "take a seeded generator as an argument"),
    ("rand::rngs::ThreadRng", "take a seeded generator as an argument"),
];

/// Crates that know an operating system: lab and run loop, the files of runs, node program and clients, what tests read
/// their scripts with, developers' tools, and the examples, which are programs. Every other crate is pure.
const WITH_SYSTEM: &[&str] = &[
    "examples/custom-model",
    "examples/own-target",
    "harness",
    "harness/index",
    "harness/runs",
    "targets/adapters",
    "targets/described",
    "targets/node",
    "targets/postgres",
    "targets/testkit",
    "xtask",
];

/// Exceptions: (files that begin with, what they may name).
const ALLOWED: &[(&str, &str)] = &[
    // Independent keys are judged side by side, on as many threads as there are processors; the result does not depend
    // on it.
    ("checkers/src/", "std::thread::available_parallelism"),
    ("checkers/src/", "std::thread::scope"),
    ("checkers/src/", "std::thread::Scope"),
    // A run's folder is the report's input, and the page its output; only these two touch it.
    ("report/src/load.rs", "std::fs"),
    ("report/src/write.rs", "std::fs"),
];

/// Checks one file.
pub(super) fn check(source: &RustSource, findings: &mut Vec<Finding>) {
    let file = source.file.path.as_str();
    if !is_pure(file) {
        return;
    }
    for named in source.paths() {
        let Some((forbidden, remedy)) = FORBIDDEN.iter().find(|(forbidden, _)| names(&named.path, forbidden)) else {
            continue;
        };
        let allowed = |(folder, path): &(&str, &str)| file.starts_with(folder) && names(&named.path, path);
        if !ALLOWED.iter().any(allowed) {
            let message = format!("`{}` in a crate that knows no {}; {remedy}", named.path, subject(forbidden));
            findings.push(Finding::error(file, named.line, message));
        }
    }
}

/// Whether a file belongs to a pure crate.
fn is_pure(file: &str) -> bool {
    file.split_once("/src/").is_some_and(|(room, _)| is_pure_room(room))
}

/// Whether the crate in a folder is pure: every one is, unless it is there for what the others must not know.
pub(super) fn is_pure_room(folder: &str) -> bool {
    !folder.is_empty() && !WITH_SYSTEM.contains(&folder)
}

/// Whether a path names something or what is below it, also through a glob, or by a module in scope (`time::Instant`).
fn names(path: &str, thing: &str) -> bool {
    let is_at_or_below = |thing: &str| {
        path.strip_prefix(thing).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
            || path.strip_suffix("*").is_some_and(|above| !above.is_empty() && thing.starts_with(above))
    };
    let in_scope = thing.strip_prefix("std::").filter(|short| short.contains("::") && path.contains("::"));
    is_at_or_below(thing) || in_scope.is_some_and(is_at_or_below)
}

fn subject(forbidden: &str) -> &'static str {
    match forbidden {
        "std::thread" => "threads",
        "std::net" => "network",
        "tokio" => "runtime",
        path if path.starts_with("std::time") => "clock",
        path if path.starts_with("rand") => "randomness of its own",
        _ => "operating system",
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::File;
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        let mut findings = Vec::new();
        check(&RustSource::new(&file, false), &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn every_forbidden_path_is_found_in_every_pure_crate() {
        for room in ["checkers", "history", "report", "workloads", "targets/raft", "targets/crdt"] {
            for (path, _) in FORBIDDEN {
                assert_eq!(
                    lines(&format!("{room}/src/a.rs"), &format!("fn a() {{}}\nuse {path};\n")),
                    [2],
                    "{room} {path}"
                );
                assert_eq!(
                    lines(&format!("{room}/src/a.rs"), &format!("let a = {path}::x();\n")),
                    [1],
                    "{room} {path}"
                );
            }
        }
    }

    #[test]
    fn detours_are_found() {
        assert_eq!(lines("checkers/src/a.rs", "use std::{collections::BTreeMap, fs};\n"), [1]);
        assert_eq!(lines("checkers/src/a.rs", "use std::time::*;\n"), [1]);
        assert_eq!(lines("checkers/src/a.rs", "use std::time;\nlet now = time::Instant::now();\n"), [2]);
    }

    #[test]
    fn other_code_is_silent() {
        let text = "use std::{fs, net, time::Instant};\nfn a() { tokio::spawn(b); std::thread::sleep(c) }\n";
        for path in ["harness/src/a.rs", "targets/node/src/a.rs", "targets/adapters/src/a.rs", "src/main.rs"] {
            assert_eq!(lines(path, text), [], "{path}");
        }
        for path in ["checkers/examples/a.rs", "checkers/tests/a.rs", "checkers/src/a/tests.rs"] {
            assert_eq!(lines(path, text), [], "{path}");
        }
        let pure =
            "use std::io;\nuse std::time::Duration;\nuse a::fs_like;\n// std::fs\nf(\"std::fs\", my::tokio::x);\n";
        assert_eq!(lines("checkers/src/a.rs", pure), []);
    }

    #[test]
    fn exceptions_are_narrow() {
        assert_eq!(lines("checkers/src/a.rs", "std::thread::scope(f);\nstd::thread::spawn(f);\n"), [2]);
        assert_eq!(lines("history/src/a.rs", "std::thread::scope(f);\n"), [1]);
        assert_eq!(lines("report/src/load.rs", "use std::fs;\nuse std::net;\n"), [2]);
        assert_eq!(lines("report/src/page.rs", "use std::fs;\n"), [1]);
    }
}
