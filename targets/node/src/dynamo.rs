//! `dynamo`: registers, siblings, sets, carts and counters, replicated by [`rashomon_dynamo`] over a ring of nodes
//! whose failures [`rashomon_swim`] detects.
//!
//! Both protocols share the connections between nodes and the log.

mod http;
mod node;
mod storage;
mod values;

use std::time::Duration;

use clap::{Args, ValueEnum};
use rashomon_dynamo::{Config, Conflict, Quorum, QuorumKind};
use rashomon_mutants::Mutants;
use rashomon_protocol::Protocol;

use self::node::StoreNode;
use crate::clock::Clocks;
use crate::driver::{FreshStart, Settings, WalJournal};
use crate::peers::Preamble;
use crate::start::{NodeId, Place, RunError, random};
use crate::{driver, wal};

/// What a connection between nodes begins with.
const PREAMBLE: Preamble = *b"DYNAMO01";

/// How a node is started.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    /// The nodes that form the ring at first; all when left out
    #[arg(long, value_delimiter = ',')]
    members: Vec<NodeId>,
    /// Replicas of a key (N)
    #[arg(long, default_value_t = 3)]
    n: u16,
    /// Replicas that answer before a read is complete (R)
    #[arg(long, default_value_t = 2)]
    r: u16,
    /// Replicas that hold a write before it is acknowledged (W)
    #[arg(long, default_value_t = 2)]
    w: u16,
    /// Whose answers count: a key's own replicas, or also those who stand in for them
    #[arg(long, value_enum, default_value_t = Kind::Strict)]
    quorum: Kind,
    /// What decides between two writes of a register: versions from a quorum, or the writers' wall clocks
    #[arg(long, value_enum, default_value_t = Decides::Versions)]
    conflict: Decides,
    /// Places of a node on the ring
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    virtual_nodes: u16,
    /// How long to wait for replicas before asking others
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    patience_ms: u64,
    /// Whether a replica that missed a write gets a hint
    #[arg(long, value_enum, default_value_t = Answer::Yes)]
    hints: Answer,
    /// How often hints are handed over
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    handoff_ms: u64,
    /// Whether reads mend replicas that are behind
    #[arg(long, value_enum, default_value_t = Answer::Yes)]
    read_repair: Answer,
    /// How often replicas compare their trees; 0 for never
    #[arg(long, default_value_t = 200)]
    anti_entropy_ms: u64,
    /// How long a tombstone is kept at the least
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..))]
    grace_ms: u64,
    /// How often a member is probed for failures
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u64).range(10..))]
    probe_ms: u64,
    /// Every so often the highest node leaves the ring or joins it again; 0 for never
    #[arg(long, default_value_t = 0)]
    churn_ms: u64,
    /// Start the log afresh after this many records
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(100..))]
    snapshot_every: u64,
    /// How long a request may wait for its answer
    #[arg(long, default_value_t = 800, value_parser = clap::value_parser!(u64).range(1..))]
    request_timeout_ms: u64,
    /// Where random choices come from; different at each start when left out
    #[arg(long)]
    seed: Option<u64>,
    /// Build in a known bug of the store or of its membership (see `rashomon-node list-mutants`)
    #[arg(long, value_parser = parse_mutant)]
    mutant: Option<Mutant>,
}

/// See [`QuorumKind`].
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Strict,
    Sloppy,
}

