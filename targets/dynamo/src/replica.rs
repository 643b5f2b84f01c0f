//! The replica's side: answering reads, taking states in, and carrying out updates on its own copy.

use rashomon_protocol::NodeId;

use crate::causal::{Actor, Dot};
use crate::cells::Cell;
use crate::message::{Cause, Message};
use crate::mutant::Mutant;
use crate::node::Node;
use crate::object::{Key, Object, Update};

impl Node {
    pub(crate) fn take_read(&mut self, from: NodeId, op: u64, key: &Key) {
        let mut object = self.store.get(key).map(|held| held.object.clone());
        // In a sloppy quorum a fallback node answers with what it keeps for others, too.
        let kept: Vec<Object> = match self.config.kind {
            crate::config::QuorumKind::Sloppy => self.store.hints_for(key).map(|(_, object)| object.clone()).collect(),
            crate::config::QuorumKind::Strict => Vec::new(),
        };
        for hint in kept {
            object.get_or_insert_with(|| Object::empty(key.space, self.config.mutant)).merge(&hint, self.config.mutant);
        }
        let floor = self.store.floor();
        // What was read must not be lost again: a value that a client saw rests on this.
        self.send_durable(from, Message::Found { op, object, floor });
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(crate) fn take_write(
        &mut self,
        from: NodeId,
        op: u64,
        key: &Key,
        object: &Object,
        cause: Cause,
        hint_for: Option<NodeId>,
        fence: u64,
    ) {
        if fence != self.epoch {
            self.send_durable(from, Message::Fenced { op });
            return;
        }
        match hint_for {
            Some(replica) if replica != self.config.id => self.keep_hint(replica, key, object),
            // D5: what a repair brings replaces what is there, be it newer or not.
            _ if cause == Cause::Repair && self.is(Mutant::RepairOverwrites) => {
                let (birth, now) = (self.store.get(key).and_then(|held| held.birth), self.now());
                let record = self.store.put(key, object.clone(), birth, now);
                self.durability.record(record);
            }
            _ => self.merge(key, object),
        }
        self.send_durable(from, Message::Written { op });
    }

    /// Carries out an update on this node's copy and what was `read` for it, and returns the new state, for the other
    /// replicas to take in. `None` while the node has no number for a new actor.
    ///
    /// What was read counts whether or not the node keeps the key: a removal can only remove what it has before it, and
    /// the node may have left the key's replicas while it read, or never have been one of them.
    ///
    /// A replica keeps its copy, so its later events on the key come with its earlier ones; a fallback node forgets the
    /// key when it has handed over, so each of its updates is a stay of its own.
    pub(crate) fn carry_out(&mut self, key: &Key, update: Update, read: Option<&Object>) -> Option<Object> {
        let is_replica = self.is_replica(key);
        let mut object = Object::empty(key.space, self.config.mutant);
        let mut birth = None;
        if let Some(held) = self.store.get(key) {
            object = held.object.clone();
            birth = held.birth.filter(|_| is_replica);
        }
        if !is_replica {
            for (_, hint) in self.store.hints_for(key) {
                object.merge(hint, self.config.mutant);
            }
        }
        if let Some(read) = read {
            object.merge(read, self.config.mutant);
        }
        let birth = match birth {
            Some(birth) => birth,
            None => self.birth()?,
        };
        let actor = Actor { node: self.config.id, birth };
        match (&mut object, update) {
            (Object::Dotted(dotted), Update::Put(value, seen)) => {
                // D13: the client's context is not looked at; a write supersedes whatever this replica has.
                let seen = if self.is(Mutant::ContextIgnored) { dotted.context.clone() } else { seen };
                if self.is(Mutant::DotsInMemory) {
                    dotted.supersede(&seen);
                    let dot = self.dot_from_memory(key);
                    dotted.put_at(dot, value);
                } else {
                    dotted.put(actor, &seen, value);
                }
            }
            (Object::Dotted(dotted), Update::Add(element)) => {
                if self.is(Mutant::DotsInMemory) {
                    dotted.remove(&element);
                    let dot = self.dot_from_memory(key);
                    dotted.put_at(dot, element);
                } else {
                    dotted.add(actor, element);
                }
            }
            (Object::Dotted(dotted), Update::Remove(element)) => dotted.remove(&element),
            (Object::Dotted(dotted), Update::Delete(seen)) => dotted.supersede(&seen),
            (Object::Counter(counter), Update::Count(amount)) => counter.count(actor, amount),
            (Object::Cells(cells), Update::Add(element)) => cells.write(element, self.cell(true)),
            (Object::Cells(cells), Update::Remove(element)) => cells.write(element, self.cell(false)),
            // `coordinate` lets nothing else through.
            _ => {}
        }
        // D12: a version vector must not become long, so its oldest actors are forgotten.
        if let (Object::Dotted(dotted), true) = (&mut object, self.is(Mutant::ContextPruned)) {
            while dotted.context.0.len() > PRUNED_TO {
                dotted.context.0.pop_first();
            }
        }
        if is_replica {
            let now = self.now();
            let record = self.store.put(key, object.clone(), Some(birth), now);
            self.durability.record(record);
        }
        Some(object)
    }

    /// D18: an update of an element, at this node's wall clock.
    fn cell(&self, is_live: bool) -> Cell {
        Cell { stamp: self.clock.wall_us.div_euclid(1_000), is_live }
    }

    /// D11: the node's number alone names the actor, and its count of events is not on disk.
    fn dot_from_memory(&mut self, key: &Key) -> Dot {
        let number = self.counted.entry(key.clone()).or_default();
        *number += 1;
        Dot { actor: Actor { node: self.config.id, birth: 0 }, number: *number }
    }
}

/// How many actors D12 leaves in a context.
const PRUNED_TO: usize = 2;
