//! The lab: a cluster of real processes on one machine, in Linux namespaces of its own, with no way to the outside.
//!
//! # From the program's `main` to a running cluster
//!
//! ```no_run
//! use std::time::Duration;
//! use rashomon_harness::lab::{self, EnterSpec, Lab, LabSpec, NamespaceLab};
//! use rashomon_harness::target::{NodeCommand, Readiness};
//!
//! // First thing in `main`, before any thread is started.
//! if let Some(inside) = lab::dispatch_hidden_commands() {
//!     // This is the controller, inside the lab: its own PID, mount, IPC, UTS and network namespace ("clients").
//!     // `inside.payload` is what the program outside handed over.
//!     let lab = NamespaceLab::up(inside, &LabSpec::new(5, "/abs/results/run-1"))?;
//!     let command = NodeCommand::new("/usr/bin/etcd");
//!     lab.start(1, &command)?;
//!     lab.ready(1, &Readiness::Tcp(2379), Duration::from_secs(10))?;
//!     let killed = lab.kill(1)?; // its proof: which processes died
//!     Box::new(lab).down()?;
//!     std::process::exit(0); // what `wait` gives to the program outside
//! }
//! // Outside: the host's namespaces.
//! let spec = EnterSpec { label: "run-1".into(), payload: "{}".into(), ..EnterSpec::default() };
//! let end = lab::enter(&spec)?.wait()?;
//! # Ok::<(), lab::LabError>(())
//! ```
//!
//! # What holds
//!
//! - Nothing outlives the program outside or the controller, however they end: the lab's PID 1 ends with either of
//!   them, and the kernel takes all processes, mounts, devices and namespaces with it. See `enter`.
//! - Works as root and as any user. The lab as a whole has a user namespace only where it needs one; each node always
//!   has one of its own, in which it has no privileges.
//! - No member of the lab has a route to anything but the lab's subnet, and none has IPv6 there.
//! - A node has user, network, mount, PID, IPC and UTS namespaces of its own: host name `n<id>`, own `/tmp`, `/run`,
//!   `/var`, `/dev` and `/proc`. They stay when its processes are killed, and so does its data directory. Of the
//!   machine's files it sees system programs and what its command names ([`NodeCommand::reads`]), read-only, and
//!   nothing else. [`Limits`] bound what it uses. `docs/isolation.md` says what all of this is worth.
//! - A node's process starts with a small fixed environment (`PATH`, `LANG`, `HOME`, `HOSTNAME`, `USER`) and the
//!   command's own variables, in its data directory; what it prints goes to `nodes/<name>/node.log` in the run's
//!   folder, each line with the run's clock in front.
//! - Every method is synchronous and may be called from any thread; most take milliseconds. [`Lab::ready`],
//!   [`Lab::stop`] and [`Lab::exec`] take up to their time limits: inside tokio call them from `spawn_blocking`.
//!
//! # What it does not do
//!
//! It does not plan faults: it only offers what they are made of (kill, pause, the hub's rules, shared folders).

mod bench;
mod clock;
mod confine;
mod counters;
mod declared;
mod delay;
mod doctor;
mod enter;
mod error;
mod forward;
mod hub;
mod init;
mod isolation;
mod link;
mod logs;
mod namespace_lab;
mod namespaces;
mod netlink;
mod node_init;
mod node_link;
mod once;
mod output;
mod protocol;
mod readiness;
mod sys;
mod template;
mod throttle;
mod view;
mod watchdog;

use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub use bench::{BenchFigures, bench};
pub use clock::vdso_is_possible;
pub use doctor::{Check, CheckOutcome, doctor, find_faketime};
pub use enter::{EnterSpec, LabEnd, LabProcess, LabStdout, UserNamespace, enter};
pub use error::{LabError, LabErrorKind, Result};
pub use forward::Interrupts;
pub use init::Inside;
pub(crate) use isolation::available_memory;
pub use isolation::{Isolation, Limits, NodeUser};
pub use namespace_lab::{MAX_NODES, NamespaceLab};
pub use once::run_once;
pub use protocol::{ClockedProcess, CpuUse, Ending, NodeProcess};
pub use template::{expand_template, template_values};

