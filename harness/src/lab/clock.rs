//! A wall clock of its own for every process of a node, static programs included.
//!
//! Programs read the clock through the vDSO, a small library that the kernel maps into every process. For a node whose
//! clock can be set, its init lets the kernel report each `execve` of the node (`follower`). Before such a program
//! executes its first instruction, the init maps two pages into it and leads the vDSO's symbols `clock_gettime`,
//! `gettimeofday` and `time` there (`vdso`): a page of code (`code`), which asks the original vDSO and adds the node's
//! shift, and a page that holds the shift. The second page is one file for all processes of the node, shared with the
//! controller: one store of 8 bytes sets the clock of all of them at the same instant.
//!
//! Nothing but memory of the node's own processes is changed. No tracer stays at a running process: a program is traced
//! from its `execve` to its first instruction. Processes that are forked inherit both pages.
//!
//! What it does not do: system calls that ask the kernel for the time without the vDSO, time stamps of files, and waits
//! until a time of `CLOCK_REALTIME` see the machine's clock. Only for `x86_64`; it needs Linux 5.5
//! (`SECCOMP_USER_NOTIF_FLAG_CONTINUE`).

#[cfg(target_arch = "x86_64")]
mod code;
mod follower;
#[cfg(target_arch = "x86_64")]
mod vdso;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

pub(crate) use follower::Follower;

/// The file of a node's shift, in the folder that the node shares with the controller.
const FILE: &str = "clock";
/// Its size: one page.
const PAGE: usize = 4096;
const MICROSECONDS: i64 = 1_000_000;
/// Bits of a shift that hold its microseconds.
const MICROSECOND_BITS: u32 = 20;

/// Why the clock of a program cannot be set through its vDSO on this machine, if it cannot.
///
/// # Errors
///
/// In words, what is missing.
pub fn vdso_is_possible() -> Result<(), String> {
    if cfg!(not(target_arch = "x86_64")) {
        return Err(format!("it is made for x86_64, and this machine is {}", std::env::consts::ARCH));
    }
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail").unwrap_or_default();
    if !actions.split_whitespace().any(|action| action == "user_notif") {
        return Err("this kernel does not report a program's execve (seccomp user_notif)".to_owned());
    }
    Ok(())
}

/// The file of a node's shift.
pub(crate) fn file(shared_dir: &Path) -> PathBuf {
    shared_dir.join(FILE)
}

/// Sets how far the clock of a node's processes is off. The file is made where it is missing.
pub(crate) fn set(shared_dir: &Path, by_ms: i64) -> io::Result<()> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(file(shared_dir))?;
    file.set_len(PAGE as u64)?;
    // SAFETY: maps a page of a file that has one, at an address of the kernel's choice.
    let page = unsafe {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        libc::mmap(std::ptr::null_mut(), PAGE, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
    };
    if page == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the page begins with the shift, is aligned, and stays mapped until after the store; others only read it.
    unsafe { AtomicI64::from_ptr(page.cast()) }.store(packed(by_ms), Ordering::Release);
    // SAFETY: unmaps what was mapped above, and nothing refers to it any more.
    unsafe { libc::munmap(page, PAGE) };
    Ok(())
}

/// A shift as the code reads it: whole seconds, rounded down, above the microseconds, so that nothing is divided.
fn packed(by_ms: i64) -> i64 {
    let us = by_ms.saturating_mul(1000);
    let (seconds, rest) = (us.div_euclid(MICROSECONDS), us.rem_euclid(MICROSECONDS));
    seconds << MICROSECOND_BITS | rest
}

/// Whether a process looks at the clock through the pages of its node.
pub(crate) fn is_followed_by(pid: i32, file: &Path) -> bool {
    maps(pid, &file.to_string_lossy())
}

/// Whether libfaketime is loaded into a process.
pub(crate) fn has_libfaketime(pid: i32) -> bool {
    maps(pid, "/libfaketime")
}

fn maps(pid: i32, what: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.lines().any(|line| line.contains(what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_is_stored_as_seconds_and_microseconds() {
        let folder = tempfile::tempdir().unwrap();
        for (by_ms, seconds, us) in [(0, 0, 0), (1, 0, 1000), (-1, -1, 999_000), (61_250, 61, 250_000)] {
            set(folder.path(), by_ms).unwrap();
            let bytes = fs::read(file(folder.path())).unwrap();
            assert_eq!(bytes.len(), PAGE);
            let stored = i64::from_ne_bytes(bytes[..8].try_into().unwrap());
            assert_eq!((stored >> MICROSECOND_BITS, stored & 0xf_ffff), (seconds, us), "{by_ms} ms");
        }
    }
}
