//! The target `maelstrom`: node programs that speak Maelstrom's protocol, unchanged.
//!
//! Beside each program runs `rashomon-node maelstrom`, which carries its messages over the lab's network. The services
//! are offered where the clients are, so that no fault reaches them.

mod client;
mod kinds;
mod options;
mod services;
mod values;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rashomon_harness::client::Client;
use rashomon_harness::consistency::Level;
use rashomon_harness::interface::{self, Interface};
use rashomon_harness::runs::{Manifest, RunFolder};
use rashomon_harness::target::{
    ClusterContext, Connection, EventSource, Node, NodeCommand, NodePlan, Readiness, StatusFuture, Target,
    TargetConfig, TargetError, TargetInfo, TargetTiming, Version,
};
use rashomon_maelstrom::{TOPOLOGIES, Traffic};

use self::client::MaelstromClient;
use self::kinds::Kind;
use self::services::Mailboxes;
use crate::included::{self, Settings};
use crate::node_program;

pub use options::MaelstromOptions;

/// Where a node's messages come in.
const MESSAGE_PORT: u16 = 7000;
/// Where a node says that it serves.
const STATUS_PORT: u16 = 8000;
/// Where the services are, at the clients' address.
const SERVICE_PORT: u16 = 7100;
/// The last byte of the clients' address.
const CLIENTS_HOST: u8 = 254;
/// So many files beside a node program are shown to the nodes.
const BESIDE: usize = 500;
const DISTRIBUTIONS: [&str; 3] = ["constant", "uniform", "exponential"];

/// The target `maelstrom`.
#[derive(Default)]
pub struct Maelstrom {
    mailboxes: Arc<Mailboxes>,
}

const SETTINGS: &Settings = &[
    (
        "workload",
        "lin-kv",
        "what the program serves, in Maelstrom's words: `echo`, `unique-ids`, `broadcast`, `g-set`, `g-counter`, \
         `pn-counter`, `lin-kv`, `kafka`, `txn-list-append` or `txn-rw-register`",
    ),
    ("args", "[]", "the program's arguments: a JSON array of strings"),
    ("topology", "grid", "the neighbours that `broadcast` tells each node: `grid`, `line`, `total`, `tree` to `tree4`"),
    ("latency-ms", "0", "how long a message between nodes takes on average, besides what the network takes"),
    ("latency-dist", "constant", "how that is distributed: `constant`, `uniform` or `exponential`"),
    ("nemesis-interval-ms", "4000", "how long faults last, about"),
    ("log-net", "no", "whether every message of a node goes to its log: `yes` or `no`"),
];

impl Maelstrom {
    fn kind(config: &TargetConfig) -> Result<&'static Kind, TargetError> {
        let name = included::setting(SETTINGS, config, "workload");
        kinds::KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let known: Vec<&str> = kinds::KINDS.iter().map(|kind| kind.name).collect();
            wrong(format!("there is no Maelstrom workload `{name}`"), format!("choose one of {}", known.join(", ")))
        })
    }

    /// The node program, absolute.
    fn program(config: &TargetConfig) -> Result<PathBuf, TargetError> {
        let missing =
            || wrong("no node program is named", "name it with --bin ./node.py (`run`: --node-binary ./node.py)");
        let named = config.node_binary.as_ref().ok_or_else(missing)?;
        named.canonicalize().ok().filter(|path| path.is_file()).ok_or_else(|| {
            wrong(format!("the node program {} does not exist", named.display()), "give its path with --bin")
        })
    }

    fn arguments(config: &TargetConfig) -> Result<Vec<String>, TargetError> {
        let text = included::setting(SETTINGS, config, "args");
        serde_json::from_str(text).map_err(|_| {
            wrong(
                format!("the setting args={text} is no JSON array of strings"),
                r#"give for example --set 'args=["-v"]'"#,
            )
        })
    }

    fn word<'a>(config: &'a TargetConfig, name: &str, words: &[&str]) -> Result<&'a str, TargetError> {
        let value = included::setting(SETTINGS, config, name);
        match words.contains(&value) {
            true => Ok(value),
            false => Err(wrong(
                format!("the setting {name} is not `{value}`"),
                format!("choose one of {}", words.join(", ")),
            )),
        }
    }

    fn latency_ms(config: &TargetConfig) -> Result<f64, TargetError> {
        let text = included::setting(SETTINGS, config, "latency-ms");
        text.parse().ok().filter(|latency| (0.0..=60_000.0).contains(latency)).ok_or_else(|| {
            wrong(
                format!("the setting latency-ms={text} is no time from 0 to 60000"),
                "give for example --set latency-ms=10",
            )
        })
    }
}

impl Target for Maelstrom {
    fn info(&self) -> TargetInfo {
        TargetInfo {
            interfaces: vec![
                &interface::REGISTER,
                &interface::SET,
                &interface::COUNTER,
                &interface::IDS,
                &interface::ECHO,
                &interface::LOG,
                &interface::LIST_APPEND,
                &interface::RW_REGISTER,
            ],
            settings: included::listed(SETTINGS),
            has_leader: false,
            ..TargetInfo::new(
                "maelstrom",
                "a node program of your own that speaks Maelstrom's protocol (docs/from-maelstrom.md)",
            )
        }
    }

    fn info_under(&self, config: &TargetConfig) -> TargetInfo {
        let info = self.info();
        match Maelstrom::kind(config) {
            Ok(kind) => {
                TargetInfo { interfaces: vec![kind.interface], default_workload: kind.workload.to_owned(), ..info }
            }
            Err(_) => info,
        }
    }

    fn consistency(&self, config: &TargetConfig, _: &'static Interface) -> Level {
        Maelstrom::kind(config).map_or(Level::LINEARIZABLE, |kind| kind.consistency)
    }

