//! What the faults of one cluster share: its environment, and the states in which they have left its nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use rashomon_spec::schedule::{Aim, FaultId, PlannedFault};
use rashomon_spec::target::TargetTiming;

use crate::environment::FaultEnvironment;
use crate::fault::{Condition, NotInjected};

/// How often a leader is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The cluster, as the faults of a run act on it.
///
/// They share its state: what is killed cannot be paused, and a node that was killed while it was paused is paused no
/// longer.
pub struct Stage<'e> {
    env: &'e dyn FaultEnvironment,
    timing: TargetTiming,
    /// Nodes in each state, with the fault that left them there and since when (ns).
    marks: BTreeMap<(Condition, u16), (FaultId, u64)>,
    /// The nodes that each fault was aimed at.
    aimed: BTreeMap<FaultId, Vec<u16>>,
}

/// The nodes that an aim means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aimed {
    /// The nodes, not none.
    pub nodes: Vec<u16>,
    /// The same in words: `n3 (leader)`.
    pub names: String,
}

impl<'e> Stage<'e> {
    /// A cluster that no fault has touched yet.
    pub fn new(env: &'e dyn FaultEnvironment, timing: TargetTiming) -> Stage<'e> {
        Stage { env, timing, marks: BTreeMap::new(), aimed: BTreeMap::new() }
    }

    /// The cluster.
    pub fn env(&self) -> &'e dyn FaultEnvironment {
        self.env
    }

    /// The target's time constants.
    pub fn timing(&self) -> TargetTiming {
        self.timing
    }

    /// A node's name.
    pub fn name(&self, node: u16) -> String {
        self.env.name(node)
    }

    /// Nodes' names, with commas between.
    pub fn names(&self, nodes: &[u16]) -> String {
        nodes.iter().map(|&node| self.name(node)).collect::<Vec<_>>().join(", ")
    }

    /// The nodes that a fault is aimed at, and remembers them for faults aimed at the same. Skipped when there is none:
    /// no node leads within an election timeout, ….
    pub async fn aim(&mut self, planned: &PlannedFault) -> Result<Aimed, NotInjected> {
        let nodes = match &planned.aim {
            Aim::All => (1..=self.env.nodes()).collect(),
            Aim::Nodes(nodes) => nodes.clone(),
            Aim::Leader => vec![self.leader().await?],
            Aim::LeaderAnd(group) => {
                let leader = self.leader().await?;
                let others = group.iter().copied().filter(|&node| node != leader);
                std::iter::once(leader).chain(others.take(group.len().saturating_sub(1))).collect()
            }
            Aim::SameAs(other) => self.aimed.get(other).cloned().unwrap_or_default(),
        };
        if nodes.is_empty() {
            let reason = match planned.aim {
                Aim::SameAs(other) => format!("fault {other}, whose nodes it is aimed at, found none"),
                _ => "it is aimed at no node".to_owned(),
            };
            return Err(NotInjected::Skipped(reason));
        }
        self.aimed.insert(planned.id, nodes.clone());
        let names = crate::fault::with_leader(&planned.aim, &self.names(&nodes));
        Ok(Aimed { nodes, names })
    }

    /// One node: the first of those that a fault is aimed at, with its name.
    pub async fn aim_at_one(&mut self, planned: &PlannedFault) -> Result<(u16, String), NotInjected> {
        let aimed = self.aim(planned).await?;
        let node = aimed.nodes[0];
        Ok(if aimed.nodes.len() == 1 { (node, aimed.names) } else { (node, self.name(node)) })
    }

    /// Those of these nodes that are in none of these states.
    pub fn free(&self, nodes: &[u16], of: &[Condition]) -> Vec<u16> {
        let free = |node: &u16| !of.iter().any(|&condition| self.is(condition, *node));
        nodes.iter().copied().filter(free).collect()
    }

    /// Whether a node is in a state.
    pub fn is(&self, condition: Condition, node: u16) -> bool {
        self.marks.contains_key(&(condition, node))
    }

    /// All nodes in a state: each with the fault that left it there, and since when (ns).
    pub fn all(&self, condition: Condition) -> impl Iterator<Item = (u16, FaultId, u64)> {
        let in_it = self.marks.iter().filter(move |((of, _), _)| *of == condition);
        in_it.map(|(&(_, node), &(fault, since_ns))| (node, fault, since_ns))
    }

    /// The fault that has left a node in a state.
    pub fn left_by(&self, condition: Condition, node: u16) -> Option<FaultId> {
        self.marks.get(&(condition, node)).map(|&(fault, _)| fault)
    }

    /// A fault has put a node into a state.
    pub fn mark(&mut self, condition: Condition, node: u16, fault: FaultId) {
        self.marks.insert((condition, node), (fault, self.env.now_ns()));
    }

    /// A node is no longer in a state.
    pub fn clear(&mut self, condition: Condition, node: u16) {
        self.marks.remove(&(condition, node));
    }

    /// A fault has hit these of the nodes that it was aimed at.
    pub(crate) fn has_hit(&mut self, fault: FaultId, nodes: &[u16]) {
        self.aimed.insert(fault, nodes.to_vec());
    }

    async fn leader(&self) -> Result<u16, NotInjected> {
        let deadline_ns = self.env.now_ns() + self.timing.election_timeout.as_nanos() as u64;
        loop {
            if let Some(leader) = self.env.leader().await {
                return Ok(leader);
            }
            if self.env.now_ns() >= deadline_ns {
                return Err(NotInjected::Skipped("no node leads".to_owned()));
            }
            self.env.sleep(LOOK_AGAIN).await;
        }
    }
}
