//! Signals that mean "stop": they end a run in an orderly way, and the program only if that takes too long.
//!
//! The handler writes a byte to each lab's socket. The first signal reaches the controller as it is, so that the
//! controller stops in an orderly way; a later one is SIGKILL for the labs, and where there is none, ends this program.
//! One request to stop may come as several signals: `timeout` sends its signal to the program and to the group that the
//! program is in, and a terminal's hang-up is followed by that of the shell. So what follows within half a second of
//! the first one belongs to it.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::time::Duration;

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

const CAUGHT: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
const FREE: RawFd = -1;
/// More labs at once than any machine wants to run.
const SLOTS: usize = 64;
/// Signals this close to the first one are the same request.
const ONE_REQUEST_NS: i64 = 500_000_000;
const NEVER: i64 = i64::MIN;
/// The exit code of an inconclusive run: that is what a run is whose judgement is cut off.
const INCONCLUSIVE: i32 = 2;

static SOCKETS: [AtomicI32; SLOTS] = [const { AtomicI32::new(FREE) }; SLOTS];
/// When the first signal came, on the monotonic clock.
static FIRST_NS: AtomicI64 = AtomicI64::new(NEVER);
static FIRST_SIGNAL: AtomicI32 = AtomicI32::new(0);
/// When a later one came that is not part of the first request.
static INSISTED_NS: AtomicI64 = AtomicI64::new(NEVER);
/// How many want signals caught, and the dispositions from before.
static BEFORE: Mutex<(usize, Vec<SigAction>)> = Mutex::new((0, Vec::new()));

/// As long as one of these lives, SIGINT, SIGTERM and SIGHUP do not end this program at once.
#[derive(Debug)]
pub struct Interrupts(());

impl Interrupts {
    /// Catches these signals from now on.
    ///
    /// # Errors
    ///
    /// When the system does not allow it.
    pub fn catch() -> io::Result<Self> {
        let mut before = BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if before.0 == 0 {
            let action = SigAction::new(SigHandler::Handler(pass_on), SaFlags::SA_RESTART, SigSet::empty());
            let mut replaced = Vec::new();
            for signal in CAUGHT {
                // SAFETY: the handler does nothing but atomic operations and system calls that are safe in one.
                replaced.push(unsafe { sigaction(signal, &action) }?);
            }
            before.1 = replaced;
        }
        before.0 += 1;
        Ok(Self(()))
    }

    /// The signal that asked this program to stop, and how long ago that was.
    pub fn caught() -> Option<(Signal, Duration)> {
        let signal = Signal::try_from(FIRST_SIGNAL.load(Ordering::SeqCst)).ok()?;
        Some((signal, since(&FIRST_NS)?))
    }

    /// How long ago a second signal asked to stop at once.
    pub(crate) fn insisted() -> Option<Duration> {
        since(&INSISTED_NS)
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        let mut before = BEFORE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        before.0 -= 1;
        if before.0 == 0 {
            for (signal, action) in CAUGHT.into_iter().zip(std::mem::take(&mut before.1)) {
                // SAFETY: `action` is what sigaction itself returned for this signal.
                let _ = unsafe { sigaction(signal, &action) };
            }
        }
    }
}

/// As long as this lives, signals are passed to its lab.
#[derive(Debug)]
pub(crate) struct Forwarding {
    slot: usize,
    _interrupts: Interrupts,
}

impl Forwarding {
    /// Passes signals to `socket`, which must stay open for as long as the result lives.
    pub(crate) fn start(socket: &UnixStream) -> io::Result<Self> {
        let interrupts = Interrupts::catch()?;
        let free = |slot: &AtomicI32| {
            slot.compare_exchange(FREE, socket.as_raw_fd(), Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        let slot = SOCKETS
            .iter()
            .position(free)
            .ok_or_else(|| io::Error::other(format!("at most {SLOTS} labs can run at once")))?;
        Ok(Self { slot, _interrupts: interrupts })
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        SOCKETS[self.slot].store(FREE, Ordering::SeqCst);
    }
}

fn since(at_ns: &AtomicI64) -> Option<Duration> {
    let at = at_ns.load(Ordering::SeqCst);
    (at != NEVER).then(|| Duration::from_nanos(now_ns().saturating_sub(at).max(0) as u64))
}

fn now_ns() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to a live local variable; clock_gettime is safe in a signal handler.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

extern "C" fn pass_on(signal: libc::c_int) {
    let now = now_ns();
    let first = FIRST_NS.compare_exchange(NEVER, now, Ordering::SeqCst, Ordering::SeqCst);
    if first.is_ok() {
        FIRST_SIGNAL.store(signal, Ordering::SeqCst);
    } else if first.is_err_and(|first| now - first < ONE_REQUEST_NS) {
        return;
    } else {
        let _ = INSISTED_NS.compare_exchange(NEVER, now, Ordering::SeqCst, Ordering::SeqCst);
    }
    let byte = if first.is_ok() { signal as u8 } else { libc::SIGKILL as u8 };
    let mut labs = 0;
    for slot in &SOCKETS {
        let fd = slot.load(Ordering::SeqCst);
        if fd == FREE {
            continue;
        }
        labs += 1;
        // SAFETY: writes one byte from a live local variable; MSG_NOSIGNAL keeps a lab that is gone from raising
        // SIGPIPE, and MSG_DONTWAIT from blocking the handler. errno is restored.
        unsafe {
            let errno = *libc::__errno_location();
            libc::send(fd, (&raw const byte).cast(), 1, libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
            *libc::__errno_location() = errno;
        }
    }
    if first.is_err() && labs == 0 {
        // SAFETY: ends the process without running anything of it.
        unsafe { libc::_exit(INCONCLUSIVE) };
    }
}
