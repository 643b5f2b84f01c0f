//! The nodes of a run: prepared, started, asked who leads, killed and started again.

mod plans;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

pub use plans::{ClusterPlans, plan, plan_versions};

use crate::faults::Lost;
use crate::faults::clock::{self, Chosen, Clocks};
use crate::lab::{
    ClockedProcess, CommandOutput, CpuUse, Effect, Lab, LabError, LabErrorKind, NamespaceLab, RuleCounter,
};
use crate::protocol_events::{self, EventLog, Followed, Follower, LogLines};
use crate::target::{ClusterContext, EventSource, Node, NodeCommand, NodeFile, NodePlan, NodeStatus, Step, Target};

/// How long a node may take to answer a question about itself.
const STATUS_TIMEOUT: Duration = Duration::from_millis(150);
/// How long a process may take that reads a node's clock.
const PROBE: Duration = Duration::from_secs(2);
/// A node's event channel, in the folder that it shares with the controller.
const EVENTS: &str = "events";
/// The log of a node's first process, and of what prepares the node.
const FIRST_LOG: &str = "node.log";

/// The nodes of a run.
pub struct Cluster {
    target: Arc<dyn Target>,
    lab: Arc<NamespaceLab>,
    plans: ClusterPlans,
    /// Variables that the harness adds to the environment of a node's processes, by node.
    environments: Vec<Vec<(String, String)>>,
    /// If the nodes' clocks can be set.
    clocks: Option<Clocks>,
    state: Mutex<State>,
    events: Arc<EventLog>,
    /// Ends with the cluster.
    _follower: Follower,
    /// Tasks that ask nodes for their status, and end with the cluster.
    watchers: Mutex<JoinSet<()>>,
}

/// What changes while the cluster runs.
#[derive(Default)]
struct State {
    /// Files that every node gets.
    shared: Vec<NodeFile>,
    /// Nodes that lost their data and must be prepared again before they start.
    unprepared: BTreeSet<u16>,
    /// Nodes that could not be, and why.
    failed: BTreeMap<u16, LabError>,
    /// Nodes that have been started.
    started: BTreeSet<u16>,
}

/// A lab call blocks for milliseconds; the runtime's other tasks go on meanwhile.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, LabError> + Send + 'static,
) -> Result<T, LabError> {
    tokio::task::spawn_blocking(call)
        .await
        .unwrap_or_else(|panic| Err(LabError::lost(format!("a call of the lab panicked: {panic}"))))
}

impl Cluster {
    /// The cluster of these nodes, none of them started. With ways to do it, their wall clocks can be set.
    pub fn new(
        target: Arc<dyn Target>,
        lab: Arc<NamespaceLab>,
        plans: ClusterPlans,
        clocks: Option<Clocks>,
        events: Arc<EventLog>,
    ) -> Result<Cluster, LabError> {
        let mut environments = vec![Vec::new(); plans.nodes.len()];
        if clocks.is_some() {
            lab.nodes().iter().try_for_each(|node| set_clock(&lab, node.id, 0))?;
        }
        let mut sources = Vec::new();
        for ((node, plan), environment) in lab.nodes().iter().zip(&plans.nodes).zip(&mut environments) {
            for source in &plan.events {
                sources.extend(followed(source, node, &lab, environment)?);
            }
        }
        let follower = Follower::start(sources, events.clone())
            .map_err(|error| LabError::file("the nodes' protocol events cannot be followed", &error))?;
        let (state, watchers) = (Mutex::default(), Mutex::default());
        Ok(Cluster { target, lab, plans, environments, clocks, state, events, _follower: follower, watchers })
    }

    /// What the nodes report of their protocol.
    pub fn events(&self) -> &Arc<EventLog> {
        &self.events
    }

