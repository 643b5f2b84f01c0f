//! The repository's text files.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

/// A text file of the repository.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Its path from the repository's root, with `/`.
    pub(super) path: String,
    /// Its content.
    pub(super) text: String,
}

/// The text files that rules look at, and the names of everything else that documents may mention.
pub(super) struct Tree {
    files: Vec<File>,
    paths: BTreeSet<String>,
}

/// Folders of the root that hold nothing written by hand. A run's folder in `results` is not for tidy to judge.
const GENERATED: &[&str] = &["target", ".git"];

/// What is read; anything else (pictures, recorded histories) is only known by its name.
const TEXT: &[&str] = &["rs", "md", "toml", "sh", "js", "css", "html"];
const TEXT_WITHOUT_EXTENSION: &[&str] = &["rashomon", ".ci/run", ".gitignore"];

impl Tree {
    /// Reads all text files below `root`.
    pub(super) fn read(root: &Path) -> io::Result<Tree> {
        let mut tree = Tree { files: Vec::new(), paths: BTreeSet::new() };
        tree.visit(root, "")?;
        tree.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn visit(&mut self, root: &Path, folder: &str) -> io::Result<()> {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !GENERATED.contains(&path.as_str()) && folder != "results" {
                    self.paths.insert(path.clone());
                    self.visit(root, &path)?;
                }
            } else if kind.is_file() {
                let extension = Path::new(&path).extension().and_then(|extension| extension.to_str());
                let is_text = extension.is_some_and(|extension| TEXT.contains(&extension))
                    || TEXT_WITHOUT_EXTENSION.contains(&path.as_str());
                if is_text {
                    let text = String::from_utf8_lossy(&fs::read(entry.path())?).into_owned();
                    self.files.push(File { path: path.clone(), text });
                }
                self.paths.insert(path);
            }
        }
        Ok(())
    }

    /// A tree made of samples.
    #[cfg(test)]
    pub(super) fn of(samples: &[(&str, &str)]) -> Tree {
        let mut tree = Tree { files: Vec::new(), paths: BTreeSet::new() };
        for (path, text) in samples {
            for (end, _) in path.match_indices('/') {
                tree.paths.insert(path[..end].to_owned());
            }
            tree.paths.insert((*path).to_owned());
            tree.files.push(File { path: (*path).to_owned(), text: (*text).to_owned() });
        }
        tree
    }

    /// The text files, sorted by path.
    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    /// Whether the repository has a file or folder of this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// Whether the repository's root has a folder of this name.
    pub(super) fn has_room(&self, name: &str) -> bool {
        let below = format!("{name}/");
        self.paths.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below))
    }
}
