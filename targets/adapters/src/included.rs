//! What the adapters of all included targets share: ports, settings, the command line's beginning, status.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use rashomon_harness::client::Client;
use rashomon_harness::target::{
    Connection, EventSource, MutantInfo, Node, NodeCommand, NodePlan, NodeStatus, Readiness, Recipe, Setting,
    StatusFuture, TargetConfig, TargetError,
};
use rashomon_mutants::Mutants;
use serde_json::Value as Json;

use crate::http::HttpConnection;
use crate::node_program;
use crate::object_client::client_for;

/// Where peers connect.
const PEER_PORT: u16 = 7000;
/// Where clients connect.
const CLIENT_PORT: u16 = 8000;

/// A target's settings: name, default, meaning.
pub(crate) type Settings = [(&'static str, &'static str, &'static str)];

/// The settings as the harness lists them.
pub(crate) fn listed(settings: &Settings) -> Vec<Setting> {
    settings.iter().map(|&(name, default, meaning)| Setting::new(name, default, meaning)).collect()
}

/// Options of a workload with their values.
pub(crate) fn options(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The value of a setting: what the user chose, or its default.
pub(crate) fn setting<'a>(settings: &'a Settings, choice: &'a TargetConfig, name: &str) -> &'a str {
    let default = settings.iter().find(|(known, ..)| *known == name).map_or("", |&(_, default, _)| default);
    choice.settings.get(name).map_or(default, String::as_str)
}

/// The same, for a whole number above 0.
pub(crate) fn number(settings: &Settings, choice: &TargetConfig, name: &str) -> Result<u64, TargetError> {
    let text = setting(settings, choice, name);
    text.parse().ok().filter(|&number: &u64| number > 0).ok_or_else(|| TargetError {
        what: format!("the setting {name}={text} is not a whole number above 0"),
        remedy: format!("give for example --set {name}=100"),
    })
}

/// The arguments that every node program takes: which one it is, who it is, where everybody is, and the known bug to
/// build in.
pub(crate) fn arguments(subcommand: &str, choice: &TargetConfig, node: &Node, cluster: &[Node]) -> Vec<String> {
    let peers: Vec<String> = cluster.iter().map(|peer| format!("{}={}:{PEER_PORT}", peer.id, peer.ip)).collect();
    let mut args = vec![
        subcommand.to_owned(),
        format!("--id={}", node.id),
        format!("--peers={}", peers.join(",")),
        format!("--peer-addr=0.0.0.0:{PEER_PORT}"),
        format!("--client-addr=0.0.0.0:{CLIENT_PORT}"),
        format!("--data={}", node.data_dir.display()),
    ];
    args.extend(choice.mutant.iter().map(|mutant| format!("--mutant={mutant}")));
    args
}

/// The mutants of a protocol, as the harness lists them.
pub(crate) fn mutants<M: Mutants>() -> Vec<MutantInfo> {
    let described = |info: &rashomon_mutants::MutantInfo<M>| MutantInfo {
        name: info.name.to_owned(),
        id: info.id.to_owned(),
        summary: info.summary.to_owned(),
        exposes: info.exposes.to_owned(),
        // Without a fault that would expose it there is nothing to run.
        recipe: (!info.recipe.faults.is_empty()).then(|| Recipe {
            workload: info.recipe.workload.to_owned(),
            nodes: info.recipe.nodes,
            faults: info.recipe.faults.iter().map(|&fault| fault.to_owned()).collect(),
            seconds: info.recipe.seconds,
            more: info.recipe.options.iter().map(|&option| option.to_owned()).collect(),
        }),
    };
    M::ALL.iter().map(described).collect()
}

/// A node of one process, the node program with these arguments.
pub(crate) fn node_plan(config: &TargetConfig, args: Vec<String>) -> Result<NodePlan, TargetError> {
    let readiness = Readiness::Http { port: CLIENT_PORT, path: "/healthz".to_owned() };
    let command = NodeCommand::new(node_program::find(config)?).args(args);
    Ok(NodePlan { events: vec![EventSource::Channel], ..NodePlan::new(command, readiness) })
}

/// A client of a node's objects.
pub(crate) fn client(connection: &Connection<'_>) -> Box<dyn Client> {
    client_for(connection.interface, client_address(connection.node), connection.session)
}

/// Where a node's clients connect.
fn client_address(node: &Node) -> SocketAddr {
    SocketAddr::from((node.ip, CLIENT_PORT))
}

/// What a node says of itself; a target without leaders says neither `role` nor `term`.
pub(crate) fn status(node: &Node, timeout: Duration) -> StatusFuture<'_> {
    Box::pin(async move {
        let mut connection = HttpConnection::new(client_address(node));
        let request = connection.request(Method::GET, "/status", Bytes::new());
        let answer = tokio::time::timeout(timeout, request).await.ok()?.ok()?;
        let status: Json = serde_json::from_slice(&answer.body).ok().filter(Json::is_object)?;
        Some(NodeStatus {
            leads: status.get("role").and_then(Json::as_str) == Some("leader"),
            term: status.get("term").and_then(Json::as_u64).unwrap_or(0),
            wall_clock_ms: status.get("wall_clock_ms").and_then(Json::as_i64),
            text: status.to_string(),
        })
    })
}