    /// Starts to ask those nodes for their status whose plan wants it.
    fn watch_statuses(&self) {
        let mut watchers = self.watchers.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, plan) in self.plans.nodes.iter().enumerate() {
            for source in &plan.events {
                if let EventSource::Status { every } = *source {
                    let (target, context) = (self.target.clone(), self.plans.context.clone());
                    watchers.spawn(protocol_events::watch_status(target, context, place, every, self.events.clone()));
                }
            }
        }
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.plans.context.nodes
    }

    /// The node of this number.
    pub fn node(&self, id: u16) -> &Node {
        &self.nodes()[usize::from(id) - 1]
    }

    /// What targets are asked about.
    pub fn context(&self) -> &Arc<ClusterContext> {
        &self.plans.context
    }

    fn plan(&self, id: u16) -> &NodePlan {
        &self.plans.nodes[usize::from(id) - 1]
    }

    /// Prepares and starts all nodes, each after those that it waits for, until all of them serve.
    pub async fn start_all(&self) -> Result<(), StartError> {
        for file in &self.plans.cluster.files {
            let content = self.step(1, &file.printed_by).await?;
            self.lock().shared.push(NodeFile { path: file.path.clone(), content, mode: file.mode });
        }
        for wave in self.plans.waves() {
            let prepared = wave.iter().map(|&id| self.prepare(id, &self.plan(id).prepare));
            futures_util::future::try_join_all(prepared).await?;
            for &id in &wave {
                self.start(id).await?;
            }
            for &id in &wave {
                let not_ready = |error| StartError::NotReady { node: self.node(id).name.clone(), error };
                self.wait_ready(id).await.map_err(not_ready)?;
            }
        }
        for (id, step) in &self.plans.cluster.after_start {
            self.step(*id, step).await?;
        }
        self.watch_statuses();
        Ok(())
    }

    /// Starts a node's processes, after preparing the node again if it has lost its data. A preparation that fails, for
    /// want of another node for instance, is reported by [`Cluster::wait_ready`].
    pub async fn start(&self, id: u16) -> Result<(), LabError> {
        if self.lock().unprepared.contains(&id) {
            if let Err(error) = self.restore(id).await {
                self.lock().failed.insert(id, error);
                return Ok(());
            }
            self.lock().unprepared.remove(&id);
        }
        let again = !self.lock().started.insert(id);
        let plan = match &self.plans.restarts {
            Some(restarts) if again => &restarts[usize::from(id) - 1],
            _ => self.plan(id),
        };
        for (place, process) in plan.processes.iter().enumerate() {
            let mut command = process.command.clone();
            command.env.extend(self.environments[usize::from(id) - 1].iter().cloned());
            if let Some(clocks) = &self.clocks {
                let way = clocks.of(id)[place].way;
                command.env.extend(clocks.environment(way, self.lab.shared_dir(id)?));
            }
            let log = self.log_of(id, &process.name);
            let (lab, name) = (self.lab.clone(), process.name.clone());
            blocking(move || lab.start_process(id, &name, &command, &log)).await?;
        }
        Ok(())
    }

    /// The log of one of a node's processes, within the node's folder of logs.
    pub fn log_of(&self, id: u16, process: &str) -> String {
        let first = self.plan(id).processes.first().is_none_or(|first| first.name == process);
        if first { FIRST_LOG.to_owned() } else { format!("{process}.log") }
    }

    /// Waits until a node serves.
    pub async fn wait_ready(&self, id: u16) -> Result<Duration, LabError> {
        let failed = self.lock().failed.remove(&id);
        if let Some(error) = failed {
            return Err(error);
        }
        let (lab, readiness, within) = (self.lab.clone(), self.plan(id).readiness.clone(), self.plan(id).ready_within);
        let began = Instant::now();
        blocking(move || lab.ready(id, &readiness, within)).await?;
        Ok(began.elapsed())
    }

    /// Asks a node to stop, in the way that the target knows, and kills what does not. True if it stopped in time.
    pub async fn stop(&self, id: u16) -> Result<bool, LabError> {
        let (lab, stop) = (self.lab.clone(), self.plan(id).stop.clone());
        blocking(move || lab.stop_by(id, &stop.how, stop.within)).await
    }

    async fn restore(&self, id: u16) -> Result<(), LabError> {
        let plan = self.plan(id);
        self.prepare(id, plan.restore.as_ref().unwrap_or(&plan.prepare)).await
    }

    /// Writes a node's files and runs the steps of its preparation.
    async fn prepare(&self, id: u16, steps: &[Step]) -> Result<(), LabError> {
        let shared = self.lock().shared.clone();
        for file in shared.iter().chain(&self.plan(id).files) {
            self.write(id, file).await?;
        }
        for step in steps {
            self.step(id, step).await?;
        }
        Ok(())
    }

    /// Writes a file within a node. The node's own user writes it: links that lead out of the data directory lead
    /// nowhere that the node may not write itself.
    async fn write(&self, id: u16, file: &NodeFile) -> Result<(), LabError> {
        let draft = self.lab.shared_dir(id)?.join("file-to-install");
        let failed = |error| LabError::file(format!("cannot write {}", draft.display()), &error);
        fs::write(&draft, &file.content).map_err(failed)?;
        let from = draft.display().to_string();
        let to = self.node(id).data_dir.join(&file.path).display().to_string();
        let mode = format!("{:o}", file.mode & 0o7777);
        let install = NodeCommand::new("install").args(["-D", "-m", &mode, "--", &from, &to]);
        let output = self.run(id, &Step::new(install)).await?;
        let _ = fs::remove_file(&draft);
        if output.ending.success() {
            return Ok(());
        }
        Err(LabError::new(
            LabErrorKind::Node,
            format!("{}: cannot write {to}: {}", self.node(id).name, output.stderr.trim()),
            "see whether the target's file has a path within the data directory",
        ))
    }

    /// Runs a step to its end, logs what it printed and returns its standard output. An exit code other than 0 is an
    /// error.
    async fn step(&self, id: u16, step: &Step) -> Result<String, LabError> {
        let words = step.command.words().join(" ");
        self.lab.note(id, format!("--- preparing: {words} ---"))?;
        let output = self.run(id, step).await?;
        for text in [&output.stdout, &output.stderr] {
            if !text.trim().is_empty() {
                self.lab.note(id, text.trim_end().to_owned())?;
            }
        }
        if output.ending.success() {
            return Ok(output.stdout);
        }
        let name = &self.node(id).name;
        let said = last_lines(&[output.stdout, output.stderr].concat());
        Err(LabError::new(
            LabErrorKind::Node,
            format!("{name} cannot be prepared: `{words}` {}{said}", output.ending),
            format!("read its log: nodes/{name}/{FIRST_LOG} in the run's folder"),
        ))
    }

    async fn run(&self, id: u16, step: &Step) -> Result<CommandOutput, LabError> {
        let (lab, step) = (self.lab.clone(), step.clone());
        blocking(move || lab.run(id, &step)).await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is a single step, so it is sound even after a panic of another thread.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills all processes of a node.
    pub async fn kill(&self, id: u16) -> Result<Effect, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.kill(id)).await
    }

    /// Removes everything in a node's data directory; says how much that was. The node must be down.
    pub async fn wipe(&self, id: u16) -> Result<Lost, LabError> {
        self.lock().unprepared.insert(id);
        let folder = self.node(id).data_dir.clone();
        blocking(move || {
            let emptied = empty(&folder);
            emptied.map_err(|error| LabError::file(format!("cannot empty {}", folder.display()), &error))
        })
        .await
    }

    /// Stops all processes of a node.
    pub async fn pause(&self, id: u16) -> Result<Effect, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.pause(id)).await
    }

    /// Lets the stopped processes of a node go on.
    pub async fn resume(&self, id: u16) -> Result<Effect, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.resume(id)).await
    }

    /// Lets the processes of a node run only this part of the time (percent), or freely again. What they used before,
    /// or in the meantime.
    pub async fn limit_cpu(&self, id: u16, percent: Option<u8>) -> Result<CpuUse, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.limit_cpu(id, percent)).await
    }

    /// Replaces rules in the hub.
    pub async fn hub_rules(&self, rules: String) -> Result<(), LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.hub_restore(&rules)).await
    }

    /// Holds packets back that rules of the hub send into a queue.
    pub async fn hold(&self, queue: u16, least: Duration, most: Duration) -> Result<(), LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.hold(queue, least, most)).await
    }

    /// Lets them go on; how many there were.
    pub async fn release(&self, queue: u16) -> Result<u64, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.release(queue)).await
    }

    /// The rules of a chain of the hub with their packet counters.
    pub async fn hub_counters(&self, chain: &'static str) -> Result<Vec<RuleCounter>, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.hub_counters(chain)).await
    }

    /// Sets how far a node's wall clock is off.
    pub fn set_clock(&self, id: u16, by_ms: i64) -> Result<(), LabError> {
        set_clock(&self.lab, id, by_ms)
    }

    /// In which way the clock of each of a node's processes can be set; empty where it cannot.
    pub fn clock_ways(&self, id: u16) -> Vec<(String, Chosen)> {
        let Some(clocks) = &self.clocks else { return Vec::new() };
        let processes = self.plan(id).processes.iter();
        processes.zip(clocks.of(id)).map(|(process, chosen)| (process.name.clone(), chosen.clone())).collect()
    }

    /// Starts a process in a node that reads its clock: the time in milliseconds since 1970. `None` when it cannot.
    pub async fn probe_clock(&self, id: u16) -> Option<i64> {
        let step = Step { within: PROBE, ..Step::new(NodeCommand::new("date").args(["+%s%N"])) };
        let output = self.run(id, &step).await.ok()?;
        let ns: i64 = output.stdout.trim().parse().ok()?;
        Some(ns / 1_000_000)
    }

    /// A node's processes, and by what each of them has the node's clock.
    pub async fn clocked(&self, id: u16) -> Result<Vec<ClockedProcess>, LabError> {
        let lab = self.lab.clone();
        blocking(move || lab.clocked(id)).await
    }

    /// What a node says of itself; `None` when it does not answer.
    pub async fn status(&self, id: u16) -> Option<NodeStatus> {
        self.target.status(&self.plans.context, self.node(id), STATUS_TIMEOUT).await
    }

    /// Who leads: of those that say so, the one of the highest term. The node that became the leader last is asked
    /// first: an answer of all nodes waits for those that are down.
    pub async fn leader(&self) -> Option<u16> {
        if let Some(event) = self.events.latest_leader()
            && let Some(node) = self.nodes().iter().find(|node| node.name == event.node)
            && let Some(status) = self.status(node.id).await
            && status.leads
            && event.term.is_none_or(|term| status.term >= term)
        {
            return Some(node.id);
        }
        if self.target.leads_by_events() {
            let latest = self.events.latest_leader()?;
            return self.nodes().iter().find(|node| node.name == latest.node).map(|node| node.id);
        }
        let asked = self.nodes().iter().map(|node| async move { (node.id, self.status(node.id).await) });
        let answers = futures_util::future::join_all(asked).await;
        let leading = answers.into_iter().filter_map(|(id, status)| status.map(|status| (id, status)));
        leading.filter(|(_, status)| status.leads).max_by_key(|(_, status)| status.term).map(|(id, _)| id)
    }
}

