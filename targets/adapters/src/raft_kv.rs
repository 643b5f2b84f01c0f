//! The target `raft-kv`: the included Raft, as a cluster of `rashomon-node raft-kv` processes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use rashomon_harness::client::Client;
use rashomon_harness::interface::Interface;
use rashomon_harness::target::{
    MutantInfo, Node, NodeCommand, NodeStatus, Readiness, Recipe, StatusFuture, Target, TargetChoice, TargetError,
    TargetTiming,
};
use rashomon_raft::{ALL as MUTANTS, MutantInfo as RaftMutant};
use serde_json::Value as Json;

use crate::http::HttpConnection;
use crate::node_program;
use crate::object_client::client_for;

/// The target `raft-kv`.
pub struct RaftKv;

const PEER_PORT: u16 = 7000;
const CLIENT_PORT: u16 = 8000;

const SETTINGS: [(&str, &str, &str); 4] = [
    ("election-timeout-ms", "300", "how long a follower misses its leader at the least before it stands for election"),
    ("heartbeat-ms", "50", "how often a leader makes itself heard"),
    ("snapshot-every", "200", "entries after which a node takes a snapshot and cuts its log"),
    ("request-timeout-ms", "800", "how long a node tries to have a request carried out before it answers `timeout`"),
];

impl RaftKv {
    fn setting<'a>(&self, choice: &'a TargetChoice, name: &str) -> &'a str {
        let default = SETTINGS.iter().find(|(known, ..)| *known == name).map_or("", |&(_, default, _)| default);
        choice.settings.get(name).map_or(default, String::as_str)
    }

    fn milliseconds(&self, choice: &TargetChoice, name: &str) -> Result<u64, TargetError> {
        let text = self.setting(choice, name);
        text.parse().ok().filter(|&number: &u64| number > 0).ok_or_else(|| TargetError {
            what: format!("the setting {name}={text} is not a whole number above 0"),
            remedy: format!("give for example --set {name}=100"),
        })
    }
}

impl Target for RaftKv {
    fn name(&self) -> &'static str {
        "raft-kv"
    }

    fn summary(&self) -> &'static str {
        "the included Raft: replicated registers with linearizable reads"
    }

    fn interfaces(&self) -> &'static [Interface] {
        &[Interface::Register]
    }

    fn mutants(&self) -> Vec<MutantInfo> {
        let described = |info: &'static RaftMutant| MutantInfo {
            name: info.name,
            id: info.id,
            summary: info.summary,
            exposes: info.exposes,
            recipe: info.recipe.lacks.is_none().then_some(Recipe {
                workload: "register",
                nodes: info.recipe.nodes,
                faults: info.recipe.faults,
                seconds: info.recipe.seconds,
                more: info.recipe.options,
            }),
        };
        MUTANTS.iter().map(described).collect()
    }

    fn settings(&self) -> &'static [(&'static str, &'static str, &'static str)] {
        &SETTINGS
    }

    fn timing(&self, choice: &TargetChoice) -> Result<TargetTiming, TargetError> {
        let election = self.milliseconds(choice, "election-timeout-ms")?;
        Ok(TargetTiming {
            election_timeout: Duration::from_millis(election),
            // An election that is split once, and TCP connections that wake up within a second after a heal.
            recovery: Duration::from_millis(4 * election),
            convergence: Duration::from_millis(20 * election),
        })
    }

    fn prepare(&self, choice: &TargetChoice) -> Result<String, TargetError> {
        self.timing(choice)?;
        for (name, ..) in SETTINGS {
            self.milliseconds(choice, name)?;
        }
        node_program::version(&node_program::find(choice)?)
    }

    fn command(&self, choice: &TargetChoice, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError> {
        let peers: Vec<String> = cluster.iter().map(|peer| format!("{}={}:{PEER_PORT}", peer.id, peer.ip)).collect();
        let mut args = vec![
            "raft-kv".to_owned(),
            format!("--id={}", node.id),
            format!("--peers={}", peers.join(",")),
            format!("--peer-addr=0.0.0.0:{PEER_PORT}"),
            format!("--client-addr=0.0.0.0:{CLIENT_PORT}"),
            format!("--data={}", node.data_dir.display()),
            format!("--seed={}", choice.seed.wrapping_mul(64).wrapping_add(u64::from(node.id))),
        ];
        for (name, ..) in SETTINGS {
            args.push(format!("--{name}={}", self.milliseconds(choice, name)?));
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
            Some(NodeStatus {
                leads: status.get("role")?.as_str()? == "leader",
                term: status.get("term")?.as_u64()?,
                wall_clock_ms: status.get("wall_clock_ms").and_then(Json::as_i64),
                text: status.to_string(),
            })
        })
    }
}
