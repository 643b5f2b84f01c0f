//! What a target is: a system under test, as the harness starts it and talks to it.

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

pub use rashomon_spec::target::{MutantInfo, Recipe, TargetConfig, TargetTiming};

use crate::client::Client;
use crate::consistency::Consistency;
use crate::interface::Interface;
use crate::lab::NodeUser;

/// A node of the cluster as targets, clients and faults name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number, from 1.
    pub id: u16,
    /// Its name and host name: `n1`.
    pub name: String,
    /// Its address in the lab.
    pub ip: Ipv4Addr,
    /// Its data directory, as the node sees it.
    pub data_dir: PathBuf,
}

/// A program with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCommand {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables added to its environment.
    pub env: Vec<(String, String)>,
    /// Files and folders of this machine, absolute, that the node may read besides system programs, its own program and
    /// the paths that its arguments name: libraries of a script, for instance.
    pub reads: Vec<PathBuf>,
}

impl NodeCommand {
    /// A program without arguments.
    pub fn new(program: impl Into<PathBuf>) -> NodeCommand {
        NodeCommand { program: program.into(), args: Vec::new(), env: Vec::new(), reads: Vec::new() }
    }
}

/// How to see that a node serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It accepts connections on this port.
    Tcp(u16),
    /// It answers 2xx to `GET path` on this port.
    Http {
        /// The port.
        port: u16,
        /// The path, with its slash.
        path: String,
    },
}

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// It holds itself for the leader (or primary).
    pub leads: bool,
    /// The term, epoch or timeline in which it does.
    pub term: u64,
    /// Its wall clock, milliseconds since 1970.
    pub wall_clock_ms: Option<i64>,
    /// The node in its own words, for logs.
    pub text: String,
}

/// A status that is on its way; `None` when the node does not answer in time.
pub type StatusFuture<'a> = Pin<Box<dyn Future<Output = Option<NodeStatus>> + Send + 'a>>;

/// Why a target cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct TargetError {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A system under test.
///
/// A user's own system implements this in a crate of their own, which registers it and calls
/// [`crate::cli::main`].
pub trait Target: Send + Sync {
    /// The name given on the command line.
    fn name(&self) -> &'static str;

    /// What it is, in one line.
    fn summary(&self) -> &'static str;

    /// The interfaces it serves.
    fn interfaces(&self) -> Vec<&'static Interface>;

    /// What it promises of an interface under these settings; a user overrides it with `--consistency`.
    fn consistency(&self, _choice: &TargetConfig, _interface: &'static Interface) -> Consistency {
        Consistency::Linearizable
    }

    /// The workload of a run whose user did not choose one.
    fn default_workload(&self) -> &'static str {
        "register"
    }

    /// Options of a workload that are another default here, under these settings, than elsewhere: name and value, as
    /// `("cas", "no")` for a store without compare-and-set.
    fn workload_defaults(&self, _choice: &TargetConfig, _workload: &str) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Known bugs that can be switched on.
    fn mutants(&self) -> Vec<MutantInfo> {
        Vec::new()
    }

    /// Settings that `--set NAME=VALUE` understands: name, default, meaning.
    fn settings(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        &[]
    }

    /// Whether a node leads (or is the primary). Where none does, no fault is aimed at a leader.
    fn has_leader(&self) -> bool {
        true
    }

    /// How many nodes a run has when the user does not say.
    fn default_nodes(&self) -> u16 {
        5
    }

    /// The system's own time constants, under these settings.
    fn timing(&self, choice: &TargetConfig) -> Result<TargetTiming, TargetError>;

    /// Checks that it can be started (programs there, settings sensible) and says its version.
    fn prepare(&self, choice: &TargetConfig) -> Result<String, TargetError>;

    /// The command line of one node.
    fn command(&self, choice: &TargetConfig, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError>;

    /// As whom its nodes run. No right over this machine comes with either.
    fn node_user(&self) -> NodeUser {
        NodeUser::default()
    }

    /// How to see that a node serves.
    fn readiness(&self) -> Readiness;

    /// A connection for one process to one node. Connects no sooner than at its first operation.
    ///
    /// `session` is unique among all clients of the run: it may serve as the name under which the target recognises
    /// a request that it has already carried out.
    fn client(&self, interface: &'static Interface, node: &Node, session: u64, deadline: Duration) -> Box<dyn Client>;

    /// What a node says of itself, within `timeout`.
    fn status<'a>(&'a self, node: &'a Node, timeout: Duration) -> StatusFuture<'a>;
}
