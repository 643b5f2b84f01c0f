//! What a file that describes a target can say. The doc comments here are the descriptions of the JSON schema.

mod choice;
mod node;
mod status;

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

pub(crate) use choice::{ListEntry, Members, MutantEntry, SettingEntry, TimingEntry, WeakerEntry};
pub(crate) use node::{
    AfterStartEntry, FileEntry, ProcessEntry, ReadyEntry, SharedFileEntry, StepEntry, StopEntry, User, Where,
};
pub(crate) use status::{ClockEntry, EventEntry, LeaderEntry, PageEntry, Unit};

use crate::client::ClientEntry;
use crate::template::Text;

/// A system under test: how its nodes are started, what they promise, and how clients talk to them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Description {
    /// Where this text was read from; Rashomon adds it to what a run keeps. Relative paths start from its folder.
    pub(crate) read_from: Option<PathBuf>,
    /// The target's name; the file's name without its ending when not given.
    pub(crate) name: Option<Text>,
    /// What it is, in one line.
    #[serde(default)]
    pub(crate) summary: String,
    /// How many nodes a run has by default.
    #[serde(default = "three")]
    pub(crate) nodes: u16,
    /// The workload of a run whose user chose none; by default that of the first interface promised.
    pub(crate) workload: Option<String>,
    /// As whom the nodes run; `node` (id 1000) by default.
    #[serde(default)]
    pub(crate) user: User,
    /// Whether its processes may exit on their own, by design. Elsewhere an unexpected exit is a violation.
    #[serde(default)]
    pub(crate) exits_by_design: bool,
    /// The version, where no command prints it.
    pub(crate) version: Option<String>,
    /// A command that prints the version.
    #[serde(default)]
    pub(crate) version_command: Vec<Text>,
    /// What to do when a program is missing: `apt-get install redis-server`.
    #[serde(default)]
    pub(crate) install: String,
    /// The interfaces that it serves (`rashomon list interfaces`), each with the consistency that it promises.
    pub(crate) promises: BTreeMap<Text, Text>,
    /// Other promises under some settings.
    #[serde(default)]
    pub(crate) weaker: Vec<WeakerEntry>,
    /// Options of workloads (`rashomon list workloads`) that have another default here.
    #[serde(default)]
    pub(crate) workloads: BTreeMap<String, BTreeMap<String, String>>,
    /// Settings that `--set NAME=VALUE` changes; `{NAME}` stands for the value in all templates.
    #[serde(default)]
    pub(crate) settings: BTreeMap<Text, SettingEntry>,
    /// Known bugs that `--mutant NAME` switches on.
    #[serde(default)]
    pub(crate) mutants: BTreeMap<String, MutantEntry>,
    /// Lists of nodes that templates can name: `n1=http://10.77.0.1:2380,n2=…`.
    #[serde(default)]
    pub(crate) lists: BTreeMap<Text, ListEntry>,
    /// The system's own time constants.
    #[serde(default)]
    pub(crate) timing: TimingEntry,
    /// Nodes that must serve before the others are prepared and started, by number.
    #[serde(default)]
    pub(crate) start_first: Vec<u16>,
    /// Files made once and given to every node: keys, tokens.
    #[serde(default)]
    pub(crate) shared_files: Vec<SharedFileEntry>,
    /// Files written into a node's data directory before it is prepared.
    #[serde(default)]
    pub(crate) files: Vec<FileEntry>,
    /// Commands run in a node before its first start.
    #[serde(default)]
    pub(crate) prepare: Vec<StepEntry>,
    /// Commands run instead of `prepare` after a fault has wiped the node's data.
    pub(crate) restore: Option<Vec<StepEntry>>,
    /// A node's processes, started in order.
    pub(crate) processes: Vec<ProcessEntry>,
    /// How to see that a node serves.
    pub(crate) ready: ReadyEntry,
    /// Commands run once when all nodes serve, before the clients begin.
    #[serde(default)]
    pub(crate) after_start: Vec<AfterStartEntry>,
    /// How a node is stopped gracefully; SIGTERM by default.
    #[serde(default)]
    pub(crate) stop: StopEntry,
    /// Who leads; without it the system has no leader.
    pub(crate) leader: Option<LeaderEntry>,
    /// What a node's wall clock shows; clock faults are proved by it.
    pub(crate) clock: Option<ClockEntry>,
    /// Further protocol events: lines of a node's log.
    #[serde(default)]
    pub(crate) events: Vec<EventEntry>,
    /// How clients talk to a node.
    pub(crate) client: ClientEntry,
}

fn three() -> u16 {
    3
}

/// The JSON schema of such files, for editors.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Description);
    serde_json::to_string_pretty(&schema).expect("a schema is plain data")
}
