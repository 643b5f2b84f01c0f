//! Inside of a new lab: the launcher, the lab's init, and the controller's way into its own program. See
//! [`super::enter()`].

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setpgid};

use super::enter::{Errand, KILLED_CODE, LAB_COMMAND, Notice, Request};
use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::hub;
use super::link::Link;
use super::namespaces::{cannot_make_namespaces, make_namespaces};
use super::protocol::{Ending, HubReply, HubRequest};
use super::sys::{self, Forked};

const WATCH_PAUSE_MS: u16 = 1000;
/// Looks, a second apart, after which a stopped process is not expected to go on by itself.
const STOPPED_LOOKS: u32 = 4;

/// What the controller knows about its lab; the key to [`super::NamespaceLab::up`].
#[derive(Debug)]
pub struct Inside {
    /// [`super::EnterSpec::payload`].
    pub payload: String,
    pub(crate) errand: Errand,
    pub(crate) hub: Link<HubRequest, HubReply>,
}

/// In the re-executed program: makes the lab and returns in the controller; every other process never returns.
/// `None` if this is an ordinary start of the program.
pub(crate) fn become_lab() -> Option<Inside> {
    if std::env::args_os().nth(1).as_deref() != Some(LAB_COMMAND.as_ref()) {
        return None;
    }
    let mut outside = match Outside::claim_stdin() {
        Ok(outside) => outside,
        Err(error) => {
            err!("{LAB_COMMAND} is not a command for users: {error}");
            std::process::exit(254);
        }
    };
    let inside = outside
        .read_request()
        .attempt(LabErrorKind::Lost, || "read what the lab is for".into())
        .and_then(|request| make_lab(&mut outside, request));
    match inside {
        Ok(inside) => Some(inside),
        Err(error) => {
            outside.notify(&Notice::Failed(error));
            std::process::exit(1)
        }
    }
}

/// The lab's end of the socket to the program outside; `None` in the processes that have closed it.
struct Outside(Option<UnixStream>);

impl Outside {
    /// Standard input is the socket; take it away from there so that nobody else reads it.
    fn claim_stdin() -> io::Result<Self> {
        let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.local_addr()?;
        nix::unistd::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        Ok(Self(Some(socket)))
    }

