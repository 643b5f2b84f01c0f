//! How a node of any target is started: the options all of them have, the errors, the event loop, the end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use std::vec::Drain;

use clap::Args;
use rashomon_mutants::Mutants;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Interval, MissedTickBehavior};

use crate::wal::WalError;

/// The number of a node, from 1.
pub(crate) type NodeId = u16;

/// Where a node is: its number, its addresses, its peers and its data directory.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// This node's number
    #[arg(long)]
    pub(crate) id: NodeId,
    /// All nodes and where their peers reach them, this one included: 1=10.77.0.1:7000,2=10.77.0.2:7000
    #[arg(long, value_delimiter = ',', required = true)]
    peers: Vec<Peer>,
    /// Where clients connect
    #[arg(long, default_value = "0.0.0.0:8000")]
    client_addr: SocketAddr,
    /// Where peers connect; this node's address in --peers when left out
    #[arg(long)]
    peer_addr: Option<SocketAddr>,
    /// Where the node keeps what it must not forget; made when it is not there
    #[arg(long)]
    pub(crate) data: PathBuf,
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

/// The mutant of that name, of those that can be built into a protocol.
pub(crate) fn mutant<M: Mutants>(name: &str) -> Result<M, String> {
    M::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = M::ALL.iter().map(|info| info.name).collect();
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
    /// What the data directory holds is intact, but makes no sense to the protocol.
    #[error("{0}; was it written by another version?")]
    State(String),
}

impl Place {
    /// All nodes with their peer addresses, after checking that they are sensible; makes the data directory.
    pub(crate) fn settle(&self) -> Result<BTreeMap<NodeId, SocketAddr>, RunError> {
        let peers: BTreeMap<NodeId, SocketAddr> = self.peers.iter().map(|peer| (peer.id, peer.address)).collect();
        if peers.len() != self.peers.len() {
            return Err(RunError::Usage("--peers names a node twice".to_owned()));
        }
        if !peers.contains_key(&self.id) {
            return Err(RunError::Usage(format!("--peers must name this node too (--id {})", self.id)));
        }
        std::fs::create_dir_all(&self.data).map_err(|source| WalError::Io { path: self.data.clone(), source })?;
        Ok(peers)
    }

    /// Listens for peers.
    pub(crate) async fn listen_for_peers(&self) -> Result<TcpListener, RunError> {
        let own = self.peers.iter().find(|peer| peer.id == self.id).map(|peer| peer.address);
        let address = self.peer_addr.or(own).ok_or_else(|| RunError::Usage("--peers lacks this node".to_owned()))?;
        listen(address).await
    }

    /// Listens for clients.
    pub(crate) async fn listen_for_clients(&self) -> Result<TcpListener, RunError> {
        listen(self.client_addr).await
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })
}

/// Runs a node on an event loop of one thread.
pub(crate) fn block_on(node: impl Future<Output = Result<(), RunError>>) -> Result<(), RunError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| RunError::System { what: "cannot start the event loop", source })?
        .block_on(node)
}

/// The signals that tell a node to stop.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Watches for SIGTERM and SIGINT from now on.
    pub(crate) fn watch() -> Result<StopSignals, RunError> {
        let watch = |kind| signal(kind).map_err(|source| RunError::System { what: "cannot watch for signals", source });
        Ok(StopSignals { terminate: watch(SignalKind::terminate())?, interrupt: watch(SignalKind::interrupt())? })
    }

    /// Returns when one came. May be dropped and called again without losing one.
    pub(crate) async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The turns of a node: it acts when inputs came or time has passed, until a signal says to stop.
pub(crate) struct Turns<I> {
    stop: StopSignals,
    tick: Interval,
    inputs: Receiver<I>,
    batch: Vec<I>,
    batch_max: usize,
}

impl<I> Turns<I> {
    /// A turn at least every `tick`, with at most `batch_max` inputs.
    pub(crate) fn new(inputs: Receiver<I>, tick: Duration, batch_max: usize) -> Result<Turns<I>, RunError> {
        let mut tick = tokio::time::interval(tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Turns { stop: StopSignals::watch()?, tick, inputs, batch: Vec::with_capacity(batch_max), batch_max })
    }

    /// Waits for the next turn: its inputs, none when only time has passed. `None` when a signal came.
    pub(crate) async fn next(&mut self) -> Option<Drain<'_, I>> {
        tokio::select! {
            biased;
            () = self.stop.came() => return None,
            _ = self.inputs.recv_many(&mut self.batch, self.batch_max) => {}
            _ = self.tick.tick() => {}
        }
        Some(self.batch.drain(..))
    }
}

/// 64 bits that nobody can foresee.
pub(crate) fn random() -> Result<u64, RunError> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|source| RunError::System { what: "cannot read /dev/urandom", source })?;
    Ok(u64::from_le_bytes(bytes))
}
