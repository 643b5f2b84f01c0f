//! Documents name only what exists: files, folders, links, tools.

use super::files::{File, Tree};
use super::finding::Finding;

/// Endings by which a path without a known folder is recognised all the same.
const ENDINGS: &[&str] = &[".rs", ".md", ".toml"];

/// Folders whose content is not part of the repository.
const GENERATED: &[&str] = &["results", "target"];

/// Paths that exist on somebody's machine only.
const MACHINES: &[&str] = &["/home/", "/root/", "/Users/", "/work/"];

/// Checks one document. `tools` are the names that may follow `cargo xtask`.
pub(super) fn check(file: &File, tree: &Tree, tools: &[String], findings: &mut Vec<Finding>) {
    let mut fenced = false;
    for (index, line) in file.text.lines().enumerate() {
        let mut error = |message: String| findings.push(Finding::error(&file.path, index + 1, message));
        for machine in MACHINES.iter().filter(|machine| names_absolute(line, machine)) {
            error(format!("`{machine}…` exists on one machine only; write the path from the repository's root"));
        }
        for tool in words_after(line, "cargo xtask ") {
            if !tools.contains(&tool) {
                error(format!("there is no `cargo xtask {tool}`; there are: {}", tools.join(", ")));
            }
        }
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            for path in code_spans(line).into_iter().filter(|span| is_repository_path(span, tree)) {
                if !exists(path, &file.path, tree) {
                    error(format!("`{path}` does not exist; name what does"));
                }
            }
            for link in links(line).into_iter().filter(|link| !exists(link, &file.path, tree)) {
                error(format!("the link to `{link}` leads nowhere; mend it"));
            }
        }
    }
}

fn names_absolute(line: &str, machine: &str) -> bool {
    // `a/home/b` and `https://x/home/` are something else.
    line.match_indices(machine).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "./_-}>".contains(character))
    })
}

/// The words that follow a phrase, where they are words and not placeholders.
fn words_after(line: &str, phrase: &str) -> Vec<String> {
    let word = |(at, _): (usize, &str)| -> String {
        line[at + phrase.len()..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect()
    };
    line.match_indices(phrase).map(word).filter(|word| !word.is_empty()).collect()
}

/// What stands between single backticks.
fn code_spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The relative targets of Markdown links and pictures, without `#section`.
fn links(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("](") {
        let Some((link, _)) = line[at + 2..].split_once(')') else { continue };
        let path = link.split(['#', ' ']).next().unwrap_or(link);
        if !path.is_empty() && !path.contains(':') {
            found.push(path);
        }
    }
    found
}

/// Whether a piece of code in a document is meant as a path of the repository.
fn is_repository_path(span: &str, tree: &Tree) -> bool {
    let plain = |character: char| character.is_alphanumeric() || "._/-".contains(character);
    if !span.contains('/') || !span.chars().all(plain) || span.starts_with(['/', '-']) || span.contains("...") {
        return false;
    }
    let path = span.strip_prefix("./").unwrap_or(span);
    let room = path.split('/').next().unwrap_or(path);
    if GENERATED.contains(&room) {
        return path == "results/README.md";
    }
    tree.has_room(room) || ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// Whether a path exists, seen from the root or from the document's own folder.
fn exists(path: &str, document: &str, tree: &Tree) -> bool {
    let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from = |folder: &str| {
        let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                _ => parts.push(part),
            }
        }
        parts.join("/")
    };
    [from(""), from(folder)].iter().any(|path| path.is_empty() || tree.has(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let tree = Tree::of(&[("src/main.rs", ""), ("docs/faults.md", ""), ("results/README.md", ""), (path, text)]);
        let tools = ["tidy".to_owned(), "bench".to_owned()];
        let mut findings = Vec::new();
        let file = tree.files().last().expect("the sample itself");
        check(file, &tree, &tools, &mut findings);
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn paths_must_exist() {
        let good = "`src/main.rs`, `src/`, `./src/main.rs`, `docs/faults.md` and `results/README.md`\n";
        assert_eq!(lines("README.md", good), []);
        assert_eq!(lines("README.md", "`src/main.rs`\n`src/gone.rs`\n"), [2]);
        assert_eq!(lines("README.md", "`gone/a.rs`\n`src/gone/`\n"), [1, 2]);
        assert_eq!(lines("docs/a.md", "`faults.md`, `../src/main.rs`, `docs/faults.md`\n"), []);
    }

    #[test]
    fn what_is_no_path_of_the_repository_is_left_alone() {
        let text = "`read/write`, `src/**/x.rs`, `results/<run>/a.md`, `results/latest/report.html`, `/usr/lib/x.rs`,\n\
            `harness::cli::main`, `target/release/rashomon`, `a / b`\n```\nsrc/gone.rs `src/gone.rs`\n```\n";
        assert_eq!(lines("README.md", text), []);
    }

    #[test]
    fn links_must_lead_somewhere() {
        let good =
            "[a](src/main.rs) [b](docs/faults.md#x) [c](https://example.org/x.md) [d](#here) ![e](docs/faults.md)\n";
        assert_eq!(lines("README.md", good), []);
        assert_eq!(lines("README.md", "[a](src/gone.rs)\n![b](docs/gone.png)\n"), [1, 2]);
        assert_eq!(lines("docs/a.md", "[a](faults.md) [b](../src/main.rs)\n"), []);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for machine in MACHINES {
            assert_eq!(lines("README.md", &format!("see {machine}x\n")), [1], "{machine}");
            assert_eq!(lines("README.md", &format!("see a{machine}x or https://a.org{machine}x\n")), [], "{machine}");
        }
    }

    #[test]
    fn tools_must_exist() {
        assert_eq!(
            lines("README.md", "`cargo xtask tidy`\n`cargo xtask polish`\n`cargo xtask …` `cargo xtask a|b`\n"),
            [2, 3]
        );
    }
}
