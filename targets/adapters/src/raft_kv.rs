//! The target `raft-kv`: the included Raft, as a cluster of `rashomon-node raft-kv` processes.

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

/// The target `raft-kv`.
pub struct RaftKv;

const SETTINGS: &Settings = &[
    ("election-timeout-ms", "300", "how long a follower misses its leader at the least before it stands for election"),
    ("heartbeat-ms", "50", "how often a leader makes itself heard"),
    ("snapshot-every", "200", "entries after which a node takes a snapshot and cuts its log"),
    ("request-timeout-ms", "800", "how long a node tries to have a request carried out before it answers `timeout`"),
];

impl RaftKv {
    fn milliseconds(&self, choice: &TargetConfig, name: &str) -> Result<u64, TargetError> {
        included::number(SETTINGS, choice, name)
    }
}

impl Target for RaftKv {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            interfaces: vec![&interface::REGISTER, &interface::LIST_APPEND, &interface::RW_REGISTER, &interface::BANK],
            settings: included::listed(SETTINGS),
            mutants: included::mutants::<rashomon_raft::Mutant>(),
            ..TargetInfo::new(
                "raft-kv",
                "the included Raft: replicated registers with linearizable reads, and transactions over many keys",
            )
        }
    }

    fn consistency(&self, _: &TargetConfig, interface: &'static Interface) -> Level {
        if interface == &interface::REGISTER { Level::LINEARIZABLE } else { Level::STRICT_SERIALIZABLE }
    }

    fn timing(&self, choice: &TargetConfig) -> Result<TargetTiming, TargetError> {
        let election = self.milliseconds(choice, "election-timeout-ms")?;
        Ok(TargetTiming {
            election_timeout: Duration::from_millis(election),
            // An election that is split once, and TCP connections that wake up within a second after a heal.
            recovery: Duration::from_millis(4 * election),
            convergence: Duration::from_millis(20 * election),
        })
    }

    fn prepare(&self, choice: &TargetConfig) -> Result<Version, TargetError> {
        self.timing(choice)?;
        for &(name, ..) in SETTINGS {
            self.milliseconds(choice, name)?;
        }
        node_program::version(choice)
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let ClusterContext { config: choice, nodes: cluster } = cluster;
        let mut args = included::arguments("raft-kv", choice, node, cluster);
        args.push(format!("--seed={}", choice.seed.wrapping_mul(64).wrapping_add(u64::from(node.id))));
        for &(name, ..) in SETTINGS {
            args.push(format!("--{name}={}", self.milliseconds(choice, name)?));
        }
        included::node_plan(choice, args)
    }

    fn client(&self, _: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client> {
        included::client(connection)
    }

    fn status<'a>(&'a self, _: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        included::status(node, timeout)
    }
}
