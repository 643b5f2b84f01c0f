//! Persist before answer: what was handed out to be written, what is known to be on disk, what waits for it.

use std::collections::VecDeque;

use crate::log::{Index, Term};
use crate::message::{Envelope, Message};
use crate::mutant::Mutant;
use crate::output::Record;

/// Which records are durable, and the messages that wait for others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durability {
    records: Vec<Record>,
    issued: u64,
    durable: u64,
    hard_state_at: u64,
    marks: VecDeque<(u64, Index)>,
    durable_index: Index,
    held: VecDeque<(u64, Envelope)>,
    mutant: Option<Mutant>,
}

impl Durability {
    /// Everything up to `last_index` was read back from disk.
    pub(crate) fn recovered(last_index: Index, mutant: Option<Mutant>) -> Durability {
        Durability { durable_index: last_index, mutant, ..Durability::default() }
    }

    /// Hands out a record; `last_index` is the log's last index with it.
    pub(crate) fn record(&mut self, record: Record, last_index: Index) {
        self.issued += 1;
        match record {
            Record::HardState(_) => self.hard_state_at = self.issued,
            Record::Append(_) => self.marks.push_back((self.issued, last_index)),
            Record::TruncateAfter(_) | Record::Checkpoint(_) => {
                for (_, index) in &mut self.marks {
                    *index = (*index).min(last_index);
                }
                self.durable_index = self.durable_index.min(last_index);
                self.marks.push_back((self.issued, last_index));
            }
        }
        self.records.push(record);
    }

    /// The records not yet taken, and the number of the last.
    pub(crate) fn take(&mut self) -> (Vec<Record>, u64) {
        (std::mem::take(&mut self.records), self.issued)
    }

    /// Records up to `number` are on disk. Returns the messages that waited for them.
    pub(crate) fn persisted(&mut self, number: u64) -> Vec<Envelope> {
        self.durable = self.durable.max(number);
        while let Some((at, index)) = self.marks.front().copied()
            && at <= self.durable
        {
            self.durable_index = index;
            self.marks.pop_front();
        }
        let mut released = Vec::new();
        while self.held.front().is_some_and(|(need, _)| *need <= self.durable) {
            released.extend(self.held.pop_front().map(|(_, envelope)| envelope));
        }
        released
    }

    /// Sends a message that depends on everything recorded so far: at once, or when that is durable.
    pub(crate) fn after_all(&mut self, envelope: Envelope) -> Option<Envelope> {
        self.after(self.issued, envelope)
    }

    /// Sends a message that depends only on the term and the vote.
    pub(crate) fn after_hard_state(&mut self, envelope: Envelope) -> Option<Envelope> {
        self.after(self.hard_state_at, envelope)
    }

    fn after(&mut self, need: u64, envelope: Envelope) -> Option<Envelope> {
        // R16: do not wait for the disk.
        if need <= self.durable || self.mutant == Some(Mutant::AckBeforeFsync) {
            return Some(envelope);
        }
        // Messages are released in the order of what they need, so an early one must not queue behind a late one.
        let place = self.held.partition_point(|(other, _)| *other <= need);
        self.held.insert(place, (need, envelope));
        None
    }

    /// Forgets acknowledgements of entries to leaders of earlier terms; nobody may count them any more.
    pub(crate) fn forget_acknowledgements_before(&mut self, term: Term) {
        self.held.retain(|(_, held)| held.term >= term || !matches!(held.message, Message::Accepted { .. }));
    }

    /// Whether the current term and vote are on disk.
    pub(crate) fn hard_state_is_durable(&self) -> bool {
        self.hard_state_at <= self.durable || self.mutant == Some(Mutant::AckBeforeFsync)
    }

    /// The last entry of this node's own log that may be counted for a commit.
    pub(crate) fn durable_index(&self, last_index: Index) -> Index {
        // R16: count what the disk has not got yet.
        if self.mutant == Some(Mutant::AckBeforeFsync) { last_index } else { self.durable_index }
    }
}
