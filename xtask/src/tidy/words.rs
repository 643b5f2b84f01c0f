//! Words that do not belong into finished code: left-over notes, debugging, printing that panics.

use super::finding::Finding;
use super::rust_source::{RustSource, words};

const NOTES: &[&str] = &["FIXME", "HACK", "TODO", "XXX"];

const UNFINISHED: &[&str] = &["dbg", "todo", "unimplemented"];

const PRINTING: &[&str] = &["eprint", "eprintln", "print", "println"];

/// Programs whose output goes where somebody always reads: a node's log.
const READ: &[&str] = &["targets/node/"];

/// Checks one file.
pub(super) fn check(source: &RustSource, findings: &mut Vec<Finding>) {
    let path = source.file.path.as_str();
    for (index, line) in source.lines.iter().enumerate() {
        for word in NOTES.iter().filter(|word| !words(&line.comment, word).is_empty()) {
            let message = format!("`{word}` left over; do it, or say in a sentence what is missing and why");
            findings.push(Finding::error(path, index + 1, message));
        }
        for name in UNFINISHED.iter().filter(|name| calls_macro(&line.code, name)) {
            findings.push(Finding::error(path, index + 1, format!("`{name}!` left over; finish the code")));
        }
    }
    if !READ.iter().any(|folder| path.starts_with(folder)) {
        for (number, line) in source.shipped_lines() {
            for name in PRINTING.iter().filter(|name| calls_macro(&line.code, name)) {
                let message = format!(
                    "`{name}!` panics when nobody reads any more; a library returns what is to be said, a program uses `out!` or `err!`"
                );
                findings.push(Finding::error(path, number, message));
            }
        }
    }
}

fn calls_macro(code: &str, name: &str) -> bool {
    words(code, name).into_iter().any(|at| code[at + name.len()..].starts_with('!'))
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
    fn notes_are_found_in_comments_only() {
        for word in NOTES {
            assert_eq!(lines("a/src/b.rs", &format!("f();\n// {word}: later\n")), [2], "{word}");
            assert_eq!(lines("a/src/b.rs", &format!("f(\"{word}\"); // {word}S\n")), [], "{word}");
        }
    }

    #[test]
    fn unfinished_code_is_found() {
        for name in UNFINISHED {
            assert_eq!(lines("a/src/b.rs", &format!("f(); {name}!(x)\n")), [1], "{name}");
            assert_eq!(
                lines("a/src/b.rs", &format!("f(\"{name}!\"); // {name}!\n{name}();\nmy_{name}!()\n")),
                [],
                "{name}"
            );
        }
    }

    #[test]
    fn printing_that_panics_is_found() {
        for name in PRINTING {
            let text = format!("{name}!(\"a\");\n#[cfg(test)]\nmod tests {{\n{name}!(\"a\");\n}}\n");
            assert_eq!(lines("checkers/src/a.rs", &text), [1], "{name}");
            assert_eq!(lines("checkers/examples/a.rs", &text), [], "{name}");
            assert_eq!(lines("harness/src/a.rs", &text), [1], "{name}");
            assert_eq!(lines("targets/node/src/a.rs", &text), [], "{name}");
        }
    }
}
