//! `swim`: nodes that know of each other and do nothing else, by [`rashomon_swim`].
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
use rashomon_protocol::{Clock, Protocol};
use rashomon_swim::{Config, Member, Mutant, Remembered, State, Swim};
use serde_json::json;

use crate::clock::Clocks;
use crate::driver::{self, Mailbox, Settings};
use crate::http::{Answer, Refused, failure, reply};
use crate::members::{self, IdentityFile};
use crate::peers::Preamble;
use crate::start::{self, Place, RunError, random};

/// What a connection between nodes begins with.
const PREAMBLE: Preamble = *b"SWIMGO01";

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
        clocks.read().wall_ms(),
    );
    let remembered = Remembered(members::recover(&place.data)?);
    let node = Swim::start(config, remembered, 0, clocks.read()).map_err(RunError::State)?;
    let settings = Settings {
        place,
        peers,
        preamble: PREAMBLE,
        patience: Duration::from_millis(timing.probe_interval_ms),
        // A node answers as soon as its disk allows.
        request_timeout_ms: u64::from(u32::MAX),
    };
    driver::run(node, clocks, settings, |report| Ok(IdentityFile::start(&place.data, report)), answer)
}

/// All members as a node sees them; `None` while it does not take part yet.
fn view(node: &Swim, _: Clock) -> Option<Vec<Member>> {
    node.identity().map(|_| node.members())
}

fn status(node: &Swim, clock: Clock) -> String {
    let identity = node.identity();
    let view = node.members();
    let body = json!({
        "incarnation": identity.map(|identity| identity.incarnation),
        "left": identity.map(|identity| identity.left),
        "alive": view.iter().filter(|member| member.state == State::Alive).count(),
        "wall_clock_ms": clock.wall_ms(),
        "pid": std::process::id(),
    });
    body.to_string()
}

/// Answers one request.
async fn answer(request: Request<Incoming>, node: Mailbox<Swim>) -> Answer {
    match request.uri().path() {
        "/members" => match members::http::understand(request).await {
            Err(refused) => refused.into(),
            Ok(None) => members::http::show(node.look(view).await.flatten()),
            Ok(Some(change)) => match node.request(change).await {
                Some(Ok(())) => reply(StatusCode::OK, "{}"),
                // It takes part no sooner than later, or it is stopping; either way nobody knows.
                Some(Err(_)) | None => failure(StatusCode::SERVICE_UNAVAILABLE, "starting", false),
            },
        },
        "/status" => match node.look(status).await {
            Some(body) => reply(StatusCode::OK, body),
            None => failure(StatusCode::SERVICE_UNAVAILABLE, "stopping", true),
        },
        "/healthz" => match node.look(view).await.flatten() {
            Some(_) => reply(StatusCode::OK, "{}"),
            None => failure(StatusCode::SERVICE_UNAVAILABLE, "starting", true),
        },
        _ => Refused::new(StatusCode::NOT_FOUND, "no-such-path").into(),
    }
}
