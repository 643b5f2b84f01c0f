//! The nemesis: carries out a schedule, proves each fault by its effect and heals it.
//!
//! The faults of one cluster share its state: what is killed cannot be paused, a node hit by two partitions stays cut
//! off until both are healed. Everything is done in one task in the order of the plan; only waiting for a restarted
//! node happens beside it, so that a node that is slow to come up does not hold up the others' faults. Whatever ends
//! the run, every active fault is healed before the final reads.

mod clocks;
mod partitions;
mod processes;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rashomon_runs::{FaultOutcome, FaultRecord};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::faults::FaultLog;
use crate::faults::partition::{self, Cut};
use crate::lab::LabError;
use crate::recorder::Recorder;
use crate::schedule::{Aim, Fault, PlannedFault, Schedule};
use crate::target::TargetTiming;

/// What the nemesis is doing, for people who watch.
pub type Doing = Arc<Mutex<BTreeMap<u32, String>>>;

/// Why the nemesis could not go on.
#[derive(Debug, thiserror::Error)]
pub enum NemesisError {
    /// The lab did not do as it was told.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The file of faults could not be written.
    #[error("faults.jsonl cannot be written: {0}")]
    Log(#[from] io::Error),
}

/// Carries out the schedule of one run.
pub struct Nemesis<'a> {
    cluster: &'a Cluster,
    recorder: &'a Recorder,
    log: FaultLog,
    doing: Doing,
    /// How long a leader is looked for before a fault aimed at it is skipped.
    patience: Duration,
    active: BTreeMap<u32, Active>,
    partitions: BTreeMap<u32, Cut>,
    dropped: BTreeMap<u32, u64>,
    down: BTreeSet<u16>,
    /// Nodes that stand still, each with the fault that stopped it.
    stopped: BTreeMap<u16, u32>,
    /// Nodes that were started again and do not serve yet, each with the fault that it ends.
    starting: FuturesUnordered<Starting<'a>>,
    /// The faults that end when all of so many nodes serve again.
    restarting: BTreeMap<u32, (FaultRecord, usize)>,
    /// How long a node that lost its data may need to get it back from the others.
    mending: Duration,
    /// The latest node that lost its data, and when it did.
    wiped: Option<(u16, Instant)>,
    clocks: BTreeMap<u16, u32>,
    /// Whom the latest fault hit, and in which episode that was.
    latest: (u32, Vec<u16>),
}

/// Waits for a node that was started again: the fault that ends with it, and what became of the node.
type Starting<'a> = Pin<Box<dyn Future<Output = (u32, String)> + 'a>>;

/// What has to be undone.
enum Active {
    Partition,
    Killed(Vec<u16>),
    Paused(Vec<u16>),
    Clocks(Vec<u16>, i64),
}

/// What carrying out a fault has shown so far.
struct Begun {
    begin_ns: u64,
    active: Active,
    nodes: Vec<u16>,
    description: String,
    outcome: FaultOutcome,
    proof: Vec<String>,
}

/// Nothing was done, and why.
struct Skipped(String);

