//! Which files of the machine a command names, and a node therefore sees beyond programs and libraries.
//!
//! Named is: the program; the installation that it is part of, if it lies in a folder `bin`; whatever exists of the
//! absolute paths among its arguments (`/path`, `--flag=/path`) and variables; and [`NodeCommand::reads`]. All are
//! shown read-only. Never shown are the run's folder and what contains it.

use std::path::{Component, Path, PathBuf};

use super::LAB_DIR;
use crate::target::NodeCommand;

/// What a node has of its own, or sees anyway.
const NOT_SHOWN: [&str; 14] = [
    "/bin", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/nix", "/opt", "/proc", "/sbin", "/sys", "/usr", "/gnu",
    LAB_DIR,
];
/// A node has these of its own; files and folders below the machine's may be shown in them.
const PRIVATE: [&str; 4] = ["/", "/run", "/tmp", "/var"];
/// As a whole these are nothing that an argument means to name, or that is an installation.
const TOO_MUCH: [&str; 2] = ["/home", "/root"];

/// The paths to show to a node before it executes `command`. `home` is the folder of the user who runs the harness.
pub(crate) fn paths(command: &NodeCommand, run_dir: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut add = |path: &Path| {
        let hidden = run_dir.starts_with(path) || path.starts_with(run_dir);
        let anyway =
            NOT_SHOWN.iter().any(|folder| path.starts_with(folder)) || PRIVATE.iter().any(|own| path == Path::new(own));
        if is_plain(path) && !hidden && !anyway && !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    };
    // Folders first: a file within one of them is there already when its turn comes.
    for path in &command.reads {
        add(path);
    }
    if command.program.is_absolute() {
        for program in [Some(command.program.clone()), command.program.canonicalize().ok()].into_iter().flatten() {
            if let Some(installation) = installation(&program, home) {
                add(installation);
            }
            add(&program);
        }
    }
    let values = command.env.iter().map(|(_, value)| value);
    for word in command.args.iter().chain(values) {
        let path = Path::new(word.split_once('=').map_or(word.as_str(), |(_, value)| value));
        let too_much = TOO_MUCH.iter().any(|folder| path == Path::new(folder)) || home == Some(path);
        if path.is_absolute() && !too_much && (path.is_file() || path.is_dir()) {
            add(path);
        }
    }
    paths
}

/// Absolute and without `..`, so that its text says where it is.
fn is_plain(path: &Path) -> bool {
    path.is_absolute() && path.components().all(|part| part != Component::ParentDir)
}

/// The folder in which a program is installed with its libraries: that above `bin`. A folder `bin` of a user's own,
/// directly or in a hidden folder of their home (`~/.local/bin`, `~/.cargo/bin`), is no installation: beside it lies
/// what else the user has.
fn installation<'a>(program: &'a Path, home: Option<&Path>) -> Option<&'a Path> {
    let bin = program.parent().filter(|folder| folder.ends_with("bin"))?;
    let above = bin.parent().filter(|above| above.parent().is_some())?;
    let of_user = home.is_some_and(|home| {
        let hidden = above.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        home.starts_with(above) || (hidden && above.parent() == Some(home))
    });
    let too_much = TOO_MUCH.iter().any(|folder| above == Path::new(folder));
    (!of_user && !too_much).then_some(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(program: &Path, args: &[String]) -> NodeCommand {
        NodeCommand { args: args.to_vec(), ..NodeCommand::new(program) }
    }

    #[test]
    fn what_a_command_names_is_shown_and_its_run_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };
        let (program, script, config) = (file("server"), file("store.py"), file("etc/server.conf"));
        let run_dir = folder.path().join("results/run");
        let in_run = file("results/run/manifest.json");
        let words = |path: &Path| path.display().to_string();
        let args = [
            words(&script),
            format!("--config={}", words(&config)),
            "--data=/run/rashomon/n1/data".into(),
            words(&in_run),
            words(folder.path()),
            "/tmp".into(),
            "/no/such/file".into(),
            "/usr/share".into(),
        ];
        assert_eq!(paths(&command(&program, &args), &run_dir, None), [program, script, config]);
    }

    #[test]
    fn declared_paths_are_shown() {
        let declared =
            NodeCommand { reads: vec!["/srv/lib".into(), "/srv/../etc".into()], ..NodeCommand::new("python3") };
        assert_eq!(paths(&declared, Path::new("/run/x"), None), [Path::new("/srv/lib")]);
    }

    #[test]
    fn an_installation_is_the_folder_above_bin() {
        let home = Path::new("/home/me");
        let of = |program: &'static str| installation(Path::new(program), Some(home));
        assert_eq!(of("/home/me/jdk-21/bin/java"), Some(Path::new("/home/me/jdk-21")));
        assert_eq!(of("/home/me/work/.venv/bin/python"), Some(Path::new("/home/me/work/.venv")));
        assert_eq!(of("/home/me/.pyenv/versions/3.12/bin/python"), Some(Path::new("/home/me/.pyenv/versions/3.12")));
        for program in ["/home/me/bin/db", "/home/me/.local/bin/db", "/home/bin/db", "/home/me/db", "/bin/db"] {
            assert_eq!(of(program), None, "{program}");
        }
    }
}
