//! `crdt`: replicated data types, gossiped by [`rashomon_crdt`].
//!
//! Any node serves any client from its own state, at once; nodes gossip in the background. One thread runs everything
//! but the disk, as in raft-kv: whatever arrived since the state machine last ran is one batch, with one write to disk.
//! A second thread owns the disk and commits what gathered while it was busy with one `fdatasync`.

mod driver;
mod http;
mod storage;

use std::time::Duration;

use clap::{Args, ValueEnum};
use rashomon_crdt::{Config, Mutant, Replica};
use rashomon_mutants::Mutants;
use tokio::sync::mpsc;

use self::driver::Input;
use crate::clock::Clocks;
use crate::peers::Preamble;
use crate::start::{self, Place, RunError, random};
use crate::{peers, wal};

/// What a connection between nodes begins with.
const PREAMBLE: Preamble = *b"CRDTGO01";

/// How a node is started.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// How often peers are sent what they have not acknowledged
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    gossip_ms: u64,
    /// What they are sent: the deltas they lack, or the whole state
    #[arg(long, value_enum, default_value_t = Gossip::Delta)]
    gossip: Gossip,
    /// Which set is served: observed-remove (adds win), or last-writer-wins. The same at all nodes
    #[arg(long, value_enum, default_value_t = Sets::Or)]
    set: Sets,
    /// How often tombstones are looked through for such as every node has seen
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    collect_ms: u64,
    /// What the times of register writes and last-writer-wins updates are rounded down to
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    resolution_us: i64,
    /// Take a snapshot after this many records of the log
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_every: u64,
    /// The most deltas kept for nodes that have not acknowledged them; beyond it they are sent the whole state
    #[arg(long, default_value_t = 10000, value_parser = clap::value_parser!(u64).range(1..))]
    max_deltas: u64,
    /// Build in a known bug (see `rashomon-node list-mutants`)
    #[arg(long, value_parser = start::mutant::<Mutant>)]
    mutant: Option<Mutant>,
}

/// What is gossiped.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Gossip {
    Delta,
    State,
}

/// Which set is served.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sets {
    Or,
    Lww,
}

/// Runs a node until it is told to stop (SIGTERM or SIGINT).
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    let place = &options.place;
    let peers = place.settle()?;
    let mut found = wal::recover(&place.data)?;
    if found.torn > 0 {
        eprintln!("WARN wal: cuts off a torn last write bytes={}", found.torn);
    }
    let writer = wal::Writer::open(&place.data, &found)?;

    let mut config = Config::new(place.id, peers.keys().copied());
    config.incarnation = random()? as u32;
    config.gossip_ms = options.gossip_ms;
    config.gossip = match options.gossip {
        Gossip::Delta => rashomon_crdt::Gossip::Deltas,
        Gossip::State => rashomon_crdt::Gossip::States,
    };
    config.sets = match options.set {
        Sets::Or => rashomon_crdt::SetKind::ObservedRemove,
        Sets::Lww => rashomon_crdt::SetKind::LastWriterWins,
    };
    config.collect_ms = options.collect_ms;
    config.resolution_us = options.resolution_us;
    config.snapshot_every = options.snapshot_every;
    config.max_deltas = options.max_deltas as usize;
    config.mutant = options.mutant;
    let clocks = Clocks::start();
    let now = driver::clock(clocks.read());
    let replica = Replica::new(config, storage::replay(&mut found), now);
    let status = replica.status();
    eprintln!(
        "INFO crdt: starts actor={} sequence={} mutant={} pid={} wall={}",
        status.actor,
        status.sequence,
        options.mutant.map_or("none", |mutant| mutant.info().name),
        std::process::id(),
        now.wall_us.div_euclid(1_000),
    );

    start::block_on(async {
        let peer_listener = place.listen_for_peers().await?;
        let client_listener = place.listen_for_clients().await?;
        let (inputs, receiver) = mpsc::channel(8192);
        // A gossip that goes unacknowledged for some rounds, and not for so long that a heal is noticed late.
        let patience = Duration::from_millis((5 * options.gossip_ms).clamp(200, 1_000));
        let links = peers::connect(place.id, &peers, PREAMBLE, patience);
        tokio::spawn(peers::accept(peer_listener, PREAMBLE, inputs.clone(), Input::Message));
        let for_clients = inputs.clone();
        tokio::spawn(crate::http::accept(client_listener, move |request| http::answer(request, for_clients.clone())));
        let disk = wal::Disk::start(writer, move |result| {
            let report = result.map_or_else(Input::DiskFailed, Input::Persisted);
            inputs.blocking_send(report).is_ok()
        });
        driver::drive(replica, clocks, receiver, disk, links).await
    })
}
