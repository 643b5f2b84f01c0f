//! What a run leaves in its folder, as data.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | [`Manifest`]: all inputs, the plan, the host, counts, verdict |
//! | `history.rhist` | what every client saw (see the `history` crate) |
//! | `faults.jsonl` | one [`FaultRecord`] a line, written when the fault begins and again when it is healed |
//! | `verdict.json` | [`VerdictRecord`]: the verdict, its reasons, and what each checker found |
//! | `nodes/<name>/node.log` | what the node printed, each line prefixed `[ seconds.micros] ` on the run's clock |
//! | `report.html` | the page |

mod evidence;
mod fault;
mod manifest;
mod verdict;

pub use evidence::{Convergence, Evidence, FunctionCounts, LatencySummary, NodeExit, Timings};
pub use fault::{FaultOutcome, FaultRecord};
pub use manifest::{HostFacts, Manifest, MutantRecord, NodeRecord, TargetRecord};
pub use verdict::{Verdict, VerdictRecord};

/// File names within a run's folder.
pub mod files {
    /// The manifest.
    pub const MANIFEST: &str = "manifest.json";
    /// The history.
    pub const HISTORY: &str = "history.rhist";
    /// The faults.
    pub const FAULTS: &str = "faults.jsonl";
    /// The verdict.
    pub const VERDICT: &str = "verdict.json";
    /// The page.
    pub const REPORT: &str = "report.html";
    /// The folder that has one folder per node.
    pub const NODES: &str = "nodes";
    /// A node's log within its folder.
    pub const NODE_LOG: &str = "node.log";
}
