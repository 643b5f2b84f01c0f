//! `crdt`: replicated data types, gossiped by [`rashomon_crdt`].
//!
//! Any node serves any client from its own state, at once; nodes gossip in the background.
mod http;
mod storage;

use std::time::Duration;

use clap::{Args, ValueEnum};
use rashomon_crdt::{Config, Mutant, Replica};
use rashomon_mutants::Mutants;
use rashomon_protocol::Protocol;

use crate::clock::Clocks;
use crate::driver::{Settings, WalJournal};
use crate::peers::Preamble;
use crate::start::{self, Place, RunError, random};
use crate::{driver, wal};

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
    let now = clocks.read();
    let replica =
        Replica::start(config, storage::replay(&mut found), random()? as u32, now).map_err(RunError::State)?;
    let status = replica.status();
    eprintln!(
        "INFO crdt: starts actor={} sequence={} mutant={} pid={} wall={}",
        status.actor,
        status.sequence,
        options.mutant.map_or("none", |mutant| mutant.info().name),
        std::process::id(),
        now.wall_ms(),
    );

    let settings = Settings {
        place,
        peers,
        preamble: PREAMBLE,
        // A gossip that goes unacknowledged for some rounds, and not for so long that a heal is noticed late.
        patience: Duration::from_millis((5 * options.gossip_ms).clamp(200, 1_000)),
        // A replica answers as soon as its disk allows.
        request_timeout_ms: u64::from(u32::MAX),
    };
    let journal = |report| Ok(WalJournal::new(wal::Disk::start(writer, report), storage::write, None));
    driver::run(replica, clocks, settings, journal, http::answer)
}
