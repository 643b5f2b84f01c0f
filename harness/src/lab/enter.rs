//! Entering the lab: from outside, the start of a run's processes in namespaces of their own; inside, the lab's init.
//!
//! ```text
//! outside    the program that the user started (`enter`, `LabProcess`); stays in the host's namespaces
//! └ launcher /proc/self/exe started anew: makes the namespaces, then only waits for the init
//!   └ init   PID 1 of the lab: reaps, passes signals on, ends when the program outside is gone
//!     ├ controller   goes on as an ordinary program: run loop, clients, faults
//!     └ hub          the bridge, and the parent of each node's init
//! ```
//!
//! The program outside and the init share a socket. Nobody else holds the outside end, so however the program outside
//! dies, the init reads an end of file and exits, and the kernel kills whatever is in its PID namespace and frees the
//! namespaces with their mounts and devices. The same happens when the controller ends.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::forward::{Forwarding, Interrupts};
use super::protocol::Ending;

/// How often to look whether the lab must be killed.
const LOOK_UP: Duration = Duration::from_millis(250);
/// Without a notice for so long the lab's init is stopped or dead.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// How long a lab that is asked to stop may take.
const TIME_TO_END: Duration = Duration::from_secs(30);
/// How long its init may take to end when it is told to end at once: longer, and it is stopped.
const TIME_TO_DIE: Duration = Duration::from_secs(1);
/// An exit code above it says that a signal ended the init.
pub(crate) const KILLED_CODE: i32 = 128;

/// First argument of the program when it is started to become a lab.
pub(crate) const LAB_COMMAND: &str = "__lab";

/// What to start in a new lab.
#[derive(Debug, Clone, Default)]
pub struct EnterSpec {
    /// Shown in the process list (`rashomon __lab LABEL`), to tell labs apart.
    pub label: String,
    /// Handed to the controller as [`super::Inside::payload`]; any length.
    pub payload: String,
    /// Files and folders that must stay visible to the controller under the lab's own `/run`: the run's folder,
    /// programs of the nodes. The folder of this program and the working directory always are. What nodes see is
    /// another matter.
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
pub(crate) struct Request {
    pub(crate) payload: String,
    pub(crate) errand: Errand,
    pub(crate) visible: Vec<PathBuf>,
    pub(crate) user_namespace: UserNamespace,
}

/// What the controller is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Errand {
    /// Return to the caller of `dispatch_hidden_commands`.
    Program,
    /// The lab's own errands for `doctor` and `bench`; they print JSON.
    Probe,
    /// Run one command, and print what came of it.
    Once,
    Bench {
        nodes: u16,
    },
}

/// What crosses the socket to the outside, one JSON line each.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Notice {
    /// The controller runs.
    Entered,
    Failed(LabError),
    /// Nothing has happened; sent every second.
    Alive,
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

/// The end of the lab's socket, and the beginning of a line.
#[derive(Debug)]
struct Notices {
    socket: BufReader<UnixStream>,
    line: String,
}

/// A running lab, held by the program outside. Dropping it kills the lab.
#[derive(Debug)]
pub struct LabProcess {
    child: Child,
    notices: Notices,
    /// Its process is reaped, and its id may be somebody else's.
    reaped: bool,
    /// How long it may show no sign of life.
    patience: Duration,
    /// Unregisters the forwarding of signals before the socket is closed.
    forwarding: Option<Forwarding>,
}

/// Starts this program anew inside a new lab, where [`super::dispatch_hidden_commands`] returns an [`super::Inside`].
///
/// While the lab lives, SIGINT, SIGTERM and SIGHUP of this process are passed on to the controller; a second one, or
/// half a minute after the first, kills the lab. So does a quarter of a minute without a sign of life from its init.
/// The lab is a process group of its own, so that a Ctrl-C reaches it once and not twice. The controller's standard
/// input is empty.
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
    // A lab whose launcher is killed must not become a stranger's child.
    nix::sys::prctl::set_child_subreaper(true).attempt(LabErrorKind::Lost, lost)?;
    let name = std::env::args_os().next().unwrap_or_else(|| "rashomon".into());
    let mut command = Command::new("/proc/self/exe");
    command.arg0(name).arg(LAB_COMMAND).arg(&spec.label).stdin(Stdio::from(std::os::fd::OwnedFd::from(inside)));
    if spec.stdout == LabStdout::Captured {
        command.stdout(Stdio::piped());
    }
    let child = command.spawn().attempt(LabErrorKind::Lost, lost)?;
    // The command still holds the inside end of the socket: without this an early end of the lab would go unseen.
    drop(command);
    outside.set_read_timeout(Some(LOOK_UP)).attempt(LabErrorKind::Lost, lost)?;
    let notices = Notices { socket: BufReader::new(outside), line: String::new() };
    let mut lab = LabProcess { child, notices, reaped: false, patience: SIGN_OF_LIFE, forwarding: None };
    let request = Request {
        payload: spec.payload.clone(),
        errand,
        visible: visible_paths(&spec.visible),
        user_namespace: spec.user_namespace,
    };
    // When nobody reads it, the notices say why.
    let sent = lab.send_request(&request);
    // After the request: what follows it on the socket are signals.
    lab.forwarding = Some(Forwarding::start(lab.notices.socket.get_ref()).attempt(LabErrorKind::Lost, lost)?);
    if let Some((signal, _)) = Interrupts::caught() {
        // It came while there was no lab to pass it to.
        let _ = lab.signal(signal);
    }
    match lab.next_notice() {
        Some(Notice::Entered) if sent.is_ok() => Ok(lab),
        Some(Notice::Failed(error)) => Err(error),
        _ => Err(lab.not_entered()),
    }
}