use crate::target::{Node, NodeCommand, Readiness, Step, StopRequest};

/// Where the lab keeps what it shares with its nodes; a tmpfs that only the lab sees.
pub(crate) const LAB_DIR: &str = "/run/rashomon";
/// Where a node looks for programs.
pub(crate) const NODE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The name of a node's only process.
const MAIN_PROCESS: &str = "node";
/// The log of a node's first process.
const NODE_LOG: &str = "node.log";

/// Handles the arguments with which the lab starts this program anew. Call it first in `main`, while there is only one
/// thread: it returns `None` when this is an ordinary start, and `Some` in the controller of a new lab. In the lab's
/// other processes it does not return.
pub fn dispatch_hidden_commands() -> Option<Inside> {
    delay::become_delay();
    let inside = init::become_lab()?;
    match inside.errand {
        enter::Errand::Program => Some(inside),
        enter::Errand::Once => once::once_inside(inside),
        enter::Errand::Probe => doctor::probe_inside(inside),
        enter::Errand::Bench { nodes } => bench::bench_inside(inside, nodes),
    }
}

/// The lab that a controller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabSpec {
    /// How many nodes, 1 to [`MAX_NODES`]. Their ids are 1, 2, …
    pub nodes: u16,
    /// The run's folder, absolute; logs go to `nodes/<name>/` in it.
    pub run_dir: PathBuf,
    /// Where the nodes' data is.
    pub data: DataPlacement,
    /// As whom the nodes' processes run.
    pub user: NodeUser,
    /// What each node may use.
    pub limits: Limits,
    /// Whether the nodes' wall clocks can be set ([`NamespaceLab::set_clock`]): what they execute is followed.
    pub clocks: bool,
    /// The first three bytes of all addresses: node 1 has `….1`, the clients have `….254`.
    pub subnet: [u8; 3],
}

impl LabSpec {
    /// The usual lab: data in memory, addresses 10.77.0.x, limits that this machine can stand.
    pub fn new(nodes: u16, run_dir: impl Into<PathBuf>) -> Self {
        Self {
            nodes,
            run_dir: run_dir.into(),
            data: DataPlacement::Memory,
            user: NodeUser::default(),
            limits: Limits::for_machine(nodes),
            clocks: false,
            subnet: [10, 77, 0],
        }
    }
}

/// Where the nodes' data directories are. The controller sees each under the same path as its node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataPlacement {
    /// In memory, a file system of [`Limits::data_bytes`] for each node; gone with the lab.
    Memory,
    /// In `<folder>/<node name>` on the host's file system; stays when the lab is gone.
    Directory(PathBuf),
}

/// A cluster that runs the nodes' processes. [`NamespaceLab`] is the one for this machine.
///
/// Nodes are named by their [`Node::id`].
pub trait Lab: Send + Sync {
    /// The cluster.
    fn nodes(&self) -> &[Node];

    /// Starts the only process of a node that has one.
    ///
    /// # Errors
    ///
    /// When it runs already, or the program cannot be executed in the node.
    fn start(&self, node: u16, command: &NodeCommand) -> Result<()> {
        self.start_process(node, MAIN_PROCESS, command, NODE_LOG)
    }

    /// Starts one of the node's processes; what it prints goes to the file `log` of the node's folder of logs.
    ///
    /// # Errors
    ///
    /// As [`Lab::start`].
    fn start_process(&self, node: u16, process: &str, command: &NodeCommand, log: &str) -> Result<()>;

    /// Whether any of the node's processes runs (or is paused).
    ///
    /// # Errors
    ///
    /// When there is no such node. The other methods fail for this reason too.
    fn running(&self, node: u16) -> Result<bool>;

    /// Sends a signal to each of the node's processes, the last one started first.
    ///
    /// # Errors
    ///
    /// When none runs.
    fn signal(&self, node: u16, signal: Signal) -> Result<()>;

    /// Kills all processes of the node with SIGKILL, also paused ones, and waits until they are gone. The proof is the
    /// list of the processes that died: empty if none was running.
    ///
    /// # Errors
    ///
    /// When a process survives for seconds, hanging in the kernel.
    fn kill(&self, node: u16) -> Result<Effect>;

