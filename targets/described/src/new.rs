//! `rashomon new`: a project of one's own that runs, with a planted bug that its test finds.
//!
//! Its files are those of the examples, which tests run; only names are changed.

mod rust;
mod toml;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use rashomon_harness::cli::{ExtraCommand, Printed};
use rashomon_harness::registry::Registry;
use rashomon_harness::target::TargetError;

/// The command.
#[derive(Clone, Copy, Debug, Default)]
pub struct New;

/// A file of a project.
struct ProjectFile {
    path: &'static str,
    content: String,
    /// Whether it is a program.
    executable: bool,
}

impl ProjectFile {
    fn new(path: &'static str, content: impl Into<String>) -> ProjectFile {
        ProjectFile { path, content: content.into(), executable: false }
    }

    fn program(path: &'static str, content: impl Into<String>) -> ProjectFile {
        ProjectFile { executable: true, ..ProjectFile::new(path, content) }
    }
}

impl ExtraCommand for New {
    fn command(&self) -> Command {
        let flag =
            |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
        Command::new("new")
            .about("Writes a project that tests a system of your own: it runs, and its test finds its planted bug")
            .arg(Arg::new("NAME").required(true).value_parser(value_parser!(PathBuf)).help("The folder to make"))
            .arg(flag("toml", "A file that describes the nodes, with a client in Python (the default)"))
            .arg(flag("rust", "A crate with an adapter in Rust"))
            .group(ArgGroup::new("kind").args(["toml", "rust"]))
    }

    fn run(&self, _: &Registry, arguments: &ArgMatches) -> Result<Printed, TargetError> {
        let folder = arguments.get_one::<PathBuf>("NAME").cloned().unwrap_or_default();
        let name = name_of(&folder)?;
        let (files, next) = if arguments.get_flag("rust") { rust::project(&name)? } else { toml::project(&name) };
        write(&folder, &files)?;
        let mut text = format!("made {}", folder.display());
        for file in &files {
            text.push_str(&format!("\n  {}", file.path));
        }
        text.push_str(&format!("\nnext:\n  cd {}", folder.display()));
        for line in next {
            text.push_str(&format!("\n  {line}"));
        }
        Ok(Printed { text, code: 0 })
    }
}

/// The project's name: its folder's, which must be one of a target and of a crate.
fn name_of(folder: &Path) -> Result<String, TargetError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let plain = name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-');
    if plain && name.starts_with(|letter: char| letter.is_ascii_lowercase()) && name.len() <= 40 {
        return Ok(name.into_owned());
    }
    Err(TargetError {
        what: format!("`{name}` is no name of a project"),
        remedy: "use lower-case letters, digits and `-`, beginning with a letter: my-store".to_owned(),
    })
}

fn write(folder: &Path, files: &[ProjectFile]) -> Result<(), TargetError> {
    let cannot = |path: &Path, error: std::io::Error| TargetError {
        what: format!("cannot write {}: {error}", path.display()),
        remedy: "name a folder that does not exist yet, where you may write".to_owned(),
    };
    fs::create_dir(folder).map_err(|error| cannot(folder, error))?;
    for file in files {
        let path = folder.join(file.path);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| cannot(parent, error))?;
        fs::write(&path, &file.content).map_err(|error| cannot(&path, error))?;
        if file.executable {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&path, mode).map_err(|error| cannot(&path, error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_a_name_and_a_folder_of_its_own() {
        for (folder, fits) in
            [("my-store", true), ("/srv/kv2", true), ("My Store", false), ("2kv", false), ("..", false)]
        {
            assert_eq!(name_of(Path::new(folder)).is_ok(), fits, "{folder}");
        }
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("my-store");
        let (files, _) = toml::project("my-store");
        write(&project, &files).unwrap();
        assert!(project.join("my-store.toml").is_file() || project.join("target.toml").is_file());
        let error = write(&project, &files).unwrap_err();
        assert!(error.what.contains("exists"), "{error:?}");
    }
}
