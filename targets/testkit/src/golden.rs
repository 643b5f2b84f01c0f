//! Plays a folder of golden scripts.

use std::path::{Path, PathBuf};

use crate::script::{Part, format, parse};

/// What a script's commands are played on: a cluster in memory, and what it has said.
pub trait Stage {
    /// Carries out one command, or says what is wrong with it.
    fn run(&mut self, command: &str) -> Result<(), String>;

    /// What was said since it was asked last.
    fn said(&mut self) -> String;
}

/// Plays every script of a folder on a stage of its own, and asserts that all say what they said when somebody last
/// looked at it. `UPDATE_GOLDEN=1` writes what they say today instead.
///
/// # Panics
/// When a script says something else, when a command is wrong, and when there are fewer than `at_least` scripts.
pub fn assert_scripts<S: Stage>(folder: &Path, at_least: usize, stage: impl Fn() -> S) {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let scripts = scripts(folder);
    assert!(scripts.len() >= at_least, "scripts are missing from {}", folder.display());
    let mut differ = Vec::new();
    for path in scripts {
        let text = std::fs::read_to_string(&path).expect("a script is text");
        let parts = parse(&text);
        let mut stage = stage();
        let mut outputs = Vec::new();
        for part in &parts {
            let Part::Block { commands, expected } = part else { continue };
            for command in commands {
                if let Err(error) = stage.run(command) {
                    panic!("{}: `{command}`: {error}, after:\n{}", path.display(), stage.said());
                }
            }
            let output = stage.said().trim_end().to_owned();
            if output != expected.trim_end() {
                let (path, commands) = (path.display(), commands.join("; "));
                differ.push(format!("{path}: after `{commands}`:\n{output}\ninstead of:\n{expected}\n"));
            }
            outputs.push(output);
        }
        if update {
            std::fs::write(&path, format(&parts, &outputs)).expect("a script can be written");
        }
    }
    let told = "review, then UPDATE_GOLDEN=1 accepts what is new";
    assert!(update || differ.is_empty(), "{}\n{told}", differ.join("\n"));
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the scripts are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says what it is told, and knows one command only.
    #[derive(Default)]
    struct Echo(String);

    impl Stage for Echo {
        fn run(&mut self, command: &str) -> Result<(), String> {
            let word = command.strip_prefix("say ").ok_or("there is no such command")?;
            self.0 += &format!("{word}\n");
            Ok(())
        }

        fn said(&mut self) -> String {
            std::mem::take(&mut self.0)
        }
    }

    fn play(script: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("script.txt"), script).unwrap();
        let played = std::panic::catch_unwind(|| assert_scripts(folder.path(), 1, Echo::default));
        played.map_err(|panic| panic.downcast_ref::<String>().expect("it says what is wrong").clone())
    }

    #[test]
    fn what_a_script_says_is_compared_block_by_block() {
        assert_eq!(play("# Prose.\n\nsay a\nsay b\n---\na\nb\n\nsay c\n---\nc\n"), Ok(()));
        let error = play("say a\n---\na\n\nsay b\n---\nc\n").unwrap_err();
        assert!(error.contains("after `say b`:\nb\ninstead of:\nc"), "{error}");
    }

    #[test]
    fn a_wrong_command_is_named() {
        let error = play("say a\nsing b\n---\na\n").unwrap_err();
        assert!(error.contains("`sing b`: there is no such command"), "{error}");
    }

    #[test]
    #[should_panic(expected = "scripts are missing")]
    fn a_script_that_is_gone_is_missed() {
        assert_scripts(tempfile::tempdir().unwrap().path(), 1, Echo::default);
    }
}
