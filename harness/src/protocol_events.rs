//! The event channel: what the nodes of a run report of their protocol as it happens.
//!
//! Events come from the nodes themselves ([`crate::target::EventSource::Channel`]), from lines of their logs or from a
//! change of what they say when asked. They are written to `events.jsonl` in the run's folder, counted for the
//! evidence, and sent to whoever subscribes.

mod follow;
mod line;
mod log_lines;
mod status;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use follow::{Followed, Follower};
pub use log_lines::LogLines;
pub use rashomon_runs::ProtocolEvent;
pub use status::watch as watch_status;
use tokio::sync::broadcast;

use line::Reported;

/// The variable that names a node's event channel to the node's processes.
pub const VARIABLE: &str = "RASHOMON_EVENTS";
/// So many events of a run are recorded; those that follow are only counted. A node that reports without end must not
/// fill the disk.
const RECORDED: u64 = 200_000;
/// So many kinds are told apart; further ones are counted as `other`.
const KINDS: usize = 64;
/// So many changes of leadership are kept in memory.
const LEADERSHIPS: usize = 10_000;
/// How far a subscriber may lag behind before it misses events.
const SUBSCRIBER_LAG: usize = 1024;

/// The events of one run.
pub struct EventLog {
    state: Mutex<State>,
    subscribers: broadcast::Sender<ProtocolEvent>,
}

#[derive(Default)]
struct State {
    /// `None` without a file, or after it could not be written.
    file: Option<File>,
    /// The zero of the run's clock; until it is set, everything happens at 0.
    epoch: Option<Instant>,
    counts: BTreeMap<String, u64>,
    recorded: u64,
    /// Events that were not recorded, and lines that were too long or made no sense.
    left_out: LeftOut,
    leaderships: Vec<ProtocolEvent>,
}

/// What of a run's events is not in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Events beyond the number that is recorded, or that could not be written.
    pub unrecorded: u64,
    /// Lines that were too long or no events.
    pub unreadable: u64,
}

impl LeftOut {
    /// What a reader of the run should know; nothing when all is there.
    pub fn in_words(self) -> Option<String> {
        let LeftOut { unrecorded, unreadable } = self;
        (unrecorded + unreadable > 0).then(|| {
            format!(
                "{unrecorded} protocol events were not recorded, {unreadable} lines that nodes reported were no events"
            )
        })
    }
}

impl EventLog {
    /// A log in a new file.
    pub fn create(path: &Path) -> io::Result<EventLog> {
        let file = File::options().append(true).create_new(true).open(path)?;
        Ok(EventLog::with(State { file: Some(file), ..State::default() }))
    }

    /// A log that only counts.
    pub fn in_memory() -> EventLog {
        EventLog::with(State::default())
    }

    fn with(state: State) -> EventLog {
        EventLog { state: Mutex::new(state), subscribers: broadcast::channel(SUBSCRIBER_LAG).0 }
    }

    /// Sets the zero of the run's clock.
    pub fn set_epoch(&self, epoch: Instant) {
        self.lock().epoch = Some(epoch);
    }

    /// Gets every event from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<ProtocolEvent> {
        self.subscribers.subscribe()
    }

    /// How many events of each kind there were.
    pub fn counts(&self) -> Vec<(String, u64)> {
        self.lock().counts.iter().map(|(kind, count)| (kind.clone(), *count)).collect()
    }

    /// What is not in the file.
    pub fn left_out(&self) -> LeftOut {
        self.lock().left_out
    }

    /// Every time that a node became the leader, in order.
    pub fn leaderships(&self) -> Vec<ProtocolEvent> {
        self.lock().leaderships.clone()
    }

    /// The node that became the leader last: of those of the highest term the latest.
    pub fn latest_leader(&self) -> Option<ProtocolEvent> {
        self.lock().leaderships.iter().max_by_key(|event| (event.term, event.at_ns)).cloned()
    }

    fn record(&self, node: &str, reported: Reported) {
        let mut state = self.lock();
        let at_ns = state.epoch.map_or(0, |epoch| Instant::now().saturating_duration_since(epoch).as_nanos() as u64);
        let Reported { kind, term, detail } = reported;
        let event = ProtocolEvent { node: node.to_owned(), at_ns, kind, term, detail };
        state.count(&event);
        state.write(&event);
        if event.is_new_leader() && state.leaderships.len() < LEADERSHIPS {
            state.leaderships.push(event.clone());
        }
        drop(state);
        // Fails only while nobody subscribes.
        let _ = self.subscribers.send(event);
    }

    fn unreadable(&self, lines: u64) {
        self.lock().left_out.unreadable += lines;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts are at worst one short after a panic of another thread.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn count(&mut self, event: &ProtocolEvent) {
        let known = self.counts.len() < KINDS || self.counts.contains_key(&event.kind);
        *self.counts.entry(if known { event.kind.clone() } else { "other".to_owned() }).or_default() += 1;
    }

    fn write(&mut self, event: &ProtocolEvent) {
        if self.recorded >= RECORDED {
            self.left_out.unrecorded += 1;
            return;
        }
        let Some(file) = &mut self.file else { return };
        let mut line = serde_json::to_vec(event).expect("an event is plain data");
        line.push(b'\n');
        if file.write_all(&line).is_ok() {
            self.recorded += 1;
        } else {
            // A full disk ends the run through the history; here nothing more is tried.
            self.left_out.unrecorded += 1;
            self.file = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leader(term: u64) -> Reported {
        Reported::new("leader", Some(term), "")
    }

    #[test]
    fn events_are_written_counted_and_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let log = EventLog::create(&path).unwrap();
        let mut subscriber = log.subscribe();
        log.record("n1", leader(1));
        log.set_epoch(Instant::now());
        log.record("n2", Reported::new("snapshot-taken", None, "index=7"));
        log.record("n3", leader(4));
        log.record("n2", leader(2));
        assert_eq!(log.counts(), [("leader".to_owned(), 3), ("snapshot-taken".to_owned(), 1)]);
        assert_eq!(log.latest_leader().unwrap().node, "n3");
        assert_eq!(subscriber.try_recv().unwrap(), log.leaderships()[0]);
        let text = std::fs::read_to_string(&path).unwrap();
        let read: Vec<ProtocolEvent> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((read.len(), read[0].at_ns, read[1].detail.as_str()), (4, 0, "index=7"));
        assert!(read[2].at_ns > 0 && read[3].at_ns >= read[2].at_ns);
    }

    #[test]
    fn a_node_that_reports_without_end_fills_neither_disk_nor_memory() {
        let log = EventLog::in_memory();
        log.lock().recorded = RECORDED;
        for number in 0..20_000 {
            log.record("n1", Reported::new(&format!("kind{number}"), None, ""));
            log.record("n1", leader(number));
        }
        assert_eq!(log.left_out().unrecorded, 40_000);
        assert!(log.counts().len() <= KINDS + 1 && log.leaderships().len() == LEADERSHIPS);
    }
}
