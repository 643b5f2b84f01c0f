//! How files look: documentation at the top, length, width, white space, names.

use super::files::File;
use super::finding::Finding;
use super::rust_source::RustSource;

/// Lines without tests from which a file is worth splitting, and from which it must be split.
const LONG_FILE: usize = 500;
const TOO_LONG_FILE: usize = 800;
/// Lines from which a function is worth splitting.
const LONG_FUNCTION: usize = 100;
/// As in `rustfmt.toml`.
pub(super) const WIDTH: usize = 120;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] =
    &["common", "helper", "helpers", "manager", "managers", "misc", "stuff", "util", "utilities", "utils"];

/// White space and names, in files of every kind.
pub(super) fn check_text(file: &File, findings: &mut Vec<Finding>) {
    let mut error = |line, message: &str| findings.push(Finding::error(&file.path, line, message));
    for (index, line) in file.text.lines().enumerate() {
        // Expected output may have to end in spaces; it is kept in files of other kinds.
        if line.ends_with([' ', '\t', '\r']) {
            error(index + 1, "white space at the end of the line; remove it");
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        error(file.text.lines().count(), "no newline at the end of the file; add it");
    }
    let mut parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    if let Some(name) = parts.find(|part| EMPTY_NAMES.contains(part)) {
        error(1, &format!("`{name}` says nothing about what is inside; name the file after its subject"));
    }
}

/// Documentation, length and width of Rust files.
pub(super) fn check_rust(source: &RustSource, findings: &mut Vec<Finding>) {
    let path = source.file.path.as_str();
    let first = source.file.text.lines().enumerate().find(|(_, line)| !line.trim().is_empty());
    if !first.is_some_and(|(_, line)| line.starts_with("//!")) {
        let line = first.map_or(1, |(index, _)| index + 1);
        let message = "no `//!` at the top; say what the file is for, what it promises, and what it does not do";
        findings.push(Finding::error(path, line, message));
    }

    let length = source.test.iter().filter(|test| !**test).count();
    if length > TOO_LONG_FILE {
        let message = format!("{length} lines without tests; split it by subject (at most {TOO_LONG_FILE})");
        findings.push(Finding::error(path, 1, message));
    } else if length > LONG_FILE {
        let message = format!("{length} lines without tests; consider splitting it by subject (over {LONG_FILE})");
        findings.push(Finding::alarm(path, 1, message));
    }
    for function in source.functions() {
        let length = function.last - function.first + 1;
        if length > LONG_FUNCTION && !source.test[function.first] {
            let message = format!("`{}` has {length} lines; consider splitting it", function.name);
            findings.push(Finding::alarm(path, function.first + 1, message));
        }
    }

    for (index, (raw, line)) in source.file.text.lines().zip(&source.lines).enumerate() {
        let comment = line.comment.trim_start_matches(['/', '!', ' ']);
        let unbreakable = line.has_literal || comment.starts_with('|') || comment.contains("://");
        if raw.chars().count() > WIDTH && !unbreakable {
            findings.push(Finding::error(
                path,
                index + 1,
                format!("more than {WIDTH} columns; break the line (comments: `cargo xtask tidy --fix`)"),
            ));
        }
        if raw.contains('\t') {
            findings.push(Finding::error(path, index + 1, "a tab; indent with spaces, write `\\t` in a string"));
        }
        for name in EMPTY_NAMES {
            let declares = |visibility: &str| line.code.trim_start().starts_with(&format!("{visibility}mod {name} {{"));
            if declares("") || declares("pub ") || declares("pub(crate) ") {
                let message = format!("`mod {name}` says nothing about what is inside; name it after its subject");
                findings.push(Finding::error(path, index + 1, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let file = File { path: path.to_owned(), text: text.to_owned() };
        let mut findings = Vec::new();
        check_text(&file, &mut findings);
        if path.ends_with(".rs") {
            check_rust(&RustSource::new(&file, false), &mut findings);
        }
        findings.into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    fn lines(path: &str, text: &str) -> Vec<usize> {
        found(path, text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert_eq!(found("a/src/b.rs", "//! Purpose.\n\nfn a() {}\n"), []);
        assert_eq!(found("README.md", "# Title\n"), []);
        assert_eq!(found("a/src/b.rs", ""), found("a/src/b.rs", "\n"));
    }

    #[test]
    fn white_space_is_found() {
        assert_eq!(lines("a.md", "a \nb\n"), [1]);
        assert_eq!(lines("a.md", "a\nb"), [2]);
        assert_eq!(lines("a/src/b.rs", "//! A.\n\tlet a = 1;\n"), [2]);
    }

    #[test]
    fn missing_documentation_is_found() {
        assert_eq!(lines("a/src/b.rs", "\nfn a() {}\n//! Late.\n"), [2]);
        assert_eq!(lines("a/tests/b.rs", "// Not documentation.\n"), [1]);
    }

    #[test]
    fn wide_lines_are_found_unless_they_cannot_be_broken() {
        let wide = "x".repeat(121);
        assert_eq!(lines("a/src/b.rs", &format!("//! A.\nlet {wide} = 1;\n// {wide}\n")), [2, 3]);
        let allowed = format!("//! | {wide} |\nlet a = \"{wide}\";\n// https://{wide}\nlet b = \"\n{wide}\";\n");
        assert_eq!(lines("a/src/b.rs", &allowed), []);
        assert_eq!(lines("a/src/b.rs", &format!("//! {}\n", "é".repeat(116))), []);
    }

    #[test]
    fn long_files_are_found_without_their_tests() {
        let code = |count: usize| format!("//! A.\n{}", "const A: u8 = 1;\n".repeat(count - 1));
        assert_eq!(lines("a/src/b.rs", &code(500)), []);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const A: u8 = 1;\n".repeat(1000));
        assert_eq!(lines("a/src/b.rs", &(code(500) + &tests)), []);
        let severity = |text: String| {
            let file = File { path: "a/src/b.rs".to_owned(), text };
            let mut findings = Vec::new();
            check_rust(&RustSource::new(&file, false), &mut findings);
            findings.into_iter().map(|finding| finding.severity).collect::<Vec<_>>()
        };
        assert_eq!(severity(code(501)), [Severity::Alarm]);
        assert_eq!(severity(code(801)), [Severity::Error]);
    }

    #[test]
    fn long_functions_are_found() {
        let function = |count: usize| format!("//! A.\nfn a() {{\n{}}}\n", "    b();\n".repeat(count - 2));
        assert_eq!(lines("a/src/b.rs", &function(100)), []);
        assert_eq!(lines("a/src/b.rs", &function(101)), [2]);
    }

    #[test]
    fn empty_names_are_found() {
        assert_eq!(lines("a/src/utils.rs", "//! A.\n"), [1]);
        assert_eq!(lines("a/src/common/b.rs", "//! A.\n"), [1]);
        assert_eq!(lines("a/src/b.rs", "//! A.\npub(crate) mod helpers {}\n"), [2]);
        assert_eq!(lines("a/src/commonality.rs", "//! A.\nmod helpers_of_x {}\n"), []);
    }
}
