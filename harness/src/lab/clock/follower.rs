//! Follows what a node executes: the kernel reports each `execve`, and the node's clock is put under each program
//! before its first instruction.
//!
//! The report comes from a seccomp filter that notifies of `execve` and `execveat` and lets everything else pass
//! (`seccomp_unotify(2)`). The caller is then seized (`ptrace(2)`), so that the kernel stops it once the new program is
//! loaded, and is let go as soon as the clock is in place. A caller whose `execve` fails is let go at its next stop.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

/// `AUDIT_ARCH_X86_64` of `linux/audit.h`.
const X86_64: u32 = 0xC000_003E;

/// What reports a node's programs to its init. All of its methods belong to the thread that made it.
pub(crate) struct Follower {
    listener: OwnedFd,
    /// The file of the node's shift, as the node sees it.
    page: PathBuf,
}

impl Follower {
    /// Starts to follow what this thread's children execute, and theirs. It cannot be ended. The process must have
    /// renounced privileges (`PR_SET_NO_NEW_PRIVS`), and must not execute anything itself.
    pub(crate) fn start(page: &Path) -> io::Result<Follower> {
        Ok(Follower { listener: listen()?, page: page.to_owned() })
    }

    /// Readable when a program is about to be executed: then call [`Follower::answer`].
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// The file of the node's shift.
    pub(crate) fn page(&self) -> &Path {
        &self.page
    }

    /// Lets one `execve` continue, after seizing its caller.
    pub(crate) fn answer(&self) {
        // SAFETY: all of these structures are valid if they are zero, as the kernel wants them.
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the structure outlives the call. It fails when the caller is gone again.
        if unsafe { libc::ioctl(self.listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut asked) } != 0 {
            return;
        }
        // A caller that cannot be seized (an unreadable program, one that is traced already) runs all the same.
        let options = Options::PTRACE_O_TRACEEXEC | Options::PTRACE_O_TRACESYSGOOD;
        let _ = ptrace::seize(Pid::from_raw(asked.pid as i32), options);
        let flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32;
        let mut answer = libc::seccomp_notif_resp { id: asked.id, val: 0, error: 0, flags };
        // SAFETY: as above.
        unsafe { libc::ioctl(self.listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
    }

    /// Serves reports and stops for at most this time, without touching the ends of processes.
    pub(crate) fn serve(&self, time: Duration) -> Option<WaitStatus> {
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO);
        let mut ready = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, timeout).is_ok_and(|ready| ready > 0) {
            self.answer();
        }
        while let Ok(status) = waitid(Id::All, WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG) {
            if status == WaitStatus::StillAlive {
                break;
            }
            if let Some(ended) = self.take_stop(status) {
                return Some(ended);
            }
        }
        None
    }

    /// Takes a stop of a process: of one that has just loaded a program, to put the clock under it; of any other that
    /// is traced, to let it go. The end of a process, if that came in between.
    pub(crate) fn take_stop(&self, status: WaitStatus) -> Option<WaitStatus> {
        let release = |pid, signal: Option<Signal>| {
            // Fails for a process that is not traced, and for one that was killed meanwhile.
            let _ = ptrace::detach(pid, signal);
        };
        match status {
            WaitStatus::PtraceEvent(pid, _, event) if event == ptrace::Event::PTRACE_EVENT_EXEC as i32 => {
                match self.put_under(pid) {
                    Ok(signal) => release(pid, signal),
                    Err(ended) => return ended,
                }
            }
            WaitStatus::PtraceEvent(pid, signal, 0) => release(pid, Some(signal)),
            WaitStatus::PtraceEvent(pid, ..) | WaitStatus::PtraceSyscall(pid) => release(pid, None),
            WaitStatus::Stopped(pid, signal) => release(pid, Some(signal)),
            _ => {}
        }
        None
    }

    /// Puts the node's clock under a program that has just been loaded; a signal that has arrived meanwhile. Without
    /// success the program runs with the machine's clock, which the proof of a fault notices.
    #[cfg(target_arch = "x86_64")]
    fn put_under(&self, pid: Pid) -> Result<Option<Signal>, Option<WaitStatus>> {
        super::vdso::Loaded::new(pid)?.lead_to(&self.page)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn put_under(&self, _: Pid) -> Result<Option<Signal>, Option<WaitStatus>> {
        Ok(None)
    }
}

/// Installs the filter; the descriptor gets its reports.
fn listen() -> io::Result<OwnedFd> {
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let give = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // `seccomp_data`: the call's number at 0, the architecture at 4.
    let mut filter = [
        step(load, 0, 0, 4),
        step(equal, 0, 3, X86_64),
        step(load, 0, 0, 0),
        step(equal, 2, 0, libc::SYS_execve as u32),
        step(equal, 1, 0, libc::SYS_execveat as u32),
        step(give, 0, 0, libc::SECCOMP_RET_ALLOW),
        step(give, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program and its instructions outlive the call, which copies them.
    let listener = unsafe {
        let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER);
        libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program)
    };
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(listener as i32) })
}
