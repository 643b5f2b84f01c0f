//! The log in memory: the entries after a compaction base.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::machine::Command;

/// A term: a period with at most one leader. 0 is before the first election.
pub type Term = u64;

/// A position in the log. The first entry is 1; 0 is before it.
pub type Index = u64;

/// One log entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The term of the leader that made it.
    pub term: Term,
    /// Its place.
    pub index: Index,
    /// What to apply; `None` for the entry with which a leader begins its term (§6.4, §8).
    pub command: Option<Arc<Command>>,
}

/// The entries `base+1..=last`. What `base` and all before it did is in a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Log {
    base_index: Index,
    base_term: Term,
    entries: VecDeque<Arc<Entry>>,
}

impl Log {
    /// A log from what was on disk. The entries must follow the base without a gap.
    pub fn new(base_index: Index, base_term: Term, entries: Vec<Arc<Entry>>) -> Log {
        let log = Log { base_index, base_term, entries: entries.into() };
        debug_assert!(log.entries.iter().zip(base_index + 1..).all(|(entry, index)| entry.index == index));
        log
    }

    /// The index before the first entry held.
    pub fn base_index(&self) -> Index {
        self.base_index
    }

    /// The term of [`Log::base_index`].
    pub fn base_term(&self) -> Term {
        self.base_term
    }

    /// The last index.
    pub fn last_index(&self) -> Index {
        self.base_index + self.entries.len() as u64
    }

    /// The last entry's term.
    pub fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base_term, |entry| entry.term)
    }

    /// The term at an index; `None` when it was compacted away or is not there yet.
    pub fn term(&self, index: Index) -> Option<Term> {
        if index == self.base_index { Some(self.base_term) } else { self.entry(index).map(|entry| entry.term) }
    }

    /// The entry at an index, when it is held.
    pub fn entry(&self, index: Index) -> Option<&Arc<Entry>> {
        let offset = index.checked_sub(self.base_index + 1)?;
        self.entries.get(usize::try_from(offset).ok()?)
    }

    /// Up to `limit` entries from `from` on.
    pub fn slice(&self, from: Index, limit: usize) -> Vec<Arc<Entry>> {
        let skip = from.saturating_sub(self.base_index + 1) as usize;
        if skip >= self.entries.len() {
            return Vec::new();
        }
        let end = self.entries.len().min(skip + limit);
        self.entries.range(skip..end).cloned().collect()
    }

    /// All entries held.
    pub fn all(&self) -> Vec<Arc<Entry>> {
        self.entries.iter().cloned().collect()
    }

    /// Adds an entry; it must be the next one.
    pub fn push(&mut self, entry: Arc<Entry>) {
        debug_assert_eq!(entry.index, self.last_index() + 1, "a log has no gaps");
        self.entries.push_back(entry);
    }

    /// Drops all entries after `index`.
    pub fn truncate_after(&mut self, index: Index) {
        self.entries.truncate(index.saturating_sub(self.base_index) as usize);
    }

    /// Drops the entries up to and including `index`, which must be held.
    pub fn compact_to(&mut self, index: Index) {
        let Some(term) = self.term(index) else { return };
        self.entries.drain(..(index - self.base_index) as usize);
        self.base_index = index;
        self.base_term = term;
    }

    /// Forgets everything: the log now begins after `index`.
    pub fn reset(&mut self, index: Index, term: Term) {
        *self = Log { base_index: index, base_term: term, entries: VecDeque::new() };
    }

    /// The largest index up to `index` whose term is at most `term`: where two logs may agree at best. Never below the
    /// base.
    pub fn agree_at_most(&self, index: Index, term: Term) -> (Index, Term) {
        let mut at = index.min(self.last_index()).max(self.base_index);
        while at > self.base_index && self.term(at).is_some_and(|held| held > term) {
            at -= 1;
        }
        (at, self.term(at).unwrap_or(self.base_term))
    }

    /// The index after which to send to a follower that says how its log looks at best: the largest at which the logs
    /// may agree. Below the base when they cannot agree on anything held here, and the follower needs a snapshot.
    pub fn resume_after(&self, hint_index: Index, hint_term: Term) -> Index {
        if hint_index < self.base_index {
            return hint_index;
        }
        let (at, term) = self.agree_at_most(hint_index, hint_term);
        if term > hint_term { at.saturating_sub(1) } else { at }
    }

    /// Whether a log ending in (`last_index`, `last_term`) is at least as up-to-date as this one (§5.4.1).
    pub fn is_not_ahead_of(&self, last_index: Index, last_term: Term) -> bool {
        (last_term, last_index) >= (self.last_term(), self.last_index())
    }
}
