//! From a text to a target: everything that can be wrong with it is found here.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rashomon_harness::consistency::Level;
use rashomon_harness::interface::Interface;
use rashomon_harness::target::{Target, TargetError, TargetSource};

use crate::choices;
use crate::file::Description;
use crate::status::Status;
use crate::target::{Described, Promise, Promises, folder_of};
use crate::template::Text;
use crate::wrong::Wrong;

/// A longer text describes no target, bytes.
const LONGEST: u64 = 1 << 20;
/// Where files are looked for by name, in the working directory.
const FOLDER: &str = "targets";

impl Described {
    /// The target that a text describes. `name` is what it is called where it does not say so, and `file` where it was
    /// read from.
    ///
    /// # Errors
    ///
    /// When something is wrong with it: the error names line and column.
    pub fn read(
        text: &str,
        name: &str,
        file: Option<&Path>,
        known: &[&'static Interface],
    ) -> Result<Described, TargetError> {
        let called = file.and_then(Path::file_name).map_or_else(|| name.into(), |name| name.to_string_lossy());
        described(text, name, file, known).map_err(|wrong| wrong.in_file(&called, text))
    }
}

fn described(text: &str, name: &str, file: Option<&Path>, known: &[&'static Interface]) -> Result<Described, Wrong> {
    let description: Description = toml::from_str(text)?;
    let (name, at) = match &description.name {
        Some(name) => (name.as_str(), name.at()),
        None => (name, None),
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty() || name.len() > 40 || !name.chars().all(plain) || name.starts_with(['.', '-']) {
        let what = format!("`{name}` is no name of a target");
        return Err(Wrong::new(at, what, "give a `name` of at most 40 letters, digits, `-`, `_` and `.`"));
    }
    if description.nodes == 0 || description.nodes > 50 {
        return Err(Wrong::new(None, format!("{} nodes are not possible", description.nodes), "give 1 to 50"));
    }
    choices::check_names(&description)?;
    let promises = promises(&description, known)?;
    let served: Vec<&'static Interface> = promises.usual.iter().map(|(interface, _)| *interface).collect();
    let file = file.map(Path::to_owned).or_else(|| description.read_from.clone());
    let described = Described {
        name: name.to_owned(),
        folder: folder_of(file.as_deref()),
        file,
        text: text.to_owned(),
        promises,
        client: description.client.kind(&served)?,
        status: Status::of(&description)?,
        description,
    };
    described.rehearse()?;
    Ok(described)
}

fn promises(description: &Description, known: &[&'static Interface]) -> Result<Promises, Wrong> {
    let promise = |(name, level): (&Text, &Text)| {
        let names = || known.iter().map(|interface| interface.name);
        let interface = known.iter().find(|interface| interface.name == name.as_str());
        let interface = *interface.ok_or_else(|| Wrong::unknown(name.at(), "interface", name.as_str(), names()))?;
        let level: Level = level.as_str().parse().map_err(|_| {
            let levels = Level::all().map(Level::name);
            Wrong::unknown(level.at(), "consistency", level.as_str(), levels)
        })?;
        Ok((interface, level))
    };
    let usual: Vec<Promise> = description.promises.iter().map(promise).collect::<Result<_, Wrong>>()?;
    if usual.is_empty() {
        let remedy = "name at least one interface, as `register = \"linearizable\"`";
        return Err(Wrong::new(None, "`promises` is empty", remedy));
    }
    let mut weaker = Vec::new();
    for entry in &description.weaker {
        let promises = entry.promises.iter().map(promise).collect::<Result<_, Wrong>>()?;
        weaker.push((entry.when.clone(), promises));
    }
    Ok(Promises { usual, weaker })
}

/// Finds descriptions by their path, or by their name in the folder `targets` of the working directory.
#[derive(Clone, Copy, Debug, Default)]
pub struct DescribedTargets;

impl TargetSource for DescribedTargets {
    fn find(&self, word: &str, known: &[&'static Interface]) -> Option<Result<Arc<dyn Target>, TargetError>> {
        let path = place(word)?;
        Some(read_file(&path, known).map(|target| Arc::new(target) as Arc<dyn Target>))
    }

    fn read(&self, definition: &str, known: &[&'static Interface]) -> Result<Arc<dyn Target>, TargetError> {
        let read_from = toml::from_str::<Description>(definition).ok().and_then(|description| description.read_from);
        let name = read_from.as_deref().map_or_else(|| "described".to_owned(), stem);
        Ok(Arc::new(Described::read(definition, &name, None, known)?))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path()).filter(|path| is_toml(path) && path.is_file());
        let mut names: Vec<String> = files.map(|path| stem(&path)).collect();
        names.sort_unstable();
        names
    }
}

/// The file that a word names.
fn place(word: &str) -> Option<PathBuf> {
    let path = PathBuf::from(word);
    if word.contains('/') || is_toml(&path) {
        return Some(path);
    }
    let by_name = Path::new(FOLDER).join(format!("{word}.toml"));
    by_name.is_file().then_some(by_name)
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read_file(path: &Path, known: &[&'static Interface]) -> Result<Described, TargetError> {
    let cannot = |why: String| TargetError {
        what: format!("cannot read {}: {why}", path.display()),
        remedy: "name a file that describes a target (docs/described-targets.md)".to_owned(),
    };
    let absolute = path.canonicalize().map_err(|error| cannot(error.to_string()))?;
    let about = fs::metadata(&absolute).map_err(|error| cannot(error.to_string()))?;
    if !about.is_file() || about.len() > LONGEST {
        return Err(cannot(format!("it is no file of at most {LONGEST} bytes")));
    }
    let text = fs::read_to_string(&absolute).map_err(|error| cannot(error.to_string()))?;
    Described::read(&text, &stem(&absolute), Some(&absolute), known)
}

#[cfg(test)]
mod tests;
