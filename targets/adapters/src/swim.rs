//! The target `swim`: the included membership protocol, as a cluster of `rashomon-node swim` processes.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Consistency;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    MutantInfo, Node, NodeCommand, Readiness, StatusFuture, Target, TargetConfig, TargetError, TargetTiming,
};

use crate::included;
use crate::node_program;
use crate::object_client::client_for;

/// The target `swim`.
pub struct SwimMembers;

const SETTINGS: [(&str, &str, &str); 5] = [
    ("probe-interval-ms", "200", "how often a node probes another one"),
    ("probe-timeout-ms", "80", "how long it waits before it asks others to probe; at most half of the interval"),
    ("suspicion-periods", "4", "how many intervals a suspect has at the least before it is declared dead"),
    ("sync-interval-ms", "500", "how often whole tables are exchanged, and the dead are tried again"),
    ("forget-after-ms", "86400000", "how long members that are dead or left are remembered"),
];

impl SwimMembers {
    fn number(&self, choice: &TargetConfig, name: &str) -> Result<u64, TargetError> {
        included::number(&SETTINGS, choice, name)
    }

    fn milliseconds(&self, choice: &TargetConfig, name: &str) -> Result<Duration, TargetError> {
        self.number(choice, name).map(Duration::from_millis)
    }
}

impl Target for SwimMembers {
    fn name(&self) -> &'static str {
        "swim"
    }

    fn summary(&self) -> &'static str {
        "the included membership protocol (SWIM with Lifeguard): nodes that know who is there"
    }

    fn interfaces(&self) -> Vec<&'static Interface> {
        vec![&interface::MEMBERS]
    }

    fn has_leader(&self) -> bool {
        false
    }

    fn consistency(&self, _: &TargetConfig, _: &'static Interface) -> Consistency {
        Consistency::Eventual
    }

    fn default_workload(&self) -> &'static str {
        "members"
    }

    fn mutants(&self) -> Vec<MutantInfo> {
        included::mutants::<rashomon_swim::Mutant>()
    }

    fn settings(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        &SETTINGS
    }

    fn timing(&self, choice: &TargetConfig) -> Result<TargetTiming, TargetError> {
        let period = self.milliseconds(choice, "probe-interval-ms")?;
        let sync = self.milliseconds(choice, "sync-interval-ms")?;
        let suspicion = period * self.number(choice, "suspicion-periods")? as u32;
        Ok(TargetTiming {
            // A node that falls silent is missed within two periods or so, and is dead once others have confirmed that.
            election_timeout: 2 * period + suspicion,
            // Connections are made anew, and somebody calls.
            recovery: 2 * period + suspicion + sync,
            // Suspicions that began before a heal run out (the longest is four times the shortest), and the dead are
            // called one by one.
            convergence: 4 * (period + suspicion) + 8 * sync,
        })
    }

    fn prepare(&self, choice: &TargetConfig) -> Result<String, TargetError> {
        for (name, ..) in SETTINGS {
            self.number(choice, name)?;
        }
        if 2 * self.number(choice, "probe-timeout-ms")? > self.number(choice, "probe-interval-ms")? {
            return Err(TargetError {
                what: "probe-timeout-ms is more than half of probe-interval-ms".to_owned(),
                remedy: "leave time to ask others: give for example --set probe-interval-ms=200 --set \
                         probe-timeout-ms=80"
                    .to_owned(),
            });
        }
        node_program::version(&node_program::find(choice)?)
    }

    fn command(&self, choice: &TargetConfig, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError> {
        let mut args = included::arguments("swim", choice, node, cluster);
        args.push(format!("--seed={}", choice.seed));
        for (name, ..) in SETTINGS {
            args.push(format!("--{name}={}", self.number(choice, name)?));
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
