//! The target: how a node is started, seen to serve and talked to.

use std::net::SocketAddr;
use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    MutantInfo, Node, NodeCommand, NodeStatus, Readiness, Recipe, StatusFuture, Target, TargetConfig, TargetError,
    TargetTiming,
};
use rashomon_history::Value;

use crate::client::{self, TinyClient};
use crate::peak::PEAK;

const PORT: u16 = 4000;

/// The target `tiny-kv`.
pub(crate) struct TinyKv;

impl Target for TinyKv {
    fn name(&self) -> &'static str {
        "tiny-kv"
    }

    fn summary(&self) -> &'static str {
        "integers by key, kept by one node for all"
    }

    fn interfaces(&self) -> Vec<&'static Interface> {
        vec![&interface::REGISTER, &interface::COUNTER, &PEAK]
    }

    fn mutants(&self) -> Vec<MutantInfo> {
        vec![MutantInfo {
            name: "forgets",
            id: "1",
            summary: "changes are kept in memory only",
            exposes: "acknowledged writes are lost",
            recipe: Some(Recipe { workload: "register", nodes: 3, faults: &["kill"], seconds: 10, more: &[] }),
        }]
    }

    fn default_nodes(&self) -> u16 {
        3
    }

    fn timing(&self, _: &TargetConfig) -> Result<TargetTiming, TargetError> {
        // Nobody is elected here, but faults still need a measure: how long a node waits for another.
        Ok(TargetTiming {
            election_timeout: Duration::from_millis(500),
            recovery: Duration::from_secs(1),
            convergence: Duration::from_secs(5),
        })
    }

    fn prepare(&self, _: &TargetConfig) -> Result<String, TargetError> {
        Ok(format!("tiny-kv {}", env!("CARGO_PKG_VERSION")))
    }

    fn command(&self, choice: &TargetConfig, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError> {
        let program = std::env::current_exe().map_err(|error| TargetError {
            what: format!("this program cannot find itself: {error}"),
            remedy: "start it by its path".to_owned(),
        })?;
        let keeper = if node.id == 1 { "me".to_owned() } else { address(&cluster[0]).to_string() };
        let listen = format!("0.0.0.0:{PORT}");
        let file = node.data_dir.join("changes").display().to_string();
        let args = ["serve".to_owned(), keeper, listen, file].into_iter().chain(choice.mutant.clone()).collect();
        Ok(NodeCommand { args, ..NodeCommand::new(program) })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Tcp(PORT)
    }

    fn client(&self, interface: &'static Interface, node: &Node, _: u64, _: Duration) -> Box<dyn Client> {
        let absent = if interface == &interface::REGISTER { Value::Nil } else { Value::Int(0) };
        Box::new(TinyClient::new(address(node), absent))
    }

    fn status<'a>(&'a self, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
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
