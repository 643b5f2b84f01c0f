//! Writes: the new state, to all replicas; W acknowledgements; fallback nodes.

use rashomon_protocol::NodeId;

use super::{Phase, cause_of};
use crate::config::QuorumKind;
use crate::message::{Ask, Cause};
use crate::mutant::Mutant;
use crate::node::Node;
use crate::object::{Object, Register, Space, Update, Version};
use crate::output::Failure;

impl Node {
    /// Works out the new state and writes it.
    pub(super) fn change_and_write(&mut self, id: u64) {
        let op = &self.ops[&id];
        let (key, Ask::Update(update)) = (op.key.clone(), op.ask.clone()) else { return };
        let merged = self.merged(id);
        let object = if key.space == Space::Register {
            self.birth().map(|unique| {
                let seen = merged.as_ref().map_or(0, Object::stamp).max(self.ops[&id].floor);
                let by_clock = u64::try_from(self.clock.wall_us).unwrap_or(0);
                let stamp = if self.writes_by_clock() { by_clock } else { seen + 1 };
                let version = Version { stamp, node: self.config.id, unique };
                let value = if let Update::Write(value) = update { Some(value) } else { None };
                Object::Register(Register { version, value })
            })
        } else {
            self.carry_out(&key, update, merged.as_ref())
        };
        match object {
            Some(object) => {
                let op = self.ops.get_mut(&id).expect("it was there");
                op.holders.clear();
                op.answers.clear();
                self.write(id, object, Cause::Update);
            }
            None => self.fail(id, Failure::Starting),
        }
    }

    /// Writes a state to all replicas that are not known to have it.
    pub(super) fn write(&mut self, id: u64, object: Object, cause: Cause) {
        let patience = self.config.patience_ms;
        let now = self.now();
        let op = self.ops.get_mut(&id).expect("the caller has it");
        op.phase = Phase::Writing(object.clone());
        (op.nudge_at, op.nudges) = (now + patience, 0);
        let key = op.key.clone();
        let missing: Vec<NodeId> =
            op.plan.preference_list().into_iter().filter(|replica| !op.holders.contains(replica)).collect();
        for replica in missing {
            self.send_write(replica, id, key.clone(), object.clone(), cause, None);
        }
        let down = |replica: &NodeId| !self.reachable.contains(replica);
        let down: Vec<NodeId> = self.ops[&id].plan.preference_list().into_iter().filter(down).collect();
        self.use_fallbacks(id, &down);
        // With W replicas known to have it, or none asked for.
        self.count_acknowledgements(id);
    }

    /// In a sloppy quorum, asks others to keep the write for replicas that are down or silent.
    pub(super) fn use_fallbacks(&mut self, id: u64, replicas: &[NodeId]) {
        // D2: fallback nodes count for W in a strict quorum, too, although reads will not ask them.
        if self.config.kind != QuorumKind::Sloppy && !self.is(Mutant::HintCounts) {
            return;
        }
        for replica in replicas {
            let op = &self.ops[&id];
            if op.holders.contains(replica) || op.fallbacks.values().any(|helped| helped == replica) {
                continue;
            }
            let others = || op.plan.others.iter().copied().filter(|node| !op.fallbacks.contains_key(node));
            let reachable = others().find(|node| self.reachable.contains(node));
            let (Some(helper), Phase::Writing(object)) = (reachable.or_else(|| others().next()), &op.phase) else {
                continue;
            };
            let (key, object) = (op.key.clone(), object.clone());
            self.ops.get_mut(&id).expect("it was there").fallbacks.insert(helper, *replica);
            self.send_write(helper, id, key, object, Cause::Update, Some(*replica));
        }
    }

    pub(crate) fn take_written(&mut self, from: NodeId, id: u64) {
        let Some(op) = self.ops.get_mut(&id) else { return };
        match op.fallbacks.get(&from) {
            Some(replica) => op.holders.insert(*replica),
            None => op.holders.insert(from),
        };
        self.count_acknowledgements(id);
    }

    /// Whether W replicas of each group are known to hold what is written.
    pub(super) fn is_written(&self, id: u64) -> bool {
        let op = &self.ops[&id];
        let enough = |group: &Vec<NodeId>| {
            let mut held = group.iter().filter(|replica| op.holders.contains(replica)).count();
            // D1: the coordinator counts itself, replica or not.
            if self.is(Mutant::CoordinatorCounts) && !group.contains(&self.config.id) {
                held += 1;
            }
            held >= usize::from(op.quorum.w)
        };
        op.plan.write.iter().all(enough)
    }

    /// Answers when the write is on its quorum; ends when every replica has it.
    pub(super) fn count_acknowledgements(&mut self, id: u64) {
        if let Phase::Writing(object) = &self.ops[&id].phase
            && self.is_written(id)
        {
            let object = object.clone();
            self.answer(id, Some(&object));
        }
        let op = &self.ops[&id];
        if op.origin.is_none() && op.plan.preference_list().iter().all(|replica| op.holders.contains(replica)) {
            self.ops.remove(&id);
        }
    }

    /// The replica's epoch was another: it is known now, so write again.
    pub(crate) fn take_fenced(&mut self, from: NodeId, id: u64) {
        let Some(op) = self.ops.get(&id) else { return };
        let Phase::Writing(object) = &op.phase else { return };
        let (key, object, hint_for) = (op.key.clone(), object.clone(), op.fallbacks.get(&from).copied());
        self.send_write(from, id, key, object, cause_of(&op.ask), hint_for);
    }
}
