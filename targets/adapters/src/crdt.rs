//! The target `crdt`: the included replicated data types, as a cluster of `rashomon-node crdt` processes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use rashomon_crdt::{ALL as MUTANTS, MutantInfo as CrdtMutant};
use rashomon_harness::client::Client;
use rashomon_harness::consistency::Consistency;
use rashomon_harness::interface::Interface;
use rashomon_harness::target::{
    MutantInfo, Node, NodeCommand, NodeStatus, Readiness, Recipe, StatusFuture, Target, TargetChoice, TargetError,
    TargetTiming,
};
use serde_json::Value as Json;

use crate::http::HttpConnection;
use crate::node_program;
use crate::object_client::client_for;

/// The target `crdt`.
pub struct CrdtReplicas;

const PEER_PORT: u16 = 7000;
const CLIENT_PORT: u16 = 8000;

const SETTINGS: [(&str, &str, &str); 6] = [
    ("gossip-ms", "50", "how often a replica sends its peers what they have not acknowledged"),
    ("gossip", "delta", "what it sends: `delta`, the updates they lack, or `state`, everything it has"),
    ("set", "or", "what a cart is: `or`, an observed-remove set (adds win), or `lww`, the latest update wins"),
    ("collect-ms", "1000", "how often a replica looks for tombstones that every replica has seen, and drops them"),
    ("snapshot-every", "500", "records after which a replica takes a snapshot and cuts its log"),
    ("max-deltas", "2000", "deltas kept for replicas that lag behind; one that lags further is sent everything"),
];

/// The settings that are words, with the words they can be.
const WORDS: [(&str, [&str; 2]); 2] = [("gossip", ["delta", "state"]), ("set", ["or", "lww"])];

impl CrdtReplicas {
    /// The value of a setting, if it makes sense.
    fn setting<'a>(&self, choice: &'a TargetChoice, name: &str) -> Result<&'a str, TargetError> {
        let default = SETTINGS.iter().find(|(known, ..)| *known == name).map_or("", |&(_, default, _)| default);
        let value = choice.settings.get(name).map_or(default, String::as_str);
        let (sensible, expected) = match WORDS.iter().find(|(known, _)| *known == name) {
            Some((_, words)) => (words.contains(&value), format!("`{}` or `{}`", words[0], words[1])),
            None => (value.parse().is_ok_and(|number: u64| number > 0), "a whole number above 0".to_owned()),
        };
        sensible.then_some(value).ok_or_else(|| TargetError {
            what: format!("the setting {name}={value} is not {expected}"),
            remedy: format!("give for example --set {name}={default}"),
        })
    }

    fn gossip(&self, choice: &TargetChoice) -> Result<Duration, TargetError> {
        Ok(Duration::from_millis(self.setting(choice, "gossip-ms")?.parse().unwrap_or(50)))
    }
}

impl Target for CrdtReplicas {
    fn name(&self) -> &'static str {
        "crdt"
    }

    fn summary(&self) -> &'static str {
        "the included replicated data types: any replica serves any client, deltas are gossiped"
    }

    fn interfaces(&self) -> &'static [Interface] {
        &[
            Interface::Cart,
            Interface::Set,
            Interface::Counter,
            Interface::Register,
            Interface::Siblings,
            Interface::Text,
            Interface::Map,
        ]
    }

    fn has_leader(&self) -> bool {
        false
    }

    /// A client stays with one replica, a replica tells nothing that a crash could take back, and deltas (or states)
    /// are joined in an order that respects causality: that is causal consistency, for every type and setting. It holds
    /// beyond single objects, and convergence with it. A replica whose *disk* loses what it had synced breaks it.
    fn consistency(&self, _: &TargetChoice, _: Interface) -> Consistency {
        Consistency::Causal
    }

    fn default_workload(&self) -> &'static str {
        "cart"
    }

    fn workload_defaults(&self, workload: &str) -> &'static [(&'static str, &'static str)] {
        match workload {
            "register" => &[("cas", "no")],
            _ => &[],
        }
    }

    fn mutants(&self) -> Vec<MutantInfo> {
        let described = |info: &'static CrdtMutant| MutantInfo {
            name: info.name,
            id: info.id,
            summary: info.summary,
            exposes: info.exposes,
            recipe: Some(Recipe {
                workload: info.recipe.workload,
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
        let gossip = self.gossip(choice)?;
        Ok(TargetTiming {
            // Nobody is elected; a replica that misses acknowledgements for so long sends less often.
            election_timeout: 6 * gossip,
            // A broken connection is noticed and made anew.
            recovery: 12 * gossip + Duration::from_millis(500),
            // As well, then eight rounds until a peer that was silent is sent to, and twice as much for those behind
            // it.
            convergence: 40 * gossip + Duration::from_millis(2_000),
        })
    }

    fn prepare(&self, choice: &TargetChoice) -> Result<String, TargetError> {
        for (name, ..) in SETTINGS {
            self.setting(choice, name)?;
        }
        node_program::version(&node_program::find(choice)?)
    }

    fn command(&self, choice: &TargetChoice, node: &Node, cluster: &[Node]) -> Result<NodeCommand, TargetError> {
        let peers: Vec<String> = cluster.iter().map(|peer| format!("{}={}:{PEER_PORT}", peer.id, peer.ip)).collect();
        let mut args = vec![
            "crdt".to_owned(),
            format!("--id={}", node.id),
            format!("--peers={}", peers.join(",")),
            format!("--peer-addr=0.0.0.0:{PEER_PORT}"),
            format!("--client-addr=0.0.0.0:{CLIENT_PORT}"),
            format!("--data={}", node.data_dir.display()),
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
            // All replicas are alike: nobody leads.
            Some(NodeStatus { leads: false, term: 0, wall_clock_ms, text: status.to_string() })
        })
    }
}
