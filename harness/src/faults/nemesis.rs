//! The nemesis: carries out a schedule, proves each fault by its effect and heals it.
//!
//! The faults of one cluster share its state: what is killed cannot be paused, a node hit by two partitions stays cut
//! off until both are healed. Everything is done in one task in the order of the plan; only waiting for a restarted
//! node happens beside it. Whatever ends the run, every active fault is healed before the closing reads.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rashomon_report::record::{FaultOutcome, FaultRecord};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::faults::FaultLog;
use crate::faults::partition::{self, Grudge};
use crate::lab::{Effect, LabError};
use crate::recorder::Recorder;
use crate::schedule::{Aim, Fault, PlannedFault, Schedule};

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
    partitions: BTreeMap<u32, Grudge>,
    dropped: BTreeMap<u32, u64>,
    down: BTreeSet<u16>,
    stopped: BTreeSet<u16>,
    clocks: BTreeMap<u16, u32>,
    /// Whom the latest fault hit, and in which episode that was.
    latest: (u32, Vec<u16>),
}

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
        patience: Duration,
    ) -> Nemesis<'a> {
        Nemesis {
            cluster,
            recorder,
            log,
            doing,
            patience,
            active: BTreeMap::new(),
            partitions: BTreeMap::new(),
            dropped: BTreeMap::new(),
            down: BTreeSet::new(),
            stopped: BTreeSet::new(),
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
        let steps = steps(schedule);
        for (at_ms, step) in steps {
            tokio::select! {
                biased;
                _ = stop.wait_for(|&stopped| stopped) => break,
                () = tokio::time::sleep_until(start + Duration::from_millis(at_ms)) => {}
            }
            match step {
                Step::Begin { id, episode, planned } => self.begin(id, episode, planned).await?,
                Step::End { id } => self.end(id).await?,
            }
        }
        self.heal_all().await
    }

    /// Heals every fault that is still active.
    pub async fn heal_all(&mut self) -> Result<(), NemesisError> {
        while let Some(&id) = self.active.keys().next() {
            self.end(id).await?;
        }
        Ok(())
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
            class: planned.kind.class().as_str().to_owned(),
            kind: planned.kind.as_str().to_owned(),
            description: String::new(),
            nodes: Vec::new(),
            begin_ns: self.recorder.now_ns(),
            end_ns: None,
            outcome: FaultOutcome::Skipped,
            proof: Vec::new(),
            healed: Vec::new(),
            reason: None,
        };
        match begun {
            Ok(begun) => {
                record.begin_ns = begun.begin_ns;
                record.description = begun.description.clone();
                record.nodes = begun.nodes.iter().map(|&node| self.name(node)).collect();
                record.outcome = begun.outcome;
                record.proof = begun.proof;
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
            Fault::Isolate(aim) | Fault::Deaf(aim) | Fault::Mute(aim) => {
                let (node, who) = match self.aim(aim).await {
                    Ok((nodes, who)) if nodes.len() == 1 => (nodes[0], who),
                    Ok((nodes, _)) => (nodes[0], self.name(nodes[0])),
                    Err(skipped) => return Ok(Err(skipped)),
                };
                let (grudge, text) = match fault {
                    Fault::Deaf(_) => (partition::deaf(node, count), format!("{who} hears no other node")),
                    Fault::Mute(_) => (partition::mute(node, count), format!("{who} is heard by no other node")),
                    _ => (partition::isolate(node, count), format!("{who} cut off from all other nodes")),
                };
                self.begin_partition(id, grudge, vec![node], text).await
            }
            Fault::Kill(aim) => self.begin_kill(aim).await,
            Fault::KillAll => self.begin_kill(&Aim::Nodes((1..=count).collect())).await,
            Fault::Pause(aim) => self.begin_pause(aim).await,
            Fault::ClockJump(aim, by_ms) => self.begin_clock(id, aim, *by_ms).await,
        }
    }

    async fn begin_split(&mut self, id: u32, group: Vec<u16>) -> Result<Result<Begun, Skipped>, NemesisError> {
        let count = self.cluster.nodes().len() as u16;
        let grudge = partition::split(&group, count);
        let rest: Vec<u16> = (1..=count).filter(|node| !group.contains(node)).collect();
        let text = format!("{} cut off from {}", self.names(&group), self.names(&rest));
        self.begin_partition(id, grudge, group, text).await
    }

    async fn begin_partition(
        &mut self,
        id: u32,
        grudge: Grudge,
        nodes: Vec<u16>,
        description: String,
    ) -> Result<Result<Begun, Skipped>, NemesisError> {
        if grudge.is_empty() {
            return Ok(Err(Skipped("a single node cannot be cut off from others".to_owned())));
        }
        self.note_dropped().await?;
        self.partitions.insert(id, grudge);
        self.install_partitions().await?;
        let begin_ns = self.recorder.now_ns();
        // Whether packets were dropped is known when it is healed.
        let outcome = FaultOutcome::Indeterminate;
        Ok(Ok(Begun { begin_ns, active: Active::Partition, nodes, description, outcome, proof: Vec::new() }))
    }

    async fn begin_kill(&mut self, aim: &Aim) -> Result<Result<Begun, Skipped>, NemesisError> {
        let (nodes, who) = match self.aim(aim).await {
            Ok(aimed) => aimed,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let nodes: Vec<u16> = nodes.into_iter().filter(|node| !self.down.contains(node)).collect();
        if nodes.is_empty() {
            return Ok(Err(Skipped(format!("{who} is already down"))));
        }
        let begin_ns = self.recorder.now_ns();
        let mut proof = Vec::new();
        // One right after the other, as machines of one rack lose their power: what the last one still accepts is what
        // the others have not seen.
        for &node in &nodes {
            let killed = self.cluster.kill(node).await?;
            proof.push(format!("{}: {} is gone", self.name(node), processes(&killed)));
            self.down.insert(node);
        }
        let description = format!("{} killed", self.whom(aim, &nodes));
        let outcome = FaultOutcome::Installed;
        Ok(Ok(Begun { begin_ns, active: Active::Killed(nodes.clone()), nodes, description, outcome, proof }))
    }

    async fn begin_pause(&mut self, aim: &Aim) -> Result<Result<Begun, Skipped>, NemesisError> {
        let (nodes, who) = match self.aim(aim).await {
            Ok(aimed) => aimed,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let free = |node: &u16| !self.down.contains(node) && !self.stopped.contains(node);
        let nodes: Vec<u16> = nodes.into_iter().filter(free).collect();
        if nodes.is_empty() {
            return Ok(Err(Skipped(format!("{who} is already down or stopped"))));
        }
        let begin_ns = self.recorder.now_ns();
        let mut proof = Vec::new();
        for &node in &nodes {
            let paused = self.cluster.pause(node).await?;
            proof.push(format!("{}: {} stopped (state T)", self.name(node), processes(&paused)));
            self.stopped.insert(node);
        }
        let description = format!("{} stopped", self.whom(aim, &nodes));
        let outcome = FaultOutcome::Installed;
        Ok(Ok(Begun { begin_ns, active: Active::Paused(nodes.clone()), nodes, description, outcome, proof }))
    }

    async fn begin_clock(&mut self, id: u32, aim: &Aim, by_ms: i64) -> Result<Result<Begun, Skipped>, NemesisError> {
        let (nodes, who) = match self.aim(aim).await {
            Ok(aimed) => aimed,
            Err(skipped) => return Ok(Err(skipped)),
        };
        let nodes: Vec<u16> = nodes.into_iter().filter(|node| !self.clocks.contains_key(node)).collect();
        if nodes.is_empty() {
            return Ok(Err(Skipped(format!("the clock of {who} is already off"))));
        }
        let begin_ns = self.recorder.now_ns();
        let mut proof = Vec::new();
        let mut seen = 0;
        for &node in &nodes {
            self.cluster.set_clock(node, by_ms)?;
            self.clocks.insert(node, id);
        }
        for &node in &nodes {
            let (text, proved) = self.read_clock(node, by_ms).await;
            proof.push(text);
            seen += usize::from(proved);
        }
        let outcome = if seen > 0 { FaultOutcome::Installed } else { FaultOutcome::Indeterminate };
        let ahead = if by_ms < 0 { "back" } else { "ahead" };
        let seconds = by_ms.unsigned_abs() as f64 / 1000.0;
        let description = format!("clock of {} jumped {seconds:.3} s {ahead}", self.whom(aim, &nodes));
        Ok(Ok(Begun { begin_ns, active: Active::Clocks(nodes.clone(), by_ms), nodes, description, outcome, proof }))
    }

    async fn end(&mut self, id: u32) -> Result<(), NemesisError> {
        let Some(active) = self.active.remove(&id) else { return Ok(()) };
        let Some(mut record) = self.log.latest(id).cloned() else { return Ok(()) };
        match active {
            Active::Partition => {
                self.note_dropped().await?;
                self.partitions.remove(&id);
                self.install_partitions().await?;
                let packets = self.dropped.remove(&id).unwrap_or(0);
                record.proof.push(format!("{packets} packets dropped"));
                if packets > 0 {
                    record.outcome = FaultOutcome::Installed;
                } else {
                    record.reason = Some("no packet met its rules".to_owned());
                }
                record.healed.push("its rules are gone".to_owned());
            }
            Active::Killed(nodes) => {
                for &node in &nodes {
                    self.cluster.start(node).await?;
                    self.down.remove(&node);
                }
                for &node in &nodes {
                    let text = match self.cluster.wait_ready(node).await {
                        Ok(took) => format!("{} serves again after {} ms", self.name(node), took.as_millis()),
                        // Whether it comes up at all is the target's affair: the closing reads will tell.
                        Err(error) => format!("{} was started but does not serve: {error}", self.name(node)),
                    };
                    record.healed.push(text);
                }
            }
            Active::Paused(nodes) => {
                for &node in &nodes {
                    self.stopped.remove(&node);
                    if self.down.contains(&node) {
                        record.healed.push(format!("{} was killed meanwhile", self.name(node)));
                        continue;
                    }
                    let resumed = self.cluster.resume(node).await?;
                    record.healed.push(format!("{}: {} runs again", self.name(node), processes(&resumed)));
                }
            }
            Active::Clocks(nodes, by_ms) => {
                if record.outcome != FaultOutcome::Installed {
                    // A node that was down or stopped when its clock was set may have come back since.
                    for &node in &nodes {
                        let (text, proved) = self.read_clock(node, by_ms).await;
                        record.proof.push(text);
                        if proved {
                            record.outcome = FaultOutcome::Installed;
                        }
                    }
                }
                for &node in &nodes {
                    self.cluster.set_clock(node, 0)?;
                    self.clocks.remove(&node);
                }
                for &node in &nodes {
                    let (text, _) = self.read_clock(node, 0).await;
                    record.healed.push(text);
                }
            }
        }
        record.end_ns = Some(self.recorder.now_ns());
        self.log.write(record)?;
        self.recorder.with_tally(|tally| tally.forget_reads());
        self.show(id, None);
        Ok(())
    }

    /// Adds what the counters say now, before the rules are replaced and they begin at 0 again.
    async fn note_dropped(&mut self) -> Result<(), NemesisError> {
        if self.partitions.is_empty() {
            return Ok(());
        }
        let counters = self.cluster.hub_counters(partition::CHAIN).await?;
        for (fault, packets) in partition::dropped(&counters) {
            *self.dropped.entry(fault).or_default() += packets;
        }
        Ok(())
    }

    async fn install_partitions(&self) -> Result<(), NemesisError> {
        let rules = partition::rules(&self.partitions, |node| self.cluster.node(node).ip);
        Ok(self.cluster.hub_rules(rules).await?)
    }

    /// Asks a node for its time until it shows the offset; what it said, and whether it did.
    async fn read_clock(&self, node: u16, by_ms: i64) -> (String, bool) {
        let name = self.name(node);
        if self.down.contains(&node) || self.stopped.contains(&node) {
            return (format!("{name}: down or stopped, its clock was not read"), false);
        }
        let mut last = None;
        for _ in 0..10 {
            let before = wall_clock_ms();
            let status = self.cluster.status(node).await;
            let after = wall_clock_ms();
            if let Some(clock) = status.and_then(|status| status.wall_clock_ms) {
                let off = clock - (before + after) / 2;
                let uncertain = (after - before) / 2 + 20;
                last = Some(off);
                if (off - by_ms).abs() <= uncertain {
                    return (format!("{name}: its clock reads {:+.3} s", off as f64 / 1000.0), true);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        match last {
            Some(off) => (format!("{name}: its clock reads {:+.3} s", off as f64 / 1000.0), false),
            None => (format!("{name}: did not tell its time"), false),
        }
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

/// The processes that something was done to, and how long it took to see it on all of them.
fn processes(effect: &Effect) -> String {
    let pids: Vec<String> = effect.processes.iter().map(|process| process.pid.to_string()).collect();
    format!("pid {} after {:.1} ms", pids.join(", "), effect.took.as_secs_f64() * 1000.0)
}

fn wall_clock_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
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
