//! Builds the node program of a git revision in a temporary checkout, which is removed however the build ends.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::cli::error::CommandError;
use crate::lab::Interrupts;

/// How a revision is built.
pub(crate) struct Recipe<'a> {
    /// For `sh -c`, in the checkout.
    pub(crate) command: &'a str,
    /// The program it makes, seen from the checkout.
    pub(crate) binary: &'a Path,
}

/// A checkout of a revision as a git worktree, removed when dropped.
struct Checkout {
    repository: PathBuf,
    /// The temporary folder in which it is.
    folder: PathBuf,
}

impl Checkout {
    fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let tree = self.tree();
        let _ = git(&self.repository, &["worktree", "remove", "--force", &tree.to_string_lossy()]);
        let _ = fs::remove_dir_all(&self.folder);
        let _ = git(&self.repository, &["worktree", "prune"]);
    }
}

/// Builds a revision of the repository around the working directory; its program is copied into `into`.
///
/// # Errors
///
/// When there is no such revision, its build fails or makes no program, or the user interrupts it.
pub(crate) fn build(revision: &str, recipe: &Recipe<'_>, into: &Path) -> Result<PathBuf, CommandError> {
    let here = std::env::current_dir().map_err(|error| failed("find the working directory", &error))?;
    let repository = git(&here, &["rev-parse", "--show-toplevel"])
        .map(PathBuf::from)
        .map_err(|_| CommandError::usage("this is no git repository", "change into a checkout of the target"))?;
    let commit = git(&repository, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit_of(revision)])
        .map_err(|_| {
            let what = format!("there is no revision `{revision}` in {}", repository.display());
            CommandError::usage(what, "`git log --oneline` and `git tag` show what there is")
        })?;
    let checkout = checkout(&repository, &commit)?;
    err!("building {revision} ({}): {}", &commit[..commit.len().min(10)], recipe.command);
    let mut child = Command::new("sh")
        .args(["-c", recipe.command])
        .current_dir(checkout.tree())
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .process_group(0)
        .spawn()
        .map_err(|error| failed("start the build", &error))?;
    let status = wait(&mut child)?;
    if !status.success() {
        let what = format!("the build of {revision} failed: {status}");
        return Err(CommandError::usage(what, format!("run it in a checkout of it: {}", recipe.command)));
    }
    let program = checkout.tree().join(recipe.binary);
    if !program.is_file() {
        let what = format!("the build of {revision} made no {}", recipe.binary.display());
        return Err(CommandError::usage(what, "give the path that the build writes to --binary"));
    }
    fs::create_dir_all(into).map_err(|error| failed("make a folder for the program", &error))?;
    let kept = into.join(program.file_name().unwrap_or_default());
    fs::copy(&program, &kept).map_err(|error| failed("keep the program", &error))?;
    kept.canonicalize().map_err(|error| failed("find the program", &error))
}

fn commit_of(revision: &str) -> String {
    format!("{revision}^{{commit}}")
}

fn failed(what: &str, error: &io::Error) -> CommandError {
    CommandError::broken(format!("cannot {what}: {error}"), "")
}

fn checkout(repository: &Path, commit: &str) -> Result<Checkout, CommandError> {
    let folder = tempfile::Builder::new().prefix("rashomon-build-").tempdir();
    let folder = folder.map_err(|error| failed("make a temporary folder", &error))?.keep();
    let checkout = Checkout { repository: repository.to_owned(), folder };
    let tree = checkout.tree();
    git(repository, &["worktree", "add", "--quiet", "--detach", &tree.to_string_lossy(), commit])
        .map_err(|error| CommandError::broken(format!("git cannot check out {commit}: {error}"), ""))?;
    Ok(checkout)
}

/// Waits for a build. When the user interrupts, it is ended with everything that it has started.
fn wait(child: &mut Child) -> Result<ExitStatus, CommandError> {
    loop {
        if let Some(status) = child.try_wait().map_err(|error| failed("wait for the build", &error))? {
            return Ok(status);
        }
        if let Some((signal, _)) = Interrupts::caught() {
            let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
            let _ = child.wait();
            return Err(CommandError::interrupted(format!("{signal} came while a revision was built"), ""));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a git command prints.
fn git(repository: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("git").arg("-C").arg(repository).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("git cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
