//! How a node is prepared, started, seen to serve and stopped.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::template::Text;
use crate::time::Time;

/// As whom nodes run. No right over the machine comes with either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum User {
    /// As `node`, with user and group id 1000.
    #[default]
    Node,
    /// As `root`, for programs that insist on it.
    Root,
}

/// Where and when a part applies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Where<'a> {
    pub(crate) only: &'a [u16],
    pub(crate) not: &'a [u16],
    pub(crate) when: Option<&'a BTreeMap<Text, String>>,
}

/// A file of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct FileEntry {
    /// Its path within the data directory: `conf/server.conf`.
    pub(crate) path: Text,
    /// Its content, a template.
    pub(crate) content: Text,
    /// Its permission bits, in octal: `600`.
    #[serde(default = "readable")]
    pub(crate) mode: String,
    /// Only on these nodes, by number.
    #[serde(default)]
    pub(crate) only: Vec<u16>,
    /// Not on these nodes.
    #[serde(default)]
    pub(crate) not: Vec<u16>,
    /// Only where these settings have these values.
    #[serde(default)]
    pub(crate) when: BTreeMap<Text, String>,
}

impl FileEntry {
    pub(crate) fn applies(&self) -> Where<'_> {
        Where { only: &self.only, not: &self.not, when: Some(&self.when) }
    }
}

fn readable() -> String {
    "644".to_owned()
}

/// A command that runs to its end. Another exit code than 0 ends the run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StepEntry {
    /// The program and its arguments.
    pub(crate) command: Vec<Text>,
    /// Whether it may reach the other nodes.
    #[serde(default)]
    pub(crate) network: bool,
    /// How long it may take; a minute by default.
    #[serde(default = "minute")]
    pub(crate) within: Time,
    /// Only on these nodes, by number.
    #[serde(default)]
    pub(crate) only: Vec<u16>,
    /// Not on these nodes.
    #[serde(default)]
    pub(crate) not: Vec<u16>,
    /// Only where these settings have these values.
    #[serde(default)]
    pub(crate) when: BTreeMap<Text, String>,
}

impl StepEntry {
    pub(crate) fn applies(&self) -> Where<'_> {
        Where { only: &self.only, not: &self.not, when: Some(&self.when) }
    }
}

fn minute() -> Time {
    Time(std::time::Duration::from_secs(60))
}

/// One of a node's processes. A kill or a pause reaches all of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProcessEntry {
    /// Its name; `node` by default. The first process prints into `node.log`, each further one into `<name>.log`.
    #[serde(default = "node")]
    pub(crate) name: String,
    /// The program and its arguments.
    pub(crate) command: Vec<Text>,
    /// Further arguments under conditions.
    #[serde(default)]
    pub(crate) more: Vec<MoreEntry>,
    /// Variables of its environment.
    #[serde(default)]
    pub(crate) env: BTreeMap<String, Text>,
    /// Files and folders of this machine that it may read besides its program and what the command names.
    #[serde(default)]
    pub(crate) reads: Vec<Text>,
}

fn node() -> String {
    "node".to_owned()
}

/// Arguments under conditions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MoreEntry {
    /// The arguments.
    pub(crate) args: Vec<Text>,
    /// Only on these nodes, by number.
    #[serde(default)]
    pub(crate) only: Vec<u16>,
    /// Not on these nodes.
    #[serde(default)]
    pub(crate) not: Vec<u16>,
    /// Only where these settings have these values.
    #[serde(default)]
    pub(crate) when: BTreeMap<Text, String>,
}

impl MoreEntry {
    pub(crate) fn applies(&self) -> Where<'_> {
        Where { only: &self.only, not: &self.not, when: Some(&self.when) }
    }
}

/// How to see that a node serves: one of `tcp`, `http` and `command`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ReadyEntry {
    /// It accepts connections on this port.
    pub(crate) tcp: Option<u16>,
    /// It answers 2xx to a GET.
    pub(crate) http: Option<HttpReadyEntry>,
    /// This command, run in the node, exits with code 0.
    #[serde(default)]
    pub(crate) command: Vec<Text>,
    /// How long that may take from its start; 20 s by default.
    #[serde(default = "twenty_seconds")]
    pub(crate) within: Time,
}

fn twenty_seconds() -> Time {
    Time(std::time::Duration::from_secs(20))
}

/// A page of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HttpReadyEntry {
    /// The port.
    pub(crate) port: u16,
    /// The path, with its slash.
    pub(crate) path: String,
}

/// How a node is stopped gracefully: by a signal or a command.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StopEntry {
    /// This signal to every process, the last one started first: `SIGINT`.
    pub(crate) signal: Option<Text>,
    /// This command, run in the node.
    #[serde(default)]
    pub(crate) command: Vec<Text>,
    /// How long it may take, 10 s by default; then the node is killed.
    pub(crate) within: Option<Time>,
}

/// A file that is made once and that every node gets.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SharedFileEntry {
    /// Its path within each node's data directory.
    pub(crate) path: Text,
    /// Prints its content; runs in node 1.
    pub(crate) printed_by: Vec<Text>,
    /// Its permission bits, in octal: `600`.
    #[serde(default = "readable")]
    pub(crate) mode: String,
}

/// A command for the whole cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AfterStartEntry {
    /// The node that it runs in; 1 by default.
    #[serde(default = "first")]
    pub(crate) node: u16,
    /// The program and its arguments.
    pub(crate) command: Vec<Text>,
    /// How long it may take; a minute by default.
    #[serde(default = "minute")]
    pub(crate) within: Time,
}

fn first() -> u16 {
    1
}
