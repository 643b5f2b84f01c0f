//! The target `raft-kv`: the included Raft, as a cluster of `rashomon-node raft-kv` processes.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    MutantInfo, Node, NodeCommand, Readiness, StatusFuture, Target, TargetConfig, TargetError, TargetTiming,
};

use crate::included::{self, Settings};
use crate::node_program;
use crate::object_client::client_for;

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
    fn name(&self) -> &'static str {
        "raft-kv"
    }

    fn summary(&self) -> &'static str {
        "the included Raft: replicated registers with linearizable reads"
    }

    fn interfaces(&self) -> Vec<&'static Interface> {
        vec![&interface::REGISTER]
    }

    fn mutants(&self) -> Vec<MutantInfo> {
        included::mutants::<rashomon_raft::Mutant>()
    }

    fn settings(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        SETTINGS
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

    fn prepare(&self, choice: &TargetConfig) -> Result<String, TargetError> {
        self.timing(choice)?;
        for &(name, ..) in SETTINGS {
            self.milliseconds(choice, name)?;
        }
        node_program::version(&node_program::find(choice)?)
    }

    fn command(&self, choice: &TargetConfig, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError> {
        let mut args = included::arguments("raft-kv", choice, node, cluster);
        args.push(format!("--seed={}", choice.seed.wrapping_mul(64).wrapping_add(u64::from(node.id))));
        for &(name, ..) in SETTINGS {
            args.push(format!("--{name}={}", self.milliseconds(choice, name)?));
        }
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