impl<'a> Nemesis<'a> {
    /// A nemesis that has not done anything yet.
    pub fn new(
        cluster: &'a Cluster,
        recorder: &'a Recorder,
        log: FaultLog,
        doing: Doing,
        timing: TargetTiming,
    ) -> Nemesis<'a> {
        Nemesis {
            cluster,
            recorder,
            log,
            doing,
            patience: timing.election_timeout,
            mending: timing.convergence,
            active: BTreeMap::new(),
            partitions: BTreeMap::new(),
            dropped: BTreeMap::new(),
            down: BTreeSet::new(),
            stopped: BTreeMap::new(),
            starting: FuturesUnordered::new(),
            restarting: BTreeMap::new(),
            wiped: None,
            clocks: BTreeMap::new(),
            latest: (0, Vec::new()),
        }
    }

    /// Carries out the schedule, from `start` on, until it is over or `stop` turns true; then heals everything.
    pub async fn run(
        &mut self,
        schedule: &Schedule,
        start: Instant,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        let carried_out = self.follow(schedule, start, &mut stop).await;
        let healed = self.heal_all().await;
        carried_out.and(healed)
    }

    async fn follow(
        &mut self,
        schedule: &Schedule,
        start: Instant,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NemesisError> {
        for (at_ms, step) in steps(schedule) {
            let due = start + Duration::from_millis(at_ms);
            loop {
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|&stopped| stopped) => return Ok(()),
                    Some((id, became)) = self.starting.next() => self.started(id, became)?,
                    () = tokio::time::sleep_until(due) => break,
                }
            }
            match step {
                Step::Begin { id, episode, planned } => self.begin(id, episode, planned).await?,
                Step::End { id } => self.end(id).await?,
            }
        }
        Ok(())
    }

    /// Heals every fault that is still active, and waits for the nodes that were started again. What cannot be healed
    /// keeps nothing else from being healed; the first error is returned.
    pub async fn heal_all(&mut self) -> Result<(), NemesisError> {
        let mut all = Ok(());
        while let Some(&id) = self.active.keys().next() {
            let ended = self.end(id).await;
            all = all.and(ended);
        }
        while let Some((id, became)) = self.starting.next().await {
            let ended = self.started(id, became);
            all = all.and(ended);
        }
        all
    }

    /// The records of all faults.
    pub fn log(&self) -> &FaultLog {
        &self.log
    }

    async fn begin(&mut self, id: u32, episode: u32, planned: &PlannedFault) -> Result<(), NemesisError> {
        if self.latest.0 != episode {
            self.latest = (episode, Vec::new());
        }
        let begun = self.carry_out(id, &planned.fault).await?;
        let mut record = FaultRecord {
            id,
            episode,
            class: planned.kind.class(),
            kind: planned.kind.as_str().to_owned(),
            description: String::new(),
            nodes: Vec::new(),
            begin_ns: self.recorder.now_ns(),
            end_ns: None,
            outcome: FaultOutcome::Skipped,
            proof: Vec::new(),
            healed: Vec::new(),
            reason: None,
            clock_ms: None,
        };
        match begun {
            Ok(begun) => {
                record.begin_ns = begun.begin_ns;
                record.description = begun.description.clone();
                record.nodes = begun.nodes.iter().map(|&node| self.name(node)).collect();
                record.outcome = begun.outcome;
                record.proof = begun.proof;
                if let Active::Clocks(_, by_ms) = begun.active {
                    record.clock_ms = Some(by_ms);
                }
                self.latest.1 = begun.nodes;
                self.show(id, Some(begun.description));
                self.active.insert(id, begun.active);
                self.recorder.with_tally(|tally| tally.forget_reads());
            }
            Err(Skipped(reason)) => {
                record.description = format!("{} was skipped", record.kind);
                record.end_ns = Some(record.begin_ns);
                record.reason = Some(reason);
            }
        }
        self.log.write(record)?;
        Ok(())
    }

    async fn carry_out(&mut self, id: u32, fault: &Fault) -> Result<Result<Begun, Skipped>, NemesisError> {
        let count = self.cluster.nodes().len() as u16;
        match fault {
            Fault::Split(group) => self.begin_split(id, group.clone()).await,
            Fault::SplitLeader(group) => {
                let leader = match self.aim(&Aim::Leader).await {
                    Ok((nodes, _)) => nodes[0],
                    Err(skipped) => return Ok(Err(skipped)),
                };
                let others = group.iter().copied().filter(|&node| node != leader).take(group.len() - 1);
                self.begin_split(id, std::iter::once(leader).chain(others).collect()).await
            }
            Fault::MajoritiesRing(ring) => {
                let text = format!("majorities ring {}", self.names(ring));
                self.begin_partition(id, partition::majorities_ring(ring), ring.clone(), text).await
            }
            &Fault::Unlink(one, other) => {
                let text = format!("no link between {}", self.names(&[one, other]));
                self.begin_partition(id, partition::unlink(one, other), vec![one, other], text).await
            }
            Fault::Isolate(aim) | Fault::Deaf(aim) | Fault::Mute(aim) => {
                let (node, who) = match self.aim_at_one(aim).await {
                    Ok(aimed) => aimed,
                    Err(skipped) => return Ok(Err(skipped)),
                };
                let (grudge, text) = match fault {
                    Fault::Deaf(_) => (partition::deaf(node, count), format!("{who} hears no other node")),
                    Fault::Mute(_) => (partition::mute(node, count), format!("{who} is heard by no other node")),
                    _ => (partition::isolate(node, count), format!("{who} cut off from all other nodes")),
                };
                self.begin_partition(id, grudge, vec![node], text).await
            }
            Fault::LossOne(aim, percent) => {
                let (node, who) = match self.aim_at_one(aim).await {
                    Ok(aimed) => aimed,
                    Err(skipped) => return Ok(Err(skipped)),
                };
                let whose = format!("between {who} and all other nodes");
                self.begin_loss(id, partition::isolate(node, count), *percent, vec![node], &whose).await
            }
            Fault::LossAll(percent) => {
                let all = (1..=count).collect();
                self.begin_loss(id, partition::every_link(count), *percent, all, "between any two nodes").await
            }
            Fault::DelayOne(aim, held_ms) => {
                let (node, who) = match self.aim_at_one(aim).await {
                    Ok(aimed) => aimed,
                    Err(skipped) => return Ok(Err(skipped)),
                };
                let whose = format!("between {who} and all other nodes");
                self.begin_delay(id, partition::isolate(node, count), *held_ms, vec![node], &whose).await
            }
            Fault::DelayAll(held_ms) => {
                let all = (1..=count).collect();
                self.begin_delay(id, partition::every_link(count), *held_ms, all, "between any two nodes").await
            }
            Fault::Wipe(aim) => match self.aim_at_one(aim).await {
                Ok((node, who)) => self.begin_wipe(node, &who).await,
                Err(skipped) => Ok(Err(skipped)),
            },
            Fault::Kill(aim) => self.begin_kill(aim).await,
            Fault::KillAll => self.begin_kill(&Aim::Nodes((1..=count).collect())).await,
            Fault::Pause(aim) => self.begin_pause(id, aim).await,
            Fault::ClockJump(aim, by_ms) => self.begin_clock(id, aim, *by_ms).await,
        }
    }

    async fn end(&mut self, id: u32) -> Result<(), NemesisError> {
        let Some(active) = self.active.remove(&id) else { return Ok(()) };
        let Some(mut record) = self.log.latest(id).cloned() else { return Ok(()) };
        match active {
            Active::Partition => self.end_partition(id, &mut record).await?,
            // It ends when they serve again.
            Active::Killed(nodes) => return self.end_kill(id, &nodes, record).await,
            Active::Paused(nodes) => self.end_pause(id, &nodes, &mut record).await?,
            Active::Clocks(nodes, by_ms) => self.end_clock(&nodes, by_ms, &mut record).await?,
        }
        self.ended(id, record)
    }

    fn ended(&mut self, id: u32, mut record: FaultRecord) -> Result<(), NemesisError> {
        record.end_ns.get_or_insert(self.recorder.now_ns());
        self.log.write(record)?;
        self.recorder.with_tally(|tally| tally.forget_reads());
        self.show(id, None);
        Ok(())
    }

    /// One node: the first of those that the aim means.
    async fn aim_at_one(&self, aim: &Aim) -> Result<(u16, String), Skipped> {
        let (nodes, who) = self.aim(aim).await?;
        Ok(if nodes.len() == 1 { (nodes[0], who) } else { (nodes[0], self.name(nodes[0])) })
    }

    async fn aim(&self, aim: &Aim) -> Result<(Vec<u16>, String), Skipped> {
        match aim {
            Aim::Nodes(nodes) => Ok((nodes.clone(), self.names(nodes))),
            Aim::Same if self.latest.1.is_empty() => Err(Skipped("the fault before it hit nobody".to_owned())),
            Aim::Same => Ok((self.latest.1.clone(), self.names(&self.latest.1))),
            Aim::Leader => {
                let deadline = Instant::now() + self.patience;
                loop {
                    if let Some(leader) = self.cluster.leader().await {
                        return Ok((vec![leader], format!("{} (leader)", self.name(leader))));
                    }
                    if Instant::now() >= deadline {
                        return Err(Skipped("no node leads".to_owned()));
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    fn whom(&self, aim: &Aim, nodes: &[u16]) -> String {
        let leader = if *aim == Aim::Leader { " (leader)" } else { "" };
        format!("{}{leader}", self.names(nodes))
    }

    fn name(&self, node: u16) -> String {
        self.cluster.node(node).name.clone()
    }

    fn names(&self, nodes: &[u16]) -> String {
        nodes.iter().map(|&node| self.name(node)).collect::<Vec<_>>().join(", ")
    }

    fn show(&self, id: u32, description: Option<String>) {
        let mut doing = self.doing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match description {
            Some(text) => doing.insert(id, text),
            None => doing.remove(&id),
        };
    }
}

/// One thing to do.
enum Step<'s> {
    Begin { id: u32, episode: u32, planned: &'s PlannedFault },
    End { id: u32 },
}

/// The schedule as things to do, in order of time; what ends at an instant goes before what begins at it.
fn steps(schedule: &Schedule) -> Vec<(u64, Step<'_>)> {
    let mut steps = Vec::new();
    for (index, (episode, planned)) in schedule.faults().enumerate() {
        let id = index as u32 + 1;
        steps.push((planned.at_ms, Step::Begin { id, episode, planned }));
        steps.push((planned.at_ms + planned.for_ms, Step::End { id }));
    }
    steps.sort_by_key(|(at_ms, step)| (*at_ms, matches!(step, Step::Begin { .. })));
    steps
}
