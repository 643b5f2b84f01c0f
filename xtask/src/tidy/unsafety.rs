//! Where `unsafe` may stand, and that it says why it is sound.

use super::finding::Finding;
use super::rust_source::{RustSource, words};

/// The lab talks to the kernel below what the standard library offers; the node program installs a mutant's clock and
/// signal handling. Nobody else needs it.
const ALLOWED: &[&str] = &["harness/src/lab.rs", "harness/src/lab/", "targets/node/"];

/// Lines above `unsafe` among which its comment is looked for: the statement that contains it may begin above.
const REACH: usize = 8;

/// Checks one file.
pub(super) fn check(source: &RustSource, findings: &mut Vec<Finding>) {
    let path = source.file.path.as_str();
    let is_allowed = ALLOWED.iter().any(|allowed| path.starts_with(allowed));
    let mut last_end = 0;
    for (index, line) in source.lines.iter().enumerate() {
        // `#[unsafe(no_mangle)]` and the type `unsafe fn(…)` do nothing by themselves.
        let used = words(&line.code, "unsafe").into_iter().any(|at| {
            let after = line.code[at + "unsafe".len()..].trim_start();
            !after.starts_with('(') && !after.starts_with("fn(")
        });
        if !used {
            continue;
        }
        if !is_allowed {
            let message = "`unsafe` outside of the lab and the node program; use a safe interface (nix, rustix, std)";
            findings.push(Finding::error(path, index + 1, message));
        }
        let first = last_end.max(index.saturating_sub(REACH));
        let explained = source.lines[first..=index]
            .iter()
            .any(|line| line.comment.contains("SAFETY:") || line.comment.contains("# Safety"));
        if !explained {
            findings.push(Finding::error(
                path,
                index + 1,
                "`unsafe` without `// SAFETY:`; say above it why it is sound",
            ));
        }
        last_end = index + 1;
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
    fn unsafe_stays_in_its_rooms() {
        let text = "// SAFETY: sound.\nunsafe { f() }\n";
        assert_eq!(lines("harness/src/run.rs", text), [2]);
        assert_eq!(lines("checkers/src/a.rs", text), [2]);
        assert_eq!(lines("harness/src/lab/node.rs", text), []);
        assert_eq!(lines("harness/src/lab.rs", text), []);
        assert_eq!(lines("targets/node/src/main.rs", text), []);
    }

    #[test]
    fn unsafe_is_explained_each_time() {
        let path = "harness/src/lab/a.rs";
        assert_eq!(lines(path, "f();\nunsafe { g() }\n"), [2]);
        assert_eq!(lines(path, "// SAFETY: a.\nunsafe { g() }\nunsafe { h() }\n"), [3]);
        assert_eq!(lines(path, "// SAFETY: a.\nlet a =\n    f(unsafe { g() });\n"), []);
        assert_eq!(lines(path, "/// # Safety\n/// Never.\nunsafe fn f() {}\n"), []);
        assert_eq!(lines(path, "// Nothing unsafe.\n#[unsafe(no_mangle)]\ntype F = unsafe fn(u8);\n"), []);
    }
}
