//! `swim`: nodes that know of each other and do nothing else, by [`rashomon_swim`].
//!
//! One thread runs everything but the disk: clients, peers, and the loop around [`Members`]. A second thread writes the
//! node's identity.
//!
//! | request | answer |
//! |---|---|
//! | `GET /members`, `POST /members` | see [`members::http`] |
//! | `GET /status` | the node's incarnation, health and how many members it sees alive |
//! | `GET /healthz` | `{}` as soon as the node takes part |

use std::time::Duration;

use clap::Args;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use rashomon_mutants::Mutants;
use rashomon_swim::{Config, Envelope, Event, Member, Mutant, State};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use crate::clock::Clocks;
use crate::http::{Answer, Refused, failure, reply};
use crate::members::http::Change;
use crate::members::{self, Members};
use crate::peers::{self, Links, Preamble};
use crate::start::{self, Place, RunError, Turns, random};
use crate::wal::WalError;

/// What a connection between nodes begins with.
const PREAMBLE: Preamble = *b"SWIMGO01";

/// How often timeouts are looked at.
const TICK: Duration = Duration::from_millis(10);

/// The most inputs that make one batch.
const BATCH: usize = 1024;

/// How a node is started.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    timing: Timing,
    /// Where random choices come from; different at each start when left out
    #[arg(long)]
    seed: Option<u64>,
    /// Build in a known bug (see `rashomon-node list-mutants`)
    #[arg(long, value_parser = start::mutant::<Mutant>)]
    mutant: Option<Mutant>,
}

/// The protocol's time constants.
#[derive(Args, Debug)]
struct Timing {
    /// How often a node probes another one
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(10..))]
    probe_interval_ms: u64,
    /// How long it waits before it asks others to probe; at most half of the interval
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u64).range(5..))]
    probe_timeout_ms: u64,
    /// How many probe intervals a suspect has at the least before it is declared dead
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    suspicion_periods: u64,
    /// How often whole tables are exchanged, and the dead are tried again
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..))]
    sync_interval_ms: u64,
    /// How long members that are dead or left are remembered
    #[arg(long, default_value_t = 86_400_000)]
    forget_after_ms: u64,
}

/// Something that happened to the node.
enum Input {
    /// A peer sent a message.
    Message(Envelope),
    /// A client wants to know who is there.
    View(oneshot::Sender<Option<Vec<Member>>>),
    /// A client wants the node to leave or join; refused, by dropping the sender, while it does not take part.
    Change(Change, oneshot::Sender<()>),
    /// Somebody wants to know how the node is.
    Status(oneshot::Sender<String>),
    /// The identity of this number is on disk.
    Persisted(u64),
    /// The disk refused; the node must not go on.
    DiskFailed(WalError),
}

/// Runs a node until it is told to stop (SIGTERM or SIGINT).
pub(crate) fn run(options: Options) -> Result<(), RunError> {
    let Options { place, timing, .. } = &options;
    if timing.probe_timeout_ms * 2 > timing.probe_interval_ms {
        return Err(RunError::Usage("--probe-timeout-ms must be at most half of --probe-interval-ms".to_owned()));
    }
    let peers = place.settle()?;
    let mut config = Config::new(place.id, peers.keys().copied());
    config.probe_interval_ms = timing.probe_interval_ms;
    config.probe_timeout_ms = timing.probe_timeout_ms;
    config.suspicion_periods = timing.suspicion_periods;
    config.sync_interval_ms = timing.sync_interval_ms;
    config.forget_after_ms = timing.forget_after_ms;
    config.seed = match options.seed {
        Some(seed) => seed,
        None => random()?,
    };
    config.mutant = options.mutant;
    let clocks = Clocks::start();
    eprintln!(
        "INFO swim: starts id={} mutant={} pid={} wall={}",
        place.id,
        options.mutant.map_or("none", |mutant| mutant.info().name),
        std::process::id(),
        clocks.read().wall_ms,
    );
    start::block_on(async {
        let peer_listener = place.listen_for_peers().await?;
        let client_listener = place.listen_for_clients().await?;
        let (inputs, receiver) = mpsc::channel(8192);
        let patience = Duration::from_millis(timing.probe_interval_ms);
        let links = peers::connect(place.id, &peers, PREAMBLE, patience);
        tokio::spawn(peers::accept(peer_listener, PREAMBLE, inputs.clone(), Input::Message));
        let for_clients = inputs.clone();
        tokio::spawn(crate::http::accept(client_listener, move |request| answer(request, for_clients.clone())));
        let members = Members::start(config, &place.data, clocks.read().monotonic_ms, move |result| {
            inputs.blocking_send(result.map_or_else(Input::DiskFailed, Input::Persisted)).is_ok()
        })?;
        drive(members, clocks, receiver, links).await
    })
}

