//! `raft-kv`: registers, sets, counters and lists, replicated by [`rashomon_raft`].
//!
mod http;
mod storage;
mod transaction;
mod values;

use std::time::Duration;

use clap::Args;
use rashomon_mutants::Mutants;
use rashomon_protocol::Protocol;
use rashomon_raft::{Config, Mutant, Node};

use crate::clock::Clocks;
use crate::driver::{Settings, WalJournal};
use crate::peers::Preamble;
use crate::start::{self, Place, RunError, random};
use crate::{driver, wal};

/// What a connection between nodes begins with.
const PREAMBLE: Preamble = *b"RAFTKV01";

/// How a node is started.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
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
    #[arg(long, value_parser = start::mutant::<Mutant>)]
    mutant: Option<Mutant>,
}

/// Runs a node until it is told to stop (SIGTERM or SIGINT).
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    if options.heartbeat_ms * 2 > options.election_timeout_ms {
        return Err(RunError::Usage("--heartbeat-ms must be at most half of --election-timeout-ms".to_owned()));
    }
    let place = &options.place;
    let peers = place.settle()?;
    let mut found = wal::recover(&place.data)?;
    if found.torn > 0 {
        eprintln!("WARN wal: cuts off a torn last write bytes={}", found.torn);
    }
    let writer = wal::Writer::open(&place.data, &found)?;
    let recovered = storage::replay(&mut found).map_err(RunError::State)?;

    let mut config = Config::new(place.id, peers.keys().copied());
    config.election_timeout_ms = options.election_timeout_ms;
    config.heartbeat_ms = options.heartbeat_ms;
    config.snapshot_every = options.snapshot_every;
    config.snapshot_tail = options.snapshot_tail;
    config.max_batch = options.max_batch as usize;
    config.seed = match options.seed {
        Some(seed) => seed,
        None => random()?,
    };
    config.mutant = options.mutant;
    let clocks = Clocks::start();
    let now = clocks.read();
    let node = Node::start(config, recovered, random()? as u32, now).map_err(RunError::State)?;
    let status = node.status();
    eprintln!(
        "INFO raft: starts id={} term={} last_index={} snapshot_index={} mutant={} pid={} wall={}",
        place.id,
        status.term,
        status.last_index,
        status.snapshot_index,
        options.mutant.map_or("none", |mutant| mutant.info().name),
        std::process::id(),
        now.wall_ms(),
    );

    let settings = Settings {
        place,
        peers,
        preamble: PREAMBLE,
        patience: Duration::from_millis(options.election_timeout_ms),
        request_timeout_ms: options.request_timeout_ms,
    };
    let journal = |report| Ok(WalJournal::new(wal::Disk::start(writer, report), storage::write, None));
    driver::run(node, clocks, settings, journal, http::answer)
}
