//! The target `swim`: the included membership protocol, as a cluster of `rashomon-node swim` processes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use rashomon_harness::client::Client;
use rashomon_harness::consistency::Consistency;
use rashomon_harness::interface::Interface;
use rashomon_harness::target::{
    MutantInfo, Node, NodeCommand, NodeStatus, Readiness, Recipe, StatusFuture, Target, TargetChoice, TargetError,
    TargetTiming,
};
use rashomon_swim::{ALL as MUTANTS, MutantInfo as SwimMutant};
use serde_json::Value as Json;

use crate::http::HttpConnection;
use crate::node_program;
use crate::object_client::client_for;

/// The target `swim`.
pub struct SwimMembers;

const PEER_PORT: u16 = 7000;
const CLIENT_PORT: u16 = 8000;

const SETTINGS: [(&str, &str, &str); 5] = [
    ("probe-interval-ms", "200", "how often a node probes another one"),
    ("probe-timeout-ms", "80", "how long it waits before it asks others to probe; at most half of the interval"),
    ("suspicion-periods", "4", "how many intervals a suspect has at the least before it is declared dead"),
    ("sync-interval-ms", "500", "how often whole tables are exchanged, and the dead are tried again"),
    ("forget-after-ms", "86400000", "how long members that are dead or left are remembered"),
];

/// A mutant of the membership, as the harness lists it.
pub(crate) fn described(info: &'static SwimMutant) -> MutantInfo {
    MutantInfo {
        name: info.name,
        id: info.id,
        summary: info.summary,
        exposes: info.exposes,
        recipe: Some(Recipe {
            workload: "members",
            nodes: info.recipe.nodes,
            faults: info.recipe.faults,
            seconds: info.recipe.seconds,
            more: info.recipe.options,
        }),
    }
}

impl SwimMembers {
    fn setting(&self, choice: &TargetChoice, name: &str) -> Result<u64, TargetError> {
        let default = SETTINGS.iter().find(|(known, ..)| *known == name).map_or("", |&(_, default, _)| default);
        let value = choice.settings.get(name).map_or(default, String::as_str);
        value.parse().ok().filter(|&number: &u64| number > 0).ok_or_else(|| TargetError {
            what: format!("the setting {name}={value} is not a whole number above 0"),
            remedy: format!("give for example --set {name}={default}"),
        })
    }

    fn milliseconds(&self, choice: &TargetChoice, name: &str) -> Result<Duration, TargetError> {
        self.setting(choice, name).map(Duration::from_millis)
    }
}

impl Target for SwimMembers {
    fn name(&self) -> &'static str {
        "swim"
    }

    fn summary(&self) -> &'static str {
        "the included membership protocol (SWIM with Lifeguard): nodes that know who is there"
    }

    fn interfaces(&self) -> &'static [Interface] {
        &[Interface::Members]
    }

    fn has_leader(&self) -> bool {
        false
    }

    fn consistency(&self, _: &TargetChoice, _: Interface) -> Consistency {
        Consistency::Eventual
    }

    fn default_workload(&self) -> &'static str {
        "members"
    }

    fn mutants(&self) -> Vec<MutantInfo> {
        MUTANTS.iter().map(described).collect()
    }

    fn settings(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        &SETTINGS
    }

    fn timing(&self, choice: &TargetChoice) -> Result<TargetTiming, TargetError> {
        let period = self.milliseconds(choice, "probe-interval-ms")?;
        let sync = self.milliseconds(choice, "sync-interval-ms")?;
        let suspicion = period * self.setting(choice, "suspicion-periods")? as u32;
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

    fn prepare(&self, choice: &TargetChoice) -> Result<String, TargetError> {
        for (name, ..) in SETTINGS {
            self.setting(choice, name)?;
        }
        if 2 * self.setting(choice, "probe-timeout-ms")? > self.setting(choice, "probe-interval-ms")? {
            return Err(TargetError {
                what: "probe-timeout-ms is more than half of probe-interval-ms".to_owned(),
                remedy: "leave time to ask others: give for example --set probe-interval-ms=200 --set \
                         probe-timeout-ms=80"
                    .to_owned(),
            });
        }
        node_program::version(&node_program::find(choice)?)
    }

    fn command(&self, choice: &TargetChoice, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError> {
        let peers: Vec<String> = cluster.iter().map(|peer| format!("{}={}:{PEER_PORT}", peer.id, peer.ip)).collect();
        let mut args = vec![
            "swim".to_owned(),
            format!("--id={}", node.id),
            format!("--peers={}", peers.join(",")),
            format!("--peer-addr=0.0.0.0:{PEER_PORT}"),
            format!("--client-addr=0.0.0.0:{CLIENT_PORT}"),
            format!("--data={}", node.data_dir.display()),
            format!("--seed={}", choice.seed),
        ];
        for (name, ..) in SETTINGS {
            args.push(format!("--{name}={}", self.setting(choice, name)?));
        }
        if let Some(mutant) = &choice.mutant {
            args.push(format!("--mutant={mutant}"));
        }
        Ok(NodeCommand { program: node_program::find(choice)?, args, env: Vec::new() })
    }

    fn readiness(&self) -> Readiness {
        Readiness::Http { port: CLIENT_PORT, path: "/healthz".to_owned() }
    }

    fn client(&self, interface: Interface, node: &Node, session: u64, _: Duration) -> Box<dyn Client> {
        client_for(interface, SocketAddr::from((node.ip, CLIENT_PORT)), session)
    }

    fn status<'a>(&'a self, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        Box::pin(async move {
            let mut connection = HttpConnection::new(SocketAddr::from((node.ip, CLIENT_PORT)));
            let request = connection.request(Method::GET, "/status", Bytes::new());
            let answer = tokio::time::timeout(timeout, request).await.ok()?.ok()?;
            let status: Json = serde_json::from_slice(&answer.body).ok()?;
            let wall_clock_ms = status.get("wall_clock_ms").and_then(Json::as_i64);
            Some(NodeStatus { leads: false, term: 0, wall_clock_ms, text: status.to_string() })
        })
    }
}