    fn socket(&mut self) -> io::Result<&mut UnixStream> {
        self.0.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn read_request(&mut self) -> io::Result<Request> {
        let socket = self.socket()?;
        let mut len = [0u8; 8];
        socket.read_exact(&mut len)?;
        let mut bytes = Vec::new();
        socket.take(u64::from_be_bytes(len)).read_to_end(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Waits for a signal number; `None` when the program outside is gone.
    fn read_signal(&mut self) -> Option<i32> {
        let mut byte = [0u8];
        self.socket().ok()?.read_exact(&mut byte).ok()?;
        Some(i32::from(byte[0]))
    }

    fn notify(&mut self, notice: &Notice) {
        if let (Ok(mut line), Ok(socket)) = (serde_json::to_vec(notice), self.socket()) {
            line.push(b'\n');
            // Nobody listens any more: then this process is about to end anyway.
            let _ = socket.write_all(&line);
        }
    }

    fn close(&mut self) {
        self.0 = None;
    }
}

fn make_lab(outside: &mut Outside, request: Request) -> Result<Inside> {
    // Out of the terminal's foreground group: signals come over the socket, each of them once.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    make_namespaces(request.user_namespace)?;
    sys::block_signals().attempt(LabErrorKind::Lost, || "block signals".into())?;
    match sys::fork_into(CloneFlags::empty()).map_err(|error| cannot_make_namespaces(&error))? {
        Forked::Parent(init) => wait_at_the_door(init),
        Forked::Child => run_init(outside, request),
    }
}

/// The process that made the namespaces stays outside of the PID namespace, and has nothing to do but wait.
fn wait_at_the_door(init: Pid) -> ! {
    sys::name_process("lab-launcher");
    let code = match waitpid(init, None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        Ok(WaitStatus::Signaled(_, signal, _)) => KILLED_CODE + signal as i32,
        _ => 1,
    };
    std::process::exit(code)
}

fn run_init(outside: &mut Outside, request: Request) -> Result<Inside> {
    // A second safeguard, for a launcher that is killed; the socket is the first.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    sys::name_process("lab-init");
    prepare_mounts(&request.visible)?;
    let (hub, hub_end) = Link::pair().attempt(LabErrorKind::Lost, || "make a link".into())?;
    // The clients are in a network namespace of their own, not in the hub's.
    let fork = |namespaces| sys::fork_into(namespaces).map_err(|error| cannot_make_namespaces(&error));
    let controller = match fork(CloneFlags::CLONE_NEWNET)? {
        Forked::Child => {
            drop(hub_end);
            outside.close();
            return become_controller(request, hub);
        }
        Forked::Parent(pid) => pid,
    };
    drop(hub);
    match fork(CloneFlags::empty())? {
        Forked::Child => {
            sys::name_process("lab-hub");
            outside.close();
            hub::run(hub_end)
        }
        Forked::Parent(hub_pid) => {
            drop(hub_end);
            outside.notify(&Notice::Entered);
            let ending = watch(outside, controller, hub_pid);
            outside.notify(&ending);
            std::process::exit(0)
        }
    }
}

fn prepare_mounts(visible: &[PathBuf]) -> Result<()> {
    sys::make_mounts_private()?;
    sys::mount_new("proc", Path::new("/proc"), "").map_err(|error| LabError {
        remedy: "in a container, /proc must not be masked: start it with --privileged or --security-opt systempaths=unconfined"
            .into(),
        ..error
    })?;
    // The lab's own /run: mount points for the nodes' folders, and a place for iptables' lock.
    sys::mount_private_tmpfs(Path::new("/run"), "mode=0755", visible)?;
    std::fs::create_dir_all(super::LAB_DIR)
        .map_err(|error| LabError::file(format!("cannot make {}", super::LAB_DIR), &error))
}

/// The controller goes on as the program that it is, without a trace of the init that it was forked from.
fn become_controller(request: Request, hub: Link<HubRequest, HubReply>) -> Result<Inside> {
    sys::name_process("lab-controller");
    sys::unblock_signals().attempt(LabErrorKind::Lost, || "become the lab's controller".into())?;
    Ok(Inside { payload: request.payload, errand: request.errand, hub })
}

/// Looks for processes of the lab that somebody has stopped. Nobody within it does that, other than to the nodes'
/// programs.
#[derive(Default)]
struct Stopped {
    next_look: Option<Instant>,
    /// Which was stopped at the last looks, and how many those were.
    suspect: Option<(i32, u32)>,
}

impl Stopped {
    /// The process that is stopped, if it has been for some seconds.
    fn look(&mut self, controller: Pid, hub: Pid) -> Option<String> {
        let now = Instant::now();
        if self.next_look.is_some_and(|at| now < at) {
            return None;
        }
        self.next_look = Some(now + Duration::from_secs(1));
        // The nodes' inits, and what holds packets back.
        let children = std::fs::read_to_string(format!("/proc/{hub}/task/{hub}/children")).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        let found = [controller.as_raw(), hub.as_raw()].into_iter().chain(children).find_map(|pid| {
            let (name, states) = sys::process_state(pid)?;
            states.iter().all(|state| *state == 'T').then_some((pid, name))
        });
        let Some((pid, name)) = found else {
            self.suspect = None;
            return None;
        };
        let seen = self.suspect.filter(|(suspect, _)| *suspect == pid).map_or(1, |(_, seen)| seen + 1);
        self.suspect = Some((pid, seen));
        (seen >= STOPPED_LOOKS).then_some(name)
    }
}

/// The init's loop: reaps, passes signals on; returns when the lab is over.
fn watch(outside: &mut Outside, controller: Pid, hub: Pid) -> Notice {
    let Ok(children) =
        SignalFd::with_flags(&SigSet::from(Signal::SIGCHLD), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
    else {
        return Notice::Failed(LabError::lost("the lab's init cannot watch its processes"));
    };
    let mut stopped = Stopped::default();
    let mut last_sign = Instant::now();
    loop {
        let Ok(socket) = outside.socket() else { return Notice::Ended(Ending::Killed(libc::SIGKILL)) };
        let mut ready =
            [PollFd::new(socket.as_fd(), PollFlags::POLLIN), PollFd::new(children.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut ready, WATCH_PAUSE_MS);
        let from_outside = ready[0].any().unwrap_or(false);
        while matches!(children.read_signal(), Ok(Some(_))) {}
        let mut hub_ended = None;
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            match Ending::from_wait(status) {
                Some((pid, ending)) if pid == controller.as_raw() => return Notice::Ended(ending),
                Some((pid, ending)) if pid == hub.as_raw() => hub_ended = Some(ending),
                Some(_) => {}
                None => break,
            }
        }
        match hub_ended {
            Some(ending) if ending.from_outside() => {
                return Notice::Failed(LabError::disturbed(format!("the lab's hub {ending}")));
            }
            Some(ending) => return Notice::Failed(LabError::lost(format!("the lab's hub {ending}"))),
            None => {}
        }
        if let Some(name) = stopped.look(controller, hub) {
            return Notice::Failed(LabError::disturbed(format!("{name} was stopped by a signal from outside")));
        }
        if last_sign.elapsed() >= Duration::from_secs(1) {
            last_sign = Instant::now();
            outside.notify(&Notice::Alive);
        }
        if from_outside {
            match outside.read_signal() {
                Some(signal) if signal != libc::SIGKILL => {
                    if let Ok(signal) = Signal::try_from(signal) {
                        let _ = kill(controller, signal);
                    }
                }
                // The program outside is gone, or wants the lab to be gone.
                _ => return Notice::Ended(Ending::Killed(libc::SIGKILL)),
            }
        }
    }
}
