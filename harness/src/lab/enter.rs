//! Entering the lab: from outside, the start of a run's processes in namespaces of their own; inside, the lab's init.
//!
//! ```text
//! outside    the program that the user started (`enter`, `LabProcess`); stays in the host's namespaces
//! └ door     /proc/self/exe started anew: makes the namespaces, then only waits for the init
//!   └ init   PID 1 of the lab: reaps, passes signals on, ends when the program outside is gone
//!     ├ controller   goes on as an ordinary program: run loop, clients, faults
//!     └ hub          the bridge, and the parent of each node's init
//! ```
//!
//! The program outside and the init share a socket. Nobody else holds the outside end, so however the program outside
//! dies, the init reads an end of file and exits, and the kernel kills whatever is in its PID namespace and frees the
//! namespaces with their mounts and devices. The same happens when the controller ends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getegid, geteuid, setpgid};
use serde::{Deserialize, Serialize};

use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::forward::Forwarding;
use super::hub;
use super::link::Link;
use super::protocol::{Ending, HubReply, HubRequest};
use super::sys::{self, Forked};

/// First argument of the program when it is started to become a lab.
const LAB_COMMAND: &str = "__lab";
const LAB_NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWNET
    .union(CloneFlags::CLONE_NEWNS)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUTS);

/// What to start in a new lab.
#[derive(Debug, Clone, Default)]
pub struct EnterSpec {
    /// Shown in the process list (`rashomon __lab LABEL`), to tell labs apart.
    pub label: String,
    /// Handed to the controller as [`Inside::payload`]; any length.
    pub payload: String,
    /// Files and folders that must stay visible under the lab's own `/run` and the nodes' own `/tmp` and `/run`: the run's
    /// folder, programs of the nodes. The folder of this program and the working directory always are.
    pub visible: Vec<PathBuf>,
    /// Whether to make a user namespace.
    pub user_namespace: UserNamespace,
    /// Where the controller's standard output goes.
    pub stdout: LabStdout,
}

/// Whether the lab has a user namespace of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum UserNamespace {
    /// Only if the namespaces cannot be made without: for every user but root, and for a root without privileges.
    #[default]
    WhenNeeded,
    /// Also as root; for tests.
    Always,
}

/// Where the controller's standard output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabStdout {
    /// Where that of this process goes.
    #[default]
    Inherit,
    /// To [`LabProcess::take_stdout`].
    Captured,
}

/// What crosses the socket from outside before anything else.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    payload: String,
    errand: Errand,
    visible: Vec<PathBuf>,
    user_namespace: UserNamespace,
}

/// What the controller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Errand {
    /// Return to the caller of `dispatch_hidden_commands`.
    Program,
    /// The lab's own errands for `doctor` and `bench`; they print JSON.
    Probe,
    Bench {
        nodes: u16,
    },
}

/// What crosses the socket to the outside, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
enum Notice {
    /// The controller runs.
    Entered,
    Failed(LabError),
    /// The controller ended; everything else in the lab ends now.
    Ended(Ending),
}

/// How the lab ended, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabEnd {
    /// The controller ended by itself, or a signal ended it.
    Controller(Ending),
    /// The lab was killed from outside and could not say more.
    Killed,
}

/// A running lab, held by the program outside. Dropping it kills the lab.
#[derive(Debug)]
pub struct LabProcess {
    child: Child,
    notices: BufReader<UnixStream>,
    /// Unregisters the forwarding of signals before the socket is closed.
    forwarding: Option<Forwarding>,
}

/// What the controller knows about its lab; the key to [`super::NamespaceLab::up`].
#[derive(Debug)]
pub struct Inside {
    /// [`EnterSpec::payload`].
    pub payload: String,
    pub(crate) errand: Errand,
    pub(crate) visible: Vec<PathBuf>,
    pub(crate) hub: Link<HubRequest, HubReply>,
}

/// Starts this program anew inside a new lab, where [`super::dispatch_hidden_commands`] returns an [`Inside`].
///
/// While the lab lives, SIGINT, SIGTERM and SIGHUP of this process are passed on to the controller; the second one
/// kills the lab. The lab is a process group of its own, so that a Ctrl-C reaches it once and not twice. The controller's
/// standard input is empty.
///
/// # Errors
///
/// When the namespaces cannot be made: the error says which setting of the system forbids it, and how to allow it.
pub fn enter(spec: &EnterSpec) -> Result<LabProcess> {
    enter_for(spec, Errand::Program)
}

pub(crate) fn enter_for(spec: &EnterSpec, errand: Errand) -> Result<LabProcess> {
    let lost = || "start the lab".to_owned();
    let (outside, inside) = UnixStream::pair().attempt(LabErrorKind::Lost, lost)?;
    let name = std::env::args_os().next().unwrap_or_else(|| "rashomon".into());
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name).arg(LAB_COMMAND).arg(&spec.label).stdin(Stdio::from(std::os::fd::OwnedFd::from(inside)));
    if spec.stdout == LabStdout::Captured {
        command.stdout(Stdio::piped());
    }
    let child = command.spawn().attempt(LabErrorKind::Lost, lost)?;
    // The command still holds the inside end of the socket: without this an early end of the lab would go unseen.
    drop(command);
    let forwarding = Forwarding::start(&outside).attempt(LabErrorKind::Lost, lost)?;
    let mut lab = LabProcess { child, notices: BufReader::new(outside), forwarding: Some(forwarding) };
    let request = Request {
        payload: spec.payload.clone(),
        errand,
        visible: visible_paths(&spec.visible),
        user_namespace: spec.user_namespace,
    };
    lab.send_request(&request).attempt(LabErrorKind::Lost, lost)?;
    match lab.next_notice() {
        Some(Notice::Entered) => Ok(lab),
        Some(Notice::Failed(error)) => Err(error),
        Some(Notice::Ended(_)) | None => Err(LabError::lost(
            "the lab ended before it was made; the program's main function must call \
             lab::dispatch_hidden_commands() first of all",
        )),
    }
}

