//! `rashomon generate`: shell completions and man pages, from the command line itself.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::error::CommandError;

#[derive(Args)]
pub(crate) struct GenerateArguments {
    /// The folder to write into: `completions` and `man1` are made there
    folder: PathBuf,
}

/// Runs `rashomon generate`; `command` is the whole command line.
pub(crate) fn generate(mut command: Command, arguments: &GenerateArguments) -> Result<u8, CommandError> {
    let failed = |error: std::io::Error| {
        let what = format!("cannot write to {}: {error}", arguments.folder.display());
        CommandError::usage(what, "name a folder that you can write to")
    };
    let (completions, man) = (arguments.folder.join("completions"), arguments.folder.join("man1"));
    std::fs::create_dir_all(&completions).map_err(failed)?;
    std::fs::create_dir_all(&man).map_err(failed)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command, "rashomon", &completions).map_err(failed)?;
    }
    clap_mangen::generate_to(command, &man).map_err(failed)?;
    out!("{}", arguments.folder.display());
    Ok(0)
}
