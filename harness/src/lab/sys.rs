//! System calls that the lab needs and that no crate offers as safe functions. All of the lab's `unsafe` about
//! processes is in this file.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use super::error::{Attempt, LabErrorKind, Result};

/// Which side of a fork this is.
pub(crate) enum Forked {
    /// In the parent: the child's process id.
    Parent(Pid),
    /// In the child.
    Child,
}

/// Forks a child into new namespaces (`clone(2)` without a new stack, so it returns twice as `fork` does).
///
/// Only for single-threaded processes: the child goes on running ordinary Rust.
pub(crate) fn fork_into(namespaces: CloneFlags) -> io::Result<Forked> {
    assert_single_threaded();
    // SAFETY: a null stack means that the child gets a copy-on-write copy of this stack, as with fork(2). The process
    // has one thread (just checked), so no lock can be held by a thread that does not exist in the child. The
    // remaining arguments are unused with these flags.
    let pid = unsafe { libc::syscall(libc::SYS_clone, namespaces.bits() | libc::SIGCHLD, 0, 0, 0, 0) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(Pid::from_raw(pid as i32))),
    }
}

fn assert_single_threaded() {
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count).unwrap_or(1);
    assert_eq!(threads, 1, "the lab's processes are forked before any thread is started");
}

/// Names this process in `ps` and `top`; at most 15 bytes are shown.
pub(crate) fn name_process(name: &str) {
    if let Ok(name) = CString::new(name) {
        // A name is a convenience: a failure to set it changes nothing.
        let _ = nix::sys::prctl::set_name(&name);
    }
}

/// Blocks every signal in this process: its loop reads them from a signalfd, or not at all.
pub(crate) fn block_signals() -> nix::Result<()> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), None)
}

/// Lets every signal through again, as a freshly started program expects.
pub(crate) fn unblock_signals() -> nix::Result<()> {
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// Starts a program from a process that blocks its signals; a program inherits what is blocked, and shall not.
///
/// A signal that arrives meanwhile has its default effect: reap after this, for a SIGCHLD may have been ignored.
pub(crate) fn spawn_with_signals(command: &mut Command) -> io::Result<Child> {
    unblock_signals()?;
    let child = command.spawn();
    block_signals()?;
    child
}

/// Mounts a file system of type `kind` at `target`.
pub(crate) fn mount_new(kind: &str, target: &Path, options: &str) -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some(kind), target, Some(kind), flags, Some(options))
        .attempt(LabErrorKind::Mount, || format!("mount {kind} on {}", target.display()))
}

/// Makes what is at `source` visible at `target` too.
pub(crate) fn bind(source: &Path, target: &Path) -> Result<()> {
    mount(Some(source), target, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .attempt(LabErrorKind::Mount, || format!("bind {} to {}", source.display(), target.display()))
}

/// Keeps all further mounts of this mount namespace to itself.
pub(crate) fn make_mounts_private() -> Result<()> {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .attempt(LabErrorKind::Mount, || "make the lab's mounts private".into())
}

/// Mounts an empty tmpfs over the folder `target`, in which only the paths in `keep` that lie below `target` are
/// visible as they were. Does nothing when there is no such folder.
pub(crate) fn mount_private_tmpfs(target: &Path, mode: &str, keep: &[PathBuf]) -> Result<()> {
    let Ok(target) = target.canonicalize() else { return Ok(()) };
    // Canonical, because /var/run and the like are links. Sorted, so that a folder comes before what it contains.
    let mut below: Vec<PathBuf> = keep.iter().filter_map(|path| path.canonicalize().ok()).collect();
    below.retain(|path| path.starts_with(&target) && *path != target);
    below.sort();
    let mut kept: Vec<(PathBuf, std::os::fd::OwnedFd)> = Vec::new();
    for path in below {
        if !kept.iter().any(|(folder, _)| path.starts_with(folder)) {
            let handle = open(&path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
                .attempt(LabErrorKind::Mount, || format!("open {}", path.display()))?;
            kept.push((path, handle));
        }
    }
    mount_new("tmpfs", &target, mode)?;
    for (path, handle) in kept {
        let source = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
        let file = |error| super::LabError::file(format!("cannot make {}", path.display()), &error);
        if source.is_dir() {
            std::fs::create_dir_all(&path).map_err(file)?;
        } else {
            std::fs::create_dir_all(path.parent().unwrap_or(&target)).map_err(file)?;
            std::fs::File::create(&path).map_err(file)?;
        }
        bind(&source, &path)?;
    }
    Ok(())
}

/// The ids of all processes in the PID namespace whose `/proc` this process sees.
pub(crate) fn process_ids() -> io::Result<Vec<i32>> {
    let mut ids: Vec<i32> =
        std::fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// The command name and the states of all threads of a process; `None` when it is gone.
pub(crate) fn process_state(pid: i32) -> Option<(String, Vec<char>)> {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    let mut states = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let stat = std::fs::read_to_string(task.ok()?.path().join("stat")).ok()?;
        // The command name, in parentheses, may contain anything; the state is the first word after the last one.
        states.push(stat.rsplit_once(')')?.1.trim_start().chars().next()?);
    }
    Some((name.trim_end().to_owned(), states))
}
