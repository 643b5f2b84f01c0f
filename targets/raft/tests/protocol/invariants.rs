//! The properties of Figure 3 and the rule of read rounds, watched on all nodes at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use rashomon_raft::{Entry, Event, Index, Node, NodeId, Term};
use rashomon_testkit::Cluster;

/// What was seen so far, with who was seen first.
#[derive(Debug, Default)]
pub(crate) struct Invariants {
    leaders: BTreeMap<Term, NodeId>,
    committed: BTreeMap<Index, Committed>,
    checked: BTreeMap<NodeId, Index>,
}

/// An entry that was committed.
#[derive(Debug)]
struct Committed {
    entry: Arc<Entry>,
    /// Where that was seen first: at the leader that committed it, as every step of every node is observed.
    by: NodeId,
    /// That leader's term. Entries of earlier terms are committed in later ones, so it can exceed the entry's own.
    term: Term,
}

impl Invariants {
    /// A node moved: says what is violated, if anything.
    pub(crate) fn observe(&mut self, cluster: &Cluster<Node>, id: NodeId, events: &[Event]) -> Result<(), String> {
        let Some(node) = cluster.node(id) else { return Ok(()) };
        for event in events {
            if let Event::Leader { term, .. } = event {
                let first = *self.leaders.entry(*term).or_insert(id);
                if first != id {
                    return Err(format!("Election Safety: nodes {first} and {id} both lead term {term}"));
                }
                for (index, committed) in &self.committed {
                    leader_completeness(cluster, id, *index, committed)?;
                }
            }
        }
        if let Some((round, answered)) = node.read_rounds()
            && let Some((follower, ahead)) = answered.into_iter().find(|(_, answered)| *answered > round)
        {
            return Err(format!(
                "Read rounds: node {id} leads term {} in round {round}, but takes node {follower} to have answered round \
                 {ahead}",
                node.status().term
            ));
        }
        // State Machine Safety and, below the commit index, Log Matching.
        let status = node.status();
        let from = self.checked.get(&id).copied().unwrap_or(0).min(status.commit);
        for index in from + 1..=status.commit {
            let Some(entry) = node.log().entry(index) else { continue };
            if let Some(Committed { entry: first, by, .. }) = self.committed.get(&index) {
                if first != entry {
                    return Err(format!(
                        "State Machine Safety: at index {index}, node {by} committed an entry of term {} and node {id} \
                         another of term {}",
                        first.term, entry.term
                    ));
                }
                continue;
            }
            let committed = Committed { entry: entry.clone(), by: id, term: status.term };
            for leader in cluster.up() {
                leader_completeness(cluster, leader, index, &committed)?;
            }
            self.committed.insert(index, committed);
        }
        self.checked.insert(id, status.commit);
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

/// Leader Completeness: an entry that is committed in a term is in the logs of the leaders of all *later* terms. A
/// leader of an earlier term need not have it: a candidate whose last vote is late may win after its successor has
/// committed.
fn leader_completeness(cluster: &Cluster<Node>, id: NodeId, index: Index, committed: &Committed) -> Result<(), String> {
    let Some(node) = cluster.node(id) else { return Ok(()) };
    let status = node.status();
    let is_bound = status.role == "leader" && status.term > committed.term && index >= status.first_index;
    if is_bound && node.log().entry(index) != Some(&committed.entry) {
        return Err(format!(
            "Leader Completeness: node {id} leads term {} without entry {index}, which node {} committed in term {}",
            status.term, committed.by, committed.term
        ));
    }
    Ok(())
}
