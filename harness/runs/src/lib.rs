//! What a run leaves: typed records of its files, one reader, one writer, and the store of many runs.
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | [`Manifest`]: all inputs, the plan, the host, counts, verdict |
//! | `history.rhist` | what every client saw (see the `history` crate) |
//! | `faults.jsonl` | one [`FaultRecord`] a line, written when the fault begins and again when it is healed |
//! | `events.jsonl` | one [`ProtocolEvent`] a line: what the nodes reported of their protocol; absent in older runs |
//! | `verdict.json` | [`VerdictRecord`]: the verdict, its reasons, and what each checker found |
//! | `nodes/<name>/node.log` | what the node printed, each line prefixed `[ seconds.micros] ` on the run's clock |
//! | `report.html` | the page |
//! | `pinned` | an empty file, where the user keeps the run whatever its age |
//! | `digest.json` | [`RunDigest`], where a campaign kept only that and the manifest |
//!
//! [`RunFolder`] reads and writes one run's files, [`Store`] is a folder of runs, [`RunDigest`] is what many runs are
//! listed, grouped and compared by. This crate knows no lab and judges nothing.
//!
//! # Formats
//!
//! The manifest's `format` number ([`Manifest::FORMAT`]) covers all files of its folder.
//!
//! - A folder of an **older** format is read: what it lacks has a default, and what was called otherwise is read under
//!   its old name. Run folders of earlier versions are kept as fixtures of the tests.
//! - A folder of a **newer** format is refused, and the message names the version that wrote it
//!   ([`ReadError::Newer`]): what it says might be misread.
//! - **Unknown fields** are ignored where a record describes (manifest, evidence, faults, verdict), so that an optional
//!   field can be added without a new number. In the plan ([`Plan`]: specification and schedule) they are refused: a
//!   plan that is understood in part is another plan.
//! - The number grows when a reader of the older number would misread a file or refuse its plan.
//!
//! | format | what changed |
//! |---|---|
//! | 1 | the first |
//! | 2 | planned faults have an identity, an aim and named parameters, and kinds the names of the command line; a fault without an observed effect is `unconfirmed`, formerly `indeterminate` |

mod digest;
mod event;
mod evidence;
mod fault;
mod fault_log;
mod folder;
mod manifest;
mod read_error;
mod store;
mod verdict;

pub use digest::{AnomalyDigest, RunDigest};
pub use event::ProtocolEvent;
pub use evidence::{Convergence, Evidence, FunctionCounts, LatencySummary, LeaderReactions, NodeExit, Timings};
pub use fault::{FaultOutcome, FaultRecord};
pub use fault_log::FaultLog;
pub use folder::{RecordedFaults, RecordedHistory, RunFolder};
pub use manifest::{
    ClockRecord, HostFacts, IsolationRecord, Manifest, MutantRecord, NodeLimits, NodeRecord, Plan, TargetRecord,
};
pub use read_error::ReadError;
pub use store::{Store, StoreError};
pub use verdict::{Verdict, VerdictRecord};

/// File names within a run's folder.
pub mod files {
    /// The manifest.
    pub const MANIFEST: &str = "manifest.json";
    /// The history.
    pub const HISTORY: &str = "history.rhist";
    /// The faults.
    pub const FAULTS: &str = "faults.jsonl";
    /// The protocol events.
    pub const EVENTS: &str = "events.jsonl";
    /// What the clients wrote besides their answers.
    pub const CLIENTS: &str = "clients.log";
    /// The verdict.
    pub const VERDICT: &str = "verdict.json";
    /// The digest, of a run of which only that and the manifest were kept.
    pub const DIGEST: &str = "digest.json";
    /// There is such a file where the user keeps the run whatever its age.
    pub const PINNED: &str = "pinned";
    /// The page.
    pub const REPORT: &str = "report.html";
    /// The folder that has one folder per node.
    pub const NODES: &str = "nodes";
    /// A node's log within its folder.
    pub const NODE_LOG: &str = "node.log";
}
