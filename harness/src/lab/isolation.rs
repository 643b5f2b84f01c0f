//! What a node may use, and as whom it runs: the part of a node's isolation that differs from run to run.

use serde::{Deserialize, Serialize};

use super::DataPlacement;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// What is left of the machine for the harness and everybody else, as a share of the available memory.
const MEMORY_SHARE: f64 = 0.75;
const DATA_SHARE: f64 = 0.25;
/// A node with less is not worth starting.
const LEAST_MEMORY: u64 = 64 * MIB;

/// As whom the processes of the nodes run, seen from inside of a node. Outside it is a user without rights: an unused
/// user id if the harness runs as root, and otherwise the user who started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeUser {
    /// As `node`, with user and group id 1000. Some servers refuse to run as root.
    #[default]
    Unprivileged,
    /// As `root`, with few of its privileges, and those over the node's own files and processes only. For programs that
    /// insist on being root.
    Root,
}

impl NodeUser {
    /// The user id inside of a node, which is the group id too.
    pub fn id(self) -> u32 {
        match self {
            Self::Unprivileged => 1000,
            Self::Root => 0,
        }
    }

    /// The user's name inside of a node.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unprivileged => "node",
            Self::Root => "root",
        }
    }
}

/// What one node may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of its processes. A node that uses more is killed; see the watchdog.
    pub memory_bytes: u64,
    /// Processes and threads. More cannot be started.
    pub processes: u64,
    /// What it may print. More is dropped and counted.
    pub log_bytes: u64,
    /// Each of its private `/tmp`, `/run`, `/var` and `/dev/shm`, which are in memory.
    pub scratch_bytes: u64,
    /// Its data directory, where that is in memory.
    pub data_bytes: u64,
}

impl Limits {
    /// Limits under which `nodes` nodes cannot exhaust this machine.
    pub fn for_machine(nodes: u16) -> Self {
        let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse().ok();
        let pid_max = number("/proc/sys/kernel/pid_max").unwrap_or(32_768);
        Self::for_resources(nodes, available_memory().unwrap_or(4 * GIB), pid_max)
    }

    /// How many nodes this machine can stand, each with little: at most [`super::MAX_NODES`].
    pub fn most_nodes() -> u16 {
        let memory = available_memory().unwrap_or(4 * GIB) as f64 * MEMORY_SHARE;
        (memory as u64 / LEAST_MEMORY).clamp(1, u64::from(super::MAX_NODES)) as u16
    }

    fn for_resources(nodes: u16, available_bytes: u64, pid_max: u64) -> Self {
        let nodes = u64::from(nodes.max(1));
        let share = |part: f64| (available_bytes as f64 * part) as u64 / nodes;
        Self {
            memory_bytes: share(MEMORY_SHARE).clamp(LEAST_MEMORY, 8 * GIB),
            processes: (pid_max / 2 / nodes).clamp(64, 4096),
            log_bytes: 256 * MIB,
            scratch_bytes: (share(DATA_SHARE) / 4).clamp(8 * MIB, 256 * MIB),
            data_bytes: share(DATA_SHARE).clamp(32 * MIB, GIB),
        }
    }
}

/// What the machine has left, in bytes.
pub(crate) fn available_memory() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 =
        info.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

/// How the nodes of a lab are isolated, for the record of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// As whom their processes run, inside.
    pub user: NodeUser,
    /// The user id they have outside.
    pub host_uid: u32,
    /// What each of them may use.
    pub limits: Limits,
    /// Where their data is: `memory`, with [`Limits::data_bytes`], or `disk`, without a limit.
    pub data: String,
}

impl Isolation {
    pub(crate) fn new(user: NodeUser, host_uid: u32, limits: Limits, data: &DataPlacement) -> Self {
        let data = match data {
            DataPlacement::Memory => "memory",
            DataPlacement::Directory(_) => "disk",
        };
        Self { user, host_uid, limits, data: data.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_nodes_together_leave_something_of_the_machine() {
        for nodes in [1, 3, 5, 20, 50] {
            let limits = Limits::for_resources(nodes, 8 * GIB, 32_768);
            let together = |each: u64| each * u64::from(nodes);
            assert!(together(limits.memory_bytes) <= 8 * GIB, "{nodes}: {limits:?}");
            assert!(together(limits.processes) <= 32_768 / 2, "{nodes}: {limits:?}");
        }
    }

    #[test]
    fn a_few_nodes_on_an_ordinary_machine_have_room() {
        let limits = Limits::for_resources(5, 8 * GIB, 32_768);
        assert!(limits.memory_bytes > GIB && limits.processes >= 2048 && limits.data_bytes > 256 * MIB, "{limits:?}");
    }
}
