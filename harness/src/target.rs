//! What a target is: a system under test, as the harness starts it and talks to it.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use crate::client::Client;
use crate::consistency::Consistency;
use crate::interface::Interface;

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

/// What a user chose about the target of a run.
#[derive(Clone, Debug, Default)]
pub struct TargetChoice {
    /// The known bug to switch on.
    pub mutant: Option<String>,
    /// Another build of the node program.
    pub node_binary: Option<PathBuf>,
    /// Settings by name, as given with `--set`.
    pub settings: BTreeMap<String, String>,
    /// The run's seed, for targets that draw random numbers.
    pub seed: u64,
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

/// A named known bug of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutantInfo {
    /// The name given to `--mutant`.
    pub name: &'static str,
    /// Its number in the catalogue of known bugs: `R26`.
    pub id: &'static str,
    /// What is wrong, in one line.
    pub summary: &'static str,
    /// What a run against it shows: `stale read`.
    pub exposes: &'static str,
    /// How to find it; `None` while no fault that this version has can expose it.
    pub recipe: Option<Recipe>,
}

/// How a mutant is found: the flags of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The workload.
    pub workload: &'static str,
    /// `--nodes`.
    pub nodes: u16,
    /// `--faults`: classes and kinds.
    pub faults: &'static [&'static str],
    /// `--time`, seconds.
    pub seconds: u32,
    /// Further flags; each may be several words.
    pub more: &'static [&'static str],
}

impl Recipe {
    /// The words that follow `rashomon run`.
    pub fn flags(&self, target: &str, mutant: &str) -> Vec<String> {
        let mut words = vec![target.to_owned(), format!("--mutant={mutant}")];
        words.push(format!("--workload={}", self.workload));
        words.push(format!("--nodes={}", self.nodes));
        words.push(format!("--faults={}", self.faults.join(",")));
        words.push(format!("--time={}s", self.seconds));
        words.extend(self.more.iter().flat_map(|more| more.split_whitespace()).map(str::to_owned));
        words
    }
}

/// The system's own time constants: faults last multiples of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetTiming {
    /// How long a silent leader (or peer) is missed at the least before the system reacts.
    pub election_timeout: Duration,
    /// How long a restarted or healed cluster may need until it serves again.
    pub recovery: Duration,
    /// Within this time after the last heal and the last update all replicas agree (where the target promises less than
    /// linearizability, and therefore that at least).
    pub convergence: Duration,
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
    fn interfaces(&self) -> &'static [Interface];

    /// What it promises of an interface under these settings; a user overrides it with `--consistency`.
    fn consistency(&self, _choice: &TargetChoice, _interface: Interface) -> Consistency {
        Consistency::Linearizable
    }

    /// The workload of a run whose user did not choose one.
    fn default_workload(&self) -> &'static str {
        "register"
    }

    /// Options of a workload that are another default here, under these settings, than elsewhere: name and value, as
    /// `("cas", "no")` for a store without compare-and-set.
    fn workload_defaults(&self, _choice: &TargetChoice, _workload: &str) -> &'static [(&'static str, &'static str)] {
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
    fn timing(&self, choice: &TargetChoice) -> Result<TargetTiming, TargetError>;

    /// Checks that it can be started (programs there, settings sensible) and says its version.
    fn prepare(&self, choice: &TargetChoice) -> Result<String, TargetError>;

    /// The command line of one node.
    fn command(&self, choice: &TargetChoice, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError>;

    /// How to see that a node serves.
    fn readiness(&self) -> Readiness;

    /// A connection for one process to one node. Connects no sooner than at its first operation.
    ///
    /// `session` is unique among all clients of the run: it may serve as the name under which the target recognises
    /// a request that it has already carried out.
    fn client(&self, interface: Interface, node: &Node, session: u64, deadline: Duration) -> Box<dyn Client>;

    /// What a node says of itself, within `timeout`.
    fn status<'a>(&'a self, node: &'a Node, timeout: Duration) -> StatusFuture<'a>;
}
