//! The lab's cluster as faults see it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rashomon_faults::{
    ActionError, ClockReading, ClockWitness, CpuUse, Fate, FaultEnvironment, Grudge, Lost, Pending, Processes,
};
use rashomon_spec::schedule::FaultId;

use super::rules::{self, Cut};
use crate::cluster::Cluster;
use crate::lab::{self, Effect, LabError};
use crate::recorder::Recorder;

/// How precisely a node can be asked for its time, besides half of the round trip.
const CLOCK_PRECISION_MS: i64 = 20;

/// How precisely a process tells the time that is started for it, besides half of what its start takes.
const PROBE_PRECISION_MS: i64 = 2;
/// Longer than a process takes to load a program or to end.
const LOADING: Duration = Duration::from_millis(20);

/// The lab's cluster as faults see it.
pub struct LabEnvironment<'a> {
    cluster: &'a Cluster,
    recorder: &'a Recorder,
    /// The cuts that are in force, by fault.
    cuts: RefCell<BTreeMap<u32, Cut>>,
    /// Packets that met the cuts until their rules were last replaced.
    dropped: RefCell<BTreeMap<u32, u64>>,
    clocks: RefCell<BTreeMap<u16, NodeClock>>,
}

/// What was done to a node's clock.
#[derive(Default)]
struct NodeClock {
    /// How far it is off, milliseconds.
    off_ms: i64,
    /// What has shown a jump.
    shown_by: BTreeSet<&'static str>,
}

impl<'a> LabEnvironment<'a> {
    /// The environment of a cluster; times are the recorder's.
    pub fn new(cluster: &'a Cluster, recorder: &'a Recorder) -> LabEnvironment<'a> {
        LabEnvironment {
            cluster,
            recorder,
            cuts: RefCell::default(),
            dropped: RefCell::default(),
            clocks: RefCell::default(),
        }
    }

    /// What has shown that a node's clock was off.
    pub fn clock_witnesses(&self, node: u16) -> Vec<String> {
        let clocks = self.clocks.borrow();
        clocks.get(&node).map_or_else(Vec::new, |clock| clock.shown_by.iter().map(|&by| by.to_owned()).collect())
    }

    async fn reading(&self, node: u16) -> Option<ClockReading> {
        let before = wall_clock_ms();
        let status = self.cluster.status(node).await;
        let after = wall_clock_ms();
        if let Some(clock) = status.and_then(|status| status.wall_clock_ms) {
            let uncertain_ms = (after - before) / 2 + CLOCK_PRECISION_MS;
            return Some(ClockReading {
                off_ms: clock - (before + after) / 2,
                uncertain_ms,
                witness: ClockWitness::Node,
            });
        }
        let before = wall_clock_ms();
        let clock = self.cluster.probe_clock(node).await?;
        let after = wall_clock_ms();
        let mut without = self.without_clock(node).await?;
        if !without.is_empty() {
            // A process that is just loading a program, or ending, has no clock for a moment.
            tokio::time::sleep(LOADING).await;
            let still = self.without_clock(node).await?;
            without.retain(|process| still.contains(process));
        }
        let uncertain_ms = (after - before) / 2 + PROBE_PRECISION_MS;
        let witness = ClockWitness::Probe { without };
        Some(ClockReading { off_ms: clock - (before + after) / 2, uncertain_ms, witness })
    }

    /// The processes of a node that have the machine's clock.
    async fn without_clock(&self, node: u16) -> Option<Vec<String>> {
        let processes = self.cluster.clocked(node).await.ok()?;
        let without = processes.into_iter().filter(|process| !process.vdso && !process.libfaketime);
        Some(without.map(|process| format!("{} (pid {})", process.process.name, process.process.pid)).collect())
    }

    /// Adds what the counters say now, before the rules are replaced and they begin at 0 again.
    async fn note_dropped(&self) -> Result<(), LabError> {
        if self.cuts.borrow().is_empty() {
            return Ok(());
        }
        let counters = self.cluster.hub_counters(rules::CHAIN).await?;
        for (fault, packets) in rules::dropped(&counters) {
            *self.dropped.borrow_mut().entry(fault).or_default() += packets;
        }
        Ok(())
    }

    async fn install(&self) -> Result<(), LabError> {
        let rules = rules::rules(&self.cuts.borrow(), |node| self.cluster.node(node).ip);
        self.cluster.hub_rules(rules).await
    }
}

