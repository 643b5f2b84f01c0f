//! `lww-kv`: registers and sets, replicated by [`rashomon_lww`]: the last write by the wall clock wins, and every write
//! is told to every peer once.
//!
//! One thread runs everything but the disk, as in [`raft_kv`](crate::raft_kv). A node answers `/healthz` as soon as
//! every peer has answered its greeting, or half a second after it was started: until then what it tells them would be
//! lost.

mod driver;
mod http;
mod storage;

use std::time::Duration;

use clap::Args;
use rashomon_lww::{Config, Mutant, Node};
use rashomon_mutants::Mutants;
use tokio::sync::mpsc;

use self::driver::Input;
use crate::clock::Clocks;
use crate::peers::Preamble;
use crate::start::{self, Place, RunError};
use crate::{peers, wal};

/// What a connection between nodes begins with.
const PREAMBLE: Preamble = *b"LWWKV001";

/// Twice this long a peer may be silent before its connection is given up.
const PATIENCE: Duration = Duration::from_millis(150);

/// How a node is started.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// Write everything to a new file after this many writes
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_every: u64,
    /// Build in a known bug (see `rashomon-node list-mutants`)
    #[arg(long, value_parser = start::mutant::<Mutant>)]
    mutant: Option<Mutant>,
}

/// Runs a node until it is told to stop (SIGTERM or SIGINT).
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    let place = &options.place;
    let addresses = place.settle()?;
    let mut found = wal::recover(&place.data)?;
    if found.torn > 0 {
        eprintln!("WARN wal: cuts off a torn last write bytes={}", found.torn);
    }
    let writer = wal::Writer::open(&place.data, &found)?;
    let peers = addresses.keys().copied().filter(|&peer| peer != place.id).collect();
    let config = Config { id: place.id, peers, mutant: options.mutant };
    let node = Node::new(config, storage::replay(&mut found));
    let clocks = Clocks::start();
    eprintln!(
        "INFO lww: starts id={} cells={} mutant={} pid={} wall={}",
        place.id,
        node.status().cells,
        options.mutant.map_or("none", |mutant| mutant.info().name),
        std::process::id(),
        clocks.read().wall_ms,
    );

    start::block_on(async {
        let peer_listener = place.listen_for_peers().await?;
        let client_listener = place.listen_for_clients().await?;
        let (inputs, receiver) = mpsc::channel(8192);
        let links = peers::connect(place.id, &addresses, PREAMBLE, PATIENCE);
        tokio::spawn(peers::accept(peer_listener, PREAMBLE, inputs.clone(), Input::Message));
        let for_clients = inputs.clone();
        tokio::spawn(crate::http::accept(client_listener, move |request| http::answer(request, for_clients.clone())));
        let disk = wal::Disk::start(writer, move |result| {
            let report = result.map_or_else(Input::DiskFailed, Input::Persisted);
            inputs.blocking_send(report).is_ok()
        });
        driver::drive(node, clocks, receiver, disk, links, options.snapshot_every).await
    })
}
