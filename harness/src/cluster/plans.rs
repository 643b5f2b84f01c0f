//! What is planned for a cluster before its lab is made.

use std::path::{Component, Path};
use std::sync::Arc;

use crate::lab::LabSpec;
use crate::protocol_events::LogLines;
use crate::run::OtherRuns;
use crate::target::{ClusterContext, ClusterPlan, EventSource, NodePlan, Target, TargetConfig, TargetError};

/// The plans of a cluster and its nodes.
#[derive(Clone, Debug)]
pub struct ClusterPlans {
    /// What targets are asked about.
    pub context: Arc<ClusterContext>,
    /// What is done once for the whole cluster.
    pub cluster: ClusterPlan,
    /// How each node is started, in order.
    pub nodes: Vec<NodePlan>,
    /// How each node is started from its second start on, where a second version of the target follows the first.
    pub restarts: Option<Vec<NodePlan>>,
}

/// Asks a target for the plans of a cluster of which nothing has been started.
pub fn plan(target: &dyn Target, config: TargetConfig, lab: &LabSpec) -> Result<ClusterPlans, TargetError> {
    plan_versions(target, config, None, lab)
}

/// Asks a target for the plans of a cluster in which a second version of it may run.
pub fn plan_versions(
    target: &dyn Target,
    config: TargetConfig,
    other: Option<(TargetConfig, OtherRuns)>,
    lab: &LabSpec,
) -> Result<ClusterPlans, TargetError> {
    let context = ClusterContext { config, nodes: lab.planned_nodes() };
    let mut nodes = node_plans(target, &context)?;
    let mut restarts = None;
    if let Some((config, runs)) = other {
        let others = node_plans(target, &ClusterContext { config, nodes: context.nodes.clone() })?;
        match runs {
            OtherRuns::EveryOtherNode => {
                for (node, other) in nodes.iter_mut().zip(others).skip(1).step_by(2) {
                    *node = other;
                }
            }
            OtherRuns::Restarts => restarts = Some(others),
        }
    }
    let cluster = target.cluster_plan(&context)?;
    let plans = ClusterPlans { context: Arc::new(context), cluster, nodes, restarts };
    plans.check()?;
    Ok(plans)
}

fn node_plans(target: &dyn Target, context: &ClusterContext) -> Result<Vec<NodePlan>, TargetError> {
    context.nodes.iter().map(|node| target.node_plan(context, node)).collect()
}

impl ClusterPlans {
    /// The nodes in the order of their start: those of one wave start together, when those of earlier waves serve. A
    /// node that waits for itself, through others or not, is in none.
    pub(super) fn waves(&self) -> Vec<Vec<u16>> {
        let mut waves: Vec<Vec<u16>> = Vec::new();
        loop {
            let serves = |id: &u16| waves.iter().any(|wave| wave.contains(id));
            let may_start = |id: &u16| !serves(id) && self.nodes[usize::from(*id) - 1].after.iter().all(serves);
            let wave: Vec<u16> = (1..=self.nodes.len() as u16).filter(may_start).collect();
            if wave.is_empty() {
                return waves;
            }
            waves.push(wave);
        }
    }

    fn check(&self) -> Result<(), TargetError> {
        for (node, plan) in self.context.nodes.iter().zip(&self.nodes) {
            let wrong = |what: String, remedy: &str| TargetError {
                what: format!("the plan of {}: {what}", node.name),
                remedy: remedy.to_owned(),
            };
            if plan.processes.is_empty() {
                return Err(wrong("it has no process".to_owned(), "name at least one command"));
            }
            for (index, process) in plan.processes.iter().enumerate() {
                let name = &process.name;
                let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
                if name.is_empty() || name.len() > 32 || !name.chars().all(plain) {
                    let remedy = "use at most 32 letters, digits, `-` and `_`: its log is named after it";
                    return Err(wrong(format!("`{name}` is no name of a process"), remedy));
                }
                if plan.processes[..index].iter().any(|other| other.name == *name) {
                    return Err(wrong(format!("two processes are named `{name}`"), "name them apart"));
                }
            }
            if let Some(file) = plan.files.iter().find(|file| !is_within(&file.path)) {
                let remedy = "give a path within the data directory, as conf/server.conf";
                return Err(wrong(format!("the file {} lies elsewhere", file.path.display()), remedy));
            }
            for source in &plan.events {
                if let EventSource::Log(patterns) = source {
                    LogLines::new(patterns)?;
                }
            }
            if let Some(other) = plan.after.iter().find(|&&other| !self.has(other)) {
                return Err(wrong(format!("it starts after node {other}"), "there is no such node"));
            }
        }
        if let Some(file) = self.cluster.files.iter().find(|file| !is_within(&file.path)) {
            return Err(TargetError {
                what: format!("the shared file {} lies elsewhere", file.path.display()),
                remedy: "give a path within the data directory, as conf/key.pem".to_owned(),
            });
        }
        if let Some((node, _)) = self.cluster.after_start.iter().find(|(id, _)| !self.has(*id)) {
            let what = format!("a step after the start runs in node {node}");
            return Err(TargetError { what, remedy: "there is no such node".to_owned() });
        }
        if self.waves().iter().flatten().count() < self.nodes.len() {
            return Err(TargetError {
                what: "some nodes start only after each other".to_owned(),
                remedy: "let one of them start without waiting".to_owned(),
            });
        }
        Ok(())
    }

    fn has(&self, id: u16) -> bool {
        (1..=self.nodes.len()).contains(&usize::from(id))
    }
}

/// A relative path that goes down only.
fn is_within(path: &Path) -> bool {
    path.components().next().is_some() && path.components().all(|part| matches!(part, Component::Normal(_)))
}
