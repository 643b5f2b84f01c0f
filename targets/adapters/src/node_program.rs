//! Finding the node program of the included targets.

use std::path::PathBuf;

use rashomon_harness::target::{NodeCommand, TargetConfig, TargetError, Version};

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

/// How the program says its version.
pub(crate) fn version(config: &TargetConfig) -> Result<Version, TargetError> {
    Ok(Version::PrintedBy(NodeCommand::new(find(config)?).args(["--version"])))
}
