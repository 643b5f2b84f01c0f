//! `raft-kv`: registers, sets, counters and lists, replicated by [`rashomon_raft`].
//!
//! One thread runs everything but the disk: the HTTP connections of clients, the TCP connections of peers, and the
//! [`driver`] that feeds the state machine. Whatever arrived since it last ran is one batch: one write to disk, one
//! message per peer. A second thread owns the disk and commits all batches that gathered while it was busy with one
//! `fdatasync`.

mod driver;
mod http;
mod peers;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use rashomon_raft::{Config, Mutant, Node, NodeId};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::wal::{self, WalError};

/// How a node is started.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// This node's number
    #[arg(long)]
    id: NodeId,
    /// All nodes and where their peers reach them, this one included: 1=10.77.0.1:7000,2=10.77.0.2:7000
    #[arg(long, value_delimiter = ',', required = true)]
    peers: Vec<Peer>,
    /// Where clients connect
    #[arg(long, default_value = "0.0.0.0:8000")]
    client_addr: SocketAddr,
    /// Where peers connect; this node's address in --peers when left out
    #[arg(long)]
    peer_addr: Option<SocketAddr>,
    /// Where the log and the snapshots are kept; made when it is not there
    #[arg(long)]
    data: PathBuf,
    /// The shortest election timeout; each is drawn from one to two times this
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(10..))]
    election_timeout_ms: u64,
    /// How often a leader makes itself heard
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    heartbeat_ms: u64,
    /// Take a snapshot after this many entries
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_every: u64,
    /// How many entries before a snapshot stay in the log
    #[arg(long, default_value_t = 100)]
    snapshot_tail: u64,
    /// The most entries in one message to a peer
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..))]
    max_batch: u64,
    /// Where random choices come from; different at each start when left out
    #[arg(long)]
    seed: Option<u64>,
    /// How long a request may wait for its answer
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    request_timeout_ms: u64,
    /// Build in a known bug (see `rashomon-node list-mutants`)
    #[arg(long, value_parser = parse_mutant)]
    mutant: Option<Mutant>,
}

/// A node and its address.
#[derive(Clone, Copy, Debug)]
struct Peer {
    id: NodeId,
    address: SocketAddr,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        let (id, address) = text.split_once('=').ok_or("expected NUMBER=ADDRESS:PORT, as 1=10.77.0.1:7000")?;
        let id = id.parse().map_err(|_| format!("`{id}` is no node number"))?;
        let address = address.parse().map_err(|_| format!("`{address}` is no ADDRESS:PORT"))?;
        Ok(Peer { id, address })
    }
}

fn parse_mutant(name: &str) -> Result<Mutant, String> {
    Mutant::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = rashomon_raft::ALL.iter().map(|info| info.name).collect();
        format!("there is no such mutant; there are: {}", names.join(", "))
    })
}

/// Why a node cannot start or go on.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// The options contradict each other.
    #[error("{0}")]
    Usage(String),
    /// An address cannot be used.
    #[error("cannot listen on {address}: {source}; is another process using the port?")]
    Listen { address: SocketAddr, source: io::Error },
    /// The operating system refused something else.
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
    /// The data directory cannot be used.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// The snapshot cannot be used.
    #[error("{0}; was it written by another version?")]
    Snapshot(#[from] rashomon_raft::BadSnapshot),
}

/// Runs a node until it is told to stop (SIGTERM or SIGINT).
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    let peers: BTreeMap<NodeId, SocketAddr> = options.peers.iter().map(|peer| (peer.id, peer.address)).collect();
    if peers.len() != options.peers.len() {
        return Err(RunError::Usage("--peers names a node twice".to_owned()));
    }
    let Some(own_address) = peers.get(&options.id).copied() else {
        return Err(RunError::Usage(format!("--peers must name this node too (--id {})", options.id)));
    };
    if options.heartbeat_ms * 2 > options.election_timeout_ms {
        return Err(RunError::Usage("--heartbeat-ms must be at most half of --election-timeout-ms".to_owned()));
    }
    std::fs::create_dir_all(&options.data).map_err(|source| WalError::Io { path: options.data.clone(), source })?;
    let found = wal::recover(&options.data)?;
    if found.torn > 0 {
        eprintln!("WARN wal: cuts off a torn last write bytes={}", found.torn);
    }
    let writer = wal::Writer::open(&options.data, &found)?;

    let mut config = Config::new(options.id, peers.keys().copied());
    config.election_timeout_ms = options.election_timeout_ms;
    config.heartbeat_ms = options.heartbeat_ms;
    config.snapshot_every = options.snapshot_every;
    config.snapshot_tail = options.snapshot_tail;
    config.max_batch = options.max_batch as usize;
    config.incarnation = random()? as u32;
    config.seed = match options.seed {
        Some(seed) => seed,
        None => random()?,
    };
    config.mutant = options.mutant;
    let clock = driver::Clocks::start();
    let node = Node::new(config, found.recovered, clock.read())?;
    let status = node.status();
    eprintln!(
        "INFO raft: starts id={} term={} last_index={} snapshot_index={} mutant={} pid={} wall={}",
        options.id,
        status.term,
        status.last_index,
        status.snapshot_index,
        options.mutant.map_or("none", |mutant| mutant.info().name),
        std::process::id(),
        clock.read().wall_ms,
    );

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| RunError::System { what: "cannot start the event loop", source })?;
    runtime.block_on(async {
        let peer_listener = listen(options.peer_addr.unwrap_or(own_address)).await?;
        let client_listener = listen(options.client_addr).await?;
        let (inputs, receiver) = mpsc::channel(8192);
        let election_timeout_ms = options.election_timeout_ms;
        let links = peers::connect(options.id, &peers, election_timeout_ms);
        tokio::spawn(peers::accept(peer_listener, inputs.clone()));
        tokio::spawn(http::accept(client_listener, inputs.clone()));
        let disk = driver::Disk::start(writer, inputs);
        driver::drive(node, clock, receiver, disk, links, options.request_timeout_ms).await
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
}

/// 64 bits that nobody can foresee.
fn random() -> Result<u64, RunError> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|source| RunError::System { what: "cannot read /dev/urandom", source })?;
    Ok(u64::from_le_bytes(bytes))
}