impl FaultEnvironment for LabEnvironment<'_> {
    fn nodes(&self) -> u16 {
        self.cluster.nodes().len() as u16
    }

    fn name(&self, node: u16) -> String {
        self.cluster.node(node).name.clone()
    }

    fn now_ns(&self) -> u64 {
        self.recorder.now_ns()
    }

    fn sleep(&self, time: Duration) -> Pending<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn leader(&self) -> Pending<'_, Option<u16>> {
        Box::pin(self.cluster.leader())
    }

    fn read_clock(&self, node: u16) -> Pending<'_, Option<ClockReading>> {
        Box::pin(async move {
            let reading = self.reading(node).await?;
            let mut clocks = self.clocks.borrow_mut();
            let clock = clocks.entry(node).or_default();
            if clock.off_ms != 0 && (reading.off_ms - clock.off_ms).abs() <= reading.uncertain_ms {
                clock.shown_by.insert(match &reading.witness {
                    ClockWitness::Node => "the node's status",
                    ClockWitness::Probe { .. } => "a process in the node",
                });
            }
            Some(reading)
        })
    }

    fn set_clock(&self, node: u16, by_ms: i64) -> Pending<'_, Result<(), ActionError>> {
        Box::pin(async move {
            self.clocks.borrow_mut().entry(node).or_default().off_ms = by_ms;
            self.cluster.set_clock(node, by_ms).map_err(failed)
        })
    }

    fn cut(&self, fault: FaultId, links: Grudge, fate: Fate) -> Pending<'_, Result<(), ActionError>> {
        Box::pin(async move {
            let fate = match fate {
                Fate::Dropped => rules::Fate::Dropped,
                Fate::Lost(percent) => rules::Fate::Lost(percent),
                Fate::Held(least, most) => {
                    let queue = queue(fault);
                    let held = self.cluster.hold(queue, least, most).await;
                    held.map_err(|error| ActionError::Unsupported(error.to_string()))?;
                    rules::Fate::Held(queue)
                }
            };
            self.note_dropped().await.map_err(failed)?;
            self.cuts.borrow_mut().insert(fault.0, Cut { links, fate });
            self.install().await.map_err(failed)
        })
    }

    fn uncut(&self, fault: FaultId) -> Pending<'_, Result<u64, ActionError>> {
        Box::pin(async move {
            self.note_dropped().await.map_err(failed)?;
            let fate = self.cuts.borrow_mut().remove(&fault.0).map(|cut| cut.fate);
            self.install().await.map_err(failed)?;
            let dropped = self.dropped.borrow_mut().remove(&fault.0).unwrap_or(0);
            match fate {
                // The rules counted what the process that holds packets may never have seen.
                Some(rules::Fate::Held(queue)) => self.cluster.release(queue).await.map_err(failed),
                _ => Ok(dropped),
            }
        })
    }

    fn kill(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>> {
        Box::pin(async move { self.cluster.kill(node).await.map(processes).map_err(failed) })
    }

    fn start(&self, node: u16) -> Pending<'_, Result<(), ActionError>> {
        Box::pin(async move { self.cluster.start(node).await.map_err(failed) })
    }

    fn wait_ready(&self, node: u16) -> Pending<'_, Result<Duration, String>> {
        Box::pin(async move { self.cluster.wait_ready(node).await.map_err(|error| error.to_string()) })
    }

    fn wipe(&self, node: u16) -> Pending<'_, Result<Lost, ActionError>> {
        Box::pin(async move { self.cluster.wipe(node).await.map_err(failed) })
    }

    fn pause(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>> {
        Box::pin(async move { self.cluster.pause(node).await.map(processes).map_err(failed) })
    }

    fn resume(&self, node: u16) -> Pending<'_, Result<Processes, ActionError>> {
        Box::pin(async move { self.cluster.resume(node).await.map(processes).map_err(failed) })
    }

    fn limit_cpu(&self, node: u16, percent: u8) -> Pending<'_, Result<CpuUse, ActionError>> {
        Box::pin(async move {
            let before = self.cluster.limit_cpu(node, Some(percent)).await;
            before.map(cpu_use).map_err(|error| ActionError::Unsupported(error.to_string()))
        })
    }

    fn lift_cpu_limit(&self, node: u16) -> Pending<'_, Result<CpuUse, ActionError>> {
        Box::pin(async move { self.cluster.limit_cpu(node, None).await.map(cpu_use).map_err(failed) })
    }
}

fn cpu_use(used: lab::CpuUse) -> CpuUse {
    let [time, cpu, held, cpu_held] =
        [used.time_us, used.cpu_us, used.held_us, used.cpu_held_us].map(Duration::from_micros);
    CpuUse { time, cpu, held, cpu_held }
}

/// The queue of a fault that holds packets. Fewer faults are active at once than there are queues.
fn queue(fault: FaultId) -> u16 {
    (fault.0 % u32::from(u16::MAX)) as u16
}

fn failed(error: LabError) -> ActionError {
    ActionError::Failed(Box::new(error))
}

fn processes(effect: Effect) -> Processes {
    Processes { pids: effect.processes.iter().map(|process| process.pid).collect(), took: effect.took }
}

fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
