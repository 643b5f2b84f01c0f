//! A Rust file as rules see it: lines taken apart, which of them are tests, its functions, the paths it names.
//!
//! This is a scanner, not a parser: it trusts that rustfmt and rustc have seen the file.

mod mask;
mod paths;

use std::collections::BTreeSet;

pub(super) use mask::Line;
pub(super) use paths::NamedPath;

use super::files::{File, Tree};

/// A Rust file, taken apart.
pub(super) struct RustSource<'a> {
    /// The file.
    pub(super) file: &'a File,
    /// Its lines.
    pub(super) lines: Vec<Line>,
    /// For each line, whether it is only compiled for tests.
    pub(super) test: Vec<bool>,
    /// Whether it is part of a crate's program or library: not a test, benchmark, example or build script.
    pub(super) shipped: bool,
}

/// A function with a body.
pub(super) struct Function {
    /// Its name.
    pub(super) name: String,
    /// The line of `fn`, from 0.
    pub(super) first: usize,
    /// The line of the closing brace, from 0.
    pub(super) last: usize,
}

impl<'a> RustSource<'a> {
    /// Takes a file apart. `test_only` says that the module that declares it does so for tests only.
    pub(super) fn new(file: &'a File, test_only: bool) -> RustSource<'a> {
        let lines = mask::mask(&file.text);
        let test = if test_only || is_test_path(&file.path) { vec![true; lines.len()] } else { test_lines(&lines) };
        let folders = file.path.split('/').rev().skip(1);
        let mut outside = folders.filter(|folder| matches!(*folder, "tests" | "benches" | "examples"));
        let shipped = !file.path.ends_with("build.rs") && outside.next().is_none();
        RustSource { file, lines, test, shipped }
    }

    /// Lines of code that is shipped, with their numbers from 1.
    pub(super) fn shipped_lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        let lines = self.lines.iter().zip(&self.test).enumerate();
        lines.filter(|(_, (_, test))| self.shipped && !**test).map(|(index, (line, _))| (index + 1, line))
    }

    /// The functions that have a body.
    pub(super) fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for (first, line) in self.lines.iter().enumerate() {
            for at in words(&line.code, "fn") {
                let name: String = line.code[at + 2..]
                    .trim_start()
                    .chars()
                    .take_while(|&character| mask::is_word(character))
                    .collect();
                if name.is_empty() {
                    continue;
                }
                if let Some(last) = end_of_item(&self.lines, first, at).filter(|end| end.has_body).map(|end| end.line) {
                    functions.push(Function { name, first, last });
                }
            }
        }
        functions
    }

    /// The paths that its shipped code names.
    pub(super) fn paths(&self) -> Vec<NamedPath> {
        paths::paths(self.shipped_lines())
    }
}

/// Files that belong to tests because of the declaration of their module: `#[cfg(test)] mod brute_force;`.
pub(super) fn test_only_files(tree: &Tree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in tree.files().iter().filter(|file| file.path.ends_with(".rs")) {
        let lines = mask::mask(&file.text);
        let test = test_lines(&lines);
        let folder = module_folder(&file.path);
        for (line, _) in lines.iter().zip(test).filter(|(_, test)| *test) {
            let Some(name) = line.code.trim().strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) else {
                continue;
            };
            let below = format!("{folder}/{name}/");
            let files = tree.files().iter().map(|file| &file.path);
            found.extend(
                files.filter(|path| **path == format!("{folder}/{name}.rs") || path.starts_with(&below)).cloned(),
            );
        }
    }
    found
}

/// The byte offsets at which a word stands in code, not as a part of a longer word.
pub(super) fn words(code: &str, word: &str) -> Vec<usize> {
    let ends = |character: Option<char>| !character.is_some_and(mask::is_word);
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(|&at| ends(code[..at].chars().next_back()) && ends(code[at + word.len()..].chars().next()))
        .collect()
}

/// The folder in which a file's modules lie.
fn module_folder(path: &str) -> &str {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    if matches!(name, "lib.rs" | "main.rs" | "mod.rs") { folder } else { path.strip_suffix(".rs").unwrap_or(path) }
}

/// Files of integration tests, and `tests.rs` beside the code it tests.
fn is_test_path(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|folder| folder == "tests" || folder == "benches")
}

/// For each line, whether it belongs to an item under `#[cfg(test)]`.
fn test_lines(lines: &[Line]) -> Vec<bool> {
    let mut test = vec![false; lines.len()];
    for (first, line) in lines.iter().enumerate() {
        let Some(at) = line.code.find("#[cfg(test)]") else { continue };
        let after = at + "#[cfg(test)]".len();
        let last = end_of_item(lines, first, after).map_or(lines.len() - 1, |end| end.line);
        test[first..=last].fill(true);
    }
    test
}

/// Where an item ends.
struct End {
    line: usize,
    has_body: bool,
}

/// The end of the item that begins at a place: its closing brace, or its semicolon when it has no body. Brackets of all
/// kinds are counted, so that neither `[u8; 4]` nor `f({ … })` ends it early.
fn end_of_item(lines: &[Line], first: usize, at: usize) -> Option<End> {
    let mut depth = 0_i32;
    let mut braces = 0_i32;
    for (line, text) in lines.iter().enumerate().skip(first) {
        let start = if line == first { at } else { 0 };
        for character in text.code[start..].chars() {
            match character {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                '{' => braces += 1,
                '}' => {
                    braces -= 1;
                    if braces == 0 && depth == 0 {
                        return Some(End { line, has_body: true });
                    }
                }
                ';' if depth == 0 && braces == 0 => return Some(End { line, has_body: false }),
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn test_modules_are_found_to_their_last_brace() {
        let file = file(
            "a/src/b.rs",
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c(\"}\") }\n}\nfn d(x: [u8; 4]) {}\n",
        );
        assert_eq!(RustSource::new(&file, false).test, [false, true, true, true, true, false]);
        assert_eq!(RustSource::new(&file, true).test, [true; 6]);
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_found() {
        let tree = Tree::of(&[
            ("a/src/lib.rs", "#[cfg(test)]\nmod reference;\nmod other;\n"),
            ("a/src/reference.rs", ""),
            ("a/src/reference/deep.rs", ""),
            ("a/src/other.rs", "#[cfg(test)] mod samples;"),
            ("a/src/other/samples.rs", ""),
        ]);
        let found: Vec<String> = test_only_files(&tree).into_iter().collect();
        assert_eq!(found, ["a/src/reference.rs", "a/src/reference/deep.rs"]);
    }

    #[test]
    fn functions_reach_from_their_first_to_their_last_line() {
        let text = "fn a(x: [u8; 2])\nwhere\n    X: Fn(),\n{\n    b();\n}\ntrait T { fn c(); }\ntype F = fn(u8);\n";
        let file = file("a/src/b.rs", text);
        let source = RustSource::new(&file, false);
        let functions = source.functions();
        assert_eq!(functions.len(), 1);
        assert_eq!((functions[0].name.as_str(), functions[0].first, functions[0].last), ("a", 0, 5));
    }

    #[test]
    fn words_are_whole() {
        assert_eq!(words("fn infn fn_a fn", "fn"), [0, 13]);
    }
}
