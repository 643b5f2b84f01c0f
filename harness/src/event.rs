//! What happens in a run, as one stream of typed events.
//!
//! The terminal, lines of JSON, a campaign and a web page all listen to the same stream ([`Listener`]). The controller
//! sends its events out of the lab as lines (`stream`); the runner adds its own and passes all of them on, in order.
//! An event describes; nothing depends on its arrival: what a run leaves is in its folder (`rashomon_runs`).

pub(crate) mod stream;

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use rashomon_runs::{Convergence, FaultRecord, RunDigest, Verdict};
use serde::{Deserialize, Serialize};

/// Something that happened in a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunEvent {
    /// The run's name: its folder's.
    pub run: String,
    /// Since the run was begun, ms of wall time.
    pub elapsed_ms: f64,
    /// What.
    #[serde(flatten)]
    pub kind: RunEventKind,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RunEventKind {
    /// The run has a folder and a manifest.
    RunStarted {
        /// Its folder.
        folder: PathBuf,
        /// The system under test.
        target: String,
        /// The known bug that is switched on.
        mutant: Option<String>,
        /// What the clients do.
        workload: String,
        /// The seed of every choice.
        seed: u64,
        /// How many nodes.
        nodes: u16,
        /// Length of the load, ms.
        time_ms: u64,
        /// Faults in the schedule.
        planned_faults: usize,
    },
    /// The run has entered another phase.
    PhaseBegan {
        /// Which.
        phase: Phase,
    },
    /// The lab is there.
    LabUp {
        /// How long it took.
        took_ms: f64,
    },
    /// Every node serves.
    NodesReady {
        /// How long it took.
        took_ms: f64,
    },
    /// What has been done so far, several times a second while there is load.
    Progress(ProgressSample),
    /// A fault has begun, or was skipped; its outcome says which.
    FaultBegan {
        /// Its record.
        fault: FaultRecord,
    },
    /// A fault has been healed.
    FaultHealed {
        /// Its record.
        fault: FaultRecord,
    },
    /// The load is over and every fault is healed.
    LoadEnded {
        /// How long it took.
        took_ms: f64,
        /// Operations that ended ok, fail and info.
        operations: [u64; 3],
    },
    /// The final reads are over.
    FinalReads {
        /// Every one was answered in time.
        complete: bool,
        /// How replicas came to agree, where they may differ for a while.
        convergence: Option<Convergence>,
    },
    /// The lab is gone.
    LabDown {
        /// How long it took.
        took_ms: f64,
    },
    /// The harness or its environment failed.
    Broke {
        /// What is wrong.
        what: String,
        /// What to do about it; empty when nothing is known.
        remedy: String,
    },
    /// Somebody ended the run: the user, or whoever killed a process of the lab.
    Interrupted {
        /// What happened.
        how: String,
    },
    /// Something a user should know that does not end the run.
    Warning {
        /// What.
        message: String,
    },
    /// The history has been judged.
    Judged {
        /// The verdict.
        verdict: Verdict,
        /// Why, the most important first.
        reasons: Vec<String>,
    },
    /// The run is over, and everything about it is in its folder.
    Finished {
        /// The run in short.
        digest: Box<RunDigest>,
        /// Its page; absent when it could not be written.
        report: Option<PathBuf>,
    },
}

/// A phase of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// Namespaces, bridge, nodes' folders.
    LabUp,
    /// From the nodes' start until each one serves.
    NodesStarting,
    /// Clients and faults.
    Load,
    /// What every node returns in the end.
    FinalReads,
    /// Nodes and namespaces go.
    LabDown,
    /// The checkers.
    Judging,
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Phase::LabUp => "making the lab",
            Phase::NodesStarting => "starting the nodes",
            Phase::Load => "load",
            Phase::FinalReads => "final reads",
            Phase::LabDown => "taking the lab down",
            Phase::Judging => "judging",
        })
    }
}

/// What has been done so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProgressSample {
    /// When, ns on the run's clock.
    pub time_ns: u64,
    /// In which phase.
    pub phase: Phase,
    /// Operations that ended ok, fail and info so far.
    pub operations: [u64; 3],
    /// The faults that last, in plain words.
    pub active_faults: Vec<String>,
}

impl ProgressSample {
    /// Operations a second that ended ok, fail and info since an earlier sample; since the beginning without one.
    pub fn rates_since(&self, earlier: Option<&ProgressSample>) -> [f64; 3] {
        let (then_ns, then) = earlier.map_or((0, [0; 3]), |sample| (sample.time_ns, sample.operations));
        let seconds = (self.time_ns.saturating_sub(then_ns) as f64 / 1e9).max(1e-3);
        let rate = |index: usize| self.operations[index].saturating_sub(then[index]) as f64 / seconds;
        [rate(0), rate(1), rate(2)]
    }
}

/// Who wants to know what happens. Runs side by side share one listener; each event names its run.
pub trait Listener: Send + Sync {
    /// An event, as it happens; of one run, in order. It must not block for long: the run's later events wait for it.
    fn event(&self, event: &RunEvent);
}

/// A channel: the other end listens when it likes, or has gone.
impl Listener for Sender<RunEvent> {
    fn event(&self, event: &RunEvent) {
        let _ = self.send(event.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_line_of_json() {
        let sample = ProgressSample {
            time_ns: 2_000_000_000,
            phase: Phase::Load,
            operations: [30, 2, 0],
            active_faults: vec!["n1 killed".to_owned()],
        };
        let event = RunEvent { run: "r".to_owned(), elapsed_ms: 2.5, kind: RunEventKind::Progress(sample) };
        let line = serde_json::to_string(&event).unwrap();
        let expected = r#"{"run":"r","elapsed_ms":2.5,"event":"progress","time_ns":2000000000,"phase":"load","operations":[30,2,0],"active_faults":["n1 killed"]}"#;
        assert_eq!(line, expected);
        let read: RunEvent = serde_json::from_str(&line).unwrap();
        assert!(matches!(read.kind, RunEventKind::Progress(sample) if sample.operations == [30, 2, 0]));
    }

    #[test]
    fn rates_are_taken_between_samples() {
        let sample = |seconds: u64, ok| ProgressSample {
            time_ns: seconds * 1_000_000_000,
            phase: Phase::Load,
            operations: [ok, 0, 4],
            active_faults: Vec::new(),
        };
        assert_eq!(sample(4, 100).rates_since(Some(&sample(2, 40))), [30.0, 0.0, 0.0]);
        assert_eq!(sample(2, 40).rates_since(None), [20.0, 0.0, 2.0]);
    }
}
