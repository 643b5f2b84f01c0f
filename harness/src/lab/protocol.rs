//! What the lab's processes say to each other: controller ↔ hub, controller ↔ each node's init.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::error::LabError;
use super::isolation::{Limits, NodeUser};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It exited with this code.
    Exited(i32),
    /// This signal killed it.
    Killed(i32),
}

impl Ending {
    /// Exit code 0.
    pub fn success(self) -> bool {
        self == Self::Exited(0)
    }

    /// A signal ended it that a process does not get by its own fault.
    pub fn from_outside(self) -> bool {
        const OWN_FAULTS: [i32; 8] = [
            libc::SIGABRT,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGSEGV,
            libc::SIGSYS,
            libc::SIGTRAP,
            libc::SIGPIPE,
        ];
        matches!(self, Self::Killed(signal) if !OWN_FAULTS.contains(&signal))
    }

    /// Translates a wait status; `None` for stops and continues, which are not endings.
    pub(crate) fn from_wait(status: nix::sys::wait::WaitStatus) -> Option<(i32, Self)> {
        use nix::sys::wait::WaitStatus;
        match status {
            WaitStatus::Exited(pid, code) => Some((pid.as_raw(), Self::Exited(code))),
            WaitStatus::Signaled(pid, signal, _) => Some((pid.as_raw(), Self::Killed(signal as i32))),
            _ => None,
        }
    }
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exited with code {code}"),
            Self::Killed(signal) => match nix::sys::signal::Signal::try_from(*signal) {
                Ok(name) => write!(f, "was killed by {name}"),
                Err(_) => write!(f, "was killed by signal {signal}"),
            },
        }
    }
}

/// A process of a node, as the node's own PID namespace numbers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProcess {
    /// Process id inside of the node.
    pub pid: i32,
    /// Command name (at most 15 bytes, as the kernel keeps it).
    pub name: String,
}

/// By what a process of a node has the node's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockedProcess {
    /// The process.
    pub process: NodeProcess,
    /// Through its vDSO.
    pub vdso: bool,
    /// Through libfaketime.
    pub libfaketime: bool,
}

/// What the processes of a node ran in a time, as the scheduler says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuUse {
    /// The time, µs.
    pub time_us: u64,
    /// CPU time that all of their threads used in it, µs.
    pub cpu_us: u64,
    /// The part of the time in which they were stopped by a limit, µs.
    pub held_us: u64,
    /// CPU time that they used in that part nevertheless, µs.
    pub cpu_held_us: u64,
}

/// Controller → hub.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum HubRequest {
    /// Build the bridge, the nodes and the controller's own link.
    Up(HubSpec),
    /// Run a program in the hub's network namespace, with this input.
    Run { program: String, args: Vec<String>, input: String },
    /// Hold back what comes into a queue of netfilter, each packet for a time between these.
    Hold { queue: u16, least_us: u32, most_us: u32 },
    /// Let it go on.
    Release { queue: u16 },
    /// Kill all nodes and take the network down.
    Down,
}

/// What the hub builds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HubSpec {
    pub(crate) nodes: Vec<NodeSetup>,
    pub(crate) controller_pid: u32,
    pub(crate) clients_address: Ipv4Addr,
    pub(crate) user: NodeUser,
    /// Whether each node's data is in a tmpfs, and not in folders of the host.
    pub(crate) data_in_memory: bool,
    pub(crate) hosts_file: String,
}

/// What a node's init sets up in the node's namespaces.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NodeSetup {
    pub(crate) user: NodeUser,
    pub(crate) limits: Limits,
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    pub(crate) prefix_len: u8,
    /// The addresses of the lab's members; the hub's to say.
    pub(crate) neighbours: Vec<Ipv4Addr>,
    pub(crate) data_dir: PathBuf,
    pub(crate) shared_dir: PathBuf,
    /// The file of its clock's shift, if its clock can be set.
    pub(crate) clock: Option<PathBuf>,
    /// Files and folders that the node must not see although it sees their folders; the hub's to say.
    pub(crate) hidden: Vec<PathBuf>,
}

/// Hub → controller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum HubReply {
    /// The nodes' links come with this message, in the order of [`HubSpec::nodes`].
    LinksMade,
    /// Every port is up and forwarding.
    Up {
        bridge_netfilter: bool,
        /// The nodes' user outside, as the lab numbers users.
        uid: u32,
    },
    Ran {
        ending: Ending,
        stdout: String,
        stderr: String,
    },
    Holding,
    Released {
        packets: u64,
    },
    Down,
    Failed(LabError),
}

/// A command that a node's init starts. Descriptors: standard output, standard error, and what to show of the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StartRequest {
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) cwd: PathBuf,
    /// Paths to show to the node, in the order of their descriptors.
    pub(crate) show: Vec<PathBuf>,
    /// Whether it sees the node's network; otherwise it has none.
    pub(crate) network: bool,
}

/// Controller (and first of all the hub) → node init.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum NodeRequest {
    /// Set the namespaces up. Sent by the hub once the node has its network device.
    Setup(NodeSetup),
    /// Start one of the node's processes.
    Start { id: u64, process: String, start: StartRequest },
    /// Start a further command; its end is reported as [`NodeMessage::CommandEnded`].
    Command { id: u64, start: StartRequest },
    /// Send a signal to one of the node's processes (not to its children: a graceful stop is its own business).
    Signal { id: u64, process: String, signal: i32 },
    /// Kill the process group of a command that runs for too long.
    KillCommand { id: u64, pid: i32 },
    /// Kill every process of the node but its init, and wait until they are gone.
    KillAll { id: u64 },
    /// Stop every process of the node but its init, and wait until all threads are stopped.
    Pause { id: u64 },
    /// Continue them, and wait until none is stopped.
    Resume { id: u64 },
    /// Let them run only this part of the time (percent), or freely again.
    LimitCpu { id: u64, percent: Option<u8> },
    /// Say which of them have the node's clock.
    Clocks { id: u64 },
}

/// Node init → controller.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum NodeMessage {
    /// The set-up succeeded or failed; goes to the hub.
    SetUp(std::result::Result<(), LabError>),
    /// The answer to the request with this id.
    Answer { id: u64, answer: std::result::Result<NodeAnswer, LabError> },
    /// One of the node's processes ended, for whatever reason.
    ProcessEnded { process: String, pid: i32, ending: Ending },
    /// The node used more than it may, and its processes are about to be killed: why.
    LimitReached { reason: String },
    /// A command ended.
    CommandEnded { pid: i32, ending: Ending },
}

/// What a node's init answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum NodeAnswer {
    /// `process`: the node's process of this name; `None` for a command.
    Started {
        pid: i32,
        process: Option<String>,
    },
    Done,
    Processes(Vec<NodeProcess>),
    Cpu(CpuUse),
    Clocks(Vec<ClockedProcess>),
}
