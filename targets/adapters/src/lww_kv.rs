//! The target `lww-kv`: the naive replicated store, as a cluster of `rashomon-node lww-kv` processes.
//!
//! It promises eventual consistency. Without faults it keeps that promise; a partition or a dead node leaves its
//! replicas apart, and a clock that jumps loses acknowledged writes. That is not a mutant: it is the design.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    ClusterContext, Connection, Node, NodePlan, StatusFuture, Target, TargetConfig, TargetError, TargetInfo,
    TargetTiming, Version,
};

use crate::included::{self, Settings};
use crate::node_program;

/// The target `lww-kv`.
pub struct LwwKv;

const SETTINGS: &Settings = &[("snapshot-every", "20000", "writes after which a node writes everything to a new file")];

impl Target for LwwKv {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            interfaces: vec![&interface::REGISTER, &interface::SET],
            settings: included::listed(SETTINGS),
            mutants: included::mutants::<rashomon_lww::Mutant>(),
            default_nodes: 3,
            has_leader: false,
            wrong_by_design: true,
            ..TargetInfo::new(
                "lww-kv",
                "the naive store: the last write by the wall clock wins, and each is told to every peer once",
            )
        }
    }

    fn consistency(&self, _: &TargetConfig, _: &'static Interface) -> Level {
        Level::EVENTUAL
    }

    fn workload_defaults(&self, _: &TargetConfig, workload: &str) -> Vec<(String, String)> {
        if workload == "register" { included::options(&[("cas", "no")]) } else { Vec::new() }
    }

    fn timing(&self, _: &TargetConfig) -> Result<TargetTiming, TargetError> {
        Ok(TargetTiming {
            // It reacts to nothing; this is when a connection to a silent peer is given up.
            election_timeout: Duration::from_millis(300),
            // A node that was started waits so long for its peers before it serves without them.
            recovery: Duration::from_millis(800),
            // A message takes a round trip; what has not come within this time was lost.
            convergence: Duration::from_secs(2),
        })
    }

    fn prepare(&self, choice: &TargetConfig) -> Result<Version, TargetError> {
        included::number(SETTINGS, choice, "snapshot-every")?;
        node_program::version(choice)
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let ClusterContext { config: choice, nodes: cluster } = cluster;
        let mut args = included::arguments("lww-kv", choice, node, cluster);
        args.push(format!("--snapshot-every={}", included::number(SETTINGS, choice, "snapshot-every")?));
        included::node_plan(choice, args)
    }

    fn client(&self, _: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client> {
        included::client(connection)
    }

    fn status<'a>(&'a self, _: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        included::status(node, timeout)
    }
}
