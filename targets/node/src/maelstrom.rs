//! A node of a Maelstrom cluster: runs a node program that speaks Maelstrom's protocol on its standard input and
//! output, and carries its messages over the network.
//!
//! Messages to other nodes go over TCP, one connection for each direction; what is not acknowledged for half a second
//! is lost with its connection, and so is what is sent meanwhile, as on Maelstrom's own network. Services and clients
//! that are connected elsewhere are reached at one address. The program is initialized (and told the topology, where
//! there is one) before this node says that it serves. A program that exits, or prints what is no message, ends the
//! node, and the log says why.

mod links;
mod program;
mod route;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use hyper::StatusCode;
use rashomon_maelstrom::topology;
use serde_json::json;
use tokio::net::TcpListener;

use crate::http;
use crate::start::{self, RunError};
use route::Node;

/// Where messages of nodes and clients come in.
const MESSAGE_PORT: u16 = 7000;
/// Where the node says that it serves.
const STATUS_PORT: u16 = 8000;

/// What a node is told.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// This node's name
    #[arg(long)]
    name: String,
    /// All nodes and where they are, this one included: n1=10.77.0.1,n2=10.77.0.2
    #[arg(long, value_delimiter = ',', required = true)]
    nodes: Vec<Peer>,
    /// Where the services are, and clients that are connected to other nodes
    #[arg(long)]
    services: SocketAddr,
    /// The topology that the program is told
    #[arg(long)]
    topology: Option<String>,
    /// How long a message between nodes takes on average, milliseconds, besides what the network takes
    #[arg(long, default_value_t = 0.0)]
    latency_ms: f64,
    /// How that is distributed
    #[arg(long, value_enum, default_value_t = LatencyDistribution::Constant)]
    latency_dist: LatencyDistribution,
    /// The seed of the latencies
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Logs every message
    #[arg(long)]
    log_net: bool,
    /// The node program and its arguments
    #[arg(last = true, required = true)]
    program: Vec<String>,
}

/// How latencies are distributed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LatencyDistribution {
    /// All alike.
    Constant,
    /// From nothing to twice the average.
    Uniform,
    /// Exponentially.
    Exponential,
}

#[derive(Clone, Debug)]
struct Peer {
    name: String,
    address: IpAddr,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        let (name, address) = text.split_once('=').ok_or("expected NAME=ADDRESS, as n1=10.77.0.1")?;
        let address = address.parse().map_err(|_| format!("`{address}` is no address"))?;
        Ok(Peer { name: name.to_owned(), address })
    }
}

/// Runs a node until a signal says to stop, or its program ends.
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    start::block_on(serve(options))
}

async fn serve(options: Options) -> Result<(), RunError> {
    let bind = |port| async move {
        let address = SocketAddr::from(([0, 0, 0, 0], port));
        TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
    };
    let messages = bind(MESSAGE_PORT).await?;
    let names: Vec<String> = options.nodes.iter().map(|peer| peer.name.clone()).collect();
    let topology = match &options.topology {
        Some(name) => {
            Some(topology(name, &names).ok_or_else(|| RunError::Usage(format!("there is no topology `{name}`")))?)
        }
        None => None,
    };
    let peers: BTreeMap<String, SocketAddr> =
        options.nodes.iter().map(|peer| (peer.name.clone(), (peer.address, MESSAGE_PORT).into())).collect();
    let (program, input, lines) = program::start(&options.program)?;
    let node = Node::new(&options, peers, input);
    let end = tokio::spawn(program::end(program, lines, node.clone()));
    tokio::spawn(node.clone().accept(messages));
    tokio::spawn(node.clone().report_traffic());
    let initialized = async {
        node.ask(json!({ "type": "init", "node_id": options.name, "node_ids": names }), "init_ok").await?;
        if let Some(topology) = topology {
            node.ask(json!({ "type": "topology", "topology": topology }), "topology_ok").await?;
        }
        Ok::<(), RunError>(())
    };
    initialized.await?;
    tokio::spawn(http::accept(bind(STATUS_PORT).await?, |_| async { status() }));
    let mut stop = start::StopSignals::watch()?;
    tokio::select! {
        () = stop.came() => Ok(()),
        ended = end => std::process::exit(ended.unwrap_or(1)),
    }
}

/// The node has a clock, and nobody leads.
fn status() -> http::Answer {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    http::reply(StatusCode::OK, json!({ "wall_clock_ms": since.as_millis() as u64 }).to_string())
}
