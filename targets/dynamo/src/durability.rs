//! Persist before answer: what was handed out to be written, what is known to be on disk, what waits for it.

use std::collections::VecDeque;

use crate::message::Envelope;
use crate::output::Record;

/// Which records are durable, and the messages that wait for others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Durability {
    records: Vec<Record>,
    issued: u64,
    durable: u64,
    held: VecDeque<(u64, Envelope)>,
    /// The reservation of births under way: at which record, up to where.
    reserving: Option<(u64, u64)>,
}

impl Durability {
    /// Hands out a record.
    pub(crate) fn record(&mut self, record: Record) {
        self.issued += 1;
        if let Record::Births(births) = record {
            self.reserving = Some((self.issued, births));
        }
        self.records.push(record);
    }

    /// The records not yet taken, and the number of the last.
    pub(crate) fn take(&mut self) -> (Vec<Record>, u64) {
        (std::mem::take(&mut self.records), self.issued)
    }

    /// Records up to `number` are on disk. Returns the messages that waited for them, and up to where births are
    /// reserved now, if that is news.
    pub(crate) fn persisted(&mut self, number: u64) -> (Vec<Envelope>, Option<u64>) {
        self.durable = self.durable.max(number);
        let mut released = Vec::new();
        while self.held.front().is_some_and(|(need, _)| *need <= self.durable) {
            released.extend(self.held.pop_front().map(|(_, envelope)| envelope));
        }
        let reserved = self.reserving.filter(|(at, _)| *at <= self.durable).map(|(_, births)| births);
        if reserved.is_some() {
            self.reserving = None;
        }
        (released, reserved)
    }

    /// Sends a message that depends on everything recorded so far: at once, or when that is durable.
    pub(crate) fn after_all(&mut self, envelope: Envelope) -> Option<Envelope> {
        if self.issued <= self.durable {
            return Some(envelope);
        }
        self.held.push_back((self.issued, envelope));
        None
    }

    /// Whether a reservation of births is being written.
    pub(crate) fn is_reserving(&self) -> bool {
        self.reserving.is_some()
    }
}
