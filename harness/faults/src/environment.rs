//! What faults can do to a cluster: the actions that a lab of real processes and a simulator both offer.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use rashomon_spec::schedule::FaultId;

/// An action that is under way.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Directed pairs (from, to) of nodes: links between them.
pub type Grudge = BTreeSet<(u16, u16)>;

/// Something that faults need and a lab has to prepare before its nodes start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Capability {
    /// The network between the nodes can be cut, lose packets and hold them.
    Links,
    /// The nodes' wall clocks can be set.
    WallClocks,
}

/// What becomes of the packets on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Each is dropped.
    Dropped,
    /// This many in a hundred are dropped, chosen at random.
    Lost(u8),
    /// Each is held for a time between these.
    Held(Duration, Duration),
}

/// Processes of a node that an action has reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// Their numbers within the node.
    pub pids: Vec<i32>,
    /// How long it took until the effect was seen on all of them.
    pub took: Duration,
}

impl fmt::Display for Processes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pids: Vec<String> = self.pids.iter().map(i32::to_string).collect();
        write!(out, "pid {} after {:.1} ms", pids.join(", "), self.took.as_secs_f64() * 1000.0)
    }
}

/// What a node has lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// How many files.
    pub files: u64,
    /// How much was in them.
    pub bytes: u64,
}

/// What is read from the wall clock of a node, compared with the right time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// How far it is off, milliseconds.
    pub off_ms: i64,
    /// By how much that may be wrong, milliseconds.
    pub uncertain_ms: i64,
    /// Who has read it.
    pub witness: ClockWitness,
}

/// Who has read the wall clock of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockWitness {
    /// The node, when it was asked.
    Node,
    /// A process that was started in the node for that, because the node does not report its clock.
    Probe {
        /// Processes of the node that have another clock than the probe had.
        without: Vec<String>,
    },
}

/// What the processes of a node ran in a time, as the scheduler of their machine says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuUse {
    /// The time.
    pub time: Duration,
    /// CPU time that all of their threads used in it.
    pub cpu: Duration,
    /// The part of the time in which they were kept from running.
    pub held: Duration,
    /// CPU time that they used in that part nevertheless.
    pub cpu_held: Duration,
}

impl CpuUse {
    /// How much of one CPU they used, percent.
    pub fn percent(&self) -> f64 {
        if self.time.is_zero() { 0.0 } else { 100.0 * self.cpu.as_secs_f64() / self.time.as_secs_f64() }
    }
}

/// Why an action failed.
#[derive(Debug)]
pub enum ActionError {
    /// This machine cannot do it, and here is why: the fault is skipped.
    Unsupported(String),
    /// It should have worked: the run is broken.
    Failed(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for ActionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ActionError::Unsupported(reason) => out.write_str(reason),
            ActionError::Failed(error) => error.fmt(out),
        }
    }
}

impl Error for ActionError {}

/// A cluster as faults see it. Nodes are numbered from 1.
pub trait FaultEnvironment {
    /// How many nodes there are.
    fn nodes(&self) -> u16;

    /// A node's name.
    fn name(&self, node: u16) -> String;

    /// The time on the run's clock, ns.
    fn now_ns(&self) -> u64;

    /// Waits.
    fn sleep(&self, time: Duration) -> Pending<'_, ()>;

    /// The node that leads; of several that hold themselves for leaders, that of the highest term.
    fn leader(&self) -> Pending<'_, Option<u16>>;

    /// Reads a node's wall clock: the node is asked or, where it does not report it, a process in it. `None` when
    /// nobody answers.
    fn read_clock(&self, node: u16) -> Pending<'_, Option<ClockReading>>;

    /// Sets how far a node's wall clock is off.
    fn set_clock(&self, node: u16, by_ms: i64) -> Pending<'_, Result<(), ActionError>>;

    /// Gives the packets on these links this fate, until the cut of this fault is removed. Grudge of several faults
    /// stay cut until the last of them is removed.
    fn cut(&self, fault: FaultId, links: Grudge, fate: Fate) -> Pending<'_, Result<(), ActionError>>;

    /// Removes a fault's cut. How many packets met it.
    fn uncut(&self, fault: FaultId) -> Pending<'_, Result<u64, ActionError>>;

    /// Kills all processes of a node, and sees them gone.
    fn kill(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>>;

    /// Starts a node's program again.
    fn start(&self, node: u16) -> Pending<'_, Result<(), ActionError>>;

    /// Waits until a node serves; how long that took, or in words why it does not.
    fn wait_ready(&self, node: u16) -> Pending<'_, Result<Duration, String>>;

    /// Removes a node's data. The node must be down.
    fn wipe(&self, node: u16) -> Pending<'_, Result<Lost, ActionError>>;

    /// Stops all processes of a node, and sees them stopped.
    fn pause(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>>;

    /// Lets the stopped processes of a node continue, and sees them do so.
    fn resume(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>>;

    /// Lets the processes of a node run only this part of the time (percent), also those that are started later. What
    /// they used in their lives so far.
    fn limit_cpu(&self, node: u16, percent: u8) -> Pending<'_, Result<CpuUse, ActionError>>;

    /// Lets them run freely again. What they used in the meantime.
    fn lift_cpu_limit(&self, node: u16) -> Pending<'_, Result<CpuUse, ActionError>>;
}
