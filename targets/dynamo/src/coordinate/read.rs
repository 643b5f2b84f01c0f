//! Reads: R answers, merged; written back where too few replicas have what was found; repairs.

use rashomon_protocol::NodeId;

use super::Phase;
use crate::config::QuorumKind;
use crate::message::{Ask, Cause, Message};
use crate::mutant::Mutant;
use crate::node::Node;
use crate::object::Object;
use crate::output::Event;

/// How many times its patience a read that has been answered looks out for late answers.
const LATE: u64 = 4;

impl Node {
    /// Whom a read may ask, in turn: the replicas, this node first, and in a sloppy quorum members that stand in for
    /// those that are not reachable.
    pub(super) fn readers(&self, id: u64) -> Vec<NodeId> {
        let op = &self.ops[&id];
        let mut readers = op.plan.read.clone();
        let own = self.config.id;
        readers.sort_by_key(|node| (!self.reachable.contains(node), *node != own));
        if self.config.kind == QuorumKind::Sloppy {
            let up = readers.partition_point(|node| self.reachable.contains(node));
            let mut others: Vec<NodeId> = op.plan.others.clone();
            others.retain(|node| self.reachable.contains(node));
            others.sort_by_key(|node| *node != own);
            others.truncate(readers.len() - up);
            readers.splice(up..up, others);
        }
        readers
    }

    pub(super) fn ask_replicas(&mut self, id: u64, replicas: Vec<NodeId>) {
        let op = self.ops.get_mut(&id).expect("the caller has it");
        op.asked.extend(&replicas);
        let key = op.key.clone();
        for replica in replicas {
            self.send(replica, Message::Read { op: id, key: key.clone() });
        }
    }

    pub(crate) fn take_found(&mut self, from: NodeId, id: u64, object: Option<Object>, floor: u64) {
        let Some(op) = self.ops.get_mut(&id) else { return };
        op.floor = op.floor.max(floor);
        op.answers.insert(from, object);
        match op.phase {
            Phase::Reading => self.count_answers(id),
            // A late answer.
            Phase::Writing(_) | Phase::Repairing(_) => self.repair(id, &[from]),
        }
    }

    /// Goes on when R replicas have answered.
    pub(super) fn count_answers(&mut self, id: u64) {
        let op = &self.ops[&id];
        let needed = usize::from(op.quorum.r);
        let answered = |node: &&NodeId| op.answers.contains_key(node);
        let of_replicas = op.plan.read.iter().filter(answered).count();
        // Fallback nodes count for as many as there are too few replicas, once those had their time.
        let able = op.plan.read.iter().filter(|node| answered(node) || self.reachable.contains(node)).count();
        let of_fallbacks = match self.config.kind {
            QuorumKind::Sloppy if op.nudges > 0 => (op.answers.len() - of_replicas).min(needed.saturating_sub(able)),
            _ => 0,
        };
        if of_replicas + of_fallbacks < needed {
            return;
        }
        match &op.ask {
            Ask::Read => self.finish_read(id),
            Ask::Update(_) => self.change_and_write(id),
        }
    }

    /// Everything that was answered, merged.
    pub(super) fn merged(&self, id: u64) -> Option<Object> {
        let mut answers = self.ops[&id].answers.values().flatten();
        let mut merged = answers.next()?.clone();
        answers.for_each(|answer| merged.merge(answer, self.config.mutant));
        Some(merged)
    }

    pub(super) fn finish_read(&mut self, id: u64) {
        let merged = self.merged(id);
        let op = self.ops.get_mut(&id).expect("the caller has it");
        op.holders = op.answers.iter().filter(|(_, answer)| **answer == merged).map(|(node, _)| *node).collect();
        let strong = self.config.is_strong(op.quorum);
        // D6: what one replica has is told before it is known to be on W of them.
        let waits = strong && !self.is(Mutant::ReadBeforeRepair);
        if let (Some(object), true) = (&merged, waits && !self.is_written(id)) {
            let object = object.clone();
            return self.write(id, object, Cause::Repair);
        }
        self.answer(id, merged.as_ref());
        let late = self.now() + LATE * self.config.patience_ms;
        let op = self.ops.get_mut(&id).expect("it was there");
        op.phase = Phase::Repairing(merged);
        op.deadline = op.deadline.min(late);
        let answered: Vec<NodeId> = op.answers.keys().copied().collect();
        let all = op.asked.iter().all(|node| op.answers.contains_key(node));
        self.repair(id, &answered);
        if all {
            self.ops.remove(&id);
        }
    }

    /// Sends what was found to those of these replicas that are behind.
    pub(super) fn repair(&mut self, id: u64, replicas: &[NodeId]) {
        let Some(op) = self.ops.get_mut(&id) else { return };
        let (Phase::Writing(found) | Phase::Repairing(Some(found))) = &op.phase else { return };
        let found = found.clone();
        for replica in replicas {
            let Some(answer) = op.answers.get(replica) else { continue };
            if answer.as_ref() == Some(&found) {
                op.holders.insert(*replica);
            }
        }
        let key = op.key.clone();
        let behind =
            replicas.iter().filter(|node| !op.holders.contains(node) && op.plan.preference_list().contains(node));
        let behind: Vec<NodeId> = behind.copied().collect();
        if !self.config.read_repair || matches!(op.phase, Phase::Writing(_)) {
            return;
        }
        for node in behind {
            self.event(Event::ReadRepair { node, key: key.clone() });
            self.send_write(node, id, key.clone(), found.clone(), Cause::Repair, None);
        }
    }
}
