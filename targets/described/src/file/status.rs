//! Who leads, what a clock shows, and which lines of a log are events.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::template::Text;
use crate::time::Time;

/// Who leads: one of `http`, `command`, `log` and `channel`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LeaderEntry {
    /// A page of the node that answers JSON.
    pub(crate) http: Option<PageEntry>,
    /// With `http`: where in the answer it says so, as a JSON pointer: `/role`.
    pub(crate) leads: Option<Text>,
    /// With `leads`: what stands there when the node leads; `true` by default.
    #[schemars(with = "Option<serde_json::Value>")]
    pub(crate) is: Option<toml::Value>,
    /// With `leads`: where the same value stands when the node leads, as a JSON pointer: `/header/member_id`.
    pub(crate) is_at: Option<Text>,
    /// With `http`: where its term, epoch or timeline is, as a JSON pointer.
    pub(crate) term: Option<Text>,
    /// A command beside the clients that asks the node, with `{ip}` and the like.
    #[serde(default)]
    pub(crate) command: Vec<Text>,
    /// With `command`: a regular expression that its output matches when the node leads. The group `term` is its term.
    pub(crate) matching: Option<Text>,
    /// A regular expression over a line of `node.log` with which a node says that it has become the leader; the group
    /// `term` is its term.
    pub(crate) log: Option<Text>,
    /// The node appends `{"event": "leader", "term": 5}` to the file that the variable `RASHOMON_EVENTS` names.
    #[serde(default)]
    pub(crate) channel: bool,
    /// How often it is asked; 500 ms by default.
    pub(crate) every: Option<Time>,
}

/// What a node's wall clock shows: one of `http` and `command`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ClockEntry {
    /// A page of the node that answers JSON.
    pub(crate) http: Option<PageEntry>,
    /// With `http`: where in the answer the time is, as a JSON pointer.
    pub(crate) at: Option<Text>,
    /// With `http`: the unit of that time since 1970; `ms` by default.
    #[serde(default)]
    pub(crate) unit: Unit,
    /// A command beside the clients that asks the node for its time, with `{ip}` and the like.
    #[serde(default)]
    pub(crate) command: Vec<Text>,
    /// With `command`: a regular expression over its output with groups `s`, `ms` and `us`, whose sum is the time since
    /// 1970.
    pub(crate) matching: Option<Text>,
}

/// Units of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unit {
    /// Seconds, also with decimals.
    S,
    /// Milliseconds.
    #[default]
    Ms,
    /// Microseconds.
    Us,
}

/// A page of a node.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PageEntry {
    /// The port.
    pub(crate) port: u16,
    /// The path, with its slash.
    pub(crate) path: Text,
    /// The method; `GET` by default, `POST` where there is a body.
    pub(crate) method: Option<Text>,
    /// What is sent.
    pub(crate) body: Option<String>,
}

/// Lines of `node.log` that report a kind of event.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct EventEntry {
    /// The kind: `snapshot-taken`.
    pub(crate) kind: String,
    /// A regular expression that such a line matches; its groups `term` and `detail` say more.
    pub(crate) log: Text,
}
