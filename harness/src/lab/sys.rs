//! System calls that the lab needs and that no crate offers as safe functions. All of the lab's `unsafe` about
//! processes is in this file.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
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

/// Makes a command run without a network: its loopback device is down.
pub(crate) fn without_network(command: &mut Command) {
    // SAFETY: unshare(2) is a plain system call, safe between fork and exec.
    unsafe { command.pre_exec(|| Ok(nix::sched::unshare(CloneFlags::CLONE_NEWNET)?)) };
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

/// Linux headers (`mount.h`, `fcntl.h`) have these, the libc crate has not.
const OPEN_TREE_CLONE: libc::c_uint = 1;
const AT_RECURSIVE: libc::c_uint = 0x8000;
const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
/// Attributes of a mount: nothing can be changed through it.
pub(crate) const READ_ONLY: u64 = 1;
/// Set-user-id bits and file capabilities have no effect.
pub(crate) const NO_SUID: u64 = 2;
/// Device files cannot be opened.
pub(crate) const NO_DEVICES: u64 = 4;

#[repr(C)]
struct MountAttributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// A copy of the mounts at `path` and below, attached nowhere (`open_tree(2)`). It can be handed to a process that
/// could not look up the path itself.
pub(crate) fn clone_tree(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let flags = OPEN_TREE_CLONE | AT_RECURSIVE | libc::O_CLOEXEC as libc::c_uint;
    // SAFETY: the path is a valid C string for the length of the call.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    // SAFETY: the kernel has just made this descriptor; nobody else owns it.
    if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }) }
}

/// Sets and clears attributes of all mounts of a tree (`mount_setattr(2)`, Linux 5.12).
pub(crate) fn change_tree(tree: BorrowedFd<'_>, set: u64, clear: u64) -> io::Result<()> {
    set_attributes(tree.as_raw_fd(), c"", libc::AT_EMPTY_PATH as libc::c_uint | AT_RECURSIVE, set, clear)
}

/// Sets and clears attributes of the one mount at `path`.
pub(crate) fn change_mount(path: &Path, set: u64, clear: u64) -> io::Result<()> {
    set_attributes(libc::AT_FDCWD, &CString::new(path.as_os_str().as_bytes())?, 0, set, clear)
}

fn set_attributes(at: RawFd, path: &std::ffi::CStr, flags: libc::c_uint, set: u64, clear: u64) -> io::Result<()> {
    let attributes = MountAttributes { set, clear, propagation: 0, user_namespace: 0 };
    let size = size_of::<MountAttributes>();
    // SAFETY: path and attributes live for the length of the call; the size is that of the structure.
    let done = unsafe { libc::syscall(libc::SYS_mount_setattr, at, path.as_ptr(), flags, &raw const attributes, size) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Attaches a tree at `target`, which is not followed if it is a link (`move_mount(2)`).
pub(crate) fn attach_tree(tree: BorrowedFd<'_>, target: &Path) -> io::Result<()> {
    let target = CString::new(target.as_os_str().as_bytes())?;
    // SAFETY: both paths are valid C strings for the length of the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Closes every descriptor from 3 on but these.
pub(crate) fn close_all_but(keep: &[RawFd]) {
    let mut keep: Vec<libc::c_uint> = keep.iter().map(|fd| *fd as libc::c_uint).collect();
    keep.sort_unstable();
    let mut first = 3;
    for fd in keep.into_iter().chain([libc::c_uint::MAX]) {
        if fd > first {
            // SAFETY: the caller is a fresh fork that uses no other descriptor than those it keeps.
            unsafe { libc::close_range(first, fd - 1, 0) };
        }
        first = fd.saturating_add(1);
    }
}

/// Takes these capabilities away from whatever this process and its children execute; all others of the 64 stay.
pub(crate) fn drop_from_bounding_set(drop: impl Fn(libc::c_ulong) -> bool) {
    for capability in (0..64).filter(|capability| drop(*capability)) {
        // SAFETY: takes plain numbers only. It fails for numbers that this kernel does not know, which is as good.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

/// Leaves the session's keyring for an empty one: keys of the user's session are nothing for a node.
pub(crate) fn leave_keyring() {
    const KEYCTL_JOIN_SESSION_KEYRING: libc::c_long = 1;
    // SAFETY: a null name asks for a new anonymous keyring. Fails only where the kernel has no keys at all.
    unsafe { libc::syscall(libc::SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, std::ptr::null::<libc::c_char>()) };
}

/// Lets the program that `command` starts have no descriptor but the standard three, and be the first to go when the
/// machine runs out of memory.
pub(crate) fn confine(command: &mut Command) {
    let before_exec = || {
        // SAFETY: async-signal-safe system calls on constant strings; descriptors are only marked, not closed, since
        // the standard library reports a failure of exec through one of its own.
        unsafe {
            libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int);
            // A process that is not dumpable may not write to its own files in /proc.
            libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0);
            let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
            if file >= 0 {
                libc::write(file, c"1000".as_ptr().cast(), 4);
                libc::close(file);
            }
        }
        Ok(())
    };
    // SAFETY: the closure allocates nothing and takes no lock.
    unsafe { command.pre_exec(before_exec) };
}

/// The ids of all processes in the PID namespace whose `/proc` this process sees.
pub(crate) fn process_ids() -> io::Result<Vec<i32>> {
    let mut ids: Vec<i32> =
        std::fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// The threads of a process; none when it is gone.
pub(crate) fn thread_ids(pid: i32) -> Vec<i32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// The CPU time that a thread has used, ns; `None` when it is gone or the kernel does not keep it.
pub(crate) fn thread_cpu_time_ns(pid: i32, thread: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// For how long a process has existed, µs; `None` when it is gone.
pub(crate) fn process_age_us(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The 22nd field; the second one, in parentheses, may contain anything.
    let began: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let now: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    // The kernel shows ticks of 10 ms to programs, whatever its own are.
    Some(((now * 1e6) as u64).saturating_sub(began * 10_000))
}

/// Whether a thread of a process waits in a system call that makes a process.
pub(crate) fn waits_for_vfork(pid: i32) -> bool {
    let makes = |number: i64| [libc::SYS_clone, libc::SYS_clone3, SYS_VFORK].contains(&number);
    thread_ids(pid).into_iter().any(|thread| {
        let call = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/syscall")).unwrap_or_default();
        call.split_whitespace().next().and_then(|number| number.parse().ok()).is_some_and(makes)
    })
}

#[cfg(target_arch = "x86_64")]
const SYS_VFORK: i64 = libc::SYS_vfork;
/// Other architectures have no such system call.
#[cfg(not(target_arch = "x86_64"))]
const SYS_VFORK: i64 = libc::SYS_clone;

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
