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

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::forward::Forwarding;
use super::protocol::Ending;

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

/// Starts this program anew inside a new lab, where [`super::dispatch_hidden_commands`] returns an [`super::Inside`].
///
/// While the lab lives, SIGINT, SIGTERM and SIGHUP of this process are passed on to the controller; the second one
/// kills the lab. The lab is a process group of its own, so that a Ctrl-C reaches it once and not twice. The
/// controller's standard input is empty.
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
