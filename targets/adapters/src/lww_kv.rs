//! The target `lww-kv`: the naive replicated store, as a cluster of `rashomon-node lww-kv` processes.
//!
//! It promises eventual consistency. Without faults it keeps that promise; a partition or a dead node leaves its
//! replicas apart, and a clock that jumps loses acknowledged writes. That is not a mutant: it is the design.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Consistency;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    MutantInfo, Node, NodeCommand, Readiness, StatusFuture, Target, TargetConfig, TargetError, TargetTiming,
};

use crate::included::{self, Settings};
use crate::node_program;
use crate::object_client::client_for;

/// The target `lww-kv`.
pub struct LwwKv;

const SETTINGS: &Settings = &[("snapshot-every", "20000", "writes after which a node writes everything to a new file")];

impl Target for LwwKv {
    fn name(&self) -> &'static str {
        "lww-kv"
    }

    fn summary(&self) -> &'static str {
        "the naive store: the last write by the wall clock wins, and each is told to every peer once"
    }

    fn interfaces(&self) -> Vec<&'static Interface> {
        vec![&interface::REGISTER, &interface::SET]
    }

    fn has_leader(&self) -> bool {
        false
    }

    fn consistency(&self, _: &TargetConfig, _: &'static Interface) -> Consistency {
        Consistency::Eventual
    }

    fn workload_defaults(&self, _: &TargetConfig, workload: &str) -> &'static [(&'static str, &'static str)] {
        if workload == "register" { &[("cas", "no")] } else { &[] }
    }

    fn mutants(&self) -> Vec<MutantInfo> {
        included::mutants::<rashomon_lww::Mutant>()
    }

    fn settings(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        SETTINGS
    }

    fn default_nodes(&self) -> u16 {
        3
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

    fn prepare(&self, choice: &TargetConfig) -> Result<String, TargetError> {
        included::number(SETTINGS, choice, "snapshot-every")?;
        node_program::version(&node_program::find(choice)?)
    }

    fn command(&self, choice: &TargetConfig, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError> {
        let mut args = included::arguments("lww-kv", choice, node, cluster);
        args.push(format!("--snapshot-every={}", included::number(SETTINGS, choice, "snapshot-every")?));
        Ok(NodeCommand { args, ..NodeCommand::new(node_program::find(choice)?) })
    }

    fn readiness(&self) -> Readiness {
        included::readiness()
    }

    fn client(&self, interface: &'static Interface, node: &Node, session: u64, _: Duration) -> Box<dyn Client> {
        client_for(interface, included::client_address(node), session)
    }

    fn status<'a>(&'a self, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        included::status(node, timeout)
    }
}
