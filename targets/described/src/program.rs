//! Programs that run beside the clients: those of clients, and those that ask a node for its status.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// No more is read of what a command prints, bytes.
const OUTPUT_MAX: u64 = 1 << 20;

/// A process with all that it has started; dropping it kills them.
pub(crate) struct Group {
    pub(crate) child: Child,
}

impl Group {
    /// Starts a program in this folder, as a process group of its own.
    pub(crate) fn start(command: &mut Command, folder: &Path) -> std::io::Result<Group> {
        let child = command.current_dir(folder).process_group(0).kill_on_drop(true).spawn()?;
        Ok(Group { child })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its id is its group's as long as it has not been reaped.
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

/// What a command prints to its standard output; `None` when it cannot be started or does not end in time with code 0.
pub(crate) async fn output(words: &[String], folder: &Path, timeout: Duration) -> Option<String> {
    let (program, args) = words.split_first()?;
    let mut command = Command::new(in_folder(program, folder));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut group = Group::start(&mut command, folder).ok()?;
    let stdout = group.child.stdout.take()?;
    let run = async {
        let mut said = Vec::new();
        stdout.take(OUTPUT_MAX).read_to_end(&mut said).await.ok()?;
        group.child.wait().await.ok()?.success().then(|| String::from_utf8_lossy(&said).into_owned())
    };
    tokio::time::timeout(timeout, run).await.ok()?
}

/// A relative path starts from the folder; a bare name is looked for as a shell does.
pub(crate) fn in_folder(program: &str, folder: &Path) -> PathBuf {
    if program.contains('/') { folder.join(program) } else { PathBuf::from(program) }
}

/// Whether a program is there: as a path, or in one of these folders.
pub(crate) fn exists(program: &Path, folders: &str) -> bool {
    let is_there = |path: &Path| path.is_file();
    if program.components().count() > 1 {
        return is_there(program);
    }
    folders.split(':').any(|folder| is_there(&Path::new(folder).join(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_command_prints_is_read_unless_it_fails_or_hangs() {
        let run = async |script: &str| {
            let words = ["sh", "-c", script].map(str::to_owned);
            output(&words, Path::new("/"), Duration::from_millis(500)).await
        };
        assert_eq!(run("pwd").await.as_deref(), Some("/\n"));
        assert_eq!(run("echo no; exit 3").await, None);
        assert_eq!(run("sleep 60 & wait").await, None);
        assert_eq!(output(&["/no/such/program".to_owned()], Path::new("/"), Duration::from_secs(1)).await, None);
    }

    #[test]
    fn programs_are_looked_for_where_they_would_be_started_from() {
        assert!(exists(Path::new("sh"), "/nowhere:/bin") && exists(Path::new("/bin/sh"), ""));
        assert!(!exists(Path::new("sh"), "/nowhere") && !exists(Path::new("/bin/no-such-shell"), "/bin"));
    }
}