/// Runs until a signal says to stop, or the disk fails.
async fn drive(
    mut members: Members,
    clocks: Clocks,
    inputs: mpsc::Receiver<Input>,
    links: Links,
) -> Result<(), RunError> {
    let mut turns = Turns::new(inputs, TICK, BATCH)?;
    while let Some(inputs) = turns.next().await {
        let clock = clocks.read();
        members.advance(clock.monotonic_ms);
        for input in inputs {
            match input {
                Input::Message(envelope) => members.receive(envelope),
                Input::View(reply) => drop(reply.send(members.view())),
                Input::Change(_, reply) if members.identity().is_none() => drop(reply),
                Input::Change(change, reply) => tell(&links, members.change(change, reply)),
                Input::Status(reply) => drop(reply.send(status(&members, clock.wall_ms))),
                Input::Persisted(number) => members.persisted(number),
                Input::DiskFailed(error) => return Err(error.into()),
            }
        }
        tell(&links, members.output());
    }
    eprintln!("INFO swim: stops on a signal");
    // The disk reports into this channel; nobody reads it any more.
    drop(turns);
    members.finish();
    Ok(())
}

fn tell(links: &Links, (messages, events): (Vec<Envelope>, Vec<Event>)) {
    for envelope in &messages {
        links.send(envelope.to, envelope);
    }
    for event in events {
        eprintln!("INFO swim: {event}");
    }
}

fn status(members: &Members, wall_ms: i64) -> String {
    let identity = members.identity();
    let view = members.view().unwrap_or_default();
    let body = json!({
        "incarnation": identity.map(|identity| identity.incarnation),
        "left": identity.map(|identity| identity.left),
        "alive": view.iter().filter(|member| member.state == State::Alive).count(),
        "wall_clock_ms": wall_ms,
        "pid": std::process::id(),
    });
    body.to_string()
}

/// Answers one request.
async fn answer(request: Request<Incoming>, inputs: mpsc::Sender<Input>) -> Answer {
    match request.uri().path() {
        "/members" => match members::http::understand(request).await {
            Err(refused) => refused.into(),
            Ok(None) => members::http::show(ask(&inputs, Input::View).await.flatten()),
            Ok(Some(change)) => match ask(&inputs, |reply| Input::Change(change, reply)).await {
                Some(()) => reply(StatusCode::OK, "{}"),
                // It takes part no sooner than later, or it is stopping; either way nobody knows.
                None => failure(StatusCode::SERVICE_UNAVAILABLE, "starting", false),
            },
        },
        "/status" => match ask(&inputs, Input::Status).await {
            Some(body) => reply(StatusCode::OK, body),
            None => failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", true),
        },
        "/healthz" => match ask(&inputs, Input::View).await.flatten() {
            Some(_) => reply(StatusCode::OK, "{}"),
            None => failure(StatusCode::SERVICE_UNAVAILABLE, "starting", true),
        },
        _ => Refused::new(StatusCode::NOT_FOUND, "no-such-path").into(),
    }
}

/// Asks the loop; `None` when it does not answer any more.
async fn ask<T>(inputs: &mpsc::Sender<Input>, question: impl FnOnce(oneshot::Sender<T>) -> Input) -> Option<T> {
    let (reply, answer) = oneshot::channel();
    inputs.send(question(reply)).await.ok()?;
    answer.await.ok()
}
