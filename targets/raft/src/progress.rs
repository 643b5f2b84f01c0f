//! What a leader knows about one follower's log, and how it sends to it.

use std::collections::VecDeque;

use crate::log::Index;

/// How entries are sent to a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// Where the logs agree is not known: one AppendEntries at a time.
    Probe {
        /// When the last one was sent; `None` when the next may go at once.
        sent_at: Option<u64>,
    },
    /// The logs agree up to `next`: several AppendEntries in flight.
    Pipeline {
        /// The last index of each unanswered one.
        inflight: VecDeque<Index>,
    },
    /// A snapshot is on its way.
    Snapshot {
        /// Its last index.
        index: Index,
        /// When it was sent.
        sent_at: u64,
    },
}

/// A follower as its leader sees it.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The follower's log is durably equal up to here.
    pub(crate) matched: Index,
    /// The next entry to send.
    pub(crate) next: Index,
    /// How.
    pub(crate) sending: Sending,
    /// When it last answered in this term.
    pub(crate) contact_at: u64,
    /// When `matched` last moved, or the pipeline last began to fill.
    pub(crate) moved_at: u64,
    /// The latest round of leadership confirmation it answered.
    pub(crate) round: u64,
    /// Since when it rejects what it had acknowledged.
    pub(crate) denies_since: Option<u64>,
}

impl Progress {
    /// A follower of which nothing is known yet.
    pub(crate) fn new(next: Index, now: u64) -> Progress {
        Progress {
            matched: 0,
            next,
            sending: Sending::Probe { sent_at: None },
            contact_at: now,
            moved_at: now,
            round: 0,
            denies_since: None,
        }
    }

    /// The follower answered. If it had been out of reach, a snapshot on its way to it is lost.
    pub(crate) fn hear(&mut self, round: u64, now: u64, timeout: u64) {
        if now >= self.contact_at + timeout && matches!(self.sending, Sending::Snapshot { .. }) {
            self.probe(self.matched + 1);
        }
        self.contact_at = now;
        self.round = self.round.max(round);
    }

    /// Goes back to sending one at a time, from `next`.
    pub(crate) fn probe(&mut self, next: Index) {
        self.next = next.max(1);
        self.sending = Sending::Probe { sent_at: None };
    }

    /// The follower holds everything up to `index`.
    pub(crate) fn accepted(&mut self, index: Index, now: u64) {
        if index > self.matched {
            self.matched = index;
            self.moved_at = now;
            self.denies_since = None;
        }
        match &mut self.sending {
            Sending::Pipeline { inflight } => {
                while inflight.front().is_some_and(|last| *last <= index) {
                    inflight.pop_front();
                }
            }
            Sending::Probe { .. } if index + 1 >= self.next => {
                self.sending = Sending::Pipeline { inflight: VecDeque::new() };
            }
            Sending::Snapshot { index: snapshot, .. } if index >= *snapshot => self.probe(index + 1),
            Sending::Probe { .. } | Sending::Snapshot { .. } => {}
        }
        self.next = self.next.max(index + 1);
    }
}
