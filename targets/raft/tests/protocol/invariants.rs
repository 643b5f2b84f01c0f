//! The properties of Figure 3, watched on all nodes at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_raft::{Entry, Event, Index, NodeId, Term};

use crate::cluster::Cluster;

/// What was seen so far, with who was seen first.
#[derive(Default)]
pub(crate) struct Invariants {
    leaders: BTreeMap<Term, NodeId>,
    committed: BTreeMap<Index, (Arc<Entry>, NodeId)>,
    checked: BTreeMap<NodeId, Index>,
}

impl Invariants {
    /// A node moved: says what is violated, if anything.
    pub(crate) fn observe(&mut self, cluster: &Cluster, id: NodeId, events: &[Event]) -> Result<(), String> {
        let Some(node) = cluster.node(id) else { return Ok(()) };
        for event in events {
            if let Event::Leader { term, .. } = event {
                let first = *self.leaders.entry(*term).or_insert(id);
                if first != id {
                    return Err(format!("Election Safety: nodes {first} and {id} both lead term {term}"));
                }
                self.leader_completeness(cluster, id)?;
            }
        }
        // State Machine Safety and, below the commit index, Log Matching.
        let status = node.status();
        let from = self.checked.get(&id).copied().unwrap_or(0).min(status.commit);
        for index in from + 1..=status.commit {
            let Some(entry) = node.log().entry(index) else { continue };
            let (first, by) = self.committed.entry(index).or_insert_with(|| (entry.clone(), id));
            if first != entry {
                return Err(format!(
                    "State Machine Safety: at index {index}, node {by} committed an entry of term {} and node {id} \
                     another of term {}",
                    first.term, entry.term
                ));
            }
        }
        self.checked.insert(id, status.commit);
        Ok(())
    }

    fn leader_completeness(&self, cluster: &Cluster, id: NodeId) -> Result<(), String> {
        let Some(node) = cluster.node(id) else { return Ok(()) };
        for (index, (entry, by)) in self.committed.range(node.log().base_index() + 1..) {
            if node.log().entry(*index) != Some(entry) {
                let term = node.status().term;
                return Err(format!(
                    "Leader Completeness: node {id} leads term {term} without entry {index}, which node {by} committed"
                ));
            }
        }
        Ok(())
    }

    /// A node starts again: what it knows to be committed begins at its snapshot.
    pub(crate) fn restarted(&mut self, id: NodeId) {
        self.checked.remove(&id);
    }

    /// How many entries were committed.
    pub(crate) fn committed(&self) -> usize {
        self.committed.len()
    }
}
