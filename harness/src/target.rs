//! What a target is: a system under test, as the harness starts it and talks to it.

mod plan;
mod source;

use std::future::Future;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

pub use plan::{
    ClusterPlan, EventSource, GracefulStop, LogPattern, NodeCommand, NodeFile, NodePlan, ProcessPlan, Readiness,
    SharedFile, Step, StopRequest,
};
pub use source::{NoTarget, TargetSource};

use rashomon_runs::{Manifest, RunFolder};
pub use rashomon_spec::target::{MutantInfo, Recipe, Setting, TargetConfig, TargetInfo, TargetTiming};

use crate::client::{Client, ClientLog};
use crate::consistency::Level;
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

/// The cluster of a run: what every question about a target refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterContext {
    /// What the user chose about the target.
    pub config: TargetConfig,
    /// The nodes, in order.
    pub nodes: Vec<Node>,
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

/// What is known of a target's version before a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Version {
    /// The version itself.
    Known(String),
    /// A command that prints it. The command is not trusted: it runs with limits of time and output.
    PrintedBy(NodeCommand),
}

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
    /// What the target is known by.
    fn info(&self) -> TargetInfo;

    /// What it is known by under these settings, where that differs: a single server has no leader.
    fn info_under(&self, _config: &TargetConfig) -> TargetInfo {
        self.info()
    }

    /// What it promises of an interface under these settings; a user overrides it with `--consistency`.
    fn consistency(&self, _config: &TargetConfig, _interface: &'static Interface) -> Level {
        Level::LINEARIZABLE
    }

    /// Options of a workload that have another default here, under these settings, than elsewhere: name and value, as
    /// `("cas", "no")` for a store without compare-and-set.
    fn workload_defaults(&self, _config: &TargetConfig, _workload: &str) -> Vec<(String, String)> {
        Vec::new()
    }

    /// The system's own time constants, under these settings.
    fn timing(&self, config: &TargetConfig) -> Result<TargetTiming, TargetError>;

    /// Checks that it can be started (programs there, settings sensible), and says how its version is known.
    fn prepare(&self, config: &TargetConfig) -> Result<Version, TargetError>;

    /// What is done once for the whole cluster; nothing by default.
    fn cluster_plan(&self, _cluster: &ClusterContext) -> Result<ClusterPlan, TargetError> {
        Ok(ClusterPlan::default())
    }

    /// As whom its nodes run. No right over this machine comes with either.
    fn node_user(&self) -> NodeUser {
        NodeUser::default()
    }

    /// Called once where the clients are, in the run's runtime, when the lab is up and no node has been prepared: for
    /// servers that belong to the target and that no fault shall reach. What it spawns ends with the run.
    ///
    /// # Errors
    ///
    /// When the run cannot take place.
    fn begin(&self, _cluster: &ClusterContext) -> Result<(), TargetError> {
        Ok(())
    }

    /// Figures of its own about a run that is over, for the terminal: a label and text for each.
    fn figures(&self, _run: &RunFolder, _manifest: &Manifest) -> Vec<(String, String)> {
        Vec::new()
    }

    /// How one node is prepared, started, seen to serve and stopped.
    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError>;

    /// A connection for one process to one node. Connects no sooner than at its first operation.
    fn client(&self, cluster: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client>;

    /// Whether protocol events alone say who leads, because [`Target::status`] does not: then the node that last
    /// reported that it became the leader is taken for the leader.
    fn leads_by_events(&self) -> bool {
        false
    }

    /// What a node says of itself, within `timeout`.
    fn status<'a>(&'a self, cluster: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a>;
}

/// What a client is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Connection<'a> {
    /// The interface whose operations it will be given.
    pub interface: &'static Interface,
    /// The node that it talks to.
    pub node: &'a Node,
    /// Unique among all clients of the run: it may serve as the name under which the target recognises a request that
    /// it has already executed.
    pub session: u64,
    /// The hard deadline that the harness sets for each operation.
    pub deadline: Duration,
    /// Where the client may write what else there is to say.
    pub log: &'a ClientLog,
}