fn visible_paths(wanted: &[PathBuf]) -> Vec<PathBuf> {
    let mut paths = wanted.to_vec();
    if let Ok(exe) = std::env::current_exe() {
        paths.extend(exe.parent().map(Path::to_owned));
        // Its folder may be /tmp itself, which is not shown.
        paths.push(exe);
    }
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
        let mut socket = self.notices.socket.get_ref();
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
                Notice::Entered | Notice::Alive => {}
                Notice::Ended(ending) => {
                    end = LabEnd::Controller(ending);
                    // The launcher may be stopped, and would never end by itself.
                    self.patience = TIME_TO_DIE;
                }
                Notice::Failed(error) => return Err(error),
            }
        }
        self.wait_until_gone().attempt(LabErrorKind::Lost, || "wait for the lab".into())?;
        Ok(end)
    }

    /// The launcher waits for the lab's init, which the kernel ends last of its PID namespace. Where the launcher was
    /// killed, the init has become this process's child.
    fn wait_until_gone(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.reaped = true;
        // All that this process inherits of a lab is in the launcher's process group.
        while waitpid(Pid::from_raw(-(self.child.id() as i32)), None).is_ok() {}
        Ok(status)
    }

    /// Kills launcher and init, stopped or not, and with them the lab.
    fn kill(&mut self) {
        let _ = killpg(Pid::from_raw(self.child.id() as i32), Signal::SIGKILL);
        let _ = self.child.kill();
    }

    /// Why the lab ended before it had begun.
    fn not_entered(mut self) -> LabError {
        self.kill();
        match self.wait_until_gone() {
            Ok(status) if status.code().is_some_and(|code| code <= KILLED_CODE) => LabError::lost(
                "the lab ended before it was made; the program's main function must call \
                 lab::dispatch_hidden_commands() first of all",
            ),
            _ => LabError::disturbed("the lab was killed before it was made"),
        }
    }

    fn send_request(&mut self, request: &Request) -> io::Result<()> {
        let bytes = serde_json::to_vec(request)?;
        let socket = self.notices.socket.get_mut();
        socket.write_all(&(bytes.len() as u64).to_be_bytes())?;
        socket.write_all(&bytes)
    }

    /// The next notice; `None` when the lab is gone. A lab that shows no sign of life, or does not end although it was
    /// asked to, is killed.
    fn next_notice(&mut self) -> Option<Notice> {
        let begun = Instant::now();
        loop {
            if let Some(notice) = self.notices.next()? {
                return Some(notice);
            }
            let too_late = Interrupts::caught().is_some_and(|(_, ago)| ago > TIME_TO_END)
                || Interrupts::insisted().is_some_and(|ago| ago > TIME_TO_DIE);
            if too_late || begun.elapsed() > self.patience {
                self.kill();
            }
        }
    }
}

impl Notices {
    /// The next one: `Some(None)` if there is none yet, `None` when the other end is closed.
    #[expect(clippy::option_option, reason = "nothing yet and nothing ever again are two things")]
    fn next(&mut self) -> Option<Option<Notice>> {
        match self.socket.read_line(&mut self.line) {
            Ok(0) => None,
            Ok(_) => {
                let line = std::mem::take(&mut self.line);
                serde_json::from_str(&line).ok().map(Some)
            }
            // What was read of a line stays in `line`.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Some(None),
            Err(_) => None,
        }
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        self.forwarding = None;
        if !self.reaped {
            self.kill();
            let _ = self.wait_until_gone();
        }
    }
}