    fn workload_defaults(&self, config: &TargetConfig, _: &str) -> Vec<(String, String)> {
        Maelstrom::kind(config).map_or_else(|_| Vec::new(), |kind| included::options(kind.options))
    }

    fn timing(&self, config: &TargetConfig) -> Result<TargetTiming, TargetError> {
        let interval = Duration::from_millis(included::number(SETTINGS, config, "nemesis-interval-ms")?);
        let latency = Duration::from_secs_f64(Maelstrom::latency_ms(config)? / 1000.0);
        Ok(TargetTiming {
            // Faults last a few of these; nothing is known of the program's own time constants.
            election_timeout: interval / 3,
            recovery: Duration::from_millis(1_500) + 10 * latency,
            // As long as Maelstrom waits before its last reads.
            convergence: Duration::from_secs(10) + 10 * latency,
        })
    }

    fn prepare(&self, config: &TargetConfig) -> Result<Version, TargetError> {
        Maelstrom::kind(config)?;
        Maelstrom::arguments(config)?;
        Maelstrom::latency_ms(config)?;
        Maelstrom::word(config, "topology", &TOPOLOGIES)?;
        Maelstrom::word(config, "latency-dist", &DISTRIBUTIONS)?;
        Maelstrom::word(config, "log-net", &["yes", "no"])?;
        let program = Maelstrom::program(config)?;
        bridge()?;
        let about = std::fs::metadata(&program).map_err(|error| {
            wrong(format!("the node program {} cannot be read: {error}", program.display()), "give its path with --bin")
        })?;
        if about.permissions().mode() & 0o111 == 0 {
            let remedy = format!("chmod +x {}", program.display());
            return Err(wrong(format!("the node program {} is not executable", program.display()), remedy));
        }
        Ok(Version::Known(format!("{}, {} bytes", program.display(), about.len())))
    }

    fn begin(&self, cluster: &ClusterContext) -> Result<(), TargetError> {
        services::serve(SERVICE_PORT, cluster.config.seed, self.mailboxes.clone()).map_err(|error| {
            wrong(format!("the services cannot be offered: {error}"), "run again; if it stays so, report it")
        })
    }

    fn node_plan(&self, cluster: &ClusterContext, node: &Node) -> Result<NodePlan, TargetError> {
        let config = &cluster.config;
        let program = Maelstrom::program(config)?;
        let nodes: Vec<String> = cluster.nodes.iter().map(|node| format!("{}={}", node.name, node.ip)).collect();
        let [first, second, third, _] = node.ip.octets();
        let mut args = vec![
            "maelstrom".to_owned(),
            format!("--name={}", node.name),
            format!("--nodes={}", nodes.join(",")),
            format!("--services={first}.{second}.{third}.{CLIENTS_HOST}:{SERVICE_PORT}"),
            format!("--latency-ms={}", Maelstrom::latency_ms(config)?),
            format!("--latency-dist={}", Maelstrom::word(config, "latency-dist", &DISTRIBUTIONS)?),
            format!("--seed={}", config.seed.wrapping_add(u64::from(node.id))),
        ];
        if Maelstrom::kind(config)?.has_topology {
            args.push(format!("--topology={}", Maelstrom::word(config, "topology", &TOPOLOGIES)?));
        }
        if included::setting(SETTINGS, config, "log-net") == "yes" {
            args.push("--log-net".to_owned());
        }
        args.extend(["--".to_owned(), program.display().to_string()]);
        args.extend(Maelstrom::arguments(config)?);
        let command = NodeCommand { reads: beside(&program), ..NodeCommand::new(bridge()?).args(args) };
        let readiness = Readiness::Http { port: STATUS_PORT, path: "/".to_owned() };
        Ok(NodePlan { events: vec![EventSource::Channel], ..NodePlan::new(command, readiness) })
    }

    fn client(&self, cluster: &ClusterContext, connection: &Connection<'_>) -> Box<dyn Client> {
        let functions = Maelstrom::kind(&cluster.config).map_or(&[][..], |kind| kind.functions);
        let address = (connection.node.ip, MESSAGE_PORT).into();
        let mailbox = self.mailboxes.open(connection.session);
        Box::new(MaelstromClient::new(functions, address, connection.node.name.clone(), mailbox))
    }

    fn status<'a>(&'a self, _: &'a ClusterContext, node: &'a Node, timeout: Duration) -> StatusFuture<'a> {
        included::status(node, timeout)
    }

    /// How many messages there were, as Maelstrom prints it.
    fn figures(&self, run: &RunFolder, manifest: &Manifest) -> Vec<(String, String)> {
        let mut traffic = Traffic::default();
        for event in run.events().iter().filter(|event| event.kind == "messages") {
            traffic.add(&event.detail);
        }
        let functions = manifest.evidence.iter().flat_map(|evidence| &evidence.functions);
        let operations = functions.map(|counts| counts.ok + counts.fail + counts.info).sum();
        vec![("net".to_owned(), traffic.described(operations).to_string())]
    }
}

/// The program that carries a node's messages.
fn bridge() -> Result<PathBuf, TargetError> {
    node_program::find(&TargetConfig::default())
}

/// What lies beside a program: its libraries, perhaps. Nothing of a folder that holds much else: a home, `/tmp`.
fn beside(program: &Path) -> Vec<PathBuf> {
    let Some(folder) = program.parent() else { return Vec::new() };
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let holds_all = folder.components().count() <= 2 || home.is_some_and(|home| home.starts_with(folder));
    if holds_all {
        return Vec::new();
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let shown = entries.filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')));
    shown.take(BESIDE).collect()
}

fn wrong(what: impl Into<String>, remedy: impl Into<String>) -> TargetError {
    TargetError { what: what.into(), remedy: remedy.into() }
}
