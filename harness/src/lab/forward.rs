//! Passes the signals that mean "stop" from the program outside into its labs.
//!
//! The handler only writes a byte to each lab's socket. The first signal reaches the controller as it is, so that the
//! controller stops in an orderly way; from the second on it is SIGKILL, which ends the lab at once.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

const FORWARDED: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
const FREE: RawFd = -1;
/// More labs at once than any machine wants to run.
const SLOTS: usize = 64;

static SOCKETS: [AtomicI32; SLOTS] = [const { AtomicI32::new(FREE) }; SLOTS];
static SIGNALS_SEEN: AtomicU32 = AtomicU32::new(0);
/// The dispositions from before the first lab, restored after the last one.
static BEFORE: Mutex<Option<Vec<SigAction>>> = Mutex::new(None);

/// As long as this lives, signals are passed to its lab.
#[derive(Debug)]
pub(crate) struct Forwarding {
    slot: usize,
}

impl Forwarding {
    /// Passes signals to `socket`, which must stay open for as long as the result lives.
    pub(crate) fn start(socket: &UnixStream) -> io::Result<Self> {
        let mut before = BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let free = |slot: &AtomicI32| {
            slot.compare_exchange(FREE, socket.as_raw_fd(), Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        let slot = SOCKETS
            .iter()
            .position(free)
            .ok_or_else(|| io::Error::other(format!("at most {SLOTS} labs can run at once")))?;
        if before.is_none() {
            SIGNALS_SEEN.store(0, Ordering::SeqCst);
            let action = SigAction::new(SigHandler::Handler(pass_on), SaFlags::SA_RESTART, SigSet::empty());
            let mut replaced = Vec::new();
            for signal in FORWARDED {
                // SAFETY: the handler does nothing but atomic loads and write(2), both safe in a signal handler.
                replaced.push(unsafe { sigaction(signal, &action) }?);
            }
            *before = Some(replaced);
        }
        Ok(Self { slot })
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        let mut before = BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        SOCKETS[self.slot].store(FREE, Ordering::SeqCst);
        if SOCKETS.iter().all(|slot| slot.load(Ordering::SeqCst) == FREE) {
            for (signal, action) in FORWARDED.into_iter().zip(before.take().unwrap_or_default()) {
                // SAFETY: `action` is what sigaction itself returned for this signal.
                let _ = unsafe { sigaction(signal, &action) };
            }
        }
    }
}

extern "C" fn pass_on(signal: libc::c_int) {
    let first = SIGNALS_SEEN.fetch_add(1, Ordering::SeqCst) == 0;
    let byte = if first { signal as u8 } else { libc::SIGKILL as u8 };
    for slot in &SOCKETS {
        let fd = slot.load(Ordering::SeqCst);
        if fd != FREE {
            // SAFETY: writes one byte from a live local variable; MSG_NOSIGNAL keeps a lab that is gone from raising
            // SIGPIPE, and MSG_DONTWAIT from blocking the handler. errno is restored below.
            unsafe {
                let errno = *libc::__errno_location();
                libc::send(fd, (&raw const byte).cast(), 1, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
                *libc::__errno_location() = errno;
            }
        }
    }
}
