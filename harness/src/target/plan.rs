//! How a node of a target is prepared, started, seen to serve and stopped.

use std::path::PathBuf;
use std::time::Duration;

/// A program with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeCommand {
    /// The program's path.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables added to its environment.
    pub env: Vec<(String, String)>,
    /// Files and folders of this machine, absolute, that the node may read besides system programs, its own program and
    /// the paths that its arguments name: libraries of a script, for instance.
    pub reads: Vec<PathBuf>,
}

impl NodeCommand {
    /// A program without arguments.
    pub fn new(program: impl Into<PathBuf>) -> NodeCommand {
        NodeCommand { program: program.into(), args: Vec::new(), env: Vec::new(), reads: Vec::new() }
    }

    /// The same with further arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<String>>) -> NodeCommand {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// The same with a further variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> NodeCommand {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The program and its arguments.
    pub fn words(&self) -> Vec<String> {
        [&[self.program.display().to_string()], &self.args[..]].concat()
    }
}

/// One of a node's processes. They are started in order, and a fault that kills or pauses the node reaches all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessPlan {
    /// Its name, unique in the node: `sentinel`. The first process prints into `node.log`, each further one into
    /// `<name>.log`.
    pub name: String,
    /// How it is started.
    pub command: NodeCommand,
}

/// A file that the harness writes before the node is prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFile {
    /// Its path within the data directory: `conf/server.conf`.
    pub path: PathBuf,
    /// Its content.
    pub content: String,
    /// Its permission bits: `0o644`.
    pub mode: u32,
}

impl NodeFile {
    /// A file that its owner may write and everybody may read.
    pub fn new(path: impl Into<PathBuf>, content: impl Into<String>) -> NodeFile {
        NodeFile { path: path.into(), content: content.into(), mode: 0o644 }
    }
}

/// A command of a preparation: it runs in the node's namespaces, as the node's user, in its data directory, to its end.
/// What it prints goes to `node.log`. An exit code other than 0 ends the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The command.
    pub command: NodeCommand,
    /// Whether it may use the lab's network. Without, it has no network but a loopback device that is down.
    pub network: bool,
    /// How long it may take.
    pub within: Duration,
}

impl Step {
    /// A step without a network that may take a minute.
    pub fn new(command: NodeCommand) -> Step {
        Step { command, network: false, within: Duration::from_secs(60) }
    }

    /// A step that may reach the other nodes and may take a minute.
    pub fn with_network(command: NodeCommand) -> Step {
        Step { network: true, ..Step::new(command) }
    }
}

/// How to see that a node serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It accepts connections on this port.
    Tcp(u16),
    /// It answers 2xx to `GET path` on this port.
    Http {
        /// The port.
        port: u16,
        /// The path, with its slash.
        path: String,
    },
    /// This command, run in the node, exits with code 0. It is run again until it does.
    Command(NodeCommand),
}

/// Where a node's protocol events come from: that it leads, took a snapshot, joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSource {
    /// The node appends a JSON object a line to the file that the variable `RASHOMON_EVENTS` names, such as
    /// `{"event": "leader", "term": 5}`. Further fields are the event's detail.
    Channel,
    /// Lines of the node's log.
    Log(Vec<LogPattern>),
    /// The node is asked so often whether it leads.
    Status {
        /// How often.
        every: Duration,
    },
}

/// Which lines of a log report a kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPattern {
    /// The kind: `leader`.
    pub kind: String,
    /// A regular expression that such a line contains. Its groups `term` and `detail` say more.
    pub regex: String,
}

impl LogPattern {
    /// A pattern.
    pub fn new(kind: impl Into<String>, regex: impl Into<String>) -> LogPattern {
        LogPattern { kind: kind.into(), regex: regex.into() }
    }
}

/// How a node is stopped gracefully.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GracefulStop {
    /// What asks it to stop.
    pub how: StopRequest,
    /// How long it may take; then it is killed.
    pub within: Duration,
}

/// What asks a node to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopRequest {
    /// This signal (its number) to every process of the plan, the last one started first.
    Signal(i32),
    /// This command, run in the node.
    Command(NodeCommand),
}

impl Default for GracefulStop {
    /// SIGTERM, and ten seconds.
    fn default() -> GracefulStop {
        GracefulStop { how: StopRequest::Signal(nix::libc::SIGTERM), within: Duration::from_secs(10) }
    }
}

/// How one node is prepared, started, seen to serve and stopped.
///
/// ```
/// # use rashomon_harness::target::{NodeCommand, NodePlan, Readiness};
/// # use std::time::Duration;
/// let command = NodeCommand::new("/usr/bin/etcd").args(["--name=n1"]);
/// let plan = NodePlan { ready_within: Duration::from_secs(60), ..NodePlan::new(command, Readiness::Tcp(2379)) };
/// assert_eq!(plan.processes.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// Written before `prepare`.
    pub files: Vec<NodeFile>,
    /// Run in order before the first start.
    pub prepare: Vec<Step>,
    /// Run in order before a start that follows the loss of the node's data, after `files` were written again; `None`:
    /// the steps of `prepare`.
    pub restore: Option<Vec<Step>>,
    /// Nodes that must serve before this one is prepared and started, by number. The others start at the same time.
    pub after: Vec<u16>,
    /// Its processes; at least one.
    pub processes: Vec<ProcessPlan>,
    /// How to see that it serves.
    pub readiness: Readiness,
    /// How long it may take from its start until it serves.
    pub ready_within: Duration,
    /// How it is stopped gracefully.
    pub stop: GracefulStop,
    /// Where its protocol events come from; without any, nobody can say whether a fault had an effect on its protocol.
    pub events: Vec<EventSource>,
}

impl NodePlan {
    /// A node of one process that needs no preparation and serves within 20 seconds.
    pub fn new(command: NodeCommand, readiness: Readiness) -> NodePlan {
        NodePlan {
            files: Vec::new(),
            prepare: Vec::new(),
            restore: None,
            after: Vec::new(),
            processes: vec![ProcessPlan { name: "node".to_owned(), command }],
            readiness,
            ready_within: Duration::from_secs(20),
            stop: GracefulStop::default(),
            events: Vec::new(),
        }
    }
}

/// What is done once for the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterPlan {
    /// Made in order, before any node is prepared.
    pub files: Vec<SharedFile>,
    /// Run in the named node, in order, once all nodes serve and before the clients begin: a cluster is formed, users
    /// and tables are made.
    pub after_start: Vec<(u16, Step)>,
}

/// A file that is made once and that every node gets: a key or a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedFile {
    /// Its path within each node's data directory. [`NodePlan::prepare`] finds it there.
    pub path: PathBuf,
    /// Prints its content, which must be text. Runs in node 1.
    pub printed_by: Step,
    /// Its permission bits: `0o600`.
    pub mode: u32,
}