/// See [`Conflict`].
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Decides {
    Versions,
    Lww,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Answer {
    Yes,
    No,
}

/// A bug of one of the two protocols.
#[derive(Clone, Copy, Debug)]
enum Mutant {
    Store(rashomon_dynamo::Mutant),
    Membership(rashomon_swim::Mutant),
}

fn parse_mutant(name: &str) -> Result<Mutant, String> {
    let store = rashomon_dynamo::Mutant::by_name(name).map(Mutant::Store);
    store.or_else(|| rashomon_swim::Mutant::by_name(name).map(Mutant::Membership)).ok_or_else(|| {
        let store = rashomon_dynamo::ALL.iter().map(|info| info.name);
        let names: Vec<&str> = store.chain(rashomon_swim::ALL.iter().map(|info| info.name)).collect();
        format!("there is no such mutant; there are: {}", names.join(", "))
    })
}

/// Runs a node until it is told to stop (SIGTERM or SIGINT).
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    let place = &options.place;
    let peers = place.settle()?;
    let store = store_config(&options, peers.keys().copied().collect())?;
    let churns = options.churn_ms > 0 && peers.keys().next_back() == Some(&place.id);
    let config = node::Config {
        membership: swim_config(&options, &store)?,
        store,
        churn_ms: churns.then_some(options.churn_ms),
    };
    let mut found = wal::recover(&place.data)?;
    if found.torn > 0 {
        eprintln!("WARN wal: cuts off a torn last write bytes={}", found.torn);
    }
    let writer = wal::Writer::open(&place.data, &found)?;
    let kept = storage::replay(&mut found).map_err(RunError::State)?;
    let clocks = Clocks::start();
    let now = clocks.read();
    let node = StoreNode::start(config, kept, 0, now).map_err(RunError::State)?;
    let status = node.store().status();
    eprintln!(
        "INFO dynamo: starts id={} keys={} hints={} ring={} mutant={} pid={} wall={}",
        place.id,
        status.keys,
        status.hints.1,
        status.ring.version,
        options.mutant.map_or("none", mutant_name),
        std::process::id(),
        now.wall_ms(),
    );

    let settings = Settings {
        place,
        peers,
        preamble: PREAMBLE,
        patience: Duration::from_millis((10 * options.patience_ms).clamp(200, 1_000)),
        request_timeout_ms: options.request_timeout_ms,
    };
    let fresh = FreshStart { every: options.snapshot_every, checkpoint: storage::checkpoint, records: 0 };
    let journal = |report| Ok(WalJournal::new(wal::Disk::start(writer, report), wal::Write::Record, Some(fresh)));
    let cluster = Quorum { n: options.n, r: options.r, w: options.w };
    driver::run(node, clocks, settings, journal, move |request, node| http::answer(request, node, cluster))
}

fn store_config(options: &Options, nodes: Vec<NodeId>) -> Result<Config, RunError> {
    let quorum = Quorum { n: options.n, r: options.r, w: options.w };
    if !(1..=quorum.n).contains(&quorum.r) || !(1..=quorum.n).contains(&quorum.w) {
        return Err(RunError::Usage("--r and --w must be between 1 and --n".to_owned()));
    }
    let members = if options.members.is_empty() { nodes.clone() } else { options.members.clone() };
    if usize::from(quorum.n) > members.len() || members.iter().any(|member| !nodes.contains(member)) {
        return Err(RunError::Usage("--members must name at least --n nodes, all of them in --peers".to_owned()));
    }
    let mut config = Config::new(options.place.id, nodes);
    config.members = members;
    config.quorum = quorum;
    config.kind = match options.quorum {
        Kind::Strict => QuorumKind::Strict,
        Kind::Sloppy => QuorumKind::Sloppy,
    };
    config.conflict = match options.conflict {
        Decides::Versions => Conflict::Versions,
        Decides::Lww => Conflict::LastWriteWins,
    };
    config.virtual_nodes = options.virtual_nodes;
    config.patience_ms = options.patience_ms;
    config.hints = options.hints == Answer::Yes;
    config.handoff_ms = options.handoff_ms;
    config.read_repair = options.read_repair == Answer::Yes;
    config.anti_entropy_ms = options.anti_entropy_ms;
    config.grace_ms = options.grace_ms;
    if let Some(Mutant::Store(mutant)) = options.mutant {
        config.mutant = Some(mutant);
    }
    Ok(config)
}

fn swim_config(options: &Options, store: &Config) -> Result<rashomon_swim::Config, RunError> {
    let mut config = rashomon_swim::Config::new(options.place.id, store.nodes.iter().copied());
    config.probe_interval_ms = options.probe_ms;
    config.probe_timeout_ms = options.probe_ms * 2 / 5;
    config.seed = match options.seed {
        Some(seed) => seed,
        None => random()?,
    };
    if let Some(Mutant::Membership(mutant)) = options.mutant {
        config.mutant = Some(mutant);
    }
    Ok(config)
}

fn mutant_name(mutant: Mutant) -> &'static str {
    match mutant {
        Mutant::Store(mutant) => mutant.info().name,
        Mutant::Membership(mutant) => mutant.info().name,
    }
}
