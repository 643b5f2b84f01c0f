//! What the page is made from.

use rashomon_history::History;

use rashomon_runs::{FaultRecord, Manifest, ProtocolEvent, VerdictRecord};

/// Everything a page is made from, by reference: what a harness holds when a run ends, or what [`crate::load()`] read.
#[derive(Clone, Copy, Debug)]
pub struct RunFiles<'a> {
    /// The manifest.
    pub manifest: &'a Manifest,
    /// The verdict; absent when the run was never judged.
    pub verdict: Option<&'a VerdictRecord>,
    /// Each fault once, in the order they began.
    pub faults: &'a [FaultRecord],
    /// What the nodes reported of their protocol, in order of time.
    pub events: &'a [ProtocolEvent],
    /// The history; absent when it could not be read.
    pub history: Option<&'a History>,
    /// Node logs, at least around the anomalies and the edges of faults.
    pub logs: &'a [NodeLog],
    /// What is missing or incomplete among the files, in plain words; shown at the top of the page.
    pub gaps: &'a [String],
}

/// A run read from its folder by [`crate::load()`].
#[derive(Clone, Debug)]
pub struct Run {
    /// The manifest.
    pub manifest: Manifest,
    /// The verdict; absent when the run was never judged.
    pub verdict: Option<VerdictRecord>,
    /// Each fault once, in the order they began.
    pub faults: Vec<FaultRecord>,
    /// What the nodes reported of their protocol, in order of time.
    pub events: Vec<ProtocolEvent>,
    /// The history, as far as it could be read.
    pub history: Option<History>,
    /// Node logs around the anomalies and the edges of faults.
    pub logs: Vec<NodeLog>,
    /// What is missing or incomplete, in plain words.
    pub gaps: Vec<String>,
}

impl Run {
    /// The run by reference, as [`crate::render`] takes it.
    pub fn files(&self) -> RunFiles<'_> {
        RunFiles {
            manifest: &self.manifest,
            verdict: self.verdict.as_ref(),
            faults: &self.faults,
            events: &self.events,
            history: self.history.as_ref(),
            logs: &self.logs,
            gaps: &self.gaps,
        }
    }
}

/// Lines of one node's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeLog {
    /// The node's name.
    pub node: String,
    /// Its lines in the order written, at least those that the page may show.
    pub lines: Vec<LogLine>,
    /// Its last lines, wherever they fall: what the node said before it ended.
    pub last: Vec<LogLine>,
    /// How many lines the whole log has.
    pub total: u64,
}

/// One line of a node's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, ns on the run's clock.
    pub time_ns: u64,
    /// The line without its time.
    pub text: String,
}
