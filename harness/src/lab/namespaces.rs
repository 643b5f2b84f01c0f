//! Makes the lab's namespaces, and says which setting of the system forbids it.

use std::io::{self, Read, Write};
use std::path::Path;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid};

use super::error::{LabError, LabErrorKind, Result};
use super::sys::{self, Forked};
use super::{UserNamespace, confine};

const LAB_NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWNET
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);

/// Moves this single-threaded process into new namespaces; its next child is PID 1 of the new PID namespace.
pub(crate) fn make_namespaces(user_namespace: UserNamespace) -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() && user_namespace == UserNamespace::WhenNeeded {
        match unshare(LAB_NAMESPACES) {
            Ok(()) => return Ok(()),
            // Root in a container without privileges: try as an ordinary user does.
            Err(Errno::EPERM) => {}
            Err(error) => return Err(cannot_make_namespaces(&error.into())),
        }
    }
    let mapper = if uid.is_root() { Mapper::start() } else { None };
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| user_namespaces_forbidden("make a user namespace", error))?;
    if !mapper.is_some_and(Mapper::map) {
        map_one(uid, gid)?;
    }
    unshare(LAB_NAMESPACES).map_err(|error| match error {
        Errno::EPERM | Errno::EACCES => user_namespaces_forbidden("use the privileges of a user namespace", error),
        _ => cannot_make_namespaces(&error.into()),
    })
}

fn map_one(uid: Uid, gid: Gid) -> Result<()> {
    // The order matters: a group may be mapped only once its members cannot change their groups.
    let maps = [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))];
    for (file, content) in maps {
        std::fs::write(Path::new("/proc/self").join(file), content).map_err(|error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
            user_namespaces_forbidden(&format!("write the user namespace's {file}"), errno)
        })?;
    }
    Ok(())
}

/// A process that stays outside of the new user namespace, where root may map more than itself: also a user of no
/// rights, for the nodes.
struct Mapper {
    process: Pid,
    go: Option<std::io::PipeWriter>,
}

impl Mapper {
    fn start() -> Option<Self> {
        let (waiting, go) = std::io::pipe().ok()?;
        match sys::fork_into(CloneFlags::empty()).ok()? {
            Forked::Parent(process) => Some(Self { process, go: Some(go) }),
            Forked::Child => {
                drop(go);
                let told = (&waiting).read(&mut [0]).is_ok_and(|len| len == 1);
                let map = format!("0 0 1\n{}", confine::second_user());
                let parent = format!("/proc/{}", nix::unistd::getppid());
                let write = |file: &str| std::fs::write(Path::new(&parent).join(file), &map).is_ok();
                std::process::exit(i32::from(!(told && write("uid_map") && write("gid_map"))))
            }
        }
    }

    /// True if both maps are written.
    fn map(mut self) -> bool {
        let told = self.go.as_mut().is_some_and(|go| go.write_all(&[1]).is_ok());
        told && matches!(waitpid(self.process, None), Ok(WaitStatus::Exited(_, 0)))
    }
}

impl Drop for Mapper {
    fn drop(&mut self) {
        // Without a word it ends; after `map` there is nobody to wait for.
        self.go = None;
        let _ = waitpid(self.process, None);
    }
}

/// Names the setting that forbids it: distributions have three, and the kernel's error is the same for all.
fn user_namespaces_forbidden(action: &str, error: Errno) -> LabError {
    let setting = |name: &str| std::fs::read_to_string(Path::new("/proc/sys").join(name)).unwrap_or_default();
    let remedy = if setting("user/max_user_namespaces").trim() == "0" {
        "user.max_user_namespaces is 0; allow them as root: sysctl -w user.max_user_namespaces=10000"
    } else if setting("kernel/unprivileged_userns_clone").trim() == "0" {
        "kernel.unprivileged_userns_clone is 0; allow them as root: sysctl -w kernel.unprivileged_userns_clone=1"
    } else if setting("kernel/apparmor_restrict_unprivileged_userns").trim() == "1" {
        "kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu 24.04 and later); allow them as root: \
         sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else if error == Errno::ENOSPC || error == Errno::EUSERS {
        "there are too many user namespaces already; allow more as root: sysctl -w user.max_user_namespaces=10000"
    } else {
        "run as root, or, in a container, start it with --privileged (or with --cap-add SYS_ADMIN --cap-add NET_ADMIN \
         --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
    };
    LabError::new(LabErrorKind::UserNamespaces, format!("cannot {action}: {}", error.desc()), remedy)
}

/// Other namespaces than user namespaces are limited in number only.
pub(crate) fn cannot_make_namespaces(error: &io::Error) -> LabError {
    let remedy = match error.raw_os_error() {
        Some(libc::ENOSPC) => {
            "a limit of namespaces is reached; see sysctl -a -r '^user.max_.*_namespaces', and raise it as root, for \
             instance: sysctl -w user.max_net_namespaces=10000"
        }
        Some(libc::EINVAL) => "this kernel lacks a kind of namespace; use one with NET_NS, PID_NS, IPC_NS and UTS_NS",
        Some(libc::ENOMEM | libc::EAGAIN) => "free some memory, or raise the limit of processes (ulimit -u)",
        _ => "run as root, or allow user namespaces",
    };
    LabError::new(LabErrorKind::Namespaces, format!("cannot make the lab's namespaces: {error}"), remedy)
}
