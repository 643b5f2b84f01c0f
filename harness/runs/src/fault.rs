//! One fault as it was injected.

use rashomon_spec::fault_kind::FaultClass;
use serde::{Deserialize, Serialize};

/// Whether a planned fault took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultOutcome {
    /// It took effect; its proof says how that was observed.
    Installed,
    /// It was not tried, for a reason of the model: no leader, the node was already down, ….
    Skipped,
    /// It was injected, but no effect was observed. (Version 0.1.0 wrote `indeterminate`.)
    #[serde(alias = "indeterminate")]
    Unconfirmed,
}

/// One line of `faults.jsonl`. A fault has a line when it begins (without `end_ns`) and a second one, with the same id,
/// when it has been healed; the later one counts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its identity within the run, as in the plan.
    pub id: u32,
    /// The episode it belongs to, from 1.
    pub episode: u32,
    /// Its class.
    pub class: FaultClass,
    /// Its kind within the class, as on the command line: `isolate-leader`, `pause-some`, ….
    pub kind: String,
    /// In plain words, with the nodes it hit: `n3 (leader) cut off from n1, n2, n4, n5`.
    pub description: String,
    /// Names of the nodes it hit.
    pub nodes: Vec<String>,
    /// When it took effect, ns on the run's clock.
    pub begin_ns: u64,
    /// When it was healed, ns; absent while it lasts.
    pub end_ns: Option<u64>,
    /// Whether it took effect.
    pub outcome: FaultOutcome,
    /// How its effect was observed: `312 packets dropped`, `pid 41 is gone`, `clock read 61.002 s ahead`.
    pub proof: Vec<String>,
    /// How its healing was observed.
    pub healed: Vec<String>,
    /// Why it was skipped or is unconfirmed.
    pub reason: Option<String>,
    /// How far it set the wall clocks of its nodes off, milliseconds; negative is back. Only clock faults do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ms: Option<i64>,
    /// The fault of the plan that it repeats, because none of its class had taken effect when the plan was over. Such a
    /// fault is not in the plan itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<u32>,
}