fn visible_paths(wanted: &[PathBuf]) -> Vec<PathBuf> {
    let mut paths = wanted.to_vec();
    paths.extend(std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned)));
    paths.extend(std::env::current_dir());
    paths
}

impl LabProcess {
    /// Sends a signal to the controller.
    ///
    /// # Errors
    ///
    /// When the lab has ended.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let mut socket = self.notices.get_ref();
        socket.write_all(&[signal as u8]).attempt(LabErrorKind::Lost, || "send a signal into the lab".into())
    }

    /// The controller's standard output, if it is captured and was not taken before.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// The process id of the lab's outermost process, in this process's PID namespace.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the lab is gone with everything in it.
    ///
    /// # Errors
    ///
    /// When the lab could not be run, as opposed to the controller's own failures.
    pub fn wait(mut self) -> Result<LabEnd> {
        let mut end = LabEnd::Killed;
        while let Some(notice) = self.next_notice() {
            match notice {
                Notice::Entered => {}
                Notice::Ended(ending) => end = LabEnd::Controller(ending),
                Notice::Failed(error) => return Err(error),
            }
        }
        self.child.wait().attempt(LabErrorKind::Lost, || "wait for the lab".into())?;
        Ok(end)
    }

    fn send_request(&mut self, request: &Request) -> io::Result<()> {
        let bytes = serde_json::to_vec(request)?;
        let socket = self.notices.get_mut();
        socket.write_all(&(bytes.len() as u64).to_be_bytes())?;
        socket.write_all(&bytes)
    }

    fn next_notice(&mut self) -> Option<Notice> {
        let mut line = String::new();
        self.notices.read_line(&mut line).ok().filter(|len| *len > 0)?;
        serde_json::from_str(&line).ok()
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        self.forwarding = None;
        // Nothing more to say: the lab's init reads the end of file, and ends.
        let _ = self.notices.get_ref().shutdown(std::net::Shutdown::Both);
        let _ = self.child.wait();
    }
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
            eprintln!("{LAB_COMMAND} is not a command for users: {error}");
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
    sys::name_process("lab-door");
    let code = match waitpid(init, None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        _ => 1,
    };
    std::process::exit(code)
}

fn make_namespaces(user_namespace: UserNamespace) -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    if uid.is_root() && user_namespace == UserNamespace::WhenNeeded {
        match unshare(LAB_NAMESPACES) {
            Ok(()) => return Ok(()),
            // Root in a container without privileges: try as an ordinary user does.
            Err(Errno::EPERM) => {}
            Err(error) => return Err(cannot_make_namespaces(&error.into())),
        }
    }
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| user_namespaces_forbidden("make a user namespace", error))?;
    // The order matters: a group may be mapped only once its members cannot change their groups.
    let maps = [("setgroups", "deny".to_owned()), ("uid_map", format!("0 {uid} 1")), ("gid_map", format!("0 {gid} 1"))];
    for (file, content) in maps {
        std::fs::write(Path::new("/proc/self").join(file), content).map_err(|error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
            user_namespaces_forbidden(&format!("write the user namespace's {file}"), errno)
        })?;
    }
    unshare(LAB_NAMESPACES).map_err(|error| match error {
        Errno::EPERM | Errno::EACCES => user_namespaces_forbidden("use the privileges of a user namespace", error),
        _ => cannot_make_namespaces(&error.into()),
    })
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

fn run_init(outside: &mut Outside, request: Request) -> Result<Inside> {
    // A second safeguard, for a door that is killed; the socket is the first.
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
    Ok(Inside { payload: request.payload, errand: request.errand, visible: request.visible, hub })
}

/// The init's loop: reaps, passes signals on; returns when the lab is over.
fn watch(outside: &mut Outside, controller: Pid, hub: Pid) -> Notice {
    let Ok(children) =
        SignalFd::with_flags(&SigSet::from(Signal::SIGCHLD), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
    else {
        return Notice::Failed(LabError::lost("the lab's init cannot watch its processes"));
    };
    loop {
        let Ok(socket) = outside.socket() else { return Notice::Ended(Ending::Killed(libc::SIGKILL)) };
        let mut ready =
            [PollFd::new(socket.as_fd(), PollFlags::POLLIN), PollFd::new(children.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut ready, PollTimeout::NONE);
        let from_outside = ready[0].any().unwrap_or(false);
        while matches!(children.read_signal(), Ok(Some(_))) {}
        let mut hub_ended = false;
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            match Ending::from_wait(status) {
                Some((pid, ending)) if pid == controller.as_raw() => return Notice::Ended(ending),
                Some((pid, _)) => hub_ended |= pid == hub.as_raw(),
                None => break,
            }
        }
        if hub_ended {
            return Notice::Failed(LabError::lost("the lab's hub ended unexpectedly"));
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
