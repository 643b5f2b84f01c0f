//! Checks a history while it grows, so that a run can end at the first certain violation.
//!
//! What the checkers demand without a quiet time holds of every prefix of a good history (an operation that is still
//! open counts as `info`), so an anomaly in what has been recorded so far stays one whatever follows. Objects are
//! judged one by one where the workload says that they are independent: only those are judged again that have changed.
//!
//! The history is kept in memory for this, up to a limit; beyond it the run goes on and is judged at its end only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rashomon_checkers::{Budget, Finding};
use rashomon_history::{Event, History, Value};

use crate::workload::{Requirements, Workload};

/// How often what has changed is judged.
const EVERY: Duration = Duration::from_millis(500);
/// Events kept at most (about 100 bytes each).
const EVENTS_MAX: usize = 10_000_000;

/// What has been recorded so far, by object.
#[derive(Default)]
struct Recorded {
    /// All events, in order, by key; under one key when objects are not independent.
    events: BTreeMap<Value, Vec<Event>>,
    changed: BTreeSet<Value>,
    count: usize,
}

/// Judges what arrives until a violation is certain (`found` turns true), the sender is gone, or there is too much.
pub fn watch(workload: &dyn Workload, demand: &Requirements, batches: &Receiver<Vec<Event>>, found: &AtomicBool) {
    let mut recorded = Recorded::default();
    let mut judged = Instant::now();
    loop {
        match batches.recv_timeout(EVERY) {
            Ok(batch) => recorded.add(batch, workload.objects_are_independent()),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if recorded.count > EVENTS_MAX {
            return;
        }
        if judged.elapsed() >= EVERY {
            if recorded.has_anomaly(workload, demand) {
                found.store(true, Ordering::Release);
                return;
            }
            judged = Instant::now();
        }
    }
}

impl Recorded {
    fn add(&mut self, batch: Vec<Event>, independent: bool) {
        self.count += batch.len();
        for event in batch {
            let object = if independent { event.key.clone() } else { Value::Nil };
            self.changed.insert(object.clone());
            self.events.entry(object).or_default().push(event);
        }
    }

    fn has_anomaly(&mut self, workload: &dyn Workload, demand: &Requirements) -> bool {
        let budget = Budget { steps: 1_000_000, ..Budget::default() };
        let changed = std::mem::take(&mut self.changed);
        changed.iter().any(|object| {
            let events = self.events[object].iter().cloned();
            // Not a history: the judgement at the end will say so.
            let Ok(history) = History::from_events(events) else { return false };
            workload.check(&history, demand, &budget).iter().any(|judgement| judgement.finding == Finding::Invalid)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use rashomon_checkers::{Judgement, models};
    use rashomon_history::EventKind;

    use super::*;
    use crate::consistency::Level;
    use crate::interface::{self, Interface};
    use crate::workload::{Generator, GeneratorSpec};

    struct Registers;

    impl Workload for Registers {
        fn name(&self) -> &'static str {
            "registers"
        }

        fn summary(&self) -> &'static str {
            "for this test"
        }

        fn interface(&self) -> &'static Interface {
            &interface::REGISTER
        }

        fn model(&self, _: &Requirements) -> Option<String> {
            Some("linearizable register".to_owned())
        }

        fn required(&self, _: &BTreeMap<String, String>) -> Vec<&'static str> {
            Vec::new()
        }

        fn objects_are_independent(&self) -> bool {
            true
        }

        fn generator(&self, _: &GeneratorSpec) -> Result<Box<dyn Generator>, String> {
            Err("not needed".to_owned())
        }

        fn check(&self, history: &History, _: &Requirements, budget: &Budget) -> Vec<Judgement> {
            vec![rashomon_checkers::check(history, models::REGISTER, budget)]
        }
    }

    fn demand() -> Requirements {
        Requirements::new(Level::LINEARIZABLE, BTreeMap::new())
    }

    fn write_then_read(key: i64, written: i64, read: i64, from: u64) -> Vec<Event> {
        let event = |time, kind, f: &str, value| Event {
            time: from + time,
            process: key as u32,
            kind,
            f: f.into(),
            key: Value::Int(key),
            value,
            node: None,
            error: None,
        };
        vec![
            event(0, EventKind::Invoke, "write", Value::Int(written)),
            event(1, EventKind::Ok, "write", Value::Int(written)),
            event(2, EventKind::Invoke, "read", Value::Nil),
            event(3, EventKind::Ok, "read", Value::Int(read)),
        ]
    }

    #[test]
    fn a_violation_is_found_once_its_last_operation_is_there() {
        let mut recorded = Recorded::default();
        recorded.add(write_then_read(1, 5, 5, 0), true);
        recorded.add(write_then_read(2, 6, 6, 10), true);
        assert!(!recorded.has_anomaly(&Registers, &demand()));
        recorded.add(write_then_read(1, 7, 5, 20), true);
        assert!(recorded.has_anomaly(&Registers, &demand()));
    }

    #[test]
    fn an_open_operation_is_no_violation() {
        let mut recorded = Recorded::default();
        let mut events = write_then_read(1, 5, 5, 0);
        events.pop();
        recorded.add(events, true);
        assert!(!recorded.has_anomaly(&Registers, &demand()));
    }

    #[test]
    fn watching_ends_with_the_run() {
        let (sender, batches) = mpsc::channel();
        sender.send(write_then_read(1, 5, 5, 0)).unwrap();
        drop(sender);
        let found = AtomicBool::new(false);
        watch(&Registers, &demand(), &batches, &found);
        assert!(!found.load(Ordering::Acquire));
    }
}