/// Sets the clock of a node in both ways: its processes may have it in either.
fn set_clock(lab: &NamespaceLab, id: u16, by_ms: i64) -> Result<(), LabError> {
    clock::set_offset(lab.shared_dir(id)?, by_ms)
        .map_err(|error| LabError::file("a node's clock cannot be set", &error))?;
    lab.set_clock(id, by_ms)
}

/// What to follow of a source of events, if it is followed; the node's processes are told where their channel is.
fn followed(
    source: &EventSource,
    node: &Node,
    lab: &NamespaceLab,
    environment: &mut Vec<(String, String)>,
) -> Result<Option<Followed>, LabError> {
    let name = node.name.clone();
    Ok(match source {
        EventSource::Channel => {
            let path = lab.shared_dir(node.id)?.join(EVENTS);
            environment.push((protocol_events::VARIABLE.to_owned(), path.display().to_string()));
            Some(Followed::Channel { node: name, path })
        }
        EventSource::Log(patterns) => {
            let lines = LogLines::new(patterns)
                .map_err(|error| LabError::new(LabErrorKind::Usage, error.what, error.remedy))?;
            Some(Followed::Log { node: name, path: lab.log_file(node.id)?, lines })
        }
        EventSource::Status { .. } => None,
    })
}

/// Why a cluster did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A node could not be prepared or started.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A node was started and does not serve.
    #[error("{node} does not serve: {}", error.what)]
    NotReady {
        /// The node's name.
        node: String,
        /// Why.
        error: LabError,
    },
}

/// The end of what a command printed, to show in an error.
fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(3)..];
    if last.is_empty() { String::new() } else { format!("; its last lines: {}", last.join(" / ")) }
}

/// Removes everything in a folder, but not the folder. Links are removed, not followed.
fn empty(folder: &Path) -> io::Result<Lost> {
    let mut lost = Lost::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let about = fs::symlink_metadata(&path)?;
        if about.is_dir() {
            let below = empty(&path)?;
            fs::remove_dir(&path)?;
            lost.files += below.files;
            lost.bytes += below.bytes;
        } else {
            fs::remove_file(&path)?;
            lost.files += 1;
            lost.bytes += about.len();
        }
    }
    Ok(lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_folder_is_empty_and_nothing_outside_of_it_is_touched() {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "kept").unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("wal")).unwrap();
        fs::write(folder.path().join("wal/1"), "12345").unwrap();
        fs::write(folder.path().join("state"), "12").unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        let lost = empty(folder.path()).unwrap();
        assert_eq!(lost.files, 3);
        assert!(lost.bytes >= 7);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(outside.path().join("kept").is_file());
    }
}