    /// Asks the node's processes to stop with SIGTERM, and kills the node after `grace`, or when all of them have
    /// ended. True if they stopped by themselves.
    ///
    /// # Errors
    ///
    /// As [`Lab::kill`].
    fn stop(&self, node: u16, grace: Duration) -> Result<bool> {
        self.stop_by(node, &StopRequest::Signal(libc::SIGTERM), grace)
    }

    /// The same, asked in another way.
    ///
    /// # Errors
    ///
    /// As [`Lab::kill`], and when the request cannot be made.
    fn stop_by(&self, node: u16, request: &StopRequest, grace: Duration) -> Result<bool>;

    /// Stops all processes of the node (SIGSTOP), and waits until the kernel shows every one of their threads as
    /// stopped. The proof is the list of the stopped processes.
    ///
    /// # Errors
    ///
    /// When a thread does not stop for seconds.
    fn pause(&self, node: u16) -> Result<Effect>;

    /// Continues what [`Lab::pause`] stopped, and waits until no thread is shown as stopped.
    ///
    /// # Errors
    ///
    /// When a thread stays stopped for seconds.
    fn resume(&self, node: u16) -> Result<Effect>;

    /// Lets the node's processes run only this part of the time (percent), also those that are started later; `None`
    /// lets them run freely again. What they used in their lives so far, or since the limit began.
    ///
    /// # Errors
    ///
    /// When the kernel has no scheduler figures, by which the effect could be seen, and when there is no limit to lift.
    fn limit_cpu(&self, node: u16, percent: Option<u8>) -> Result<CpuUse>;

    /// The nodes' processes that have ended since the last call without having been killed or stopped through the lab.
    fn exits(&self) -> Vec<NodeExit>;

    /// Waits until the node serves.
    ///
    /// # Errors
    ///
    /// When one of its processes ends before, or `timeout` passes; the error quotes the end of the node's log.
    fn ready(&self, node: u16, readiness: &Readiness, timeout: Duration) -> Result<()>;

    /// Runs a command to its end in the node's namespaces, with the variables that its last process was started with
    /// (and so under the same clock fault).
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not end within `timeout`. An exit code is no error: look at
    /// [`CommandOutput::ending`].
    fn exec(&self, node: u16, command: &NodeCommand, timeout: Duration) -> Result<CommandOutput> {
        self.run(node, &Step { command: command.clone(), network: true, within: timeout })
    }

    /// The same, for a step of a preparation.
    ///
    /// # Errors
    ///
    /// As [`Lab::exec`].
    fn run(&self, node: u16, step: &Step) -> Result<CommandOutput>;

    /// The node's log.
    ///
    /// # Errors
    ///
    /// When there is no such node.
    fn log_file(&self, node: u16) -> Result<PathBuf>;

    /// Takes the cluster down, and returns when all of its processes are gone and their logs are written.
    ///
    /// # Errors
    ///
    /// When something cannot be taken down. It goes at the latest with the controller.
    fn down(self: Box<Self>) -> Result<()>;
}

/// The proof of a kill, a pause or a resumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The processes that it reached.
    pub processes: Vec<NodeProcess>,
    /// From the request until it was seen on all of them.
    pub took: Duration,
}

/// A process of a node that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeExit {
    /// The node's id.
    pub node: u16,
    /// The process's name.
    pub process: String,
    /// Its process id inside of the node, as in the node's log.
    pub pid: i32,
    /// How it ended.
    pub ending: Ending,
    /// When the controller learned of it.
    pub at: Instant,
    /// The limit for which the lab killed it, if that is why.
    pub limit: Option<String>,
}

impl std::fmt::Display for NodeExit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.limit {
            Some(reason) => write!(f, "was killed by the lab: {reason}"),
            None => write!(f, "{}", self.ending),
        }
    }
}

/// What a command in a node left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOutput {
    /// How it ended.
    pub ending: Ending,
    /// Its standard output, the first 16 MiB at most; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A rule of the hub and what it has matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCounter {
    /// The rule, as `iptables -S` writes it: `-A FORWARD -s 10.77.0.1/32 -j DROP`.
    pub rule: String,
    /// Packets that matched.
    pub packets: u64,
    /// Bytes that matched.
    pub bytes: u64,
}
