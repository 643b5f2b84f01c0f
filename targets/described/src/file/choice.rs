//! What a user can choose, and what follows from it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::template::Text;
use crate::time::Time;

/// A setting.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SettingEntry {
    /// Its value when the user does not choose one.
    pub(crate) default: String,
    /// What it means, in one line.
    #[serde(default)]
    pub(crate) meaning: String,
    /// The values that it may have; any when not given.
    #[serde(default)]
    pub(crate) values: Vec<String>,
}

/// A known bug.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MutantEntry {
    /// What is wrong, in one line.
    pub(crate) summary: String,
    /// What a run against it shows: `stale read`.
    #[serde(default)]
    pub(crate) exposes: String,
    /// Its number in a catalogue of bugs; its place in the file by default.
    #[serde(default)]
    pub(crate) id: String,
    /// Settings that switch it on.
    #[serde(default)]
    pub(crate) settings: BTreeMap<Text, String>,
    /// Another program for the first process.
    pub(crate) program: Option<Text>,
    /// The run that finds it.
    pub(crate) found_by: Option<RecipeEntry>,
}

/// The run that finds a known bug.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RecipeEntry {
    /// `--workload`; the target's own by default.
    pub(crate) workload: Option<String>,
    /// `--nodes`; the target's own by default.
    pub(crate) nodes: Option<u16>,
    /// `--faults`: classes and kinds.
    pub(crate) faults: Vec<String>,
    /// `--time`, whole seconds.
    pub(crate) time: Time,
    /// Further flags.
    #[serde(default)]
    pub(crate) flags: Vec<String>,
}

/// Another promise under some settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WeakerEntry {
    /// The settings with their values.
    pub(crate) when: BTreeMap<Text, String>,
    /// What it promises then, by interface.
    pub(crate) promises: BTreeMap<Text, Text>,
}

/// A list of nodes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ListEntry {
    /// What stands for one node: `{node}=http://{ip}:2380`.
    pub(crate) each: Text,
    /// What stands between two.
    #[serde(default = "comma")]
    pub(crate) separator: String,
    /// Of which nodes.
    #[serde(default)]
    pub(crate) of: Members,
}

fn comma() -> String {
    ",".to_owned()
}

/// Which nodes a list has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Members {
    /// All of them.
    #[default]
    All,
    /// All but the node whose template it is.
    Others,
}

/// The system's own time constants: faults last multiples of them. Templates, so that they can follow a setting:
/// `{election-timeout-ms}ms`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TimingEntry {
    /// How long a silent leader (or peer) is missed before the system reacts; 1 s by default.
    pub(crate) election_timeout: Option<Text>,
    /// How long a restarted or healed cluster may need until it serves again; 3 s by default.
    pub(crate) recovery: Option<Text>,
    /// Within this time after the last heal and the last update all replicas agree, where less than linearizability is
    /// promised; 5 s by default.
    pub(crate) convergence: Option<Text>,
}
