//! `lww-kv`: registers and sets, replicated by [`rashomon_lww`]: the last write by the wall clock wins, and every write
//! is told to every peer once.
//!
//! A node answers `/healthz` as soon as
//! every peer has answered its greeting, or half a second after it was started: until then what it tells them would be
//! lost.

mod http;
mod storage;

use std::time::Duration;

use clap::Args;
use rashomon_lww::{Config, Mutant, Node};
use rashomon_mutants::Mutants;
use rashomon_protocol::Protocol;

use crate::clock::Clocks;
use crate::driver::{FreshStart, Settings, WalJournal};
use crate::peers::Preamble;
use crate::start::{self, Place, RunError};
use crate::{driver, wal};

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
    let clocks = Clocks::start();
    let node = Node::start(config, storage::replay(&mut found), 0, clocks.read()).map_err(RunError::State)?;
    eprintln!(
        "INFO lww: starts id={} cells={} mutant={} pid={} wall={}",
        place.id,
        node.status().cells,
        options.mutant.map_or("none", |mutant| mutant.info().name),
        std::process::id(),
        clocks.read().wall_ms(),
    );

    let settings = Settings {
        place,
        peers: addresses,
        preamble: PREAMBLE,
        patience: PATIENCE,
        // A node answers as soon as its disk allows.
        request_timeout_ms: u64::from(u32::MAX),
    };
    let fresh = FreshStart { every: options.snapshot_every, checkpoint: storage::checkpoint, records: 0 };
    let journal = |report| Ok(WalJournal::new(wal::Disk::start(writer, report), wal::Write::Record, Some(fresh)));
    driver::run(node, clocks, settings, journal, http::answer)
}
