//! The target `swim`: the included membership protocol, as a cluster of `rashomon-node swim` processes.

use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::target::{
    ClusterContext, Connection, Node, NodePlan, StatusFuture, Target, TargetConfig, TargetError, TargetInfo,
    TargetTiming, Version,
};

use crate::included;
use crate::node_program;

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
    fn info(&self) -> TargetInfo {
        TargetInfo {
            interfaces: vec![&interface::MEMBERS],
            settings: included::listed(&SETTINGS),
            mutants: included::mutants::<rashomon_swim::Mutant>(),
            default_workload: "members".to_owned(),
            has_leader: false,
            ..TargetInfo::new(
                "swim",
                "the included membership protocol (SWIM with Lifeguard): nodes that know who is there",
            )
        }
    }

    fn consistency(&self, _: &TargetConfig, _: &'static Interface) -> Level {
        Level::EVENTUAL
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

    fn prepare(&self, choice: &TargetConfig) -> Result<Version, TargetError> {
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
        node_program::version(choice)
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let ClusterContext { config: choice, nodes: cluster } = cluster;
        let mut args = included::arguments("swim", choice, node, cluster);
        args.push(format!("--seed={}", choice.seed));
        for (name, ..) in SETTINGS {
            args.push(format!("--{name}={}", self.number(choice, name)?));
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
