//! Finding the node program of the included targets.

use std::path::{Path, PathBuf};
use std::process::Command;

use rashomon_harness::target::{TargetConfig, TargetError};

/// The program's file name.
const NAME: &str = "rashomon-node";

/// The node program of a run: the build the user named, or the one beside this program.
pub(crate) fn find(choice: &TargetConfig) -> Result<PathBuf, TargetError> {
    if let Some(chosen) = &choice.node_binary {
        let found = chosen.canonicalize().ok().filter(|path| path.is_file());
        return found.ok_or_else(|| TargetError {
            what: format!("the node program {} does not exist", chosen.display()),
            remedy: "give the path of a built program to --node-binary".to_owned(),
        });
    }
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(|folder| folder.join(NAME)));
    beside.filter(|path| path.is_file()).ok_or_else(|| TargetError {
        what: format!("the node program `{NAME}` is not beside this program"),
        remedy: "build both with `cargo build --release`, or give its path to --node-binary".to_owned(),
    })
}

/// What the program says of its version.
pub(crate) fn version(program: &Path) -> Result<String, TargetError> {
    let failed = |why: String| TargetError {
        what: format!("{} --version failed: {why}", program.display()),
        remedy: "give --node-binary a program that speaks the node program's command line".to_owned(),
    };
    let output = Command::new(program).arg("--version").output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
