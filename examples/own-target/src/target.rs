//! The target: how a node is started, seen to serve and talked to.

use std::net::SocketAddr;
use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::interface;
use rashomon_harness::target::{
    ClusterContext, Connection, MutantInfo, Node, NodeCommand, NodePlan, NodeStatus, Readiness, Recipe, StatusFuture,
    Target, TargetConfig, TargetError, TargetInfo, TargetTiming, Version,
};
use rashomon_history::Value;

use crate::client::{self, TinyClient};
use crate::peak::PEAK;

const PORT: u16 = 4000;

/// The target `tiny-kv`.
pub(crate) struct TinyKv;

impl Target for TinyKv {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            interfaces: vec![&interface::REGISTER, &interface::COUNTER, &PEAK],
            mutants: vec![MutantInfo {
                name: "forgets".to_owned(),
                id: "1".to_owned(),
                summary: "changes are kept in memory only".to_owned(),
                exposes: "acknowledged writes are lost".to_owned(),
                recipe: Some(Recipe {
                    workload: "register".to_owned(),
                    nodes: 3,
                    faults: vec!["kill".to_owned()],
                    seconds: 10,
                    more: Vec::new(),
                }),
            }],
            default_nodes: 3,
            ..TargetInfo::new("tiny-kv", "integers by key, kept by one node for all")
        }
    }

    fn timing(&self, _: &TargetConfig) -> Result<TargetTiming, TargetError> {
        // Nobody is elected here, but faults still need a measure: how long a node waits for another.
        Ok(TargetTiming {
            election_timeout: Duration::from_millis(500),
            recovery: Duration::from_secs(1),
            convergence: Duration::from_secs(5),
        })
    }

    fn prepare(&self, _: &TargetConfig) -> Result<Version, TargetError> {
        Ok(Version::Known(format!("tiny-kv {}", env!("CARGO_PKG_VERSION"))))
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let program = std::env::current_exe().map_err(|error| TargetError {
            what: format!("this program cannot find itself: {error}"),
            remedy: "start it by its path".to_owned(),
        })?;
        let keeper = if node.id == 1 { "me".to_owned() } else { address(&cluster.nodes[0]).to_string() };
        let listen = format!("0.0.0.0:{PORT}");
        let file = node.data_dir.join("changes").display().to_string();
        let args = ["serve".to_owned(), keeper, listen, file].into_iter().chain(cluster.config.mutant.clone());
        Ok(NodePlan::new(NodeCommand::new(program).args(args), Readiness::Tcp(PORT)))
    }

    fn client(&self, _: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client> {
        let absent = if connection.interface == &interface::REGISTER { Value::Nil } else { Value::Int(0) };
        Box::new(TinyClient::new(address(connection.node), absent))
    }

    fn status<'a>(&'a self, _: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        Box::pin(async move {
            let text = tokio::time::timeout(timeout, client::status(address(node))).await.ok()?.ok()?;
            let (role, clock) = text.strip_prefix("ok ")?.split_once(' ')?;
            Some(NodeStatus {
                leads: role == "keeper",
                term: 0,
                wall_clock_ms: clock.parse().ok(),
                text: role.to_owned(),
            })
        })
    }
}

fn address(node: &Node) -> SocketAddr {
    SocketAddr::from((node.ip, PORT))
}
